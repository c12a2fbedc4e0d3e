"""Proof that nobody who dials is lost: every number, way of arriving, moment and outcome, walked to its end.

A route is a finite graph, `(destination, outcome) -> next`.  It is decided once, so what it holds must stay good while
the caller waits: that part is walked on the Floor itself, with pools that close and pools that are taken away.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from routing import occasions, waiting
from routing.arrival import Arrival, arrived
from routing.config.site import Config
from routing.hours import civil
from routing.ids import TargetId
from routing.ladders import ladder, overflows
from routing.overflow import VOICEMAIL
from routing.plan import Destination, Kind, Route, Tier, detour_to, plan, tiers


class Outcome(StrEnum):
    """What can come of one step."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    RELEASED = "released at once"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    NOBODY = "nobody signed in"
    OVERFLOWED = "nobody free in time"
    SENT_BACK = "sent back to us"
    WAITED = "waited too long"
    SAID = "said"


class End(StrEnum):
    """Where a path may end."""

    PERSON = "person"
    CENTRE = "centre"
    HALL = "hall's queue"
    SPOKEN = "spoken reason"
    CALL_BACK = "call back"


FAILED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.RELEASED, Outcome.REJECTED)
"""What a target can answer instead of a person; after each the next tier is tried."""

DECLINED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.UNREACHABLE, Outcome.NOBODY)
"""What can become of an offer; the ticket keeps its place, and goes where its ladder, or its limit, leads."""

LOST = ""
"""The step after the last one."""

SHOWN = 20
"""Broken paths that are kept; the rest is counted."""


class Step(msgspec.Struct, frozen=True):
    """One step in words, and what follows which outcome: another step, an `End`, or `LOST`; `why` it ends nowhere."""

    words: str
    follows: tuple[tuple[Outcome, str], ...]
    why: str = ""


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
    """What was walked, and what is broken: `broken` holds the first `SHOWN` of `broken_in_all`.

    `longest_before_hall_ms`: from the last place in the queue until any agent of the hall is asked;
    `longest_elsewhere_ms`: before that, at pools and targets of which none takes the call.  A phone that rings when a
    wait is over, and what is being said, come on top.
    """

    numbers: int
    arrivals: int
    moments: int
    routes: int
    paths: int
    ends: dict[str, int]
    ladders: int
    waits: int
    longest_before_hall_ms: int
    longest_elsewhere_ms: int
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
        longest_before_hall_ms=max((wait.latest_ms for at, wait in prover.waits.items() if at.is_last), default=0),
        longest_elsewhere_ms=prover.longest_elsewhere_ms,
        broken=tuple(found),
        broken_in_all=broken,
    )


