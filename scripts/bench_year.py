#!/usr/bin/env python3
"""A year of a city's calls, simulated by the Floor, beside a single queue in simpy.

    .venv/bin/python scripts/bench_year.py [--calls 3000000] [--write docs/performance.md]

365 days alike with 12 skills: each caller wants one of them at level 3, after 5 s at any level, after 10 s anybody;
each half-hour is staffed as Erlang C says.  The yardstick is what a planner would write in an afternoon: one queue,
agents all alike, the same arrivals, handle times and patience; it does a tenth of the calls.

Needs simpy (.venv/bin/pip install simpy), which nothing else of ours does.
"""

import argparse
import importlib.util
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ivr.edge.chance import callers  # noqa: E402
from routing.ids import PoolId, SkillId  # noqa: E402
from routing.simulation import Caller, simulated  # noqa: E402
from routing.staffing import lived, needed, shape, shifts, summed, volumes  # noqa: E402
from routing.tickets import Alternative, Competence, Configured, Ladder, Requirement, Rung  # noqa: E402
from scripts.bench_page import machine, write  # noqa: E402

SECTION = "## A year"
DAYS = 365
HALL = PoolId("hall")
SKILLS = [SkillId(f"skill-{n}") for n in range(12)]
HANDLE_S, PATIENCE_S, IN_TIME_S = 240.0, 90.0, 15.0
PART = 10


def ladder(skill: SkillId) -> Ladder:
    """Good at it; able to do it; anybody."""
    good, able, anybody = Alternative(HALL, skill, 3), Alternative(HALL, skill, 1), Alternative(HALL)
    return (
        Rung(Requirement((good,))),
        Rung(Requirement((good, able)), 5_000),
        Rung(Requirement((good, able, anybody)), 10_000),
    )


@dataclass(frozen=True)
class Run:
    """What one side has taken, and shown."""

    calls: int
    wall_s: float
    cpu_s: float
    in_time: float
    abandoned: float


class Watch:
    """Seconds that pass, and those in which we worked."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Since the beginning."""
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def drawn(calls: float, days: int) -> Iterator[Caller]:
    """The callers of so many days."""
    mix = {ladder(skill): 1.0 + n / 4 for n, skill in enumerate(SKILLS)}
    return callers(1, days, volumes(calls, shape(), 48), mix, HANDLE_S, PATIENCE_S)


def staffed(calls: float) -> list[int]:
    """Agents by the half-hour."""
    return [row.patient for row in needed(volumes(calls, shape(), 48), HANDLE_S, PATIENCE_S, 0.95, IN_TIME_S)]


def floor(calls: float) -> Run:
    """The year on the Floor."""
    dice = random.Random(1)  # noqa: S311 - chance from a seed
    people = [
        (Competence(HALL, tuple((skill, dice.randint(1, 5)) for skill in sorted(dice.sample(SKILLS, 4)))),)
        for _ in range(200)
    ]
    staff = staffed(calls)
    watch = Watch()
    fates = simulated(drawn(calls, DAYS), shifts(staff, DAYS, people), Configured((HALL,), HALL, 0))
    day = summed(lived(fates, staff, DAYS, round(1000 * IN_TIME_S)))
    wall, cpu = watch.read()
    return Run(day.offered, wall, cpu, day.in_time or 0, day.abandonment or 0)


def yardstick(calls: float) -> Run:
    """A tenth of it in simpy: one queue, as many agents as the busiest half-hour has."""
    simpy: Any = importlib.import_module("simpy")
    world = simpy.Environment()
    agents = simpy.Resource(world, max(staffed(calls)))
    counts = {"calls": 0, "in time": 0, "left": 0}

    def visit(caller: Caller) -> Iterator[Any]:
        counts["calls"] += 1
        with agents.request() as place:
            yield place | world.timeout(caller.patience_ms)
            if not place.triggered:
                counts["left"] += 1
                return
            counts["in time"] += world.now - caller.at <= 1000 * IN_TIME_S
            yield world.timeout(caller.handle_ms)

    def arrivals() -> Iterator[Any]:
        for caller in drawn(calls, DAYS // PART):
            yield world.timeout(caller.at - world.now)
            world.process(visit(caller))

    watch = Watch()
    world.process(arrivals())
    world.run()
    wall, cpu = watch.read()
    return Run(counts["calls"], wall, cpu, counts["in time"] / counts["calls"], counts["left"] / counts["calls"])


def report(calls: int) -> str:
    """The section for the document."""
    year, queue = floor(calls / DAYS), yardstick(calls / DAYS)
    rows = [
        f"| {name} | {run.calls:,} | {run.wall_s:.0f} s | {run.cpu_s:.0f} s | {1e6 * run.cpu_s / run.calls:.1f} µs "
        f"| {run.in_time:.1%} | {run.abandoned:.1%} |"
        for name, run in (("the Floor: 12 skills, patience, relaxation", year), ("simpy: one queue, patience", queue))
    ]
    return "\n".join(
        [
            *(SECTION, "", f"`scripts/bench_year.py --calls {calls}`", "", machine(), ""),
            "| | calls | took | of CPU | CPU a call | in 15 s | left |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "To reach: 60 s for 3 million calls; aim: 30 s. One process, one core; drawing the callers is in it.",
            "The two are not the same scene: the yardstick has its busiest half-hour's agents all day.",
            "",
        ]
    )


def main() -> None:
    """Measure, print, and perhaps write down."""
    parser = argparse.ArgumentParser(description="A year of a city's calls, simulated.")
    parser.add_argument("--calls", type=int, default=3_000_000)
    parser.add_argument("--write", type=Path, help="put the result into this document, section A year")
    given = parser.parse_args()
    if importlib.util.find_spec("simpy") is None:
        sys.exit("simpy, the yardstick, is missing: .venv/bin/pip install simpy, then start again.")
    section = report(given.calls)
    print(section)
    if given.write:
        write(given.write, section)


if __name__ == "__main__":
    main()
