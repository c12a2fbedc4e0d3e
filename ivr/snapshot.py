"""What was applied, left on the disk for whoever begins when there is no time to read the files again: the survival
script for every call, the controller at its start and at a reload.

Pure: bytes and values.  `ivr.edge.snapshots` owns the two files.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from routing.config import Config, Site
from routing.ids import PromptId
from routing.lines import Line
from routing.prompts import Prompt

SNAPSHOT = "snapshot/survival.json"
"""Where the texts lie, below the state directory."""

COMPILED = "snapshot/config.json"
"""Where the same lies as values."""

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


class Snapshot(msgspec.Struct, frozen=True):
    """The applied config as text, its number, and by how much the civil clock is ahead (a rehearsal), in ms.

    Any version of us can read it, in the time that `check` takes.
    """

    sources: dict[str, str]
    ahead_ms: int = 0
    version: int = 0

    def encode(self) -> bytes:
        """As it is written to `SNAPSHOT`."""
        return msgspec.json.encode(self)


class Compiled(msgspec.Struct, frozen=True):
    """The same as values, checked and built by whoever applied it; only a version of us with the same fields reads it.

    A line and a prompt stay bytes until somebody asks for them: ten thousand lines are opened in 10 ms.
    """

    version: int
    ahead_ms: int
    site: Site
    lines: dict[str, msgspec.Raw]
    prompts: dict[PromptId, msgspec.Raw]

    def config(self) -> Config:
        """All of it.  Raises `msgspec.DecodeError`."""
        line, prompt = msgspec.json.Decoder(Line), msgspec.json.Decoder(Prompt)
        return Config(
            self.site,
            {number: line.decode(raw) for number, raw in self.lines.items()},
            {name: prompt.decode(raw) for name, raw in self.prompts.items()},
        )

    def glance(self) -> Config:
        """The same for one call: a line and a prompt are read when they are looked up."""
        return Config(self.site, _Unread(self.lines, Line), _Unread(self.prompts, Prompt))


def compiled(config: Config, version: int, ahead_ms: int = 0) -> bytes:
    """As it is written to `COMPILED`."""
    return msgspec.json.encode(
        {
            "version": version,
            "ahead_ms": ahead_ms,
            "site": config.site,
            "lines": config.lines,
            "prompts": config.prompts,
        }
    )


class _Unread(Mapping[Key, Value]):
    """Values that are read each time they are looked up."""

    def __init__(self, raw: Mapping[Key, msgspec.Raw], kind: type[Value]) -> None:
        self._raw = raw
        self._decoder = msgspec.json.Decoder(kind)

    def __getitem__(self, key: Key) -> Value:
        return self._decoder.decode(self._raw[key])

    def __iter__(self) -> Iterator[Key]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)
