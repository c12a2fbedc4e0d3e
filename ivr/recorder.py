"""Recordings after their calls: cut to begin with the person, keep their time from there, and be known by a checksum.

Asterisk writes the raw recording from the answer on.  This finishes it once the call has its record, without haste and
off the loop; what an earlier life left unfinished is found in the folder.  It also keeps the folder: it erases what was
kept long enough, and stops the recording of new calls, never the calls, when the disk is nearly full.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ivr.edge.protocols import Clock, Recordings
from ivr.entries import Entry, read
from ivr.errors import DiskError
from ivr.facts import CallRecord, Outcome
from ivr.journal import MISSED, RECORD, RECORDING, Journal
from routing.config.site import Recording
from routing.ids import CallId, Instant

log = logging.getLogger(__name__)

EVERY = 20.0  # seconds, when nobody asks
MONTH_MS = 31 * 86_400_000  # the longest: nothing is erased too early
ERASE_EVERY_MS = 3_600_000
_QUIET_MS = 3_000  # Asterisk writes every 2 s (64 KiB), and the rest 20 ms after the hang-up
_QUIET_IN_SURVIVAL_MS = 60_000  # there the call goes on after its record
_AROUND_MS = 500
_ORPHAN_MS = 6 * 3_600_000  # a raw recording whose call nobody knows: kept whole
_LACKS_FROM_MS = 5_000  # less may be missing on a machine out of breath


class Recorded(msgspec.Struct, frozen=True):
    """The fact of topic `recording`: sample 0 of `file` was heard at `begins` (None: not known).

    `lacks_ms`: so much of the call, from `begins` to its end, is not in it: the disk did not take it, most likely.
    """

    call: CallId
    file: str
    length_ms: int
    size: int
    sha256: str
    begins: Instant | None
    lacks_ms: int = 0


class Erased(msgspec.Struct, frozen=True):
    """The fact of topic `recording` that ends it: there is no file any more."""

    call: CallId
    file: str = ""


class Recorder:
    """Finishes what calls leave."""

    def __init__(
        self,
        folder: Recordings,
        journal: Journal,
        clock: Clock,
        is_open: Callable[[CallId], bool],
        terms: Callable[[], Recording] = Recording,
        *,
        keep_without_talk: bool = False,
    ) -> None:
        """`is_open`: a call that has no record yet.  `terms`: what holds now, of the configuration."""
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._is_open = is_open
        self._terms = terms
        self._keep_without_talk = keep_without_talk
        self._records: dict[CallId, CallRecord] = {}
        self._look = asyncio.Event()
        self._erase_at = clock.instant()
        self.is_closed: bool | None = None
        """New calls are not recorded: the disk is nearly full; None: not looked at yet."""
        self._low = ""

    def remember(self, entries: Iterable[Entry]) -> None:
        """Take in the records of calls that ended in earlier lives, from a replay."""
        for entry, record in read(entries, {RECORD: CallRecord, MISSED: CallRecord}):
            self._records[CallId(entry.key)] = record

    def connected(self) -> None:
        """Nothing: what an earlier life left is found in the folder."""

    def ended(self, record: CallRecord) -> None:
        """A call has its record: its recording can be finished."""
        self._records[record.call] = record
        self._look.set()

    @property
    def alarms(self) -> dict[str, Callable[[], str]]:
        """What somebody should look at, by the names of the alarms: the first comes before the second has to."""
        stopped = "new calls are not recorded: the disk is nearly full"
        return {"disk-low": lambda: self._low, "recording-stopped": lambda: stopped if self.is_closed else ""}

    async def run(self) -> None:
        """Finish what is waiting, for ever; a full disk is waited out, the raw recordings stay."""
        while True:
            try:
                await self.mind_the_room()
                await self.erase_old()
                await self.finish_all()
            except DiskError as fault:
                log.warning("recordings: %s; tried again later", fault)
            self._look.clear()
            try:
                async with asyncio.timeout(EVERY):
                    await self._look.wait()
                await asyncio.sleep((_QUIET_MS + _AROUND_MS) / 1000)  # or it has been quiet for not quite long enough
            except TimeoutError:
                continue

    async def finish_all(self) -> None:
        """One round over the folder.  Raises `DiskError` at the first recording that cannot be finished."""
        waiting = await self._folder.raw()
        for call, quiet_ms in waiting:
            if not self._is_open(call):
                await self._finish(call, quiet_ms)
        raw = {call for call, _ in waiting}
        self._records = {call: record for call, record in self._records.items() if call in raw}

    async def mind_the_room(self) -> None:
        """Stop recording, or begin again, by what the disk has left; said when it changes.  Raises `DiskError`."""
        terms, room = self._terms(), await self._folder.room()
        closed = room < (terms.warn_below if self.is_closed else terms.stop_below)
        if closed is not self.is_closed:
            await self._folder.close(closed=closed)
            if closed:
                log.error("recordings: %d MiB are left on the disk: calls go on and are not recorded", room >> 20)
            elif self.is_closed:
                log.warning("recordings: there is room again, calls are recorded")
        self.is_closed = closed
        is_low, was_low = room < terms.warn_below, bool(self._low)
        if is_low and not was_low and not closed:
            log.warning("recordings: %d MiB are left on the disk: erase what may go, or make room", room >> 20)
        left = f"{room >> 20} MiB are left on the disk: erase what may go, or make room"
        self._low = f"{left}; below {terms.stop_below >> 20} MiB new calls are not recorded" if is_low else ""

    async def erase_old(self) -> None:
        """Once an hour: what has been kept for the months of the configuration is erased.  Raises `DiskError`."""
        now = self._clock.instant()
        if now < self._erase_at:
            return
        self._erase_at = Instant(now + ERASE_EVERY_MS)
        for call in await self._folder.older(self._terms().keep_months * MONTH_MS):
            self._journal.write(RECORDING, call, Erased(call))
            await self._folder.erase(call)
            log.info("recordings: %s was kept long enough and is erased", call)

    async def _finish(self, call: CallId, quiet_ms: int) -> None:
        record = self._records.get(call)
        if quiet_ms < _patience_ms(record):
            return
        if record is not None and not _has_talk(record) and not self._keep_without_talk:
            await self._folder.discard(call)
            return
        cut_ms = _cut_ms(record) if record else 0
        finished = await self._folder.finish(call, cut_ms, *_silent_ms(record))
        begins = Instant(record.answered + cut_ms) if record and record.answered is not None else None
        lacks_ms = _lacks_ms(record.ended - begins - finished.length_ms) if record and begins is not None else 0
        if lacks_ms:
            log.error("recordings: %s lacks %.1f s of its call: was the disk full?", call, lacks_ms / 1000)
        fact = Recorded(call, finished.file, finished.length_ms, finished.size, finished.sha256, begins, lacks_ms)
        self._journal.write(RECORDING, call, fact)
        await self._folder.discard(call)


def _patience_ms(record: CallRecord | None) -> int:
    if record is None:
        return _ORPHAN_MS
    return _QUIET_IN_SURVIVAL_MS if record.outcome is Outcome.SURVIVAL else _QUIET_MS


def _silent_ms(record: CallRecord | None) -> tuple[Sequence[tuple[int, int]], int]:
    """What is not to be heard, from the answer on, and a little around it; and how long the call lasted from there.

    When we know of the answer, Asterisk has been recording for a while, on a busy machine for most of a second.
    """
    if record is None or not record.paused:
        return (), 0
    begin = record.answered or record.arrived
    spans = [(since - begin - _AROUND_MS, until - begin + _AROUND_MS) for since, until in record.paused]
    return spans, record.ended - begin


def _lacks_ms(missing_ms: int) -> int:
    return missing_ms if missing_ms >= _LACKS_FROM_MS else 0


def _has_talk(record: CallRecord) -> bool:
    """Whether there was a person, or a message; behind a menu, and where nobody of us was, there may have been one."""
    was_heard = record.connected is not None or record.message is not None
    was_answered = record.outcome is Outcome.MISSED and record.answered is not None
    return was_heard or record.machine or record.outcome is Outcome.SURVIVAL or was_answered


def _cut_ms(record: CallRecord) -> int:
    """What comes before the first word with a person, or of a message: the recording begins with the answer.

    Nobody tells us when a person follows a menu: from the notice on, all of it is kept.
    """
    begins = record.connected or (record.message[0] if record.message else None)
    if begins is None and record.machine:
        begins = record.prompts_ended
    if begins is None or record.answered is None:
        return 0
    return max(0, begins - record.answered)
