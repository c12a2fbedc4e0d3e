"""How many calls come in each interval of a day, how many agents that needs, and what came of it in a simulation."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from routing.arrival import arrived
from routing.config import Config
from routing.erlang import agents_needed, impatient, patient
from routing.ids import AgentId
from routing.ladders import ladder
from routing.plan import plan
from routing.simulation import Fate, Shift
from routing.tickets import Competence, Ladder

DAY_MS = 86_400_000
HOURS = 24

SHAPE = (
    *(0.9, 0.6, 0.4, 0.4, 0.4, 0.7, 1.6, 3.6, 8.2, 9.8, 10.0, 8.6),
    *(5.6, 5.8, 8.6, 8.8, 7.6, 6.0, 3.8, 3.0, 2.4, 1.9, 1.6, 1.1),
)
"""Calls of a working day by the hour, the busiest being 10.  Published: mornings, 9 to 11, and 14 to 16 (several
cities); the rest is ours."""

BUSY_HOUR = 0.10
"""The share of a day's calls in its busiest hour; 0.13 is a day under stress.  From engineering texts: no hotline
publishes it."""


class Needed(msgspec.Struct, frozen=True):
    """An interval: how many call, and how many agents answer the wanted share in time, if callers wait for ever
    (`patient`, Erlang C), and if they do not (`impatient`, Erlang A).
    """

    since_ms: int
    calls: float
    load: float
    patient: int
    impatient: int


class Lived(msgspec.Struct, frozen=True):
    """An interval in a simulation: of the callers who came in it, by all its days; null where there were none.

    `occupancy`: of the agents' time in it, the share in which they were busy.
    """

    since_ms: int
    agents: int
    offered: int
    answered: int
    abandoned: int
    in_time: float | None
    asa_s: float | None
    abandonment: float | None
    occupancy: float | None


def shape(busy_hour: float = BUSY_HOUR) -> tuple[float, ...]:
    """The share of a day's calls in each hour, flattened or sharpened until the busiest has `busy_hour` of them.

    Raises ValueError unless that is possible: an hour of 24 has a 24th at least.
    """
    if not 1 / HOURS < busy_hour < 1 / 2:
        raise ValueError(f"the busiest hour has between a 24th and a half of the calls, not {busy_hour:.0%}")
    low, high = 0.0, 16.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if max(_sharpened(middle)) < busy_hour else (low, middle)
    return _sharpened(high)


def _sharpened(power: float) -> tuple[float, ...]:
    weights = [weight**power for weight in SHAPE]
    return tuple(weight / sum(weights) for weight in weights)


def volumes(calls: float, shares: Sequence[float], intervals: int) -> tuple[float, ...]:
    """The calls in each of so many equal intervals of a day; a multiple of 24, so that each lies within an hour."""
    if intervals % HOURS:
        raise ValueError(f"{intervals} intervals do not fit into {HOURS} hours")
    each = intervals // HOURS
    return tuple(calls * share / each for share in shares for _ in range(each))


def needed(
    calls: Sequence[float], handle_s: float, patience_s: float, target: float, within_s: float
) -> tuple[Needed, ...]:
    """How many agents each interval needs for `target` of the callers to be answered within `within_s`."""
    width_ms = DAY_MS // len(calls)
    rows: dict[float, Needed] = {}
    for each in calls:
        load = each * handle_s / (width_ms / 1000)
        if each not in rows:
            rows[each] = Needed(
                0, each, load,
                agents_needed(target, lambda n: patient(load, n, handle_s, within_s).in_time),  # noqa: B023 - at once
                agents_needed(target, lambda n: impatient(load, n, handle_s, patience_s, within_s).in_time),  # noqa: B023
            )  # fmt: skip
    return tuple(msgspec.structs.replace(rows[each], since_ms=n * width_ms) for n, each in enumerate(calls))


def lived(fates: Iterable[Fate], staff: Sequence[int], days: int, within_ms: int) -> tuple[Lived, ...]:
    """What came of the callers, interval by interval of the day; `staff`: how many were at work in each."""
    intervals = len(staff)
    width = DAY_MS // intervals
    offered, answered, in_time, waited, busy = ([0] * intervals for _ in range(5))
    for fate in fates:
        n = fate.at % DAY_MS // width
        offered[n] += 1
        if fate.busy_ms:
            answered[n] += 1
            waited[n] += fate.waited_ms
            in_time[n] += fate.waited_ms <= within_ms
            _spread(busy, fate.at + fate.waited_ms, fate.busy_ms, width)
    return tuple(
        Lived(
            n * width, staff[n], offered[n], answered[n], offered[n] - answered[n],
            _share(in_time[n], offered[n]),
            _share(waited[n] / 1000, answered[n]),
            _share(offered[n] - answered[n], offered[n]),
            _share(busy[n], staff[n] * width * days),
        )
        for n in range(intervals)
    )  # fmt: skip


def summed(rows: Sequence[Lived]) -> Lived:
    """The whole day; `agents` is the most at once."""
    offered, answered = sum(row.offered for row in rows), sum(row.answered for row in rows)
    at_work = sum(row.agents for row in rows)
    return Lived(
        0, max(row.agents for row in rows), offered, answered, offered - answered,
        _share(sum((row.in_time or 0) * row.offered for row in rows), offered),
        _share(sum((row.asa_s or 0) * row.answered for row in rows), answered),
        _share(offered - answered, offered),
        _share(sum((row.occupancy or 0) * row.agents for row in rows), at_work),
    )  # fmt: skip


def _spread(busy: list[int], since: int, lasts: int, width: int) -> None:
    """Work is counted where it is done; what lasts past midnight, in the next morning."""
    while lasts > 0:
        here = min(lasts, width - since % width)
        busy[since % DAY_MS // width] += here
        since, lasts = since + here, lasts - here


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def shifts(staff: Sequence[int], days: int, people: Sequence[tuple[Competence, ...]]) -> list[Shift]:
    """Who is at work so that each interval of each day has as many as `staff` says: the first ones the longest.

    `people` are what agents can do, over and over.
    """
    width = DAY_MS // len(staff)
    found = []
    for n in range(max(staff)):
        agent, since = AgentId(f"{n + 1:04}"), None
        for interval in range(days * len(staff) + 1):
            is_at_work = interval < days * len(staff) and staff[interval % len(staff)] > n
            if is_at_work and since is None:
                since = interval * width
            elif not is_at_work and since is not None:
                found.append(Shift(agent, people[n % len(people)], since, interval * width))
                since = None
    return found


def asked(config: Config, number: str, now: datetime) -> Ladder:
    """Whom a caller of this number waits for, as far as it is our own people."""
    route = plan(config, arrived(config, number, ()), now)
    return ladder(config, [place for place in route.destinations if place.is_ours])


MIX = {"12345": 62.7, "12333": 15.7, "12315": 15.0, "12328": 3.7, "12348": 2.9}
"""What is dialled, in per cent: 56,466 calls of Pingdingshan, August 2023."""


def mixed(config: Config, now: datetime) -> dict[Ladder, float]:
    """The same by whom the callers wait for; a number that is no line here counts as the hall's own."""
    found: dict[Ladder, float] = {}
    for number, share in MIX.items():
        wanted = asked(config, number, now)
        found[wanted] = found.get(wanted, 0.0) + share
    return found
