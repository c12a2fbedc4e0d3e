"""The journal: the truth about calls and Floor, one checksummed line an entry (`ivr.entries`), under `(node, seq)`.

It owns order, what of the file is still needed, and what to do when the disk refuses; `edge.disk` owns the
file.  It must not know what the entries mean, but for two conventions: an entry of topic `record` ends the call of its
key, and an entry `floor`/`snapshot` stands for all floor entries before it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec

from ivr.edge.protocols import Clock, Disk
from ivr.entries import Draft, Entry, decode, seq_of, signed, trusted_in
from ivr.errors import DiskError, JournalError
from routing.ids import Instant

log = logging.getLogger(__name__)

CALL, FLOOR, RECORD, MISSED, AGENT = "call", "floor", "record", "missed", "agent"
"""The topics.  `call`: a step of a ledger; `floor`: an event of it; `record`: a `CallRecord`, the end of its call;
`missed`: a `CallRecord` of a call that only the census knows."""

RECORDING, CENSUS = "recording", "census"
"""More topics: a finished recording; how far the census has been read (the latest counts; no use to the store)."""

SURVIVED = "survived"
"""How far the dialplan has brought the citizen of a call that has its record already; the latest counts."""

CALLBACK, CALLED_BACK = "callback", "called-back"
"""A fact of a task of calling back, its key the call that made it; the last fact of it, with which it is settled.

