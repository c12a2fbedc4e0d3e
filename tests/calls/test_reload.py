"""A reload while calls talk and wait: it changes nothing for them, and the next calls follow the new file."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import pytest

from ivr.audit import Audit
from ivr.edge.protocols import Request
from ivr.errors import DiskError
from ivr.facts import Outcome
from ivr.lockout import Lockout
from ivr.service import Audio
from ivr.snapshot import Compiled, compiled
from ivr.store import PostgresStore
from ivr.watch import Watch
from ivr.web.access import Access
from ivr.web.api import Answer, Api
from ivr.web.hub import Hub
from ivr.web.meters import Meters
from ivr.web.switchboard import Applied, Switchboard
from routing.config import Config, build
from routing.ids import AgentId, CallId, PoolId, SkillId
from scripts.bench_check import ENTRY
from tests.calls.desk import reads
from tests.calls.simulated import CONFIG, SOURCES, STAFF, SimulatedHouse, lengths
from tests.fake.disk import MemoryDisk
from tests.fake.locksmith import PlainLocksmith
from tests.fake.loop import SimClock, simulate
from tests.fake.world import Party

AGENTS = tuple(sorted(STAFF))
OPENING, OTHER = "transition-12329", "greeting-12329"


def without_transition() -> Config:
    """12329's transition has never been."""
    text = SOURCES["lines.yaml"]
    entry = text.index("- number: 12329")
    begins = text.index("    transition:", entry)
    ends = text.index("\n", begins) + 1
    return build({**SOURCES, "lines.yaml": text[:begins] + text[ends:]})


def follow(house: SimulatedHouse, config: Config, version: int = 2) -> None:
    """What `POST /reload` does to a controller."""
    assert house.controller is not None
    house.controller.follow(config, Audio("/prompts", lengths()), version)


def told(house: SimulatedHouse, party: Party) -> list[str]:
    """The prompts that somebody has heard."""
    return [what for what in house.story(party) if what.startswith(("greeting", "transition"))]


@pytest.mark.slow
def test_sixty_calls_keep_what_they_began_with_and_the_next_follow_the_new_file() -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=60)
        for agent in AGENTS[:20]:
            house.agent(agent, answers_after=1.5, talks=40)
        before = [house.fake.dials("12329", after=0.5 + n / 20) for n in range(60)]
        after = [house.fake.dials("12329", after=20 + n / 20) for n in range(10)]
        seen: list[tuple[int, int]] = []

        def reload() -> None:
            assert house.dispatcher is not None
            assert house.controller is not None
            waiting = house.dispatcher.waiting()
            seen.append((len(house.controller.register.ledgers), len(waiting)))
            follow(house, without_transition())
            assert house.dispatcher.waiting() == waiting

        house.fake.later(15, reload)
        await house.lives()
        house.check()
        assert not house.silences()
        assert seen == [(60, 40)]
        assert [told(house, party) for party in before] == [[OPENING]] * 60
        assert [told(house, party) for party in after] == [[OTHER]] * 10
        records = house.records()
        assert {record.outcome for record in records} == {Outcome.ANSWERED}
        in_order = sorted(records, key=lambda record: record.arrived)
        assert [record.phase for record in in_order] == ["transition"] * 60 + ["merged"] * 10
        connected = [record.connected for record in in_order]
        assert None not in connected

    simulate(scene)


def test_a_call_keeps_what_it_began_with_when_the_controller_dies_after_a_reload() -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=4)
        waits = house.fake.dials("12329", after=0.5)

        def reload() -> None:
            house.config = without_transition()  # of the next life too
            follow(house, house.config)

        house.fake.later(15, reload)
        house.fake.later(16, house.kill)
        house.fake.later(25, lambda: house.comes(AgentId("1016")))
        house.fake.seat("8016", answers_after=1.0, talks=5)
        await house.lives()
        house.check()
        assert told(house, waits) == [OPENING]
        assert [record.phase for record in house.records()] == ["transition"]

    simulate(scene)


def test_a_call_that_waits_for_a_pool_or_skill_that_is_gone_is_with_the_hall() -> None:
    """12350's own seats are given up while a caller waits for nobody but them; and the controller dies over it."""

    async def scene() -> None:
        house = SimulatedHouse(seed=3)
        house.agent("1016", answers_after=1.0, talks=5)
        house.agent("1017", answers_after=1.0, talks=5)
        waits = house.fake.dials("12329", after=0.5)
        site = CONFIG.site
        skills = {name: skill for name, skill in site.skills.items() if name != SkillId("housing-fund")}
        pools = {name: pool for name, pool in site.pools.items() if name != PoolId("safety")}
        config = edited_site(skills=skills, pools=pools)
        house.fake.later(0.6, lambda: follow(house, config))
        house.fake.later(1.2, house.kill)
        house.config = config
        await house.lives()
        house.check()
        assert house.story(waits)[-1].startswith("voice:80")

    simulate(scene)


