"""An append-only file that survives us: one `write(2)` an append, fsync in a thread by itself, replaced atomically.

What the lines mean is the journal's business.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.edge.protocols import Lines
from ivr.errors import DiskError, DiskFull

_CHUNK = 1 << 18  # bytes read at once
_FSYNC_AFTER = 0.04  # seconds after an append; with the fsync itself, 50 ms
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FileDisk:
    """`protocols.Disk` on a real file.  Held for one process at a time: a second one is told so.

    The lock is on the file's directory (made when missing), and ends with the process however that ends.
    """

    def __init__(self, path: Path, fsync_after: float = _FSYNC_AFTER) -> None:
        """Open `path` for appending.  Raises `DiskError`, also when another process has it."""
        self._path = path
        self._fsync_after = fsync_after
        self._thread: ThreadPoolExecutor | None = None
        self._round: Future[None] | None = None
        self._is_coming = False  # a round that has not begun its fsync: what is appended now is in it
        self._swapping = threading.Lock()  # held while `_file` is exchanged, or duplicated in the thread
        self._appended = self._synced = 0  # bytes in the life of this object
        with _told(path, "opened"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._file = _open(path)
            except BlockingIOError:
                os.close(self._directory)
                raise DiskError(f"{path} is in use by another process of this engine; stop that one first") from None
            except OSError:
                os.close(self._directory)
                raise
            self._size = self._whole()
            with contextlib.suppress(FileNotFoundError):
                self._fresh.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    @property
    def size(self) -> int:
        """Bytes of whole lines in the file."""
        return self._size

    @property
    def _fresh(self) -> Path:
        return self._path.with_name(self._path.name + ".new")

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Every whole line from byte `start` to the end as it is now."""
        end = self._size
        file = os.dup(self._file)
        try:
            rest = b""
            while start < end:
                with _told(self._path, "read"):
                    chunk = os.pread(file, min(_CHUNK, end - start), start)
                if not chunk:
                    raise DiskError(f"{self._path} is shorter than it was: somebody else has written to it")
                start += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        finally:
            os.close(file)

    def append(self, lines: bytes) -> None:
        """One write; what a full disk took of it is cut off again before `DiskFull` is raised.

        Its fsync follows by itself: the loop is not woken for it, and need not be alive.
        """
        try:
            self._write(self._file, lines)
        except OSError:
            with _told(self._path, "written"):
                os.ftruncate(self._file, self._size)
                raise
        self._size += len(lines)
        self._appended += len(lines)
        if not self._is_coming:
            self._round = self._begin()

    async def sync(self) -> None:
        """Wait for an fsync that began after the last append; one thread, one fsync at a time for all who wait."""
        wanted = self._appended
        while self._synced < wanted:
            if self._round is None or self._round.done():  # done, and in vain
                self._round = self._begin()
            with _told(self._path, "brought to the disk"):
                await asyncio.shield(asyncio.wrap_future(self._round))

    def _begin(self) -> Future[None]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "fsync")
        self._is_coming = True
        return self._thread.submit(self._bring)

    def _bring(self) -> None:
        """A round, in the thread: let appends gather, then bring them all to the disk."""
        time.sleep(self._fsync_after)
        self._is_coming = False
        upto = self._appended
        with self._swapping:
            file = os.dup(self._file)
        _flush(file)
        self._synced = max(self._synced, upto)

    def replace(self, lines: Sequence[bytes]) -> None:
        """Write beside, fsync, rename, fsync the directory."""
        with _told(self._path, "rewritten"):
            fresh = _open(self._fresh, os.O_TRUNC)
            try:
                content = b"".join(line + b"\n" for line in lines)
                self._write(fresh, content)
                os.fsync(fresh)
                self._fresh.replace(self._path)
                os.fsync(self._directory)
            except OSError:
                os.close(fresh)
                self._fresh.unlink(missing_ok=True)
                raise
        with self._swapping:
            os.close(self._file)
            self._file, self._size = fresh, len(content)
        self._synced = self._appended

    def put_aside(self, name: str, lines: Sequence[bytes]) -> None:
        """Another name for the file, then `replace`; a name left by one who died in between is taken away first."""
        with _told(self._path, "put aside"):
            for beside in self._path.parent.glob(f"{self._path.name}-*"):
                if beside.samefile(self._path):
                    beside.unlink()
            self._path.with_name(name).hardlink_to(self._path)
        self.replace(lines)

    def aside(self) -> Iterator[Lines]:
        """In the order of their names; one that is the file itself was about to be put aside when somebody died."""
        with _told(self._path, "looked for beside it"):
            beside = sorted(self._path.parent.glob(f"{self._path.name}-*"))
            paths = [path for path in beside if not path.samefile(self._path)]
        yield from map(PutAside, paths)

    def close(self) -> None:
        """Let go of the file; once is enough, twice is harmless."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        if self._file >= 0:
            os.close(self._file)
            os.close(self._directory)
            self._file = -1

    @staticmethod
    def _write(file: int, content: bytes) -> None:
        written = os.write(file, content)
        while written < len(content):  # a signal, or a disk that is filling up: the next write says which
            written += os.write(file, content[written:])

    def _whole(self) -> int:
        """Cut off a torn tail; the size of what stays."""
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            start = max(0, end - _CHUNK)
            at = os.pread(self._file, end - start, start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._file, end)
        return end


class PutAside:
    """A file that nobody writes any more; one that is moved to an archive meanwhile has no lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        with _told(self._path, "looked at"), contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_size
        return 0

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Every whole line from byte `start`."""
        return whole_lines(self._path, start)


def whole_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    """Every whole line from byte `start` of a file that another process may be writing; none where there is no file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise DiskError(f"{path} could not be opened: {error.strerror or error}") from error
    with file:
        file.seek(start)
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def _open(path: Path, more: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | more, 0o600)


def _flush(file: int) -> None:
    """In the thread: on a descriptor of its own, which a rename or a close beside it does not take away."""
    try:
        os.fdatasync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    """Translate what the operating system says."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"{path} could not be {done}: no space is left; free some on that disk") from error
        raise DiskError(f"{path} could not be {done}: {error.strerror or error}") from error
