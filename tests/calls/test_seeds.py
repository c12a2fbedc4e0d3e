"""Five hundred mornings, each drawn from its seed: order, delays, refusals, hang-ups, faults, lost sockets and kills.

A failing seed is printed with what went wrong; `scripts/seed N` replays it in a process of its own, line by line.
"""

import pytest

from tests.calls.scenes import a_morning, thorough
from tests.fake.loop import simulate

SEEDS = 500
AT_ONCE = 10


@pytest.mark.parametrize("first", thorough(range(0, SEEDS, AT_ONCE)))
def test_whatever_happens_nobody_is_lost(first: int) -> None:
    wrong = {seed: found for seed in range(first, first + AT_ONCE) if (found := simulate(lambda: faults(seed)))}  # noqa: B023 - simulated at once
    assert not wrong, "\n".join(f"scripts/seed {seed}: {found}" for seed, found in wrong.items())


async def faults(seed: int) -> list[str]:
    """What is wrong after a morning."""
    return (await a_morning(seed)).faults()
