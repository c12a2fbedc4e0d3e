"""The ledger of a call: what has happened in it, folded from the journal, written through to it.

It owns the names of the steps: `STEPS` is the documented list.  It does not know how a step is done.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from ivr.entries import Entry, read
from ivr.facts import (
    Announced,
    Answering,
    Arrived,
    Asked,
    CallRecord,
    Connected,
    Declined,
    Detoured,
    Dialling,
    Left,
    Message,
    Offered,
    Outcome,
    Overflowed,
    Queued,
    Rated,
    Released,
    Returned,
    Said,
    Transferring,
    Unreached,
)
from ivr.journal import CALL, MISSED, RECORD, Journal
from routing.ids import CallId, Instant
from routing.plan import Route
from routing.talk import AnyFact

T = TypeVar("T")

STEPS: dict[str, str] = {}
"""Every step by its name, with what it means; filled by `_step`."""


class Step(Generic[T]):
    """A step's name and the type of its outcome.  A `detail` may be missing from a journal that is at its bound."""

    __slots__ = ("detail", "name", "type")

    def __init__(self, name: str, type_: Any, *, detail: bool = False) -> None:
        self.name = name
        self.type = type_
        self.detail = detail

    def of(self, which: str | int) -> "Step[T]":
        """The step for one of several: `SAID.of("transition-12329")` is `said:transition-12329`."""
        return Step(f"{self.name}:{which}", self.type, detail=self.detail)

    def __repr__(self) -> str:
        return f"Step({self.name!r})"


def _step(name: str, type_: Any, meaning: str, *, detail: bool = False) -> Step[Any]:
    STEPS[name] = meaning
    return Step(name, type_, detail=detail)


# fmt: off
ARRIVED: Step[Arrived] = _step("arrived", Arrived, "the call is ours: the dialplan's stamps, its moment")
ROUTED: Step[Route] = _step("routed", Route, "what is said and where it goes; a reload changes nothing from here on")
ANSWERED: Step[Instant] = _step("answered", Instant, "200 OK was asked for: the caller pays from here")
SAYING: Step[Instant] = _step("saying", Instant, ":<prompt>  before the play request", detail=True)
SAID: Step[Said] = _step("said", Said, ":<prompt>  the prompt is over: it is never said again")
QUEUED: Step[Queued] = _step("queued", Queued, ":<n>  a place in the queue is held: tier n is ours")
ANNOUNCED: Step[Announced] = _step("announced", Announced, ":<n>  before who waits hears place, wait or a reason")
ASKED: Step[Asked] = _step("asked", Asked, "who waits has pressed the key for being called back")
DETOURED: Step[Detoured] = _step("detoured", Detoured, ":<n>  the wait of a tier has led to a target, or to a message")
MESSAGE: Step[Message] = _step("message", Message, "the tone of a message is over; then, that it is")
OVERFLOWED: Step[Overflowed] = _step("overflowed", Overflowed, ":<n>  that place was given up; the next tier follows")
OFFERED: Step[Offered] = _step("offered", Offered, ":<n>  before an agent's phone is dialled")
ANSWERING: Step[Answering] = _step("answering", Answering, ":<n>  before it is dialled again, to answer by itself")
ACCEPTED: Step[Instant] = _step("accepted", Instant, ":<n>  that agent's phone was answered", detail=True)
DECLINED: Step[Declined] = _step("declined", Declined, ":<n>  that offer came to nothing", detail=True)
DIALLING: Step[Dialling] = _step("dialling", Dialling, ":<n>  before whom we call is dialled, over the n-th trunk")
UNREACHED: Step[Unreached] = _step("unreached", Unreached, "our call came to nothing, or was given up")
SURVIVED: Step[Instant] = _step("survived", Instant, "whom we call has answered while we were away: survival has them")
MACHINE: Step[Instant] = _step("machine", Instant, "the agent says that a machine has answered our call")
CONNECTED: Step[Connected] = _step("connected", Connected, "citizen and agent share the bridge")
TRANSFERRING: Step[Transferring] = _step("transferring", Transferring, ":<n>  before the n-th tier is dialled")
TRANSFERRED: Step[Instant] = _step("transferred", Instant, ":<n>  that target answered and shares the bridge")
RETURNED: Step[Returned] = _step("returned", Returned, ":<n>  that target came to nothing; the next tier follows")
TALK: Step[AnyFact] = _step("talk", AnyFact, ":<n>  what was asked for, or happened, in the conversation, in order")
RELEASED: Step[Released] = _step("released", Released, "who hung up first")
RATED: Step[Rated] = _step("rated", Rated, "the survey is over, with a level or without")
TAKEN_BACK: Step[Instant] = _step("taken-back", Instant, "the dialplan has the caller: survival")
LEFT: Step[Left] = _step("left", Left, "the call's coroutine has found its way out")
ENDED: Step[CallRecord] = _step("ended", CallRecord, "the record: the last entry of a call, of topic `record`")
# fmt: on


