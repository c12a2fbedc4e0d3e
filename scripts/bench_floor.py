#!/usr/bin/env python3
"""What an event costs the Floor, in a city and in a country, with 40 skills and ladders of 4 rungs.

    .venv/bin/python scripts/bench_floor.py [--write docs/performance.md]

Each event is `apply` and the `due` that follows it, as the dispatcher does; making the event is not counted.  Ladders
are fresh values each time, as the plan makes them.  Agents have 1 to 6 of the 40 skills at levels 1 to 5; callers climb
after 20, 60 and 300 seconds; 5 % of offers are refused, some callers give up.  The collector of garbage is on.
"""

import argparse
import gc
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from routing.floor import Floor  # noqa: E402
from routing.ids import AgentId, Instant, PoolId, SeatId, SkillId, TicketId  # noqa: E402
from routing.standing import TicketState  # noqa: E402
from routing.tickets import (  # noqa: E402
    Accepted,
    Action,
    Alternative,
    AnyEvent,
    Changed,
    Competence,
    Configured,
    Entered,
    Ladder,
    Left,
    Moved,
    Offer,
    Readied,
    Refusal,
    Refused,
    Requirement,
    Rung,
    SignedIn,
    Tick,
)
from scripts.bench_page import machine, write  # noqa: E402

HALL, LEADERS = PoolId("hall"), PoolId("leaders")
SKILLS = [SkillId(f"skill-{n}") for n in range(40)]
WRAP_UP_MS = 30_000
HANDLE_TIME_MS = 180_000
REFUSED = 0.05
LEADS = 0.05
BUSY = 0.8
GIVES_UP = 0.3
SECTION = "## Floor"

START = Instant(0)

Name = TypeVar("Name")


def ladder(skill: SkillId) -> Ladder:
    """Four steps: good at it, able to do it, anybody in the hall, or its leaders too."""
    return (
        Rung(Requirement((Alternative(HALL, skill, 4),))),
        Rung(Requirement((Alternative(HALL, skill, 1),)), 20_000),
        Rung(Requirement((Alternative(HALL),)), 60_000),
        Rung(Requirement((Alternative(HALL), Alternative(LEADERS))), 300_000),
    )


