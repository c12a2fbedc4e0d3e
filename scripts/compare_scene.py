"""The scene that both sides of the comparison play: the same callers, at the same moments, with the same patience and
the same agents' ways, at real SIP and RTP telephones.

Nothing here knows which side it plays on, but for the one thing that a returning agent does: say so.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from ivr.errors import Trouble
from ivr.town import sip
from ivr.town.calls import Incoming, Refused
from ivr.town.phone import Phone
from ivr.town.rtp import tone
from ivr.town.transactions import Address
from scripts.bench_stage import LINE, SKILLED_LINE

ARRIVE_S = 80.0
RATE = 0.9  # calls a second: a little more than the agents can take
SKILLED_SHARE = 0.4
LIMITED = 0.4  # of the callers wait so long at most
PATIENCE_S = 20.0
TALK = (2.1, 0.5, 3.0, 25.0)  # log-normal, and its bounds in seconds
PICKS_UP_S = (0.5, 2.0)
IGNORES, REJECTS = 0.05, 0.04  # of the rings
AWAY_S = 12.0  # for who did not answer
BUSY_S = 5.0  # for who rejected
OVER_WITHIN_S = 90.0
AT_THE_SAME_MOMENT_S = 0.3

Returns = Callable[[str], Awaitable[None]]
"""The agent at this seat says that they are back."""


@dataclass
class Visit:
    """A caller, and what their phone saw.  Moments are the loop's; `rings`: when whose phone rang for them."""

    name: str
    line: str
    after: float
    patience: float | None
    talk: float
    dialled: float = 0.0
    answered: float | None = None
    picked_up: float | None = None
    ended: float | None = None
    fate: str = "lost"
    rings: list[tuple[float, str]] = field(default_factory=list)
    met: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waited(self) -> float:
        """From the answer to the agent's; 0 of whoever was not answered."""
        return 0.0 if self.picked_up is None or self.answered is None else self.picked_up - self.answered


@dataclass
class Scene:
    """What the phones saw."""

    visits: list[Visit]
    unanswered: list[tuple[float, Visit]] = field(default_factory=list)
    """When a ring came to nothing, and for whom."""


def planned(seed: int) -> list[Visit]:
    """Who will dial."""
    dice = random.Random(seed)  # noqa: S311 - chance from a seed
    mean, spread, least, most = TALK
    moments = sorted(dice.uniform(0, ARRIVE_S) for _ in range(round(RATE * ARRIVE_S)))
    return [
        Visit(
            str(13800000001 + n),
            SKILLED_LINE if dice.random() < SKILLED_SHARE else LINE,
            after,
            3 + dice.expovariate(1 / PATIENCE_S) if dice.random() < LIMITED else None,
            min(max(dice.lognormvariate(mean, spread), least), most),
        )
        for n, after in enumerate(moments)
    ]


