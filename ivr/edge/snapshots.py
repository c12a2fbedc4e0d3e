"""The two files in which what was applied lies: written at a start and a reload, read by whoever begins."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from ivr.edge import files, voice
from ivr.errors import DiskError
from ivr.snapshot import COMPILED, SNAPSHOT, Compiled, Snapshot, compiled
from routing.config import Config
from routing.ids import PromptId

Left = TypeVar("Left", Snapshot, Compiled)


def write(state: Path, snapshot: Snapshot, config: Config) -> None:
    """Leave `config`, which the texts of `snapshot` say.  Raises `OSError`."""
    files.write(state / COMPILED, compiled(config, snapshot.version, snapshot.ahead_ms))
    files.write(state / SNAPSHOT, snapshot.encode())


def texts(state: Path) -> Snapshot:
    """What was applied last, as text.  Raises `DiskError`."""
    return _read(state / SNAPSHOT, Snapshot)


def values(state: Path) -> Compiled:
    """What was applied last, as values.  Raises `DiskError`: also when an older engine left it."""
    return _read(state / COMPILED, Compiled)


def _read(path: Path, wanted: type[Left]) -> Left:
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted)
    except (OSError, msgspec.DecodeError) as error:
        raise DiskError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def config(state: Path) -> tuple[int, Config]:
    """Version and config of it.  Raises `DiskError`."""
    found = values(state)
    try:
        return found.version, found.config()
    except msgspec.DecodeError as error:
        raise DiskError(f"{state / COMPILED} cannot be read: {getattr(error, 'strerror', None) or error}") from error


async def follow(state: Path) -> tuple[int, Config, Mapping[PromptId, int]]:
    """The same with the lengths of the prompts, for a controller that has calls: its loop goes on meanwhile.

    In a thread, which lets go of the interpreter between one line and the next.
    """
    return await asyncio.to_thread(lambda: (*config(state), voice.lengths(state / "prompts")))
