"""Whoever listens to a desk's stream, and puts together what they hear."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import jsonschema_rs
import msgspec

from ivr.edge.protocols import Flow, Request
from ivr.web import stream
from ivr.web.rights import Role, Who
from routing.ids import AgentId
from tests.calls.desk import Desk

DESCRIBED = jsonschema_rs.validator_for(stream.schema())
TOPICS = ("agents", "queue", "calls", "talks", "alarms", "pools", "callbacks", "nuisances")

LET_GO_WITHIN_S = 60
"""The end of a shift ends a stream, too."""

Event = tuple[str, dict[str, Any]]
"""Its id, and its data."""


class Ear:
    """Listens to a desk's stream, and puts together what it hears."""

    def __init__(self, desk: Desk, who: Who, last: str = "", header: str = "") -> None:
        desk.people[who.name] = who
        self.who = who
        self.last = last
        self.header = header
        self.events: list[Event] = []
        self.known: dict[str, dict[str, Any]] = {topic: {} for topic in TOPICS}
        self.beats = 0
        self._desk = desk
        self._task = asyncio.create_task(self._listens(), name=f"ear:{who.name}")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        query = (("from", self.last),) if self.last else ()
        asked = Request("GET", "/stream", query, f"Bearer {self.who.name}", last_event=self.header)
        answer = await self._desk.api.answer(asked)
        assert isinstance(answer.value, Flow), answer
        return answer.value.pieces

    async def _listens(self) -> None:
        async for piece in await self.pieces():
            for event in events(piece):
                self._takes(event)
            self.beats += piece == b":\n\n"

    def _takes(self, event: Event) -> None:
        id_, data = event
        DESCRIBED.validate(data)
        self.events.append(event)
        self.last = id_
        for topic, known in self.known.items():
            if data["event"] == "snapshot":
                known.clear()
            for key, value in data.get(topic, {}).items():
                if value is None:
                    del known[key]
                else:
                    known[key] = still(value, data["at"])

    def kinds(self) -> list[str]:
        return [data["event"] for _, data in self.events]

    async def goes(self) -> str:
        """Stops listening; the id of the last event."""
        self._task.cancel()
        await asyncio.wait({self._task})
        return self.last

    async def is_let_go(self) -> str:
        """Waits for the end of the stream, which is not long in coming; the reason."""
        async with asyncio.timeout(LET_GO_WITHIN_S):
            await self._task
        return str(self.events[-1][1]["why"])


def events(piece: bytes) -> list[Event]:
    """The server-sent events of some bytes."""
    found = []
    for block in piece.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            data = msgspec.json.decode(fields["data"])
            assert data["event"] == fields["event"]
            found.append((fields.get("id", ""), data))
    return found


def still(value: Any, at: int) -> Any:
    """The same value at any moment: since when, in the place of for how long."""
    if isinstance(value, list):
        return [still(each, at) for each in value]
    if not isinstance(value, dict):
        return value
    relative = {"for_ms", "ago_ms", "waits_ms"}
    return {name: at - each if name in relative else still(each, at) for name, each in value.items()}


def supervisor(name: str = "above") -> Who:
    return Who(name, frozenset({Role.SUPERVISOR}))


def operator(agent: str) -> Who:
    return Who(f"operator-{agent}", frozenset({Role.OPERATOR}), AgentId(agent))


async def as_it_is(desk: Desk, who: Who) -> dict[str, dict[str, Any]]:
    """What somebody who comes now is told."""
    ear = Ear(desk, Who(f"{who.name}-now", who.roles, who.agent))
    await asyncio.sleep(0.01)
    await ear.goes()
    assert ear.kinds() == ["snapshot"]
    return told(ear)


def without(topic: str, value: dict[str, Any]) -> dict[str, Any]:
    """Somebody who is not there has been so for no time."""
    return {**value, "for_ms": 0} if topic == "agents" and value["state"] == "signed-out" else value


def told(ear: Ear) -> dict[str, dict[str, Any]]:
    """All that they have heard, put together."""
    return {topic: {key: without(topic, value) for key, value in known.items()} for topic, known in ear.known.items()}
