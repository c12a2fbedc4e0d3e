"""The folder of recordings on a real disk; the work on audio is done in threads, never in the loop.

Raw: `<call>.raw`, 16-bit little-endian samples at 8 kHz, left and right in turns (Asterisk's MixMonitor, option D).
Finished: `<call>.flac`, the same samples, half the size.  While `closed` stands in the folder nothing is recorded
(dialplans/hotline/extensions.conf.j2).
"""

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import soundfile

from ivr.edge.protocols import Attachment, Finished
from ivr.errors import DiskError
from routing.ids import CallId

RATE = 8000
CHANNELS = 2
FRAME = 2 * CHANNELS  # bytes
FINISHED, KIND = ".flac", "audio/flac"
CLOSED = "closed"
_CHUNK = 1 << 18  # a multiple of FRAME


class RecordingsFolder:
    """`protocols.Recordings`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def raw(self) -> Sequence[tuple[CallId, int]]:
        """What the folder holds now."""
        return await asyncio.to_thread(self._raw)

    async def finish(
        self, call: CallId, cut_ms: int, silent_ms: Sequence[tuple[int, int]] = (), lasted_ms: int = 0
    ) -> Finished:
        """Write beside, fsync, rename: a finished recording is whole or not there."""
        return await asyncio.to_thread(self._finish, call, cut_ms, silent_ms, lasted_ms)

    async def discard(self, call: CallId) -> None:
        """Remove it; it may be gone already."""
        await asyncio.to_thread(self._remove, f"{call}.raw")

    async def older(self, than_ms: int) -> Sequence[CallId]:
        """By the time at which the file was finished: nothing touches it afterwards."""
        return await asyncio.to_thread(self._older, than_ms)

    async def find(self, call: CallId) -> Attachment | None:
        """A call's id is a name without a way into another folder."""
        name = f"{call}{FINISHED}"
        path = self._folder / name
        is_there = path.parent == self._folder and await asyncio.to_thread(path.is_file)
        return Attachment(str(path), name, KIND) if is_there else None

    async def erase(self, call: CallId) -> None:
        """Remove it; it may be gone already."""
        await asyncio.to_thread(self._remove, f"{call}{FINISHED}")

    async def room(self) -> int:
        """As for somebody without privileges."""
        try:
            return await asyncio.to_thread(lambda: shutil.disk_usage(self._folder).free)
        except OSError as error:
            raise DiskError(f"{self._folder} could not be asked for its room: {error.strerror or error}") from error

    async def close(self, *, closed: bool) -> None:
        """Put the mark there, or take it away."""
        if closed:
            await asyncio.to_thread(self._mark)
        else:
            await asyncio.to_thread(self._remove, CLOSED)

    def _raw(self) -> Sequence[tuple[CallId, int]]:
        try:
            now = time.time_ns()  # as file times are
            paths = sorted(self._folder.glob("*.raw"))
            return [(CallId(path.stem), (now - path.stat().st_mtime_ns) // 1_000_000) for path in paths]
        except OSError as error:
            raise DiskError(f"{self._folder} could not be read: {error.strerror or error}") from error

    def _older(self, than_ms: int) -> Sequence[CallId]:
        try:
            latest = time.time_ns() - than_ms * 1_000_000
            paths = sorted(self._folder.glob(f"*{FINISHED}"))
            return [CallId(path.stem) for path in paths if path.stat().st_mtime_ns < latest]
        except OSError as error:
            raise DiskError(f"{self._folder} could not be read: {error.strerror or error}") from error

    def _finish(self, call: CallId, cut_ms: int, silent_ms: Sequence[tuple[int, int]], lasted_ms: int) -> Finished:
        raw, part = self._folder / f"{call}.raw", self._folder / f"{call}.part"
        finished = self._folder / f"{call}{FINISHED}"
        try:
            frames = raw.stat().st_size // FRAME
            cut = min(max(cut_ms, 0) * RATE // 1000, frames)
            late = frames * 1000 // RATE - lasted_ms
            spans = [(since + min(late, 0), until + max(late, 0)) for since, until in silent_ms]
            silent = [(since * RATE // 1000 * FRAME, until * RATE // 1000 * FRAME) for since, until in spans]
            _compress(raw, cut * FRAME, (frames - cut) * FRAME, part, silent)
            with part.open("rb+") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
                os.fsync(written.fileno())
            size = part.stat().st_size
            part.replace(finished)
        except (OSError, soundfile.SoundFileError) as error:
            part.unlink(missing_ok=True)
            raise DiskError(f"{raw} could not be finished: {getattr(error, 'strerror', None) or error}") from error
        return Finished(finished.name, (frames - cut) * 1000 // RATE, size, digest)

    def _mark(self) -> None:
        try:
            (self._folder / CLOSED).touch()
        except OSError as error:
            raise DiskError(f"{self._folder} could not be closed: {error.strerror or error}") from error

    def _remove(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise DiskError(f"{self._folder / name} could not be removed: {error.strerror or error}") from error


def _compress(raw: Path, begin: int, length: int, target: Path, silent: Sequence[tuple[int, int]]) -> None:
    """`length` bytes of samples from `begin` on, without loss; of none one of silence, or it would be no FLAC file.

    What lies between the bytes of each pair of `silent` is written as silence.
    """
    with (
        raw.open("rb") as source,
        soundfile.SoundFile(target, "w", RATE, CHANNELS, format="FLAC", subtype="PCM_16") as sound,
    ):
        source.seek(begin)
        if length <= 0:
            sound.buffer_write(bytes(FRAME), dtype="int16")
        while length > 0 and (chunk := source.read(min(_CHUNK, length))):
            sound.buffer_write(_silenced(chunk, source.tell() - len(chunk), silent), dtype="int16")
            length -= len(chunk)


def _silenced(chunk: bytes, at: int, silent: Sequence[tuple[int, int]]) -> bytes:
    """A chunk that begins at byte `at` of the raw file, without what is not to be heard."""
    kept = bytearray(chunk)
    for since, until in silent:
        first, last = max(since - at, 0), min(until - at, len(kept))
        if first < last:
            kept[first:last] = bytes(last - first)
    return bytes(kept)
