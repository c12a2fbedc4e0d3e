"""Why: for a number, a moment and a way of arriving, what the caller hears, where the call goes, and the plan's row.

Says in values and words what `routing.plan` decides; decides nothing itself.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from routing.arrival import Arrival, arrived
from routing.config.site import Config
from routing.hours import civil, is_open, next_change
from routing.ids import PoolId, PromptId, TargetId
from routing.ladders import ladder, overflows, promised
from routing.lines import Line, Phase, Reading, Section
from routing.overflow import CALLBACK, VOICEMAIL
from routing.plan import FROM, MISROUTED, Destination, Kind, Route, plan
from routing.tickets import Alternative, Ladder

DIRECT = "direct"

TITLES = {Section.FULL_MERGE: "整体并入", Section.DUAL_NUMBER: "双号并行", Section.SUB_CENTRE: "设分中心"}
REMARKS = {Reading.OWN: "a remark of its own", Reading.INHERITED: "the remark above it"}
WEEKDAYS = "一二三四五六日"


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """A destination, short: its kind, its name (a pool or target), the skill and the language asked for."""

    kind: Kind
    name: str
    skill: str | None
    language: str | None = None


class Skipped(msgspec.Struct, frozen=True):
    """A pool or target of the line that this call does not go to, and why."""

    name: str
    why: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one call.  The fields are the keys of `explain --json`; `steps` says the same in words.

    `day` is the name of a special one: a public holiday, or a weekend worked for one.
    """

    dialled: str
    number: str
    line: str
    department: str
    unit: str
    section: Section | None
    row: str | None
    reading: Reading | None
    phase: Phase
    arrival: str
    marked: str | None
    prompts: tuple[PromptId, ...]
    texts: tuple[str, ...]
    destination: Place
    fallbacks: tuple[Place, ...]
    skipped: tuple[Skipped, ...]
    whisper: str
    steps: tuple[str, ...]
    at: str
    day: str | None


def explain(config: Config, number: str, at: datetime, arrival: str = DIRECT, caller: str = "") -> Explanation:
    """What becomes of a call of `caller` to `number` at `at` (civil time), which came directly or by `arrival`."""
    came = _arrival(config, number, arrival, caller)
    route = plan(config, came, at)
    line = config.lines[route.line]
    places = [_place(destination) for destination in route.destinations]
    return Explanation(
        dialled=number,
        number=came.number,
        line=line.name,
        department=line.department,
        unit=line.unit,
        section=line.section,
        row=line.row,
        reading=line.reading,
        phase=route.phase,
        arrival=arrival,
        marked=route.marked,
        prompts=tuple(prompt.id for prompt in route.prompts),
        texts=tuple(prompt.text for prompt in route.prompts),
        destination=places[0],
        fallbacks=tuple(places[1:]),
        skipped=tuple(_skipped(config, line, route, at)),
        whisper=config.prompts[route.whisper].text,
        steps=tuple(steps(config, route.destinations)),
        at=civil(at).isoformat(),
        day=special.name if (special := config.site.calendar.days.get(civil(at).date())) else None,
    )


def _arrival(config: Config, number: str, arrival: str, caller: str) -> Arrival:
    if arrival == DIRECT:
        return arrived(config, number, [], "", caller)
    sender = config.site.numbering.normalise(arrival)
    return arrived(config, number, [(sender or arrival, "")], "", caller)


def _place(destination: Destination) -> Place:
    return Place(destination.kind, destination.name, destination.skill, destination.language)


def _skipped(config: Config, line: Line, route: Route, at: datetime) -> Iterator[Skipped]:
    """The line's own places that the route leaves out."""
    asked = {destination.name for destination in route.destinations}
    if route.destinations[0].kind is Kind.ANNOUNCEMENT or route.marked == MISROUTED:
        return
    for name in dict.fromkeys(filter(None, (line.own_pool, line.own_target, *line.fallback))):
        if name in asked:
            continue
        pool = config.site.pools.get(PoolId(name))
        hours = pool.hours if pool is not None else config.site.targets[TargetId(name)].hours
        if route.marked is not None and route.marked.startswith(FROM):
            yield Skipped(name, f"a call from {route.marked.removeprefix(FROM)} goes to the hall")
        elif is_open(hours, config.site.calendar, at):
            yield Skipped(name, "the call was sent to us from there")
        else:
            opens = next_change(hours, config.site.calendar, at)
            yield Skipped(name, f"closed until {_moment(opens)}" if opens else "never open")


