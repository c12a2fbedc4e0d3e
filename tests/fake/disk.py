"""A disk in memory: what a process has appended outlives it, what it has synced outlives a power cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ivr.edge.protocols import Lines
from ivr.errors import DiskError, DiskFull


@dataclass
class Platter:
    """The bytes themselves, shared by one life after another."""

    content: bytearray = field(default_factory=bytearray)
    aside: dict[str, bytes] = field(default_factory=dict)
    synced: int = 0

    def power_cut(self, torn: int = 0) -> None:
        """Lose all that was not synced, but for `torn` bytes of it."""
        del self.content[self.synced + torn :]


class _Aside:
    """A file that was put aside."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self._content = content

    @property
    def size(self) -> int:
        return len(self._content)

    def read(self, start: int = 0) -> Iterator[bytes]:
        return iter(self._content[start:].split(b"\n")[:-1])


class MemoryDisk:
    """One life's hold on a platter.  `dies()` is `kill -9`: whatever this life still does reaches nothing."""

    def __init__(self, platter: Platter | None = None, room: int | None = None) -> None:
        """`room` is the size at which it is full."""
        self.platter = platter if platter is not None else Platter()
        self.room = room
        self.dead = False
        self.syncs = 0
        whole = bytes(self.platter.content).rfind(b"\n") + 1
        del self.platter.content[whole:]

    @property
    def name(self) -> str:
        return "memory"

    @property
    def size(self) -> int:
        return len(self.platter.content)

    def dies(self) -> None:
        self.dead = True

    def read(self, start: int = 0) -> Iterator[bytes]:
        return iter(bytes(self.platter.content[start:]).split(b"\n")[:-1])

    def append(self, lines: bytes) -> None:
        if self.dead:
            return
        if not lines.endswith(b"\n"):
            raise DiskError("memory: not a whole line")
        self._fits(self.size + len(lines))
        self.platter.content += lines

    async def sync(self) -> None:
        if not self.dead:
            self.syncs += 1
            self.platter.synced = self.size

    def replace(self, lines: Sequence[bytes]) -> None:
        if self.dead:
            return
        content = b"".join(line + b"\n" for line in lines)
        self._fits(len(content))
        self.platter.content[:] = content
        self.platter.synced = self.size

    def put_aside(self, name: str, lines: Sequence[bytes]) -> None:
        if not self.dead:
            self.platter.aside[name] = bytes(self.platter.content)
            self.replace(lines)

    def aside(self) -> Iterator[Lines]:
        yield from (_Aside(name, content) for name, content in sorted(self.platter.aside.items()))

    def _fits(self, size: int) -> None:
        if self.room is not None and size > self.room:
            raise DiskFull("memory could not be written: no space is left; free some on that disk")
