"""The audit log: who asked for what, when, from where, and what came of it; only ever appended to.

Each line is `crc32 JSON`, and its JSON carries the SHA-256 of the line before: whoever changes, removes or inserts one
breaks the chain there.  Whoever cuts off its end is found out by anchors: number and digest of a line now and then, in
the journal, and so in the database.  It owns the chain; what is worth an entry, `ivr.web.audit` knows.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from zlib import crc32

import msgspec

from ivr.edge.protocols import Clock, Disk, Lines
from ivr.errors import DiskError

log = logging.getLogger(__name__)

BEGINNING = "0" * 64
"""What the first entry carries."""

ANCHOR = "audit"
"""Topic and key of an anchor in the journal."""

ANCHOR_EVERY = 500
SEGMENT = 64 << 20
"""Bytes of a file: then it is put aside, and the next one begins with a copy of its last line."""

_HELD_MOST = 100_000  # entries in memory while the disk refuses
_TAIL = 1 << 18  # bytes: the last line is looked for in so many from the end


class Deed(msgspec.Struct, frozen=True):
    """What somebody did, or was refused; `status` is HTTP's, `said` the sentence of a refusal."""

    who: str
    what: str
    where: str
    given: str
    source: str
    status: int
    said: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A deed in the log: its number, the real moment (ISO text, UTC), and the digest of the line before."""

    n: int
    at: str
    deed: Deed
    before: str


class Anchor(msgspec.Struct, frozen=True):
    """That there was a line with this number and this digest."""

    n: int
    digest: str


class Link(msgspec.Struct, frozen=True):
    """A line of the log and what is wrong with it: nothing, where `fault` is empty."""

    line: int
    entry: Entry | None
    fault: str = ""
    digest: str = ""


def _nowhere(_: Anchor) -> object:
    """No anchors."""


class Audit:
    """Written synchronously.  A disk that refuses stops nobody: entries wait in memory, and `held` counts them."""

    def __init__(self, disk: Disk, clock: Clock, anchor: Callable[[Anchor], object] = _nowhere) -> None:
        self._disk = disk
        self._clock = clock
        self._anchor = anchor
        self._held: list[bytes] = []
        self.lost = 0
        self._n, self._before = _end(disk)
        if self._n:
            anchor(Anchor(self._n, self._before))

    @property
    def held(self) -> int:
        """Entries that the disk has not taken yet."""
        return len(self._held)

    @property
    def count(self) -> int:
        """The number of the last entry."""
        return self._n

    def write(self, deed: Deed) -> None:
        """Append a deed: it survives our death at once, a power cut after `sync`."""
        at = self._clock.real().isoformat(timespec="milliseconds")
        line = _signed(Entry(self._n + 1, at, deed, self._before))
        if self.held < _HELD_MOST:
            self._n, self._before = self._n + 1, digest(line)
            self._held.append(line)
            if self._n % ANCHOR_EVERY == 0:
                self._anchor(Anchor(self._n, self._before))
        else:
            self.lost += 1
        try:
            self._release()
            if self._disk.size > SEGMENT:
                self._disk.put_aside(f"audit-{self._n:012}", [line])
        except DiskError as fault:
            log.error("audit: %s; %d entries wait in memory", fault, self.held)  # noqa: TRY400 - says all

    async def sync(self) -> None:
        """Return when all that was written survives a power cut.  Raises `DiskError`."""
        self._release()
        await self._disk.sync()

    def files(self) -> list[tuple[str, Iterator[bytes]]]:
        """Everything that the disk has, the oldest first: the name of each file, and its lines.  Raises `DiskError`."""
        return [(file.name.rpartition("/")[2], file.read()) for file in (*self._disk.aside(), self._disk)]

    def latest(self, limit: int, before: int | None = None) -> list[Entry]:
        """So many entries, the newest last; `before` the one of that number.  Raises `DiskError`.

        Looked for in every file that lies there, from the newest back to the one in which there are enough.
        """
        found: list[Entry] = []
        for file in [self._disk, *reversed(list(self._disk.aside()))]:
            found[:0] = _latest(file, limit - len(found), found[0].n if found else before)  # the copy is left out
            if len(found) >= limit:
                break
        return found

    def _release(self) -> None:
        if self._held:
            self._disk.append(b"".join(line + b"\n" for line in self._held))
            self._held.clear()


def digest(line: bytes) -> str:
    """By which the next entry knows this line."""
    return hashlib.sha256(line).hexdigest()


def verified(lines: Iterable[bytes]) -> Iterator[Link]:
    """Every line of a file, oldest first, with what is wrong with it: a break shows at the line behind it too.

    The first line is believed: it is the log's first, or a copy of the last one of the file before.
    """
    before, n = BEGINNING, 0
    for number, line in enumerate(lines, 1):
        entry, fault = read(line)
        if entry is not None and (number > 1 or entry.n == 1):
            if entry.before != before:
                fault = "does not carry the digest of the line before: that one was changed, or some are missing"
            elif entry.n != n + 1:
                fault = f"has number {entry.n}, and {n + 1} was to come"
        before, n = digest(line), entry.n if entry else n + 1
        yield Link(number, entry, fault, before)


def joined(files: Iterable[Iterable[bytes]]) -> Iterator[tuple[int, Link]]:
    """Every line of files that follow each other, with the place of its file; the copies between them are left out."""
    last = ""
    for place, lines in enumerate(files):
        for link in verified(lines):
            is_copy = link.line == 1 and place > 0
            if is_copy and link.digest != last:
                fault = "is not the last line of the file before: files are missing, or were changed"
                yield place, msgspec.structs.replace(link, fault=fault)
            elif not is_copy:
                yield place, link
            last = link.digest


def anchored(links: Iterable[Link], anchors: Iterable[Anchor]) -> Iterator[Link]:
    """The same links; one that is not what its anchor says, and one more for an end that is missing."""
    known = {anchor.n: anchor.digest for anchor in anchors}
    line = n = 0
    for link in links:
        line, n = link.line, link.entry.n if link.entry else n + 1
        if not link.fault and known.get(n, link.digest) != link.digest:
            yield msgspec.structs.replace(link, fault="is not what the database has of it")
        else:
            yield link
    last = max(known, default=0)
    if last > n:
        yield Link(line + 1, None, f"is missing: there were entries up to {last} at least, the database says")


def read(line: bytes) -> tuple[Entry | None, str]:
    """The entry of a line, or what is wrong with it."""
    content = line[9:]
    if line[:9] != b"%08x " % crc32(content):
        return None, "does not match its checksum"
    try:
        return msgspec.json.decode(content, type=Entry), ""
    except msgspec.DecodeError as fault:
        return None, f"is not an entry: {fault}"


def _latest(file: Lines, limit: int, before: int | None) -> list[Entry]:
    """At most so many entries of one file, at least 1, the newest last; `before` the one of that number."""
    end, look = _behind(file, before), _TAIL
    while True:
        found: list[Entry] = []
        for entry, _ in map(read, file.read(max(0, end - look))):
            if entry and before is not None and entry.n >= before:
                break
            found += [entry] if entry else []
        if len(found) >= limit or look >= end:
            return found[-limit:]
        look *= 4


def _behind(file: Lines, before: int | None) -> int:
    """A byte with all older lines than that of number `before` in front of it, or begun there: not far behind them.

    A page that lies far back in a long file costs some looks, not the whole file: calls share this thread.
    """
    low, high = 0, file.size
    while before is not None and high - low > _TAIL:
        middle = (low + high) // 2
        entry = next((entry for entry, _ in map(read, file.read(middle)) if entry), None)
        low, high = (middle, high) if entry and entry.n < before else (low, middle)
    return high


def _signed(entry: Entry) -> bytes:
    content = msgspec.json.encode(entry)
    return b"%08x %b" % (crc32(content), content)


def _end(disk: Disk) -> tuple[int, str]:
    """Number and digest of the last line: what the next one goes on from."""
    lines = [line for line in disk.read(max(0, disk.size - _TAIL)) if line]
    if not lines:
        return 0, BEGINNING
    entry, fault = read(lines[-1])
    if entry is None:
        log.error("audit: the last line of %s %s", disk.name, fault)
        return sum(1 for _ in disk.read()), digest(lines[-1])
    return entry.n, digest(lines[-1])
