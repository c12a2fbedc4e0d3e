"""`hotline reload` on the real house: a talk and a wait go on as they were, the next call follows the new file."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from ivr.facts import Outcome
from tests.asterisk.office import HALL, Office
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.reloading import AFTERWARDS, FIRST, City, open_city, reload_under_calls

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]

NEW_SEAT = "8099"
LINES, CALLERS = 10_000, 60


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with open_city(tmp_path_factory.mktemp("a city")) as city:
        yield city


async def _answers(office: Office, citizen: Citizen) -> Agent:
    agent = await office.rings_for(citizen)
    agent.answers()
    await citizen.hears_person(agent)
    return agent


async def test_a_talk_and_a_wait_go_on_and_the_next_call_follows_the_new_file(city: City) -> None:
    house = city.house
    async with Office(house) as office:
        await office.opens(["1016"])
        talks = await (await office.citizen()).dials("12345")
        agent = await _answers(office, talks)
        waits = await (await office.citizen()).dials("12329")
        await waits.begins_to_hear_something()
        before = house.pid("controller"), house.pid("asterisk")

        entry = "    skill: housing-fund\n    transition: {from: 2021-09-01, until: 2021-11-01}\n"
        city.edit("config/lines.yaml", entry, "    skill: housing-fund\n")
        seat = "  - {id: 8020, kind: desk, pool: hall}\n"
        city.edit("config/site.yaml", seat, f"{seat}  - {{id: {NEW_SEAT}, kind: desk, pool: hall}}\n")
        agents = "agents:\n"
        city.edit(
            "config/site.yaml",
            agents,
            f"{agents}  - {{id: 1099, name: 新来, seat: {NEW_SEAT}, works_in: {{hall: {{}}}}}}\n",
        )
        said = await asyncio.to_thread(city.reloads, "--who", "王主任")
        assert said.returncode == 0, said.stdout + said.stderr
        assert "Version 2 is applied." in said.stdout
        assert "2 calls in progress keep what they began with." in said.stdout
        assert "read again: pjsip.conf of the hotline's Asterisk" in said.stdout
        assert "read again: queues.conf of the hotline's Asterisk" in said.stdout
        assert (house.pid("controller"), house.pid("asterisk")) == before

        await talks.hears_person(agent)
        await agent.hears_person(talks)
        follows = await (await office.citizen()).dials("12329")
        await follows.begins_to_hear_something()
        newcomer = await office.agent(NEW_SEAT)  # a seat and a person who were not there when the house was opened
        await house.signs_in("1099")
        await newcomer.rings()
        newcomer.answers()
        await waits.hears_person(newcomer)
        await talks.hangs_up()
        await agent.is_hung_up()
        await _answers(office, follows)
        await waits.hangs_up()
        await follows.hangs_up()
        for citizen in (waits, follows):
            told = citizen.times_heard("transition-12329"), citizen.times_heard("greeting-12329")
            assert told == ((1, 0) if citizen is waits else (0, 1)), citizen.story()
        for citizen in (talks, waits, follows):
            citizen.was_never_in_silence()
    await house.is_quiet()
    phases = [(await house.record(citizen.name)).phase for citizen in (waits, follows)]
    assert phases == ["transition", "merged"]
    await house.signs_out(*await house.agents())


def test_a_bad_file_changes_nothing(city: City) -> None:
    version, survival = city.version(), (city.house.state / "snapshot" / "survival.json").read_bytes()
    city.edit("config/lines.yaml", "skill: housing-fund", "skill: housing-found")
    said = city.reloads()
    assert said.returncode == 2
    assert "did you mean 'housing-fund'?" in said.stderr
    assert "Nothing was changed." in said.stderr
    assert city.version() == version
    assert (city.house.state / "snapshot" / "survival.json").read_bytes() == survival
    assert json.loads(city.house.hotline("status", "--json"))["version"] == version


def test_back_to_an_earlier_version_and_what_the_history_says(city: City) -> None:
    said = city.reloads("--to", "1")
    assert said.returncode == 0, said.stdout + said.stderr
    house = city.house
    versions = json.loads(house.hotline("history", "--json"))
    assert [each["how"] for each in versions] == ["start", "reload", "reload --to 1"]
    assert versions[1]["who"] == "王主任"
    assert "-    transition: {from: 2021-09-01, until: 2021-11-01}\n" in house.hotline("history", "2")
    assert "+    transition: {from: 2021-09-01, until: 2021-11-01}\n" in house.hotline("history", "3")
    assert json.loads(house.hotline("status", "--json"))["version"] == 3
    controller = house.kills("controller")
    asyncio.run(house.has_restarted("controller", controller))
    assert json.loads(house.hotline("status", "--json"))["version"] == 3


def test_ten_thousand_lines_come_in_while_sixty_calls_talk_and_wait_and_nobody_notices(city: City) -> None:
    city.put_back()
    story = asyncio.run(reload_under_calls(city, LINES, CALLERS))
    assert story.said.returncode == 0, story.said.stdout + story.said.stderr
    assert f"{CALLERS} calls in progress keep what they began with." in story.said.stdout
    assert json.loads(city.house.hotline("status", "--json"))["lines"] > LINES
    for citizen in story.citizens:
        citizen.was_never_in_silence()
    known = story.records.pop(story.follows.name)
    assert (known.line, known.phase, known.marked) == (str(FIRST + LINES - 1), "transition", None)
    assert {(each.line, each.marked) for each in story.records.values()} == {("12345", "unknown-number")}
    answered = [each for each in story.records.values() if each.outcome is Outcome.ANSWERED]
    assert len(answered) == len(HALL) + AFTERWARDS


def test_another_node_is_another_house(city: City) -> None:
    city.put_back()
    city.edit("config/site.yaml", "node: handan1", "node: handan2")
    said = city.reloads()
    assert said.returncode == 1
    assert "node is handan2 now, and this house was begun as handan1: nothing was changed" in said.stderr