class _Prover:
    """Walks routes; equal ones once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.waits: dict[Tier, waiting.Wait] = {}
        self.longest_elsewhere_ms = 0
        self._known: dict[tuple[Destination, ...], Walk] = {}
        site = config.site
        leads = [rule.to for pool in site.pools.values() for rule in pool.overflow]
        leads += [name for skill in site.skills.values() for name in skill.shared_by]
        self._has_detours = any(to in site.targets for to in leads)  # by who calls, and when

    def walk(self, arrival: Arrival, at: datetime) -> Walk:
        """Every path of one call."""
        route = plan(self.config, arrival, at)
        if self._has_detours or not all(place.is_ours for place in route.destinations):
            return follow(self._graph(arrival, route, at), _name(arrival))
        if route.destinations not in self._known:
            self._known[route.destinations] = follow(self._graph(arrival, route, at), _name(arrival))
        return self._known[route.destinations]

    def _graph(self, arrival: Arrival, route: Route, at: datetime) -> dict[str, Step]:
        """The steps of a call, and those of the calls that come back to us from where it is sent."""
        steps: dict[str, Step] = {}
        open_: list[tuple[Arrival, Route]] = [(arrival, route)]
        while open_:
            came, theirs = open_.pop()
            if _name(came) not in steps:
                open_ += [(back, plan(self.config, back, at)) for back in self._add(steps, came, theirs, at)]
        return steps

    def _add(self, steps: dict[str, Step], arrival: Arrival, route: Route, at: datetime) -> Iterator[Arrival]:
        """Add the steps of one route; the arrivals that can follow from it."""
        before_ms = 0
        for tier in tiers(route):
            place, here = tier.places[0], _name(arrival, tier.n)
            after = LOST if tier.is_last else _name(arrival, tier.n + 1)
            self.longest_elsewhere_ms = max(self.longest_elsewhere_ms, before_ms)
            if place.is_ours:
                detours = self._detours(arrival, tier, at)
                steps |= self._queue(here, tier, after, detours)
                before_ms += tier.limit_ms or 0
                yield from (self._sent_back(each) for each in detours if each is not None)
            elif place.kind is Kind.ANNOUNCEMENT:
                steps[here] = _announcement(route)
            else:
                back = self._sent_back(place)
                steps |= _dialled(here, place, after, _name(back))
                before_ms += place.ring_for_ms * len(place.trunks)
                yield back

    def _sent_back(self, place: Destination) -> Arrival:
        """The call as it would come when the target sends it on to us, or is a line of ours itself."""
        site = self.config.site
        number = site.dialled(site.targets[TargetId(place.name)]) or place.number
        if number in self.config.lines:
            return arrived(self.config, number, [])
        return arrived(self.config, site.number, [(number, "")])

    def _detours(self, arrival: Arrival, tier: Tier, at: datetime) -> list[Destination | None]:
        """Where the wait of a tier may lead meanwhile, whatever its thresholds are: targets, and (None) a message."""
        rules = [rule.to for place in tier.places for rule in overflows(self.config, place)]
        dialled = [detour_to(self.config, TargetId(to), arrival, at) for to in rules if to in self.config.site.targets]
        found: list[Destination | None] = [place for place in dialled if place is not None]
        return [*found, None] if VOICEMAIL in rules else found

    def _queue(self, here: str, tier: Tier, after: str, detours: Sequence[Destination | None]) -> dict[str, Step]:
        """A run of our own pools: one ticket; the Floor itself says whether it always comes to the hall, or goes on.

        What its wait leads to meanwhile is dialled, and comes back to the queue; the last of these waits as if there
        had been nothing.
        """
        words = "waits for " + ", then ".join(f"pool '{place.name}'" for place in tier.places)
        wait = self._wait(tier)
        if not wait.holds:
            return {here: Step(words, (), wait.why)}
        unserved = DECLINED if tier.is_last else (*DECLINED, Outcome.OVERFLOWED)
        served = (Outcome.ANSWERED, End.PERSON), *((outcome, after or End.HALL) for outcome in unserved)
        steps: dict[str, Step] = {}
        for n, place in enumerate(detours):
            now, later, tried = (f"{here}{mark}" for mark in ("~" * n, "~" * (n + 1), f"?{n}"))
            steps[now] = Step(words, (*served, (Outcome.WAITED, tried)))
            if place is None:
                steps[tried] = Step("leaves a message", ((Outcome.SAID, End.CALL_BACK),))
                return steps
            steps |= _dialled(tried, place, later, _name(self._sent_back(place)))
        return {**steps, here + "~" * len(detours): Step(words, served)}

    def _wait(self, tier: Tier) -> waiting.Wait:
        """What the Floor makes of it; equal ones are tried once."""
        wherever = tier._replace(n=1)
        if wherever not in self.waits:
            site, rungs, limit_ms = self.config.site, ladder(self.config, tier.places), tier.limit_ms
            tried = waiting.wait(site, rungs) if limit_ms is None else waiting.limited(site, rungs, limit_ms)
            self.waits[wherever] = tried
        return self.waits[wherever]


def _name(arrival: Arrival, n: int = 1) -> str:
    """The step at which the `n`-th tier of a route begins."""
    chain = ">".join(arrival.chain)
    return f"{arrival.number}|{chain}|{arrival.reason}|{arrival.caller}|{n}"


def _announcement(route: Route) -> Step:
    """The caller hears why, and nothing else follows; without a word it would be a call that ends in silence."""
    follows = ((Outcome.SAID, End.SPOKEN),) if route.prompts else ((Outcome.SAID, LOST),)
    return Step("hears " + (", ".join(prompt.id for prompt in route.prompts) or "nothing"), follows)


def _dialled(here: str, place: Destination, after: str, back: str) -> dict[str, Step]:
    """A target over each of its trunks: an unreachable one is tried over the next.

    One that may ring for no time is not answered; one whose early release is not taken back has had the call.
    """
    if not place.trunks or place.ring_for_ms <= 0:
        return {here: Step(f"does not dial {place.name}", ((Outcome.UNREACHABLE, after),))}
    steps: dict[str, Step] = {}
    failed = [each for each in FAILED if each is not Outcome.RELEASED or place.return_within_ms > 0]
    for i, trunk in enumerate(place.trunks):
        next_one = after if i + 1 == len(place.trunks) else f"{here}+{i + 1}"
        follows = [*((outcome, after) for outcome in failed), (Outcome.UNREACHABLE, next_one)]
        follows += [(Outcome.ANSWERED, End.CENTRE), (Outcome.SENT_BACK, back)]
        words = f"dials {place.number} ({place.name}) over {trunk}"
        steps[f"{here}+{i}" if i else here] = Step(words, tuple(follows))
    return steps


def follow(steps: Mapping[str, Step], start: str) -> Walk:
    """Walk from `start`: every path counted, and the first that is a circle or ends nowhere."""
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
    if step.why:
        return Walk(1, {}, (step.words, step.why))
    ends: Counter[str] = Counter()
    for _, walk in walks:
        ends.update(walk.ends)
    paths = sum(walk.paths for _, walk in walks)
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
    latest, elsewhere = (f"{ms / 1000:g} s" for ms in (p.longest_before_hall_ms, p.longest_elsewhere_ms))
    lines = [
        f"{p.numbers} numbers, {p.arrivals} ways of arriving, {p.moments} moments around changes: {p.routes:,} routes",
        f"{p.paths:,} paths walked: {ends}",
        f"{p.ladders} waits in the queue, tried on the Floor in {p.waits} ways ({trials}):",
        f"  any agent of the hall is asked after {latest} at most, or when a phone that rings then is given up;",
        f"  places before that keep a caller for {elsewhere} at most; the wait in the hall ends with a person only",
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
    End.CALL_BACK: "with a message, and a call back",
}
