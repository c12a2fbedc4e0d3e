"""What is said to a caller and where the call goes: (config, arrival, moment) -> Route.

Pure and total: every arrival at every moment has a route, and every route ends at the hall or, for a line set to
`announce-only`, at a spoken reason.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

import msgspec

from routing import prompts as said
from routing.arrival import Arrival, recognise
from routing.config.site import Config, Target, TargetKind
from routing.hours import is_open, milliseconds
from routing.ids import LanguageId, PoolId, PromptId, SkillId, TargetId
from routing.lines import AnsweredBy, Cancelled, Host, Line, Phase, phase
from routing.numbers import EMERGENCY, caller

__all__ = [
    "Arrival",
    "Destination",
    "Kind",
    "Phase",
    "Route",
    "SpokenPrompt",
    "Tier",
    "plan",
    "recognise",
    "tiers",
]

UNCONDITIONAL = frozenset({"unconditional", "302"})
"""Reasons of a forwarding that nobody was asked about: RFC 5806's word, and History-Info's cause (RFC 4458)."""

MISROUTED, FROM = "emergency", "from-"
"""Marks: an emergency number was dialled and came to us; an emergency desk (`from-110`) sent us the call."""


class Kind(StrEnum):
    """What a destination is."""

    POOL = "pool"
    TRANSFER = "transfer"
    SUB_CENTRE = "sub-centre"
    RETAINED_SEATS = "retained-seats"
    EMERGENCY = "emergency"
    ANNOUNCEMENT = "announcement"


class SpokenPrompt(msgspec.Struct, frozen=True):
    """A prompt of a route; `length_ms` is filled in by whoever has its audio."""

    id: PromptId
    must_hear: bool
    text: str
    length_ms: int = 0


class Destination(msgspec.Struct, frozen=True):
    """One place a call can go to.

    `name` is a pool (`is_ours`) or a target, `number` what to dial for a target over the first of `trunks` that works.
    `ring_for_ms`: for a target its ringing; for a pool how long the call waits for it alone, 0 for as long as it takes.
    A target that releases within `return_within_ms` of its answer has failed.  `sorry` is said when it fails.
    `language`: those who speak it are asked first in a pool.
    """

    kind: Kind
    name: str
    skill: SkillId | None = None
    number: str = ""
    trunks: tuple[str, ...] = ()
    ring_for_ms: int = 0
    return_within_ms: int = 0
    sorry: SpokenPrompt | None = None
    is_ours: bool = False
    answers_with: str = "person"
    caller_id: str = "citizen"
    language: LanguageId | None = None


class Detour(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a wait leads after `after_ms`: a target, from which it comes back; None: a message is taken."""

    after_ms: int
    place: Destination | None = None


class Survey(msgspec.Struct, frozen=True):
    """What a citizen is asked when the agent has hung up; `answer_within_ms` counts from the prompt's end."""

    prompt: SpokenPrompt
    thanks: SpokenPrompt
    answer_within_ms: int


class Route(msgspec.Struct, frozen=True):
    """Everything that is decided when a call arrives; kept for the call's life.

    Consecutive `is_ours` destinations form one ticket: `tiers`.  `whisper` is the line's short name for the agent,
    `whispers_first` what is said to them before it.
    `marked`: why the call is out of the ordinary (`unknown-number`, `emergency`, `from-110`).  `priority_ms` moves it
    forward.
    """

    line: str
    name: str
    phase: Phase
    prompts: tuple[SpokenPrompt, ...]
    destinations: tuple[Destination, ...]
    whisper: PromptId
    marked: str | None = None
    priority_ms: int = 0
    survey: Survey | None = None
    whispers_first: PromptId | None = None

    @property
    def whispers(self) -> tuple[PromptId, ...]:
        """All that the agent hears before the talk."""
        return (self.whisper,) if self.whispers_first is None else (self.whispers_first, self.whisper)


class Tier(NamedTuple):
    """A run of destinations that is tried as one: pools of ours form one ticket, a target stands alone."""

    n: int
    places: tuple[Destination, ...]
    is_last: bool

    @property
    def limit_ms(self) -> int | None:
        """How long a call waits for these pools before what follows is tried; None: for as long as it takes."""
        return None if self.is_last else sum(place.ring_for_ms for place in self.places)


