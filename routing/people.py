"""Agent, Seat, Skill, Pool: who may take what, at which level, and where they sit."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

import msgspec

from routing.hours import ALWAYS, Hours
from routing.ids import AgentId, LanguageId, PoolId, SeatId, SkillId
from routing.overflow import Overflow
from routing.tickets import Competence

LEVELS = range(1, 6)
"""1 low to 5 high."""


class SeatKind(StrEnum):
    """A desk phone with a secret of its own, or a browser that gets one at login."""

    DESK = "desk"
    BROWSER = "browser"


class Answer(StrEnum):
    """How a phone is answered: it rings, or it is asked to answer by itself, and whoever sits there hears a beep."""

    MANUAL = "manual"
    AUTO = "auto"


class Skill(msgspec.Struct, frozen=True):
    """Knowledge that a call may ask for; agents from `good` up are asked first.

    `shared_by`: pools beside the hall whose agents with this skill help out when the wait is long, and targets (a
    sub-centre, seats at a bureau) that are dialled then.
    """

    id: SkillId
    name: str
    good: int = 3
    shared_by: tuple[str, ...] = ()


class Language(msgspec.Struct, frozen=True):
    """A language beside Chinese, which everybody speaks.  A line may ask for it; `callers` do: canonical, sorted."""

    id: LanguageId
    name: str
    callers: tuple[str, ...] = ()

    def is_wanted_by(self, caller: str) -> bool:
        """Whether this number is listed."""
        at = bisect_left(self.callers, caller)
        return self.callers[at : at + 1] == (caller,)


class Pool(msgspec.Struct, frozen=True):
    """Agents who serve the same calls; outside `hours` nobody is asked; `wrap_up` follows each talk.

    `overflow`: when, and where, its calls go beside it.
    """

    id: PoolId
    name: str
    hours: Hours = ALWAYS
    wrap_up: timedelta = timedelta(0)
    overflow: tuple[Overflow, ...] = ()


class Seat(msgspec.Struct, frozen=True):
    """A place with a phone; `id` is also its endpoint.  `in_range`: written as one of a range of seats."""

    id: SeatId
    kind: SeatKind = SeatKind.DESK
    pool: PoolId | None = None
    answer: Answer = Answer.MANUAL
    in_range: bool = False


class Agent(msgspec.Struct, frozen=True):
    """A person who answers: `id` is the 工号 that callers hear; `seat` is where they belong.

    `answer`: wherever they sit; None: as the seat has it.  `in_range`: written as one of a range of agents.
    """

    id: AgentId
    name: str
    competences: tuple[Competence, ...]
    seat: SeatId | None = None
    answer: Answer | None = None
    in_range: bool = False


def level(agent: Agent, pool: PoolId, skill: SkillId) -> int:
    """The agent's level in `skill` when working in `pool`; 0 when they have none."""
    for competence in agent.competences:
        if competence.pool == pool:
            return dict(competence.skills).get(skill, 0)
    return 0


def answers(seat: Seat | None, agent: Agent | None) -> Answer:
    """How the phone at a seat is answered when this agent sits there."""
    own = agent.answer if agent else None
    return own or (seat.answer if seat else Answer.MANUAL)


SEAT = re.compile(r"[0-9]{3,6}")
"""A seat's number."""


RESIDENTS_A_SEAT = 100_000
"""The plan, 二.（二）1: 1坐席服务10万人; two agents a seat."""


AGENTS_A_SEAT = 2
"""The same: 每坐席2人, one at a time."""


def first_shift(agents: Iterable[Agent]) -> list[Agent]:
    """The first agent who belongs at each seat: they can all be at work at once."""
    seats: dict[SeatId, Agent] = {}
    for agent in agents:
        if agent.seat is not None:
            seats.setdefault(agent.seat, agent)
    return list(seats.values())


def seats_needed(population: int) -> int:
    """Seats that a population demands, rounded up: 95 for Handan's 9,413,990."""
    return -(-population // RESIDENTS_A_SEAT)