class Stage:
    """The telephones of both sides' callers and agents, at the addresses where the switch expects them."""

    def __init__(self, scene: Scene, switch: Address, returns: Returns) -> None:
        self.scene = scene
        self._by_name = {visit.name: visit for visit in scene.visits}
        self._switch = switch
        self._returns = returns
        self._rings: dict[str, int] = {}

    async def play(self, callers: Phone, agents: Phone) -> None:
        """All of it.  Raises `Trouble` when it does not come to an end."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ARRIVE_S + OVER_WITHIN_S), asyncio.TaskGroup() as group:
                work = group.create_task(self._attend(agents, group))
                began = loop.time()
                visits = []
                for visit in self.scene.visits:
                    await asyncio.sleep(max(0.0, began + visit.after - loop.time()))
                    visits.append(group.create_task(self._calls(callers, visit), name=visit.name))
                await asyncio.wait(visits)
                await asyncio.sleep(AWAY_S / 4)  # the last agents hang up
                work.cancel()
        except TimeoutError as error:
            raise Trouble("the callers of the comparison were not all served: is something else running?") from error

    async def _calls(self, phone: Phone, visit: Visit) -> None:
        call = await phone.dial(visit.line, self._switch, caller=visit.name)
        call.say(tone(440))
        visit.dialled = call.began
        try:
            await call.answered(30)
            visit.answered = call.answered_at
            async with asyncio.timeout(visit.patience):
                await visit.met.wait()
        except Refused:
            visit.fate = "refused"
        except TimeoutError:
            visit.fate = "abandoned"
            await call.hang_up()
        await call.ended(ARRIVE_S + OVER_WITHIN_S)
        visit.ended = call.ended_at
        if visit.met.is_set() and visit.fate == "lost":
            visit.fate = "answered"

    # --- agents

    async def _attend(self, phone: Phone, group: asyncio.TaskGroup) -> None:
        while True:
            call = await phone.rung(3600)
            group.create_task(self._works(call, sip.user_of(call.invite.uri)))

    async def _works(self, call: Incoming, seat: str) -> None:
        visit = self._by_name[call.caller]
        visit.rings.append((call.began, seat))
        self._rings[seat] = self._rings.get(seat, 0) + 1
        dice = random.Random(f"{seat} {self._rings[seat]}")  # noqa: S311 - chance from a seed
        manner, reaction = dice.random(), dice.uniform(*PICKS_UP_S)
        if manner < IGNORES:
            await call.ended(60)
            await self._comes_back(call, visit, seat, AWAY_S)
            return
        await asyncio.sleep(reaction)
        if call.has_ended:  # the caller has left
            return
        if manner < IGNORES + REJECTS:
            call.reject()
            await self._comes_back(call, visit, seat, BUSY_S)
        else:
            await self._talks(call, visit)

    async def _talks(self, call: Incoming, visit: Visit) -> None:
        call.answer(tone(880))
        visit.picked_up = call.answered_at
        visit.met.set()
        try:
            await call.ended(visit.talk)
        except TimeoutError:
            await call.hang_up()

    async def _comes_back(self, call: Incoming, visit: Visit, seat: str, after: float) -> None:
        self.scene.unanswered.append((call.ended_at or call.began, visit))
        await asyncio.sleep(after)
        await self._returns(seat)


async def played(seed: int, ports: tuple[int, int], switch: Address, returns: Returns) -> Scene:
    """The scene, played: callers at the first of `ports`, agents at the second."""
    scene = Scene(planned(seed))
    open_phone = partial(Phone.open, "127.0.0.1")
    async with await open_phone(port=ports[0]) as callers, await open_phone(port=ports[1]) as agents:
        await Stage(scene, switch, returns).play(callers, agents)
    return scene


# --- what it comes to


def waits_at(visit: Visit, moment: float) -> bool:
    """Whether a caller was waiting for an agent's phone to ring, and had been for a moment."""
    first = min((at for at, _ in visit.rings), default=float("inf"))
    since, until = visit.answered, visit.ended or float("inf")
    return since is not None and since + AT_THE_SAME_MOMENT_S < moment < min(first, until) - AT_THE_SAME_MOMENT_S


def suits(visit: Visit, seat: str, skilled: frozenset[str], moment: float) -> bool:
    """Whether an agent may take a caller then: the skilled line is for anybody after 10 s."""
    return visit.line == LINE or seat in skilled or moment - (visit.answered or moment) > 11.0  # noqa: PLR2004 - 10 s, and one for who asks once a second


def overtaken(scene: Scene, skilled: frozenset[str]) -> dict[str, int]:
    """Caller -> by how many who had dialled later they were passed over, by agents who could have taken them."""
    found: dict[str, int] = {}
    for later in scene.visits:
        for moment, seat in later.rings[:1]:
            for visit in scene.visits:
                came_before = visit.dialled < later.dialled - AT_THE_SAME_MOMENT_S
                if came_before and waits_at(visit, moment) and suits(visit, seat, skilled, moment):
                    found[visit.name] = found.get(visit.name, 0) + 1
    return found


def again(scene: Scene) -> list[float]:
    """From a ring that came to nothing to the next one for the same caller, in seconds."""
    found = []
    for at, visit in scene.unanswered:
        rings = [ring for ring, _ in visit.rings if ring > at - AT_THE_SAME_MOMENT_S]
        found += [max(0.0, min(rings) - at)] if rings else []
    return sorted(found)
