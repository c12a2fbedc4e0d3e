"""The small protocols behind which everything that is not deterministic lives: `Clock`, `Wire`, `Disk`, `Store`.

Code outside `ivr.edge` receives these; tests pass their own.  Real ones: `clock`, `wire`, `disk`, `database` …

None of them makes ids, and nobody draws one: the dialplan stamps a call, a call of our own is named by its task or its
agent and the moment, and the id of whatever belongs to a call begins with the call's.  So a life after a kill finds
what the one before has asked for, and a seed replays; `tests/calls/test_deaths.py` holds it.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

import msgspec

from routing.ids import CallId, Instant


class Clock(Protocol):
    """Three clocks, never mixed up."""

    def instant(self) -> Instant:
        """Now for waits, Floor and ledger: anchored to UTC at start, monotonic since."""

    def civil(self) -> datetime:
        """Now for the plan, hours and reports: aware, Asia/Shanghai, perhaps rehearsed."""

    def real(self) -> datetime:
        """Now for the staleness of events, sessions and audit: aware, UTC, never rehearsed."""


class Link(Protocol):
    """One websocket to Asterisk."""

    def send(self, frame: str) -> None:
        """Queue a text frame; never waits.  Raises `ConnectionLost` when the socket is known to have ended."""

    async def receive(self) -> str | bytes:
        """The next text frame.  Raises `ConnectionLost` when the socket has ended, for whatever reason."""


class Wire(Protocol):
    """The way to one Asterisk."""

    def open(self, app: str) -> AbstractAsyncContextManager[Link]:
        """A websocket for the application `app`; entering raises `ConnectionLost` when there is none to be had."""

    async def fetch(self, path: str) -> Any:
        """A list over HTTP (`channels`, `bridges`, ...), decoded JSON.  Raises `ConnectionLost` or `AriError`."""


class Lines(Protocol):
    """A file of lines."""

    @property
    def name(self) -> str:
        """The file, as an operator would look for it."""

    @property
    def size(self) -> int:
        """Bytes in the file now."""

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Every whole line from byte `start`, without its newline; a torn tail is cut off.  Raises `DiskError`."""


class Disk(Lines, Protocol):
    """An append-only file of lines that survives the process.  All but `sync` are quick enough to be plain calls."""

    def append(self, lines: bytes) -> None:
        """Hand whole lines to the operating system: they survive our own death from here on, a power cut in 50 ms.

        Raises `DiskError`, and then nothing of `lines` is in the file; `DiskFull` when there is no space.
        """

    async def sync(self) -> None:
        """Return when all that was appended before survives a power cut too; those who wait share one fsync.

        Raises `DiskError`.
        """

    def replace(self, lines: Sequence[bytes]) -> None:
        """Replace all by these lines (without newlines), atomically.  Raises `DiskError`: then nothing changed."""

    def put_aside(self, name: str, lines: Sequence[bytes]) -> None:
        """Keep all there is under another name beside it, and begin anew with these lines.  Raises `DiskError`."""

    def aside(self) -> Iterator[Lines]:
        """The files that were put aside and still lie there, by their names.  Raises `DiskError`."""


class Store(Protocol):
    """The read model, drained from the journal.  Raises `StoreError` while the database cannot be reached."""

    async def mark(self, node: str) -> int:
        """The highest journal number of `node` that has arrived; 0 at first."""

    async def drain(self, node: str, batch: Sequence[tuple[int, bytes]]) -> None:
        """Insert the batch `(seq, line)` and move the mark, in one transaction."""


class Place(msgspec.Struct, frozen=True):
    """A place in a file that others write and rotate: which file (its inode), and behind which byte."""

    file: int
    offset: int


class Growing(Protocol):
    """A file of lines that somebody else appends to, and may rotate."""

    def read(self, after: Place | None) -> Sequence[tuple[str, Place]]:
        """Whole lines behind `after` (None: from the oldest), each with the place behind it; none when all is read.

        Raises `DiskError`.
        """


class Provisional(Protocol):
    """Lines of the census that hold if Asterisk dies: the dialplan leaves one for each call that it has without us."""

    def read(self) -> Sequence[tuple[CallId, str]]:
        """Each call, and its line.  Raises `DiskError`."""

    def remove(self, call: CallId) -> None:
        """Its line is not needed any more; there may be none.  Raises `DiskError`."""


class Recordings(Protocol):
    """The folder of recordings: raw while a call lasts, finished afterwards."""

    async def raw(self) -> Sequence[tuple[CallId, int]]:
        """Calls with a raw recording, and for how many ms nothing has been added to it.  Raises `DiskError`."""

    async def finish(
        self, call: CallId, cut_ms: int, silent_ms: Sequence[tuple[int, int]] = (), lasted_ms: int = 0
    ) -> "Finished":
        """Make the finished recording from the raw one without its first `cut_ms`; the raw one stays.

        `silent_ms`: stretches of the raw one, from and to, of which nothing is to be heard; they keep their time.  It
        should have `lasted_ms`: by how much it is longer or shorter, by so much more is silent.
        Raises `DiskError`.
        """

    async def discard(self, call: CallId) -> None:
        """Remove the raw recording.  Raises `DiskError`."""

    async def older(self, than_ms: int) -> Sequence[CallId]:
        """Calls whose recording was finished more than so long ago.  Raises `DiskError`."""

    async def find(self, call: CallId) -> "Attachment | None":
        """The finished recording; None when there is none.  Raises `DiskError`."""

    async def erase(self, call: CallId) -> None:
        """Remove the finished recording, for good.  Raises `DiskError`."""

    async def room(self) -> int:
        """Bytes that the disk has left.  Raises `DiskError`."""

    async def close(self, *, closed: bool) -> None:
        """Whether calls that come from now on are not recorded; the dialplan looks at this.  Raises `DiskError`."""


class Finished(msgspec.Struct, frozen=True):
    """A finished recording: 2 channels, left the citizen, right all they hear."""

    file: str
    length_ms: int
    size: int
    sha256: str


class Locksmith(Protocol):
    """Passwords, PINs and tokens.  Raises `TooMany` when more are at the door than it can look at."""

    async def hash(self, password: str) -> str:
        """What is kept of a password: slow to make, on purpose."""

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password; as slow where there is none."""

    def password(self) -> str:
        """A new one that nobody can guess."""

    def pin(self) -> str:
        """A new one of six digits, to be keyed at a phone."""

    def token(self) -> str:
        """A new one, longer: nobody types it."""


class Attachment(msgspec.Struct, frozen=True):
    """A file that is given out as it is: where it lies, how it is called, and its media type."""

    path: str
    name: str
    kind: str


class Request(msgspec.Struct, frozen=True):
    """What somebody asks over HTTP; `path` is still percent-encoded, `peer` is the address that asks.

    `person` is who types the command that asks, as the command says; `last_event` the id of the last one that came.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""
    peer: str = ""
    person: str = ""
    last_event: str = ""


class Flow(msgspec.Struct, frozen=True):
    """An answer that goes on, piece by piece, for as long as somebody reads it."""

    pieces: AsyncGenerator[bytes, None]
    content_type: str