def steps(config: Config, destinations: Sequence[Destination]) -> Iterator[str]:
    """The way of a call, a sentence each; a run of our own pools is one wait that widens."""
    run: list[Destination] = []
    for destination in (*destinations, None):
        if destination is not None and destination.is_ours:
            run.append(destination)
            continue
        yield from _wait(config, ladder(config, run))
        yield from _overflows(config, run)
        if destination is not None and run:
            limit = _seconds(sum(place.ring_for_ms for place in run))
            yield f"after {limit}, or when nobody is signed in there: goes on"
        run = []
        if destination is not None:
            yield _outside(config, destination)


def _overflows(config: Config, pools: Sequence[Destination]) -> Iterator[str]:
    """What a wait in these pools widens to, or leads to, when it is long."""
    for pool in pools:
        own = promised(config, PoolId(pool.name))
        for rule in overflows(config, pool)[len(own) :]:
            shared = config.site.skills[pool.skill].name if pool.skill else ""
            yield f"after {_duration(rule.waited)} also, for {shared}: {_leads_to(config, rule.to)}"
        for rule in own:
            reasons = [f"{rule.length} wait there"] if rule.length else []
            reasons += [f"{_duration(rule.expected)} are foreseen"] if rule.expected else []
            reasons += [f"it has waited for {_duration(rule.waited)}"] if rule.waited else []
            if reasons:
                yield f"when {' or '.join(reasons)}: {_leads_to(config, rule.to)}"


def _leads_to(config: Config, to: str) -> str:
    if to == CALLBACK:
        return "is offered a call back"
    if to == VOICEMAIL:
        return "leaves a message, and is called back"
    if to in config.site.pools:
        return f"also anyone in {config.site.pools[PoolId(to)].name}"
    target = config.site.targets[TargetId(to)]
    return f"dials {target.number} ({target.name}), and comes back to its place if nobody answers"


def _duration(duration: timedelta) -> str:
    return _seconds(duration // timedelta(milliseconds=1))


def _outside(config: Config, destination: Destination) -> str:
    if destination.kind is Kind.ANNOUNCEMENT:
        return "ends there: not answered, Q.850 cause 22"
    target = config.site.targets[TargetId(destination.name)]
    back = f", back to us if it releases within {_seconds(destination.return_within_ms)} of its answer"
    back = back if destination.return_within_ms else ""
    return (
        f"dials {destination.number} ({target.name}) over {', '.join(destination.trunks)}"
        f" for {_seconds(destination.ring_for_ms)}{back}"
    )


def _wait(config: Config, rungs: Ladder) -> Iterator[str]:
    known: tuple[Alternative, ...] = ()
    for rung in rungs:
        fresh = [_alternative(config, one) for one in rung.requirement.alternatives if one not in known]
        known = rung.requirement.alternatives
        when = "at once" if rung.after_ms == 0 else f"after {_seconds(rung.after_ms)} also"
        yield f"{when}: {', then '.join(fresh)}"


def _alternative(config: Config, one: Alternative) -> str:
    pool = config.site.pools[one.pool].name
    speaks = f" who speaks {config.site.languages[one.language].name}" if one.language else ""
    if one.skill is None:
        return f"anyone in {pool}{speaks}"
    return f"{pool} with {config.site.skills[one.skill].name} (level {one.level} and up){speaks}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:g} s"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def render(explanation: Explanation) -> str:
    """The explanation for a person to read."""
    e = explanation
    lines = [f"{e.dialled}: {e.line} ({e.number}), {e.department}" + (f"  [{e.marked}]" if e.marked else "")]
    if e.section is not None and e.reading is not None:
        lines.append(f"  the plan   {e.row} {TITLES[e.section]}, read from {REMARKS[e.reading]}; unit: {e.unit}")
    moment = datetime.fromisoformat(e.at)
    day = f"星期{WEEKDAYS[moment.weekday()]}" + (f" ({e.day})" if e.day else "")
    lines.append(f"  at         {_moment(moment)} {day}, phase {e.phase}; arrival {e.arrival}")
    lines += [f"  hears      {prompt}: {text}" for prompt, text in zip(e.prompts, e.texts, strict=True)]
    lines += [f"  not asked  {place.name}: {place.why}" for place in e.skipped]
    lines += [f"  goes to    {n}. {step}" for n, step in enumerate(e.steps, 1)]
    lines.append(f"  the agent hears “{e.whisper}”")
    places = [in_short(place) for place in (e.destination, *e.fallbacks)]
    lines.append(f"  in short   {' → '.join(places)}")
    return "\n".join(lines)


def in_short(place: Place | Destination) -> str:
    """`pool hall (housing-fund, english)`."""
    asked = ", ".join(filter(None, (place.skill, place.language)))
    return f"{place.kind} {place.name}" + (f" ({asked})" if asked else "")
