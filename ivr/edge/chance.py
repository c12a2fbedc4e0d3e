"""Callers drawn from a seed, for planning: when, whom for, how long they wait, how long they keep an agent."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from routing.simulation import Caller
from routing.staffing import DAY_MS
from routing.tickets import Ladder

SPREAD = 0.6
"""Of the logarithm of a handle time: most are shorter than the mean, some are several times as long."""


def callers(
    seed: int, days: int, volumes: Sequence[float], mix: Mapping[Ladder, float], handle_s: float, patience_s: float
) -> Iterator[Caller]:
    """The callers of so many days alike, in the order of their calls: `volumes` are expected in a day's intervals.

    Calls come at random (Poisson), handle times are log-normal, patience is exponential; `mix`: weights.
    """
    chance = np.random.default_rng(seed)
    ladders, weights = [*mix], np.array([*mix.values()])
    width, middle = DAY_MS / len(volumes), math.log(handle_s * 1000) - SPREAD**2 / 2
    for day in range(days):
        counts = chance.poisson(volumes)
        edges = np.repeat(np.arange(len(volumes)) * width, counts)
        at = np.sort(edges + chance.uniform(0, width, len(edges))).astype(int) + day * DAY_MS
        whom = chance.choice(len(ladders), len(at), p=weights / weights.sum())
        patience = chance.exponential(patience_s * 1000, len(at)).astype(int)
        handle = chance.lognormal(middle, SPREAD, len(at)).astype(int) + 1
        drawn = zip(at.tolist(), whom.tolist(), patience.tolist(), handle.tolist(), strict=True)
        yield from (Caller(each, ladders[n], waits, keeps) for each, n, waits, keeps in drawn)
