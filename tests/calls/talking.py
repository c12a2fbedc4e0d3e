"""A conversation in which others come and go: who is asked for, what is done, and what each of them hears."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from routing.config import Config
from routing.ids import AgentId
from routing.talk import SUPERVISORS, Do, Kind, Whom
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

OWNER, OTHER = "1016", "1017"
SEAT, SEAT2 = "8016", "8017"
WATER, LIGHT = "03108095001", "95598"
COLLEAGUE = Whom(Kind.AGENT, OTHER)
UTILITY = Whom(Kind.TARGET, "water")
FIRST = 20.0
"""When the first thing is asked for, in seconds: the talk has begun long before."""

AT_PHONE, ON_AT_PHONE = "holds at the phone", "goes on at the phone"
"""The agent presses the phone's own hold button, and presses it again."""


class By(NamedTuple):
    """Whoever has the citizen by now asks for it, and not the agent with whom the talk began."""

    agent: str
    do: Do


Step = tuple[Do, Whom] | By | Do | str
Script = Sequence[Step]


async def house_with(
    script: Script,
    *,
    hangs_up: float | None = 60.0,
    other: Phone | None = None,
    config: Config = CONFIG,
    stays_ms: int = 0,
) -> SimulatedHouse:
    """A citizen with agent 1016, 1017 beside; what is asked for comes every five seconds from the 20th on.

    A string is a phone that hangs up: a seat, a number, or `citizen`; or what the agent does at theirs.
    """
    house = SimulatedHouse()
    house.config, house.stays_ms = config, stays_ms
    house.agent(OWNER, answers_after=1.0, talks=None)
    house.fake.target(WATER, other or Phone(answers_after=2.0, talks=None))
    house.fake.seat("8020", answers_after=1.0, talks=None)
    house.fake.target("119", answers_after=2.0, talks=None)
    house.fake.dials("12345", after=0.5, hangs_up=hangs_up)
    house.fake.later(6.0, partial(sits_down, house, other))
    for n, step in enumerate(script):
        house.fake.later(FIRST + 5 * n, partial(done, house, step))
    await house.lives()
    return house


def sits_down(house: SimulatedHouse, other: Phone | None) -> None:
    """A colleague comes, at a phone that behaves so."""
    house.agent(OTHER, other or Phone(answers_after=1.0, talks=None))
    house.comes(AgentId(OTHER))


def done(house: SimulatedHouse, step: Step) -> None:
    """Something is asked for, or a phone hangs up; what is refused is a fault."""
    if step in {AT_PHONE, ON_AT_PHONE}:
        house.fake.holds(house.fake.parties[SEAT], on=step == AT_PHONE)
    elif isinstance(step, By):
        if refused := house.asks(*step):
            house.fake.faults.append(f"{step}: {refused}")
    elif isinstance(step, str) and not isinstance(step, Do):
        house.fake.hangs_up(house.fake.parties[step])
    elif isinstance(step, Do) and step in SUPERVISORS:
        if refused := house.supervises("boss", step, OWNER, "8020"):
            house.fake.faults.append(f"{step}: {refused}")
    elif refused := house.asks(OWNER, *(step if isinstance(step, tuple) else (step,))):
        house.fake.faults.append(f"{step}: {refused}")


def played(script: Script, *, other: Phone | None = None) -> SimulatedHouse:
    """A talk of which nothing is wrong, and in which nobody hears silence that nobody has asked for."""

    async def scene_() -> SimulatedHouse:
        house = await house_with(script, other=other)
        house.check()
        if Do.MUTE not in script:
            assert not house.silences()
        return house

    return simulate(scene_)


def heard(house: SimulatedHouse, label: str) -> list[str]:
    """From the first thing that was asked for, to the survey if there is one."""
    story = [what for since, to, what in house.fake.heard(label) if to - since > 100 and to >= FIRST * 1000 - 1]
    return story[: story.index("survey")] if "survey" in story else story


CITIZEN = "citizen"
A, B, W, C = f"voice:{SEAT}", f"voice:{SEAT2}", f"voice:{WATER}", "voice:citizen"
M, S, R = "music", "silence", "ringback"
HOLD, RETRIEVE, SWITCH, CANCEL = Do.HOLD, Do.RETRIEVE, Do.SWITCH, Do.CANCEL
ASK_WATER = (Do.CONSULT, UTILITY)
DESK = (Do.LINK, Whom(Kind.EMERGENCY, "119"))
ASK_COLLEAGUE = (Do.CONSULT, COLLEAGUE)

NOBODY = {
    "busy": Phone(busy=True),
    "silent": Phone(),
    "declines": Phone(rejects_after=1.0),
    "not registered": Phone(registered=False),
}
