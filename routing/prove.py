"""Proof that nobody who dials is lost: every number, way of arriving, moment and outcome, walked to its end.

A route is a finite graph, `(destination, outcome) -> next`.  It is decided once, so what it holds must stay good while
the caller waits: that part is walked on the Floor itself, with pools that close and pools that are taken away.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby

import msgspec

from routing import occasions, waiting
from routing.arrival import Arrival, arrived
from routing.config.site import Config
from routing.hours import civil
from routing.ids import TargetId
from routing.plan import Destination, Kind, Route, ladder, plan


class Outcome(StrEnum):
    """What can come of one step."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    RELEASED = "released at once"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    NOBODY = "nobody signed in"
    SENT_BACK = "sent back to us"
    SAID = "said"


class End(StrEnum):
    """Where a path may end."""

    PERSON = "person"
    CENTRE = "centre"
    HALL = "hall's queue"
    SPOKEN = "spoken reason"


FAILED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.RELEASED, Outcome.REJECTED)
"""What a target can answer instead of a person; after each the next destination is tried."""

DECLINED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.UNREACHABLE, Outcome.NOBODY)
"""What can become of an offer; the ticket keeps its place, and goes where its ladder leads."""

LOST = ""
"""The step after the last one."""

SHOWN = 20
"""Broken paths that are kept; the rest is counted."""


class Step(msgspec.Struct, frozen=True):
    """One step in words, and what follows which outcome: another step, an `End`, or `LOST`."""

    words: str
    follows: tuple[tuple[Outcome, str], ...]
    is_limited: bool = True


class Walk(msgspec.Struct, frozen=True):
    """What came of walking from one step: how many paths, where they end, and one that ends nowhere, in words."""

    paths: int
    ends: Mapping[str, int]
    broken: tuple[str, ...] = ()


class Broken(msgspec.Struct, frozen=True):
    """A path on which a caller is lost."""

    number: str
    arrival: str
    at: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        """The path, a step a line."""
        steps = "\n".join(f"    {step}" for step in self.path)
        return f"{self.number}, {self.arrival}, at {self.at}:\n{steps}"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was walked, and what is broken: `broken` holds the first `SHOWN` of `broken_in_all`."""

    numbers: int
    arrivals: int
    moments: int
    routes: int
    paths: int
    ends: dict[str, int]
    ladders: int
    waits: int
    longest_before_hall_ms: int
    broken: tuple[Broken, ...]
    broken_in_all: int

    @property
    def holds(self) -> bool:
        """Whether nobody is lost."""
        return not self.broken_in_all


def prove(config: Config) -> Proof:
    """Walk every number x arrival x moment x outcome."""
    prover = _Prover(config)
    ends: Counter[str] = Counter()
    found: list[Broken] = []
    routes = paths = broken = 0
    came = occasions.arrivals(config)
    numbers = dict.fromkeys(arrival.number for arrival, _ in came)
    moments = {number: occasions.moments(config, number) for number in numbers}
    for arrival, words in came:
        for at in moments[arrival.number]:
            walk = prover.walk(arrival, at)
            routes, paths = routes + 1, paths + walk.paths
            ends.update(walk.ends)
            if walk.broken:
                broken += 1
                if len(found) < SHOWN:
                    found.append(Broken(arrival.number, words, f"{civil(at):%Y-%m-%d %H:%M:%S}", walk.broken))
    return Proof(
        numbers=len(moments),
        arrivals=len(came),
        moments=len({at for each in moments.values() for at in each}),
        routes=routes,
        paths=paths,
        ends=dict(sorted(ends.items())),
        ladders=len(prover.waits),
        waits=sum(wait.walked for wait in prover.waits.values()),
        longest_before_hall_ms=max((wait.hall_after_ms for wait in prover.waits.values()), default=0),
        broken=tuple(found),
        broken_in_all=broken,
    )


class _Prover:
    """Walks routes; equal ones once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.waits: dict[tuple[Destination, ...], waiting.Wait] = {}
        self._known: dict[tuple[Destination, ...], Walk] = {}

    def walk(self, arrival: Arrival, at: datetime) -> Walk:
        """Every path of one call."""
        route = plan(self.config, arrival, at)
        if not all(place.is_ours for place in route.destinations):
            return follow(self._graph(arrival, route, at), _name(arrival, 0))
        if route.destinations not in self._known:
            self._known[route.destinations] = follow(self._graph(arrival, route, at), _name(arrival, 0))
        return self._known[route.destinations]

    def _graph(self, arrival: Arrival, route: Route, at: datetime) -> dict[str, Step]:
        """The steps of a call, and those of the calls that come back to us from where it is sent."""
        steps: dict[str, Step] = {}
        open_: list[tuple[Arrival, Route]] = [(arrival, route)]
        while open_:
            came, theirs = open_.pop()
            if _name(came, 0) not in steps:
                open_ += [(back, plan(self.config, back, at)) for back in self._add(steps, came, theirs)]
        return steps

    def _add(self, steps: dict[str, Step], arrival: Arrival, route: Route) -> Iterator[Arrival]:
        """Add the steps of one route; the arrivals that can follow from it."""
        n = 0
        for is_ours, places in groupby(route.destinations, key=lambda place: place.is_ours):
            for run in (tuple(places),) if is_ours else ((place,) for place in places):
                last = n + len(run) * _width(run[0]) >= sum(_width(place) for place in route.destinations)
                after = LOST if last else _name(arrival, n + len(run) * _width(run[0]))
                if is_ours:
                    steps[_name(arrival, n)] = self._queue(run, after)
                elif run[0].kind is Kind.ANNOUNCEMENT:
                    steps[_name(arrival, n)] = _announcement(route)
                else:
                    back = self._sent_back(run[0])
                    steps |= _dialled(arrival, n, run[0], after, _name(back, 0))
                    yield back
                n += len(run) * _width(run[0])

    def _sent_back(self, place: Destination) -> Arrival:
        """The call as it would come when the target sends it on to us, or is a line of ours itself."""
        site = self.config.site
        number = site.dialled(site.targets[TargetId(place.name)]) or place.number
        if number in self.config.lines:
            return arrived(self.config, number, [])
        return arrived(self.config, site.number, [(number, "")])

    def _queue(self, run: tuple[Destination, ...], after: str) -> Step:
        """A run of our own pools: one ticket; the Floor itself says whether it always comes to the hall."""
        words = "waits for " + ", then ".join(f"pool '{place.name}'" for place in run)
        if run not in self.waits:
            self.waits[run] = waiting.wait(self.config.site, ladder(self.config, run))
        wait = self.waits[run]
        if not wait.reaches_hall:
            return Step(f"{words}; {wait.why}", ((Outcome.NOBODY, LOST),))
        ends = after or End.HALL
        return Step(words, ((Outcome.ANSWERED, End.PERSON), *((outcome, ends) for outcome in DECLINED)))


