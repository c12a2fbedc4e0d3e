"""The census: Asterisk's own list of every call on a trunk, compared with our records.

A call that is in the census and was never ours came while we were away, or was refused at a limit: it becomes a record
of topic `missed`, once, so that the citizen can be called back.  How Asterisk writes the list: `dialplans/`.  A call
has its line when it is over: whoever the dialplan had when Asterisk died has a provisional one.
"""

import asyncio
import contextlib
import csv
import logging
import math
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from ivr.edge.protocols import Clock, Growing, Place, Provisional
from ivr.entries import Entry, read
from ivr.errors import DiskError
from ivr.facts import CallRecord, Direction, Outcome, Reached, Survived
from ivr.journal import CENSUS, MISSED, SURVIVED, Journal
from ivr.register import REMEMBERED
from routing.config import Config
from routing.ids import CallId, Instant, SeatId, TargetId
from routing.plan import Route, plan, recognise

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
_SETTLED_MS = 5_000  # a call that ended later than this ago may still have events of it on their way to us
_GIVEN_UP_MS = 600_000  # a call of ours without a record for so long is no reason to stop reading
_UNKNOWN_BEFORE_MS = 3_600_000  # with no place to go on from: older calls were an earlier journal's


class Fate(StrEnum):
    """What the dialplan did with a call last."""

    ENTERED = "entered"
    REFUSED = "refused"
    SURVIVAL = "survival"
    SEAT = "seat"  # a seat has dialled an emergency number: no citizen's call
    DIALLED = "dialled"  # whom we have called has answered: its record is ours to write
    RESCUED = "rescued"  # the same, and then survival has had them


_OUTCOME = {Fate.ENTERED: Outcome.MISSED, Fate.REFUSED: Outcome.REFUSED, Fate.SURVIVAL: Outcome.SURVIVAL}


class Line(msgspec.Struct, frozen=True):
    """A line of the census."""

    call: CallId
    dialled: str
    caller: str
    start: Instant
    answer: Instant | None
    end: Instant
    disposition: str
    fate: Fate
    trunk: str
    diversion: str = ""
    history: str = ""
    cause: int = 0
    reached: Reached | None = None
    seat: str = ""
    desk: str = ""


FIELDS = frozenset({9, 11, 13, len(Line.__struct_fields__)})
"""So many a line has, or had: before it said how it ended, and who forwarded it.  Such a one may lie there still."""


def parse(text: str) -> Line:
    """Read a line: the fields of `Line` as CSV, moments in seconds.

    Raises `ValueError` saying what is wrong with it.
    """
    try:
        fields = next(csv.reader([text]), [])
    except csv.Error as fault:
        raise ValueError(f"is no CSV: {fault}") from fault
    if len(fields) not in FIELDS:
        raise ValueError(f"has {len(fields)} fields instead of {len(Line.__struct_fields__)}")
    call, dialled, caller, start, answer, end, disposition, fate, trunk, *more = fields
    diversion, history, cause, reached, seat, desk = (*more, *[""] * 6)[:6]
    if not call:
        raise ValueError("names no call")
    return Line(
        CallId(call), dialled, caller, _instant(start), _instant(answer) or None, _instant(end), disposition,
        Fate(fate or Fate.ENTERED), trunk, diversion, history, int(cause or 0),
        Reached(reached) if reached else None, seat, desk,
    )  # fmt: skip


def _instant(seconds: str) -> Instant:
    moment = float(seconds or 0)
    if not math.isfinite(moment):
        raise ValueError(f"has {seconds} for a moment")
    return Instant(round(moment * 1000))