@dataclass
class Day:
    """A stretch of work with a steady number of waiting tickets."""

    agents: int
    waiting: int
    rng: random.Random
    floor: Floor = field(default_factory=Floor)
    now: Instant = START
    entered: int = 0
    queued: int = 0
    resting: list[AgentId] = field(default_factory=list)
    talking: list[TicketId] = field(default_factory=list)
    costs: dict[str, list[int]] = field(default_factory=dict)
    longest: int = 0

    def tell(self, event: AnyEvent) -> list[Offer]:
        """One event, timed; returns the offers that it leads to."""
        clock, floor, now = time.perf_counter_ns, self.floor, self.now
        start = clock()
        said = floor.apply(event, now)
        floor.due()
        cost, woken = clock() - start, 1 if type(event) is not Tick else woken_by(said)
        self.longest = max(self.longest, cost)
        self.costs.setdefault(type(event).__name__, []).extend([cost // woken] * woken)
        offers = [action for action in said if isinstance(action, Offer)]
        self.queued -= len(offers)
        return offers

    def competences(self) -> tuple[Competence, ...]:
        """What one agent has learnt."""
        skills = sorted(self.rng.sample(SKILLS, self.rng.randint(1, 6)))
        hall = Competence(HALL, tuple((skill, self.rng.randint(1, 5)) for skill in skills))
        return (hall, Competence(LEADERS)) if self.rng.random() < LEADS else (hall,)

    def arrival(self) -> Entered:
        """One more caller."""
        self.entered += 1
        self.queued += 1
        priority_ms = self.rng.choice((0, 0, 0, 0, 60_000, 120_000))
        return Entered(TicketId(f"handan1-{self.entered}"), ladder(self.rng.choice(SKILLS)), self.now, priority_ms)

    def morning(self) -> None:
        """All sign in, most are soon in talk, and 10 minutes bring the waiting tickets; not counted."""
        self.tell(Configured((HALL, LEADERS), HALL, WRAP_UP_MS))
        for n in range(self.agents):
            agent = AgentId(f"1{n:05}")
            self.tell(SignedIn(agent, SeatId(f"8{n:05}"), self.competences(), ready=False))
            self.resting.append(agent)
        while len(self.talking) < self.agents * BUSY:
            self.now = Instant(self.now + 1)
            self.time_passes()
            if self.resting:
                self.agents_answer(self.tell(Readied(taken(self.resting, self.rng))))
            self.agents_answer(self.tell(self.arrival()))
        begun = self.now
        for n in range(self.waiting):
            self.now = Instant(begun + n * 600_000 // self.waiting)
            self.time_passes()
            self.agents_answer(self.tell(self.arrival()))
        self.costs.clear()
        self.longest = 0
        gc.collect()

    def time_passes(self) -> None:
        """Tells the Floor each moment at which it wanted to know."""
        now = self.now
        while (due := self.floor.due()) is not None and due <= now:
            self.now = due
            self.agents_answer(self.tell(Tick()))
        self.now = now

    def agents_answer(self, offers: list[Offer]) -> None:
        """Agents answer what they are offered, or one in twenty does not."""
        while offers:
            offer = offers.pop()
            if self.rng.random() < REFUSED:
                self.queued += 1
                offers.extend(self.tell(Refused(offer.ticket, offer.agent, Refusal.NO_ANSWER)))
                self.resting.append(offer.agent)
            else:
                self.tell(Accepted(offer.ticket, offer.agent))
                self.talking.append(offer.ticket)

    def work(self, events: int) -> None:
        """Talks end, agents come back, callers arrive and give up: as many come as go."""
        while sum(map(len, self.costs.values())) < events:
            self.now = Instant(self.now + max(1, HANDLE_TIME_MS // self.agents))
            self.time_passes()
            if self.resting:
                self.agents_answer(self.tell(Readied(taken(self.resting, self.rng))))
            if len(self.talking) > self.agents * BUSY:
                self.agents_answer(self.tell(Left(taken(self.talking, self.rng))))
            if self.rng.random() < GIVES_UP:
                self.somebody_gives_up()
            while self.queued < self.waiting:
                self.agents_answer(self.tell(self.arrival()))

    def somebody_gives_up(self) -> None:
        """Any caller who waits."""
        ticket = TicketId(f"handan1-{self.rng.randint(1, self.entered)}")
        view = self.floor.ticket(ticket)
        if view is not None and view.state is TicketState.WAITING:
            self.queued -= 1
            self.tell(Left(ticket))


def woken_by(said: tuple[Action, ...]) -> int:
    """How many agents and tickets a `Tick` concerned: a ticket that climbs to an agent says `Moved` and `Changed`."""
    pairs = zip((None, *said), said, strict=False)
    return max(1, sum(isinstance(b, Moved) or (isinstance(b, Changed) and not isinstance(a, Moved)) for a, b in pairs))


def taken(names: list[Name], rng: random.Random) -> Name:
    """Any one of the names, which is then no longer among them."""
    n = rng.randrange(len(names))
    names[n], names[-1] = names[-1], names[n]
    return names.pop()


@dataclass(frozen=True)
class Figures:
    """What a run has shown, in microseconds."""

    agents: int
    waiting: int
    events: int
    mean: float
    p99: float
    longest: float
    kinds: tuple[tuple[str, int, float], ...]

    @property
    def row(self) -> str:
        """A line of the table."""
        return (
            f"| {self.agents:,} | {self.waiting:,} | {self.events:,} | {self.mean:.2f} µs | {self.p99:.2f} µs "
            f"| {self.longest / 1000:.2f} ms |"
        )


def measured(agents: int, waiting: int, events: int, seed: int) -> Figures:
    """One run."""
    day = Day(agents, waiting, random.Random(seed))  # noqa: S311  # chance from a seed
    day.morning()
    day.work(events)
    costs = sorted(cost for kind in day.costs.values() for cost in kind)
    kinds = tuple((name, len(kind), sum(kind) / len(kind) / 1000) for name, kind in sorted(day.costs.items()))
    mean = sum(costs) / len(costs)
    return Figures(
        agents, waiting, len(costs), mean / 1000, costs[len(costs) * 99 // 100] / 1000, day.longest / 1000, kinds
    )


def report(events: int, seed: int) -> str:
    """The section for the document."""
    city, country = measured(190, 1_000, events, seed), measured(28_236, 100_000, events, seed)
    lines = [
        SECTION,
        "",
        f"`.venv/bin/python scripts/bench_floor.py --events {events} --seed {seed}`",
        "",
        f"{machine()}",
        "",
        "| agents | waiting | events | mean | p99 | longest |",
        "|---|---|---|---|---|---|",
        city.row,
        country.row,
        "| to reach / aim, the second row | | | 6 / 3 µs | 20 / 8 µs | 10 / 5 ms |",
        "",
        f"The second row costs {country.mean / city.mean:.2f} times the first (to reach: at most 4).",
        f"{len(SKILLS)} skills, ladders of {len(ladder(SKILLS[0]))} rungs.",
        "An event is `apply` and the `due` after it; a `Tick` counts as one for each agent or ticket that it wakes,",
        "but whole in the longest. Python's garbage collector is on.",
        "",
        "| event | " + " | ".join(name for name, _, _ in country.kinds) + " |",
        "|---|" + "---|" * len(country.kinds),
        *(
            f"| {figures.agents:,} agents | " + " | ".join(f"{mean:.2f} µs" for _, _, mean in figures.kinds) + " |"
            for figures in (city, country)
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and perhaps write down."""
    parser = argparse.ArgumentParser(description="What an event costs the Floor.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="put the result into this document, section Floor")
    arguments = parser.parse_args()
    section = report(arguments.events, arguments.seed)
    print(section)
    if arguments.write:
        write(arguments.write, section)


if __name__ == "__main__":
    main()