def tiers(route: Route) -> tuple[Tier, ...]:
    """The route's destinations, in the order in which they are tried; numbered from 1."""
    runs: list[tuple[Destination, ...]] = []
    for is_ours, run in groupby(route.destinations, key=lambda place: place.is_ours):
        places = tuple(run)
        runs += [places] if is_ours else [(place,) for place in places]
    return tuple(Tier(n, places, n == len(runs)) for n, places in enumerate(runs, 1))


_KIND_OF = {
    AnsweredBy.RETAINED_SEATS: Kind.RETAINED_SEATS,
    AnsweredBy.CENTRE: Kind.TRANSFER,
    AnsweredBy.SUB_CENTRE: Kind.SUB_CENTRE,
}


def plan(config: Config, arrival: Arrival, now: datetime) -> Route:
    """What the caller hears and where the call goes; `now` is civil time."""
    hall = config.lines[config.site.number]
    line = config.lines.get(arrival.number, hall)
    at = phase(line, now)
    marked = _mark(config, arrival)
    greeting = said.greeting(hall, hall.number)
    if arrival.number in EMERGENCY:
        desks = tuple(_emergency(config, arrival))
        prompts = (_say(config, said.emergency(arrival.number) if desks else greeting),)
        destinations = (*desks, _hall(config, hall))
    elif marked is not None and marked.startswith(FROM):
        prompts, destinations = (_say(config, greeting),), (_hall(config, line),)
    elif at is Phase.CANCELLED and line.when_cancelled is Cancelled.ANNOUNCE_ONLY:
        prompts = (_say(config, said.cancelled(line)),)
        destinations = (Destination(Kind.ANNOUNCEMENT, said.cancelled(line)),)
    else:
        before = tuple(_in_turn(config, [*_before_hall(config, line, arrival, now)]))
        prompts = (_say(config, _opening(config, line, at, arrival, before)),)
        destinations = (*before, _hall(config, line))
    urgent = marked is not None and marked.startswith((MISROUTED, FROM))
    sender = caller(config.site.numbering, arrival.caller)
    if marked != MISROUTED:
        destinations = _speaking(config.site.language_of(sender) or line.language, destinations)
    return Route(
        line=line.number,
        name=line.name,
        phase=at,
        prompts=prompts,
        destinations=destinations,
        whisper=said.whisper(line),
        marked=marked,
        priority_ms=milliseconds(config.site.priorities.at_arrival(sender, line.priority, is_urgent=urgent)),
        survey=None if urgent else _survey(config, line),
    )


def _speaking(language: LanguageId | None, places: Sequence[Destination]) -> tuple[Destination, ...]:
    """The same places; in our own pools those are preferred who speak the language."""
    if language is None:
        return tuple(places)
    return tuple(msgspec.structs.replace(place, language=language) if place.is_ours else place for place in places)


def is_urgent(route: Route) -> bool:
    """Whether an emergency number was dialled, or a desk sends the call."""
    return route.marked is not None and route.marked.startswith((MISROUTED, FROM))


def _mark(config: Config, arrival: Arrival) -> str | None:
    if arrival.number in EMERGENCY:
        return MISROUTED
    for number in _senders(config, arrival):
        if number in EMERGENCY:
            return FROM + number
    return None if arrival.recognised else "unknown-number"


def _opening(config: Config, line: Line, at: Phase, arrival: Arrival, before: tuple[Destination, ...]) -> PromptId:
    """The one prompt that a call begins with."""
    if at is Phase.CANCELLED:
        return said.cancelled(line)
    if at is Phase.TRANSITION:
        return said.transition(line)
    if line.answered_by in said.ANNOUNCES:
        if any(place.name == line.own_target for place in before):
            return said.transfer(line)
        sent_back = _sent_back(config, line, arrival)
        return said.greeting(config.lines[config.site.number], config.site.number) if sent_back else said.closed(line)
    return said.greeting(line, config.site.number)


def _before_hall(config: Config, line: Line, arrival: Arrival, now: datetime) -> Iterator[Destination]:
    """The line's own seats or centre, and its fallbacks: those that are open and have not sent us the call."""
    if line.own_pool is not None:
        yield from _pool(config, line, Kind.RETAINED_SEATS, line.own_pool, now)
    elif line.own_target is not None:
        yield from _target(config, line, _KIND_OF[line.answered_by], line.own_target, arrival, now)
    for name in line.fallback:
        if name in config.site.pools:
            yield from _pool(config, line, Kind.POOL, PoolId(name), now)
        else:
            yield from _target(config, line, Kind.TRANSFER, TargetId(name), arrival, now)


