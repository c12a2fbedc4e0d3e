"""Agents at their phones while several calls go on at once, and scenes that are played together.

Which agent gets a call is the Floor's business: a scene waits for "whoever rings for this citizen", and then tells that
agent what to do.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from types import TracebackType

from routing.config import Config, build
from routing.ids import AgentId
from tests.asterisk.house import House
from tests.asterisk.phones import Agent, Citizen, Phones
from tests.asterisk.switch import sources
from tests.asterisk.waiting import passes

HALL = tuple(str(number) for number in range(1001, 1021))
SAFETY = ("2001", "2002", "2003")
SKILLED = ("1001", "1002", "1003")  # housing fund, level 3 and more
MANY_SIDED = ("1016", "1017", "1018", "1019", "1020")  # the hall, no skill


@cache
def city() -> Config:
    """The config of this repository."""
    return build(sources())


def seat_of(agent: str) -> str:
    """Where `config/site.yaml` has an agent sit."""
    seat = city().site.agents[AgentId(agent)].seat
    assert seat is not None
    return seat


class Office(Phones):
    """Phones, and the agents who sit at some of them."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.house = house
        self.staff: dict[str, Agent] = {}
        self.rung: list[tuple[float, str, str]] = []
        """Every ringing so far: moment, caller, agent."""
        self._rings: defaultdict[str, asyncio.Queue[Agent]] = defaultdict(asyncio.Queue)
        self._tasks: list[asyncio.Task[None]] = []

    async def opens(self, agents: Sequence[str], *, ready: bool = True) -> None:
        """These agents plug in their phones and sign in, one after the other."""
        for number in agents:
            self.staff[number] = agent = await self.agent(seat_of(number))
            self._tasks.append(asyncio.create_task(self._attends(number, agent), name=f"agent:{number}"))
        await self.house.signs_in(*agents, ready=ready)

    async def _attends(self, number: str, agent: Agent) -> None:
        while agent.phone.is_alive:
            await agent.rings(3600)
            self.rung.append((agent.call.began, agent.ring.caller, number))
            self._rings[agent.ring.caller].put_nowait(agent)

    async def rings_for(self, citizen: Citizen, within: float = 25.0) -> Agent:
        """Whoever's phone rings next for this citizen."""
        try:
            async with asyncio.timeout(within):
                return await self._rings[citizen.name].get()
        except TimeoutError:
            told = citizen.story()
            raise AssertionError(f"no agent rang for {citizen.name} within {within} s; heard {told}") from None

    async def talks(self, citizen: Citizen, line: str) -> Agent:
        """From ringing to talking: whoever answers hears the line's name, the citizen a 工号, then both each other."""
        agent = await self.rings_for(citizen)
        agent.answers()
        await agent.hears(f"whisper-{line}", within=5)
        await citizen.hears(f"agent-{self.number_of(agent)}", within=6)
        await citizen.hears_person(agent, within=4)
        await agent.hears_person(citizen, within=4)
        return agent

    def number_of(self, agent: Agent) -> str:
        """The 工号 of whoever sits there."""
        return next(number for number, each in self.staff.items() if each is agent)

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().__aexit__(kind, value, trace)


Scene = Callable[[Office], Awaitable[None]]


class Act:
    """Scenes that are played at once, in one house, with one staff; each succeeds or fails for itself.

    Use it as a decorator; tests are parametrized over `names`.
    """

    def __init__(self) -> None:
        self.scenes: dict[str, Scene] = {}

    def __call__(self, scene: Scene) -> Scene:
        self.scenes[scene.__name__] = scene
        return scene

    @property
    def names(self) -> Sequence[str]:
        """The scenes, as sentences."""
        return tuple(self.scenes)

    async def play(self, house: House, staff: Sequence[str], gap: float = 0.15) -> "Played":
        """Play every scene, each begun `gap` seconds after the one before; then everybody goes home."""
        async with Office(house) as office:
            await office.opens(staff)
            tasks = []
            for name, scene in self.scenes.items():
                tasks.append(asyncio.create_task(_scene(scene, office), name=name))
                await passes(gap)
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            left = await _left(house)
            states = await house.agents()
        await house.signs_out(*(agent for agent in office.staff if agent in states))
        return Played(dict(zip(self.scenes, ended, strict=True)), left, states)


async def _scene(scene: Scene, office: Office) -> None:
    await scene(office)


async def _left(house: House) -> str:
    try:
        await house.is_quiet()
    except AssertionError as leak:
        return str(leak)
    return ""


class Played:
    """How an act went: of each scene what it failed with, what it left behind, and how the agents ended."""

    def __init__(self, ended: dict[str, BaseException | None], left: str, states: dict[str, str]) -> None:
        self.ended = ended
        self.left = left
        self.states = states

    def check(self, scene: str) -> None:
        """Raises what the scene failed with."""
        failure = self.ended[scene]
        if failure is not None:
            raise failure
