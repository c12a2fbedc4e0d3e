"""Five hundred mornings, each drawn from its seed: order, delays, refusals, hang-ups, faults, lost sockets and kills.

A failing seed is printed with what went wrong; `scripts/seed N` replays it in a process of its own, line by line.
"""

import json
from typing import get_args

import msgspec
import pytest

from ivr.ledger import STEPS
from routing.talk import Do
from routing.tickets import AnyEvent
from tests.calls.mornings import a_morning
from tests.calls.scenes import thorough
from tests.fake.disk import MemoryDisk, Platter
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


@pytest.mark.slow
def test_the_mornings_reach_every_step_every_event_and_all_that_can_be_asked_for() -> None:
    events = {str(msgspec.inspect.type_info(each).tag) for each in get_args(AnyEvent)}  # type: ignore[attr-defined]
    missing = set(STEPS) | {str(do) for do in Do} | events
    for seed in range(SEEDS):
        missing -= simulate(lambda: reached(seed))  # noqa: B023 - simulated at once
        if not missing:
            return
    pytest.fail(f"no seed reaches {sorted(missing)}")


async def reached(seed: int) -> set[str]:
    """The steps, the Floor's events and the wishes of a morning, from its journal."""
    found = set()
    for line in MemoryDisk(Platter(bytearray((await a_morning(seed)).platter.content))).read():
        _, _, topic, _, body = json.loads(line[9:])
        match topic, body:
            case "call", {"step": step, "outcome": {"fact": "asked", "do": do}}:
                found |= {do, step.partition(":")[0]}
            case "call", {"step": step}:
                found.add(step.partition(":")[0])
            case "record", _:
                found.add("ended")
            case "floor", {"event": {"event": event}}:
                found.add(event)
            case _:
                pass
    return found