The last one is kept as long as the record: a record of which no fact is known makes a task anew."""

NUISANCE, NUISANCE_OVER = "nuisance", "nuisance-over"
"""A fact of a number that was marked as a nuisance, its key the call of the first mark; the last fact of it."""

EXPERT = "expert"
"""When the expert who is its key was called last; the latest counts, no use to the store."""

ACQUAINTED = "acquainted"
"""Which agent talked last with the number that is its key; the latest counts, no use to the store."""

LATEST_MOST = 50_000
"""So many numbers: more than a city has callers in a day."""

BROADCAST = "broadcast"
"""An announcement to all who wait."""

BROADCASTS_MOST = 20
"""So many are kept: nobody waits while more are made."""

LATEST = {ACQUAINTED: LATEST_MOST, EXPERT: LATEST_MOST, BROADCAST: BROADCASTS_MOST}
"""Topics of whose keys the latest entry counts, and how many keys are kept."""

DISPOSITION = "disposition"
"""What an agent said in wrap-up of the call that is its key; the last one counts."""

SNAPSHOT = "snapshot"
"""The key of a floor entry that stands for all floor entries before it."""

_HEADER, _DRAINED, _DAMAGE, _THINNED = "journal", "drained", "damage", "thinned"
_OWN = {_HEADER, _DRAINED}  # the journal's own
_UNDRAINED = {*_OWN, CENSUS, ACQUAINTED, EXPERT}  # never drained
_FORMAT = 1

BOUND = 8 << 30  # bytes; beyond it details are thinned
_COMPACT_AT = 16 << 20  # bytes: 100,000 entries, replayed in half a second
_UNDRAINED_MOST = 256 << 20  # bytes; with more than this to drain, a compaction would gain nothing
_REMEMBER_MS = 6 * 3_600_000  # ended calls: longer than any channel of theirs can linger in the dialplan
_HELD_MOST = 100_000  # entries kept in memory while the disk refuses: an hour of a city at its busiest
_LOOK_AFTER = 1.0  # seconds from an entry to the question whether the disk has it
_SCAN = 2_000  # lines looked at before the loop has its turn again


class Damage(msgspec.Struct, frozen=True):
    """A line that cannot be trusted, kept as an entry of topic `damage`."""

    file: str
    line: int
    why: str
    content: bytes


class Journal:
    """Written synchronously, replayed at start, drained into the store.

    Use: exhaust `replay()` first, then `write`; keep `run()` running.  A full disk never raises from `write`: entries
    wait in memory, `held` counts them, and go to the disk when it takes them again.
    """

    def __init__(self, disk: Disk, node: str, clock: Clock, bound: int = BOUND) -> None:
        self.node = node
        self.damage: list[Damage] = []
        self.thinned = 0
        self._disk = disk
        self._clock = clock
        self._bound = bound
        self._seq = -1
        self._open = False
        self._held: list[bytes] = []
        self._living: dict[str, dict[str, list[bytes]]] = {
            topic: {} for topic in (CALL, FLOOR, CENSUS, CALLBACK, NUISANCE, *LATEST)
        }
        self._ended: dict[str, tuple[Instant, bytes]] = {}
        self._settled: dict[str, tuple[Instant, bytes]] = {}
        self._drained = 0
        self._last = -1  # the last entry that is to be drained
        self._behind_since: Instant | None = None
        self._generation = 0  # of the file: a compaction makes a new one
        self._read_to = (-1, -1, 0)  # generation, seq, offset behind it: where the last batch of `tail` ended
        self._drained_to: tuple[int, int, int] | None = None  # the same, once the store has it
        self._compact_at = _COMPACT_AT
        self._more = asyncio.Event()
        self._dirty = asyncio.Event()

    @property
    def seq(self) -> int:
        """The number of the last entry."""
        return self._seq

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._disk.size

    @property
    def held(self) -> int:
        """Entries that the disk has not taken yet."""
        return len(self._held)

    @property
    def lag_ms(self) -> int:
        """For how long the oldest entry that the store does not have has been waiting, at most."""
        return 0 if self._behind_since is None else self._clock.instant() - self._behind_since

    # --- reading

    def replay(self) -> Iterator[Entry]:
        """Every entry that can be trusted, oldest first; then the journal is open for writing, and compacted.

        A damaged line is reported with its number, set aside as an entry of topic `damage`, and left out.
        Raises `JournalError` when the journal is another node's.
        """
        for number, line in enumerate(self._disk.read(), start=1):
            try:
                entry = decode(line, after=self._seq)
            except ValueError as fault:
                self._set_aside(number, str(fault), line)
                continue
            self._seq = entry.seq
            if entry.topic == _HEADER and entry.key != self.node:
                raise JournalError(f"{self._disk.name} is the journal of {entry.key!r}, and this node is {self.node!r}")
            self._know(entry.topic, entry.key, entry.at, line)
            if entry.topic not in _UNDRAINED:
                self._last = entry.seq
            if entry.topic == _DRAINED:
                self._drained = max(self._drained, msgspec.json.decode(entry.body, type=int))
            elif entry.topic not in _OWN:
                yield entry
        self._begin()

    def _begin(self) -> None:
        # a journal begun anew stands above every earlier one of this node: on average an entry takes over a millisecond
        if self._seq < 0:
            self._put(self._header())
        self._seq = max(self._seq, self._clock.instant())
        self._open = True
        self._behind_since = self._clock.instant() if self._last > self._drained else None
        for damage in self.damage:
            self.write(_DAMAGE, f"{damage.file}:{damage.line}", damage)
        if self._drained or self.damage:
            self.compact()

    def _set_aside(self, number: int, why: str, line: bytes) -> None:
        log.error("%s line %d %s; set aside as an entry of topic 'damage'", self._disk.name, number, why)
        self.damage.append(Damage(self._disk.name, number, why, line))

    # --- writing

    def write(self, topic: str, key: str, body: Any) -> int:
        """Append an entry and return its number.  It survives our death at once, a power cut after `sync`."""
        if not self._open:
            raise JournalError(f"{self._disk.name} must be replayed before it is written")
        line = self._line(topic, key, body)
        now = self._clock.instant()
        self._know(topic, key, now, line)
        if topic not in _UNDRAINED:
            self._last = self._seq
            self._behind_since = self._behind_since or now
        self._put(line)
        return self._seq

    def note(self, topic: str, key: str, body: Any) -> None:
        """Append a detail: what can be done without when the journal is at its bound or the disk refuses."""
        if self._held or self._disk.size >= self._bound:
            self.thinned += 1
            return
        self.write(topic, key, body)

    async def sync(self) -> None:
        """Return when all that was written before survives a power cut.  Raises `DiskError`."""
        self._release()
        await self._disk.sync()

    async def run(self) -> None:
        """See that the disk has what is written, retry what it refused; compact when it pays.  For ever."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(_LOOK_AFTER)
            self._dirty.clear()
            try:
                await self.sync()
            except DiskError as fault:
                log.error("journal: %s; %d entries wait in memory", fault, self.held)  # noqa: TRY400 - says all
                self._dirty.set()
                continue
            if self._disk.size > self._compact_at and self._drained_to is not None:
                self.compact()

    def _line(self, topic: str, key: str, body: Any) -> bytes:
        self._seq += 1
        return signed(Draft(self._seq, self._clock.instant(), topic, key, body))

    def _header(self) -> bytes:
        return signed(Draft(0, self._clock.instant(), _HEADER, self.node, _FORMAT))

    def _put(self, line: bytes) -> None:
        if self._held:
            self._hold(line)
        else:
            try:
                self._disk.append(line + b"\n")
            except DiskError as fault:
                log.error("journal: %s; calls go on, entries wait in memory", fault)  # noqa: TRY400 - says all
                self._hold(line)
        self._more.set()
        self._dirty.set()

    def _hold(self, line: bytes) -> None:
        if len(self._held) < _HELD_MOST:
            self._held.append(line)
        else:
            self.thinned += 1

    def _release(self) -> None:
        if self._held:
            self._disk.append(b"".join(line + b"\n" for line in self._held))
            log.warning("journal: the disk takes entries again; %d had waited", len(self._held))
            self._held.clear()
            self._more.set()

    # --- what is still needed

    def _know(self, topic: str, key: str, at: Instant, line: bytes) -> None:
        if topic in {RECORD, MISSED}:
            self._living[CALL].pop(key, None)
            self._ended[key] = (at, line)
        elif topic == CALLED_BACK:
            self._living[CALLBACK].pop(key, None)
            self._settled[key] = (at, line)
        elif topic == NUISANCE_OVER:
            self._living[NUISANCE].pop(key, None)
        elif topic in LATEST:
            latest = self._living[topic]
            latest.pop(key, None)
            latest[key] = [line]
            if len(latest) > LATEST[topic]:
                del latest[next(iter(latest))]
        elif topic in self._living and not (topic == CALL and key in self._ended):
            if topic == CENSUS or (topic == FLOOR and key == SNAPSHOT):
                self._living[topic].clear()
            self._living[topic].setdefault(key, []).append(line)

    def compact(self) -> None:
        """Keep what a replay or the drainer still needs: calls under way, the floor, the undrained.

        Calls that have ended are known for some hours, so that a straggling channel of theirs is not a new call.
        A disk that refuses leaves everything as it was.
        """
        try:
            undrained = self._undrained()
            if undrained is None:
                return
            since = self._clock.instant() - _REMEMBER_MS
            self._ended = {key: (at, line) for key, (at, line) in self._ended.items() if at >= since}
            self._settled = {key: (at, line) for key, (at, line) in self._settled.items() if at >= since}
            kept = {*undrained, *(line for known in (self._ended, self._settled) for _, line in known.values())}
            kept.update(line for keys in self._living.values() for lines in keys.values() for line in lines)
            self._disk.replace([self._header(), *sorted(kept, key=seq_of)])
        except DiskError as fault:
            log.warning("journal: not compacted: %s", fault)
            return
        self._held.clear()
        self._generation += 1
        self._drained_to = None
        self._compact_at = max(_COMPACT_AT, 2 * self._disk.size)
        self._own_affairs()

    def _own_affairs(self) -> None:
        if self._drained:
            self._put(self._line(_DRAINED, self.node, self._drained))
        if self.thinned:
            thinned, self.thinned = self.thinned, 0
            self.write(_THINNED, self.node, thinned)

    def _undrained(self) -> list[bytes] | None:
        start = 0
        if self._drained_to is not None and self._drained_to[0] == self._generation:
            start = self._drained_to[2]
        if self._disk.size - start > _UNDRAINED_MOST:
            return None
        lines = []
        for line in (*self._disk.read(start), *self._held):
            entry = trusted_in(line, self._drained)
            if entry is not None and entry.topic not in _UNDRAINED:
                lines.append(line)
        return lines

    # --- draining

    async def tail(self, after: int, most: int = 500) -> AsyncIterator[Sequence[tuple[int, bytes]]]:
        """Batches `(seq, JSON of an Entry)` of what is numbered above `after`, for ever; waits when there is none."""
        generation, offset = -1, 0
        while True:
            self._more.clear()
            if generation != self._generation:
                generation, offset = self._generation, 0
            batch: list[tuple[int, bytes]] = []
            scanned = 0
            for line in self._disk.read(offset):
                offset += len(line) + 1
                scanned += 1
                entry = trusted_in(line, after)
                if entry is not None and entry.topic not in _UNDRAINED:
                    after = entry.seq
                    batch.append((entry.seq, line[9:]))
                if len(batch) >= most or scanned >= _SCAN:
                    break
            if batch:
                self._read_to = (generation, after, offset)
                yield batch
            elif scanned:
                await asyncio.sleep(0)
            else:
                await self._more.wait()

    def drained(self, seq: int, at: Instant | None = None) -> None:
        """The store has everything up to `seq`, which was written `at`."""
        self._has(seq, at)
        if self._read_to[1] == seq:
            self._drained_to = self._read_to
        self._put(self._line(_DRAINED, self.node, self._drained))

    def stand_above(self, mark: int) -> None:
        """Number what comes from `mark` on: the store knows more of this node than we do (restored from a copy?)."""
        self._has(mark, self._behind_since)
        if mark > self._seq:
            log.error("journal: it ends at %d, the store has entries up to %d; going on above", self._seq, mark)
            self._seq = mark

    def _has(self, seq: int, at: Instant | None) -> None:
        self._drained = max(self._drained, seq)
        self._behind_since = None if self._drained >= self._last else at or self._clock.instant()
