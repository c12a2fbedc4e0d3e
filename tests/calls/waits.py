"""One caller waits in a hall in which nobody is, until an agent comes late."""

from functools import partial

from ivr.facts import CallRecord
from routing.callbacks import Why
from routing.ids import AgentId
from tests.calls.simulated import SimulatedHouse

LI = "13831234567"
LATE = AgentId("1016")
WORKDAY, NIGHT = "2021-09-15T09:00", "2021-09-15T20:00"


async def waiting(
    house: SimulatedHouse,
    number: str = "12345",
    *,
    comes_at: float,
    keys: tuple[tuple[float, str], ...] = (),
    answers_after: float = 1.5,
    hangs_up: float | None = None,
    kill_at: int | None = None,
    at: str = WORKDAY,
    caller: str = LI,
) -> SimulatedHouse:
    """Their whole call; `keys`: seconds after dialling, and what is pressed."""
    house.fake.seat("8016", answers_after=answers_after, talks=10)
    citizen = house.fake.dials(number, hangs_up=hangs_up, caller=caller, at=at)
    for moment, digit in keys:
        house.fake.later(moment, partial(house.fake.presses, citizen, digit))
    for delay in (0, 5):
        house.fake.later(comes_at + delay, lambda: house.comes(LATE))
    await house.lives(kills=(kill_at,) if kill_at else ())
    return house


def record(house: SimulatedHouse) -> CallRecord:
    """Of the one call."""
    (found,) = house.records()
    return found


def tasks(house: SimulatedHouse) -> list[tuple[str, Why]]:
    """Who is to be called back, and why."""
    assert house.controller is not None
    return [(task.caller, task.why) for task in house.controller.callbacks.open()]
