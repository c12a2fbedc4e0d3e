"""What theory says of a queue: Erlang C for callers who wait for ever, Erlang A for callers who do not.

Both assume that calls come at random at a steady rate, talks of random (exponential) length, and agents who are all
alike; `routing.simulation` assumes none of this.  Times are seconds, a load is in Erlang: calls a second x handle time.
"""

import math
from collections.abc import Callable

import msgspec

MOST = 20_000
"""Agents; more than a country has seats are asked for by mistake."""

_STEPS = 200  # in which the time within which somebody is to be answered is cut, to add up what happens in it
_NOTHING = 1e-12


class Served(msgspec.Struct, frozen=True):
    """What comes of the callers, all of them: the share answered in time, the mean wait, the share who leave."""

    in_time: float
    wait_s: float
    abandoned: float
    occupancy: float


def erlang_c(load: float, agents: int) -> float:
    """The share of callers who have to wait; 1 where the load is too much for the agents."""
    if load <= 0:
        return 0.0
    if load >= agents:
        return 1.0
    lost = 1.0  # Erlang B, agent by agent
    for n in range(1, agents + 1):
        lost = load * lost / (n + load * lost)
    return lost / (1 - load / agents * (1 - lost))


def patient(load: float, agents: int, handle_s: float, within_s: float) -> Served:
    """Callers who wait for ever (M/M/n).  Where the load is too much nobody is in time, and the wait has no end."""
    if load <= 0:
        return Served(1.0, 0.0, 0.0, 0.0)
    spare = agents - load
    if spare <= 0:
        return Served(0.0, math.inf, 0.0, 1.0)
    waiting = erlang_c(load, agents)
    late = waiting * math.exp(-spare * within_s / handle_s)
    return Served(1 - late, waiting * handle_s / spare, 0.0, load / agents)


def impatient(load: float, agents: int, handle_s: float, patience_s: float, within_s: float) -> Served:
    """Callers who leave after a random (exponential) time, `patience_s` on average (M/M/n+M)."""
    if load <= 0:
        return Served(1.0, 0.0, 0.0, 0.0)
    if agents <= 0:
        return Served(0.0, patience_s, 1.0, 1.0)
    leaving = handle_s / patience_s  # a caller who waits leaves so much faster than a talk ends
    states = _states(load, agents, leaving)
    queue = sum(n * share for n, share in enumerate(states[agents:]))
    busy = sum(min(n, agents) * share for n, share in enumerate(states))
    at_once = sum(states[:agents])
    later = _answered_within(states[agents:], agents, leaving, within_s / handle_s)
    return Served(at_once + later, queue * handle_s / load, queue * leaving / load, busy / agents)


def _states(load: float, agents: int, leaving: float) -> list[float]:
    """The share of time in which so many are there, talking or waiting: by index."""
    weight, logs = 0.0, [0.0]
    while len(logs) <= agents or weight > max(logs) + math.log(_NOTHING):
        n = len(logs)
        weight += math.log(load / (min(n, agents) + max(n - agents, 0) * leaving))
        logs.append(weight)
    top = max(logs)
    shares = [math.exp(each - top) for each in logs]
    whole = sum(shares)
    return [share / whole for share in shares]


def _answered_within(waiting: list[float], agents: int, leaving: float, within: float) -> float:
    """The share of callers who find all agents busy, wait no longer than `within` (in handle times) and are answered.

    Who finds k before them waits for k + 1 of them to go: at rates agents, agents + leaving, ...; that sum has the
    density below, and with each moment of it they have stayed with probability exp(-leaving x moment).
    """
    ahead = agents / leaving
    scale = [math.lgamma(ahead + k + 1) - math.lgamma(ahead) - math.lgamma(k + 1) for k in range(len(waiting))]

    def rate(moment: float) -> float:
        gone = -math.expm1(-leaving * moment)
        if gone <= 0:
            return waiting[0] * agents
        stay, each = -(agents + leaving) * moment, math.log(gone)
        return leaving * sum(
            share * math.exp(scale[k] + stay + k * each) for k, share in enumerate(waiting) if share > _NOTHING
        )

    step = within / _STEPS  # Simpson's rule
    weights = [1, *(4 if n % 2 else 2 for n in range(1, _STEPS)), 1]
    return step / 3 * sum(weight * rate(n * step) for n, weight in enumerate(weights))


def agents_needed(target: float, in_time: Callable[[int], float]) -> int:
    """The fewest agents with whom the share `in_time` reaches `target`.  Raises ValueError if `MOST` do not."""
    high = 1
    while in_time(high) < target:
        high *= 2
        if high > MOST:
            raise ValueError(f"{target:.1%} in time are not reached with {MOST:,} agents")
    low = high // 2  # too few, or none at all
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if in_time(middle) >= target else (middle, high)
    return high