def _width(place: Destination) -> int:
    """How many steps a destination takes: a target one for each trunk."""
    return 1 if place.is_ours or place.kind is Kind.ANNOUNCEMENT else max(1, len(place.trunks))


def _name(arrival: Arrival, n: int) -> str:
    chain = ">".join(arrival.chain)
    return f"{arrival.number}|{chain}|{arrival.reason}|{arrival.caller}|{n}"


def _announcement(route: Route) -> Step:
    """The caller hears why, and nothing else follows; without a word it would be a call that ends in silence."""
    follows = ((Outcome.SAID, End.SPOKEN),) if route.prompts else ((Outcome.SAID, LOST),)
    return Step("hears " + (", ".join(prompt.id for prompt in route.prompts) or "nothing"), follows)


def _dialled(arrival: Arrival, n: int, place: Destination, after: str, back: str) -> dict[str, Step]:
    """A target over each of its trunks: an unreachable one is tried over the next."""
    steps: dict[str, Step] = {}
    for i, trunk in enumerate(place.trunks or ("no trunk",)):
        is_last = i + 1 >= len(place.trunks)
        follows = [(outcome, after) for outcome in FAILED]
        follows.append((Outcome.UNREACHABLE, after if is_last else _name(arrival, n + i + 1)))
        if place.trunks:
            follows += [(Outcome.ANSWERED, End.CENTRE), (Outcome.SENT_BACK, back)]
        words = f"dials {place.number} ({place.name}) over {trunk}"
        steps[_name(arrival, n + i)] = Step(words, tuple(follows), place.ring_for_ms > 0)
    return steps


def follow(steps: Mapping[str, Step], start: str) -> Walk:
    """Walk from `start`: every path counted, and the first that is a circle, has no limit or ends nowhere."""
    done: dict[str, Walk] = {}
    trail: list[str] = []

    def visit(name: str) -> Walk:
        if name in done:
            return done[name]
        if name in trail:
            return Walk(1, {}, ("… and so on, in a circle",))
        step = steps[name]
        trail.append(name)
        walks = [(outcome, _end(outcome, after) or visit(after)) for outcome, after in step.follows]
        trail.pop()
        done[name] = walk = _joined(step, walks)
        return walk

    return visit(start)


_ENDS = frozenset(map(str, End))


def _end(outcome: Outcome, after: str) -> Walk | None:
    if after == LOST:
        return Walk(1, {}, (f"{outcome}: nothing follows, and the caller is lost",))
    return Walk(1, {str(after): 1}) if after in _ENDS else None


def _joined(step: Step, walks: Sequence[tuple[Outcome, Walk]]) -> Walk:
    ends: Counter[str] = Counter()
    for _, walk in walks:
        ends.update(walk.ends)
    paths = sum(walk.paths for _, walk in walks)
    if not step.is_limited:
        return Walk(paths, ends, (step.words, "rings without a limit"))
    broken = next(((outcome, walk.broken) for outcome, walk in walks if walk.broken), None)
    if broken is None:
        return Walk(paths, ends)
    outcome, path = broken
    if len(path) > 1 or path[0].startswith("…"):
        return Walk(paths, ends, (f"{step.words}: {outcome}", *path))
    return Walk(paths, ends, (step.words, *path))


def render(proof: Proof) -> str:
    """The proof for a person to read."""
    p = proof
    ends = ", ".join(f"{count:,} {_WHERE[End(end)]}" for end, count in p.ends.items())
    trials = "nobody there, a pool closes, a pool is taken away, an offer comes to nothing"
    latest = f"{p.longest_before_hall_ms / 1000:g} s"
    lines = [
        f"{p.numbers} numbers, {p.arrivals} ways of arriving, {p.moments} moments around changes: {p.routes:,} routes",
        f"{p.paths:,} paths walked: {ends}",
        f"{p.ladders} waits in the queue, tried on the Floor in {p.waits} ways ({trials}):",
        f"  any agent of the hall is asked after {latest} at the latest; the wait in the hall ends with a person only",
    ]
    if p.broken_in_all:
        lines += ["", f"{p.broken_in_all:,} routes on which a caller is lost" + _first(p), *map(str, p.broken)]
    else:
        lines.append("nobody is lost")
    return "\n".join(lines)


def _first(proof: Proof) -> str:
    return f"; the first {SHOWN}:" if proof.broken_in_all > len(proof.broken) else ":"


_WHERE = {
    End.PERSON: "end with an agent",
    End.CENTRE: "with a centre's answer",
    End.HALL: "in the hall's queue, first come first served",
    End.SPOKEN: "in a spoken reason",
}