def _in_turn(config: Config, places: Sequence[Destination]) -> Iterator[Destination]:
    """What is said when a target fails promises the hall only where one comes to it."""
    for place, after in zip(places, [*places, None][1:], strict=True):
        if place.is_ours or after is None or after.is_ours:
            yield place
        else:
            yield msgspec.structs.replace(place, sorry=_say(config, said.RETURN_NEXT))


def _pool(config: Config, line: Line, kind: Kind, name: PoolId, now: datetime) -> Iterator[Destination]:
    if is_open(config.site.pools[name].hours, config.site.calendar, now):
        wait = line.ring_for or config.site.timing.own_seats_for
        yield Destination(kind, name, ring_for_ms=milliseconds(wait), is_ours=True)


def _target(
    config: Config, line: Line, kind: Kind, name: TargetId, arrival: Arrival, now: datetime
) -> Iterator[Destination]:
    target = config.site.targets[name]
    sent_it = name == line.target and _sent_back(config, line, arrival)
    is_there = is_open(target.hours, config.site.calendar, now)
    if is_there and not sent_it and config.site.dialled(target) not in _senders(config, arrival):
        ring_for = line.ring_for if name == line.target and line.ring_for else target.ring_for
        yield _transfer(config, kind, target, ring_for)


def _transfer(config: Config, kind: Kind, target: Target, ring_for: timedelta) -> Destination:
    return Destination(
        kind,
        target.id,
        number=target.number,
        trunks=target.trunks,
        ring_for_ms=milliseconds(ring_for),
        return_within_ms=milliseconds(target.return_within),
        sorry=_say(config, said.RETURN_HALL),
        answers_with=target.answers_with,
        caller_id=target.caller_id,
    )


def detour_to(config: Config, name: TargetId, arrival: Arrival, now: datetime) -> Destination | None:
    """A target to which a pool overflows; None when it is closed, or has sent us the call."""
    target = config.site.targets[name]
    if config.site.dialled(target) in _senders(config, arrival):
        return None
    if not is_open(target.hours, config.site.calendar, now):
        return None
    place = _transfer(config, Kind.TRANSFER, target, target.ring_for)
    return msgspec.structs.replace(place, sorry=_say(config, said.RETURN_QUEUE))


def _sent_back(config: Config, line: Line, arrival: Arrival) -> bool:
    """Whether the call comes from the line's own number or its target: it must not go back there.

    A city's number that its carrier forwards to us as a whole has not been at its seats yet.
    """
    target = config.site.targets.get(line.target) if line.target else None
    theirs = {config.site.dialled(target)} if target else set()
    is_the_carriers = arrival.diverted_from == line.number and arrival.reason in UNCONDITIONAL
    if line.host is not Host.CITY or not is_the_carriers:
        theirs |= {line.number}
    return any(number in theirs for number in _senders(config, arrival))


def _senders(config: Config, arrival: Arrival) -> tuple[str | None, ...]:
    """Everybody who had the call before us."""
    return (*arrival.chain, caller(config.site.numbering, arrival.caller))


def _emergency(config: Config, arrival: Arrival) -> Iterator[Destination]:
    """The desk that was dialled, unless it has sent us the call."""
    number = arrival.number
    if number in _senders(config, arrival):
        return
    for target in config.site.targets.values():
        if target.kind is TargetKind.EMERGENCY and config.site.dialled(target) == number:
            yield _transfer(config, Kind.EMERGENCY, target, target.ring_for)


def _hall(config: Config, line: Line) -> Destination:
    return Destination(Kind.POOL, config.site.hall, line.skill, is_ours=True)


def _survey(config: Config, line: Line) -> Survey | None:
    """Emergencies are never asked; of the rest, whoever the line's `survey` does not leave out."""
    asked = config.site.survey
    if not (asked.on and line.survey):
        return None
    return Survey(_say(config, said.SURVEY), _say(config, said.SURVEY_THANKS), milliseconds(asked.answer_within))


def _say(config: Config, prompt: PromptId) -> SpokenPrompt:
    known = config.prompts[prompt]
    return SpokenPrompt(prompt, known.must_hear, known.text)