def edited_site(**changes: Any) -> Config:
    """The config with other values in its site."""
    return msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, **changes))


def test_what_an_agent_may_take_follows_the_file_and_their_state_stays() -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=5)
        house.agent("1016", answers_after=1.0, talks=5)
        house.agent("1001", answers_after=1.0, talks=5)
        expert = CONFIG.site.agents[AgentId("1001")].competences
        agents = dict(CONFIG.site.agents)
        for name, competences in (("1016", expert), ("1001", agents[AgentId("1016")].competences)):
            agents[AgentId(name)] = msgspec.structs.replace(agents[AgentId(name)], competences=competences)
        house.fake.later(0.4, lambda: follow(house, edited_site(agents=agents)))
        citizen = house.fake.dials("12329", after=0.5)
        await house.lives()
        house.check()
        assert house.story(citizen)[-1] == "voice:8016"

    simulate(scene)


async def no_recording(_: CallId) -> None:
    """Nothing is found."""


def test_the_api_takes_only_what_was_applied_last() -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=9)
        house.agent("1016", answers_after=1.0, talks=5)
        house.fake.dials("12345", after=0.5)
        answers: list[Answer] = []

        async def unreadable() -> Applied:
            raise DiskError("snapshot/config.json cannot be read: gone")

        async def asks(applied: Callable[[], Awaitable[Applied]], given: bytes) -> None:
            assert house.controller is not None
            store = cast("PostgresStore", None)
            access = Access(MemoryDisk(), SimClock(), PlainLocksmith(), "any", Lockout(MemoryDisk()))
            audit = Audit(MemoryDisk(), SimClock())
            hub = Hub(house.controller, access, Watch(SimClock(), {}))
            watch, meters = Watch(SimClock(), {}), cast("Meters", None)
            board = Switchboard(
                house.controller, store, applied, access, audit, no_recording, hub, watch, meters, reads
            )
            api = Api(board, access.identify)
            bearer, kind = "Bearer any", "application/json"
            answers.append(await api.answer(Request("POST", "/reload", (), bearer, kind, given)))
            answers.append(await api.answer(Request("GET", "/status", (), bearer)))

        async def latest() -> Applied:
            return Applied(7, without_transition(), Audio("/prompts", lengths()))

        questions: tuple[tuple[Callable[[], Awaitable[Applied]], bytes], ...] = (
            (latest, b'{"version": 6}'),
            (unreadable, b""),
            (latest, b'{"version": 7}'),
        )
        async with asyncio.TaskGroup() as group:
            for n, question in enumerate(questions):
                house.fake.later(3 + n, lambda question=question: group.create_task(asks(*question)))  # type: ignore[misc]
            await house.lives()
        assert [answer.status for answer in answers[::2]] == [409, 409, 200]
        assert [answer.value.version for answer in answers[1::2]] == [0, 0, 7]
        assert answers[4].value.calls == 1

    simulate(scene)


@pytest.mark.slow
def test_ten_thousand_numbers_are_swapped_in_while_sixty_calls_talk_and_wait() -> None:
    local = "".join(ENTRY.format(number=3_000_000 + n) for n in range(10_000))
    config = build({**SOURCES, "lines.yaml": SOURCES["lines.yaml"] + local})
    applied = compiled(config, 2)  # as whoever applies it hands it to the controller

    async def scene() -> None:
        house = SimulatedHouse(seed=61)
        for agent in AGENTS[:20]:
            house.agent(agent, answers_after=1.5, talks=40)
        before = [house.fake.dials("3009999", after=0.5 + n / 20) for n in range(60)]
        house.fake.later(15, lambda: follow(house, msgspec.json.decode(applied, type=Compiled).config()))
        after = house.fake.dials("3009999", after=16)
        house.fake.lengths["transition-3009999"] = 9_000
        await house.lives()
        house.check()
        assert [told(house, party) for party in before] == [["greeting-12345"]] * 60
        assert told(house, after) == ["transition-3009999"]
        marks = [record.marked for record in sorted(house.records(), key=lambda record: record.arrived)]
        assert marks == ["unknown-number"] * 60 + [None]

    simulate(scene)
