"""Reading behind somebody who appends to a file and may rotate it: by rename (`calls.csv.1`) or by truncation."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.edge.protocols import Place
from ivr.errors import DiskError

_MOST = 1 << 20  # bytes at once


class FollowedFile:
    """`protocols.Growing` on a real file and what it was renamed to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, after: Place | None) -> Sequence[tuple[str, Place]]:
        """Whole lines behind `after`; a line that is still being written is left for the next time."""
        try:
            for file, offset in self._ahead(after):
                lines = list(_lines(file, offset))
                if lines:
                    return lines
        except OSError as error:
            raise DiskError(f"{self._path} could not be read: {error.strerror or error}") from error
        return ()

    def _ahead(self, after: Place | None) -> Iterator[tuple[Path, int]]:
        """The files that may hold more, oldest first, each with where to begin."""
        every = sorted(
            (path for path in self._path.parent.glob(self._path.name + "*") if path.suffix not in {".gz", ".xz"}),
            key=lambda path: (path == self._path, path.stat().st_mtime_ns),
        )
        if after is None:
            yield from ((path, 0) for path in every)
            return
        inodes = [path.stat().st_ino for path in every]
        begin = inodes.index(after.file) if after.file in inodes else max(0, len(every) - 1)
        for number, path in enumerate(every[begin:]):
            same = number == 0 and inodes[begin] == after.file
            yield path, after.offset if same and path.stat().st_size >= after.offset else 0


def _lines(path: Path, offset: int) -> Iterator[tuple[str, Place]]:
    with path.open("rb") as file:
        inode = path.stat().st_ino
        file.seek(offset)
        for line in file.read(_MOST).split(b"\n")[:-1]:
            offset += len(line) + 1
            yield line.decode("utf-8", "replace"), Place(inode, offset)
