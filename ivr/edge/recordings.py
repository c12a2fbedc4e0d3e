"""The folder of recordings on a real disk; the work on audio is done in threads, never in the loop.

Raw: `<call>.raw`, 16-bit little-endian samples at 8 kHz, left and right in turns (Asterisk's MixMonitor, option D).
Finished: `<call>.wav`, the same in a RIFF file.
"""

import asyncio
import hashlib
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from ivr.edge.protocols import Finished
from ivr.errors import DiskError
from routing.ids import CallId

RATE = 8000
CHANNELS = 2
FRAME = 2 * CHANNELS  # bytes
_CHUNK = 1 << 18


class RecordingsFolder:
    """`protocols.Recordings`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def raw(self) -> Sequence[tuple[CallId, int]]:
        """What the folder holds now."""
        return await asyncio.to_thread(self._raw)

    async def finish(self, call: CallId, cut_ms: int) -> Finished:
        """Write beside, fsync, rename: a finished recording is whole or not there."""
        return await asyncio.to_thread(self._finish, call, cut_ms)

    async def discard(self, call: CallId) -> None:
        """Remove it; it may be gone already."""
        await asyncio.to_thread(self._discard, call)

    def _raw(self) -> Sequence[tuple[CallId, int]]:
        try:
            now = time.time_ns()  # as file times are
            paths = sorted(self._folder.glob("*.raw"))
            return [(CallId(path.stem), (now - path.stat().st_mtime_ns) // 1_000_000) for path in paths]
        except OSError as error:
            raise DiskError(f"{self._folder} could not be read: {error.strerror or error}") from error

    def _finish(self, call: CallId, cut_ms: int) -> Finished:
        raw, part = self._folder / f"{call}.raw", self._folder / f"{call}.part"
        finished = self._folder / f"{call}.wav"
        try:
            frames = raw.stat().st_size // FRAME
            cut = min(max(cut_ms, 0) * RATE // 1000, frames)
            length = (frames - cut) * FRAME
            digest = hashlib.sha256()
            with raw.open("rb") as source, part.open("wb") as target:
                source.seek(cut * FRAME)
                chunk = header(length)
                left = length
                while chunk:
                    digest.update(chunk)
                    target.write(chunk)
                    chunk = source.read(min(_CHUNK, left))
                    left -= len(chunk)
                target.flush()
                os.fsync(target.fileno())
                size = target.tell()
            part.replace(finished)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise DiskError(f"{raw} could not be finished: {error.strerror or error}") from error
        return Finished(finished.name, length // FRAME * 1000 // RATE, size, digest.hexdigest())

    def _discard(self, call: CallId) -> None:
        try:
            (self._folder / f"{call}.raw").unlink(missing_ok=True)
        except OSError as error:
            raise DiskError(f"{self._folder / call}.raw could not be removed: {error.strerror or error}") from error


def header(length: int) -> bytes:
    """The 44 bytes before `length` bytes of samples in a RIFF WAVE file."""
    form = struct.pack("<HHIIHH", 1, CHANNELS, RATE, RATE * FRAME, FRAME, 16)
    begin = struct.pack("<4sI8sI", b"RIFF", 36 + length, b"WAVEfmt ", len(form))
    return begin + form + struct.pack("<4sI", b"data", length)