class Ledger:
    """What has happened in one call."""

    def __init__(self, call: CallId, journal: Journal, known: Mapping[str, msgspec.Raw] | None = None) -> None:
        """`known` is what earlier lives left, by step name (see `fold`)."""
        self.call = call
        self._journal = journal
        self._known: dict[str, Any] = dict(known or {})
        self.writes = 0
        """How often it was written in this life: whoever looks now and then sees that there is something new."""

    def __contains__(self, step: Step[Any]) -> bool:
        return step.name in self._known

    def __getitem__(self, step: Step[T]) -> T:
        """The outcome of a step that has happened.  Raises `KeyError`."""
        outcome = self._known[step.name]
        if isinstance(outcome, msgspec.Raw):
            outcome = self._known[step.name] = _decoder(step.type).decode(outcome)
        return outcome  # type: ignore[no-any-return]

    def get(self, step: Step[T]) -> T | None:
        """The outcome of a step, None when it has not happened."""
        return self[step] if step in self else None  # noqa: SIM401 - this is that `get`

    def write(self, step: Step[T], outcome: T) -> None:
        """Write down that a step has happened; the last word on a step counts."""
        self._known[step.name] = outcome
        self.writes += 1
        if step is ENDED:
            self._journal.write(RECORD, self.call, outcome)
        elif step.detail:
            self._journal.note(CALL, self.call, Taken(step.name, outcome))
        else:
            self._journal.write(CALL, self.call, Taken(step.name, outcome))

    def count(self, step: Step[Any]) -> int:
        """How many of a numbered step there are: 2 when `OFFERED.of(1)` and `OFFERED.of(2)` have happened."""
        n = 0
        while step.of(n + 1) in self:
            n += 1
        return n

    def is_readable(self) -> bool:
        """Whether the steps are there without which nobody knows whose call it is, or which legs are its own."""
        try:
            self[ARRIVED], self.get(CONNECTED)
            if len(self._known) > 1:
                self[ROUTED], self.which(OFFERED), self.which(TRANSFERRING), self.which(DIALLING)
        except (KeyError, msgspec.DecodeError):
            return False
        return True

    def which(self, step: Step[T]) -> dict[str, T]:
        """Every one of a repeated step, by what stands behind its colon, in the order in which they happened."""
        begins = step.name + ":"
        names = [name.removeprefix(begins) for name in self._known if name.startswith(begins)]
        return {name: self[step.of(name)] for name in names}


class Taken(msgspec.Struct, frozen=True):
    """The body of an entry of topic `call`, to be written."""

    step: str
    outcome: Any


class _Kept(msgspec.Struct, frozen=True):
    step: str
    outcome: msgspec.Raw


class _Became(msgspec.Struct, frozen=True):
    outcome: str


_OUTCOMES = {str(outcome): outcome for outcome in Outcome}
"""One that only a later version of us knows is taken for the worst."""


class Folded(msgspec.Struct):
    """What a replay adds up to: the steps of calls that have no record yet, and the calls that lately ended."""

    calls: dict[CallId, dict[str, msgspec.Raw]] = msgspec.field(default_factory=dict)
    ended: dict[CallId, Outcome] = msgspec.field(default_factory=dict)


def fold(entries: Iterable[Entry]) -> Folded:
    """The ledgers that an earlier life left behind."""
    folded = Folded()
    for entry, said in read(entries, {CALL: _Kept, RECORD: _Became, MISSED: _Became}):
        call = CallId(entry.key)
        if isinstance(said, _Became):
            folded.calls.pop(call, None)
            folded.ended[call] = _OUTCOMES.get(said.outcome, Outcome.FAILED)
        elif call not in folded.ended:
            folded.calls.setdefault(call, {})[said.step] = said.outcome
    return folded


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)
