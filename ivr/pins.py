"""PINs: by which an agent signs in at a seat's phone.  Made here and told once; what is kept of them are digests.

A file of their own, as accounts have: no database is asked at a phone.  Who may give one to whom is not known here.
"""

from enum import StrEnum

import msgspec

from ivr import kept
from ivr.edge.protocols import Clock, Disk, Locksmith
from ivr.lockout import Lockout
from routing.ids import AgentId


class Pin(msgspec.Struct, frozen=True):
    """What is kept of an agent's PIN, and when it was made (real, ms)."""

    agent: AgentId
    hashed: str
    made: int


class Verdict(StrEnum):
    """What came of somebody's saying who they are."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"  # so many were wrong that none is looked at for a while


class Pins:
    """Owns the PINs."""

    def __init__(self, disk: Disk, clock: Clock, locksmith: Locksmith, lockout: Lockout) -> None:
        self._disk, self._clock, self._locksmith, self._lockout = disk, clock, locksmith, lockout
        self._pins = {each.agent: each for each in kept.values(disk, Pin, "PINs")}

    def has(self, agent: AgentId) -> bool:
        """Whether the agent was ever given one."""
        return agent in self._pins

    async def check(self, agent: AgentId, pin: str) -> Verdict:
        """Whether it is the agent's PIN; an agent without one is told what a wrong one is told."""
        name, now = _name(agent), self._now()
        if self._lockout.locked_for(name, now):
            return Verdict.LOCKED
        known = self._pins.get(agent)
        self._lockout.failed(name, now)  # before the answer is known: many at once are not one guess
        if not await self._locksmith.matches(known.hashed if known else None, pin) or self._pins.get(agent) != known:
            return Verdict.WRONG
        self._lockout.forget(name)
        return Verdict.RIGHT

    def locked_ms(self, agent: AgentId) -> int:
        """For how long no PIN of this agent is looked at."""
        return self._lockout.locked_for(_name(agent), self._now())

    async def give(self, agent: AgentId, pin: str | None = None) -> str:
        """Another PIN, made here unless one is given; it locks nothing any more.  Raises `DiskError`."""
        secret = pin or self._locksmith.pin()
        made = Pin(agent, await self._locksmith.hash(secret), self._now())
        self._disk.append(kept.line(made) + b"\n")
        self._pins[agent] = made
        await self._disk.sync()
        self._lockout.forget(_name(agent))
        return secret

    def _now(self) -> int:
        return int(self._clock.real().timestamp() * 1000)


def _name(agent: AgentId) -> str:
    """How the lock-out knows an agent's PIN: no account can be called so."""
    return f"PIN of {agent}"