class Census:
    """Reads on from where it was; `place` is what an earlier life left (see `place_in`)."""

    def __init__(  # noqa: PLR0913 - one for each that it asks
        self,
        file: Growing,
        journal: Journal,
        clock: Clock,
        is_open: Callable[[CallId], bool],
        is_known: Callable[[CallId], bool],
        route: Callable[[Line], Route],
        place: Place | None = None,
        *,
        provisional: Provisional,
        began: Callable[[], Instant | None],
    ) -> None:
        """`is_open`: a call of ours that has no record yet; `is_known`: one that has, or that was missed already.

        `route`: what the call would have been to us.  `began`: when the Asterisk that runs now was started; None while
        we do not know.
        """
        self._file = file
        self._journal = journal
        self._clock = clock
        self._is_open = is_open
        self._is_known = is_known
        self._route = route
        self._place = place
        self._provisional = provisional
        self._began = began
        self._is_first = place is None
        self.tell: Callable[[CallRecord], None] = lambda _: None
        """Hears of each call that was missed, or that a seat has made by itself."""
        self.survived: Callable[[CallRecord], None] = lambda _: None
        """Hears of each call of ours that survival took over: what its record would be if it had never been ours."""
        self.rescued: Callable[[CallId, Reached | None], None] = lambda _call, _reached: None
        """Hears of each call of our own that survival took over."""
        self._missed: dict[CallId, None] = {}  # the latest last
        self._found: Counter[Outcome] = Counter()
        self._look = asyncio.Event()

    def take_found(self) -> Counter[Outcome]:
        """What became of the calls that were found since this was asked last."""
        found, self._found = self._found, Counter()
        return found

    def connected(self) -> None:
        """Reconcile now: all who came while we were away are there to be found."""
        self._look.set()

    def ended(self, record: CallRecord) -> None:
        """A call of ours has its record: nothing to find out."""

    async def run(self) -> None:
        """Reconcile every minute and when asked, for ever; what an earlier life left is first read by `causes`."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._look.wait()
                await asyncio.sleep(_SETTLED_MS / 1000)
            self._look.clear()
            try:
                while self.reconcile():  # noqa: ASYNC110 - calls have their turn between two pieces of the file
                    await asyncio.sleep(0)
            except DiskError as fault:
                log.warning("census: %s", fault)

    def causes(self) -> dict[CallId, int]:
        """Why each call ended (Q.850) whose line is still to be judged, calls of ours without a record among them."""
        found: dict[CallId, int] = {}
        place = self._place
        try:
            while lines := self._file.read(place):
                place = lines[-1][1]
                for text, _ in lines:
                    with contextlib.suppress(ValueError):  # it is said when the line is judged
                        line = parse(text)
                        found[line.call] = line.cause
        except DiskError as fault:
            log.warning("census: %s", fault)
        return found

    def reconcile(self) -> bool:
        """Judge some lines, and write down what was missed; whether there may be more to judge now."""
        begun = self._place
        lines = self._file.read(self._place)
        for text, place in lines:
            if not self._judged(text):
                break
            self._place = place
        if self._place is None or self._place == begun:
            if not lines:
                self._judge_the_cut()
            self._is_first = False
            return False
        self._journal.write(CENSUS, self._journal.node, self._place)
        return self._place == lines[-1][1]

    def _judge_the_cut(self) -> None:
        """All lines are read: what is provisional of an Asterisk that runs no more holds, as it died in them."""
        began = self._began()
        if began is None:
            return
        for call, text in self._provisional.read():
            with contextlib.suppress(ValueError):  # it is said when the line is judged
                if parse(text).start >= began:
                    continue
            if self._judged(text):
                self._provisional.remove(call)

    def _judged(self, text: str) -> bool:
        """False when it is too early to say."""
        try:
            line = parse(text)
        except ValueError as fault:
            log.warning("census: a line %s; it begins %.60r", fault, text.partition(",")[0])  # then come the numbers
            return True
        age = self._clock.instant() - line.end
        if age < _SETTLED_MS or (self._is_open(line.call) and age < _GIVEN_UP_MS):
            return False
        known = self._is_open(line.call) or self._is_known(line.call) or line.call in self._missed
        if line.fate is Fate.RESCUED:
            self.rescued(line.call, line.reached)
        elif known and line.fate is Fate.SURVIVAL:
            if line.reached is not None:
                self._journal.write(SURVIVED, line.call, Survived(line.reached))
            self.survived(missed(line, self._route(line), self._journal.node))
        is_found = not known and line.fate not in {Fate.DIALLED, Fate.RESCUED}
        if is_found and not (self._is_first and age > _UNKNOWN_BEFORE_MS):
            self._missed[line.call] = None
            if len(self._missed) > REMEMBERED:
                del self._missed[next(iter(self._missed))]
            self._found_out(line)
        self._provisional.remove(line.call)
        return True

    def _found_out(self, line: Line) -> None:
        if line.fate is Fate.SEAT:
            record = of_a_seat(line, self._journal.node)
            log.info("census: seat %s has dialled %s: %s", record.seat, record.dialled, record.outcome)
        else:
            record = missed(line, self._route(line), self._journal.node)
            self._found[record.outcome] += 1
            log.warning("census: call %s (%s) was not ours", line.call, line.fate)
        self._journal.write(MISSED, line.call, record)
        self.tell(record)


def meant(config: Config, line: Line, moment: datetime) -> Route:
    """What a call of the census would have been to us; who forwarded it is believed where its trunk is."""
    arrival = recognise(config, line.dialled, line.diversion, line.history, line.trunk, line.caller)
    return plan(config, arrival, moment)


def missed(line: Line, route: Route, node: str) -> CallRecord:
    """The record of a call that we were not there for; the dialplan's survival path may have served it."""
    return CallRecord(
        call=line.call,
        node=node,
        outcome=_OUTCOME[line.fate],
        arrived=line.start,
        answered=line.answer,
        ended=line.end,
        dialled=line.dialled,
        caller=line.caller,
        trunk=line.trunk,
        line=route.line,
        name=route.name,
        phase=str(route.phase),
        marked=route.marked,
        cause=line.cause,
        reached=line.reached,
    )


def of_a_seat(line: Line, node: str) -> CallRecord:
    """The record of an emergency number that a seat has dialled by itself; what no desk answers was never answered."""
    is_there = line.reached is Reached.PERSON
    answered = line.answer if is_there else None
    return CallRecord(
        call=line.call,
        node=node,
        outcome=Outcome.TRANSFERRED if is_there else Outcome.UNREACHED,
        direction=Direction.SEAT,
        arrived=line.start,
        answered=answered,
        connected=answered,
        ended=line.end,
        talk_ms=line.end - answered if answered is not None else None,
        dialled=line.dialled,
        caller=line.caller,
        trunk=line.trunk,
        cause=line.cause,
        seat=SeatId(line.seat or line.caller),
        target=TargetId(line.desk) if line.desk else None,
        reached=line.reached,
    )


def place_in(entries: list[Entry]) -> Place | None:
    """How far an earlier life has read, from a replay."""
    places = [place for _, place in read(entries, {CENSUS: Place})]
    return places[-1] if places else None
