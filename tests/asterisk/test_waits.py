"""Where a wait may lead, on a real Asterisk: a promise for a key, a target that answers or not, a message.

And what supervisors make of it: they move calls, close pools, have agents pause, come back and leave; and how a talk
goes on and ends.  The config is the city's, with a pool and a line for each scene (`overflowing`), and short times.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ivr.facts import Outcome, Party
from ivr.town import audio
from ivr.town.rtp import RATE
from routing.callbacks import Why
from routing.prompts import POOL_CLOSED
from tests.asterisk.house import opened
from tests.asterisk.office import Act, Office, Played
from tests.asterisk.office import city as ours
from tests.asterisk.overflowing import (
    ALTERNATIVE,
    BUSY,
    CONSULT_LIMIT_S,
    COUNTY,
    EMPTY,
    FIRST_FOR_S,
    FREE,
    HOLD_LIMIT_S,
    LATE,
    LATE_AFTER_S,
    LATECOMER,
    LAWYER,
    NEIGHBOUR,
    NEXT_COUNTY,
    ONE_OF,
    SURVEY_S,
    TALK_LIMIT_S,
    city,
    line_of,
)
from tests.asterisk.phones import MOMENT, RIGHT, VOICE, Citizen, Person
from tests.asterisk.talking import asks, comes_back, hear_each_other, talking
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

TONE_HERTZ = 1000
MERGED = "2022-03-02T10:00"  # after the transition, whose sentences are long
LIKE = 0.5  # correlation of a prompt with what was recorded of it: packets come when they come


scenes = Act()
by_itself = Act()
"""What all who wait would hear: it would come between them and what they wait for."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("a city of waits")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city"))) as house:
        for centre, behaviour in (("w-silent", "no-answer"), ("w-county", "no-answer"), ("w-next", "busy")):
            asyncio.run(house.centre(centre, behaviour))
        house.hotline("agents", "sign-in", BUSY, "--not-ready")
        together = asyncio.run(scenes.play(house, (*FREE, LAWYER, NEIGHBOUR, LATECOMER, *ONE_OF.values())))
        alone = asyncio.run(by_itself.play(house, FREE[:1]))
        yield Played(together.ended | alone.ended, together.left + alone.left, alone.states)


async def orders(office: Office, path: str, **given: str) -> Any:
    """A supervisor asks for it."""
    return await office.house.controller(path, method="POST", given=given)


async def call_at(office: Office, pool: str) -> str:
    """What the call of the one who waits there is called."""
    (found,) = [each["call"] for each in await office.house.controller("queues") if each["line"] == line_of(pool)]
    return str(found)


async def is_(office: Office, agent: str, state: str | None) -> None:
    """Wait until the agent is in this state; None: signed out."""

    async def so_it_is() -> bool:
        return (await office.house.agents()).get(agent) == state

    await eventually(so_it_is, 6, f"{agent} is {state or 'signed out'}")


async def both_talk(one: Person, other: Person) -> None:
    """Now, and not only before."""
    await passes(MOMENT + 0.2)
    await one.hears_person(other, within=4)
    await other.hears_person(one, within=4)


def was_rung(office: Office, agent: str) -> int:
    return sum(number == agent for _, _, number in office.rung)


async def calls(office: Office, pool: str) -> Citizen:
    citizen = await office.citizen()
    await citizen.dials(line_of(pool))
    await citizen.hears(f"greeting-{line_of(pool)}")
    return citizen


@scenes
async def who_presses_1_while_it_is_offered_hears_a_promise_and_is_hung_up(office: Office) -> None:
    citizen = await calls(office, "asked")
    await passes(1.0)  # into the offer
    citizen.presses("1")
    await citizen.hears("callback-promise")
    assert (await citizen.is_hung_up()).cause == 16
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.callback, record.released_by) == (Outcome.CALLED_BACK, Why.ASKED, Party.ENGINE)
    assert [task["why"] for task in await office.house.controller("callbacks") if task["call"] == record.call] == [
        "asked"
    ]


@scenes
async def a_sub_centre_takes_who_has_waited(office: Office) -> None:
    citizen = await calls(office, "answers")
    await citizen.hears("town-w-answers", within=15)
    await citizen.hangs_up()
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "w-answers")


@scenes
async def from_a_target_that_does_not_answer_who_waits_comes_back_and_then_to_an_agent(office: Office) -> None:
    citizen = await calls(office, "silent")
    agent = await office.talks(citizen, line_of("silent"))
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.was_never_in_silence()
    assert await asyncio.to_thread(citizen.times_heard, "return-queue") == 1  # cut by the agent, perhaps
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.agent, record.target) == (Outcome.ANSWERED, office.number_of(agent), None)


@scenes
async def seats_that_let_it_ring_give_whom_an_agent_sent_there_back_to_that_agent(office: Office) -> None:
    citizen, agent, number = await talking(office)
    told = await orders(office, f"agents/{number}/talk/transfer", kind="target", name="w-silent")
    assert [each["doing"] for each in told["parties"]] == ["held", "consulting", "ringing"]
    await citizen.hears_music()
    await comes_back(office, number, 10)
    await hear_each_other(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await agent.is_hung_up()
    (tried,) = (await office.house.record(citizen.name)).brought
    assert (tried.name, tried.joined, tried.cause) == ("w-silent", None, 19)


@scenes
async def a_message_is_kept_and_the_citizen_is_called_back(office: Office) -> None:
    citizen = await calls(office, "message")
    word = await citizen.hears("voicemail")
    await passes(3.0)  # the tone, and the message
    citizen.presses("#")
    await citizen.hears("callback-promise")
    assert (await citizen.is_hung_up()).cause == 16
    heard = citizen.heard()
    end = heard.began + word.at + len(office.house.prompt("voicemail")) / RATE
    assert audio.level(heard.between(end + 0.1, end + 0.4).samples, TONE_HERTZ) > VOICE
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.callback) == (Outcome.CALLED_BACK, Why.VOICEMAIL)
    left, right = await office.house.recording(citizen.name)
    assert audio.level(left[:RATE], citizen.hertz) > VOICE, "their words, from the first on"
    assert audio.hears(right, office.house.prompt("callback-promise")).correlation > LIKE
    assert audio.hears(right, office.house.prompt("voicemail")).correlation < 0.3, "what came before it is not kept"


@by_itself
async def all_who_wait_in_every_pool_hear_a_text_at_once_and_then_a_prompt_and_who_talks_neither(
    office: Office,
) -> None:
    talks = await office.citizen()
    await talks.dials("12345")
    agent = await office.talks(talks, "12345")
    waiting = {pool: await office.citizen() for pool in ("told", "too")}
    for pool, citizen in waiting.items():
        await citizen.dials(line_of(pool))
    for given in (("--text", "系统繁忙，请耐心等候。"), (POOL_CLOSED,)):
        assert f"to {len(waiting)} who wait" in await office.house.types("announce", *given)
    for citizen in waiting.values():
        await citizen.hears(POOL_CLOSED)
    await both_talk(talks, agent)
    for citizen in (talks, *waiting.values()):
        citizen.was_never_in_silence()
        await citizen.hangs_up()
    await agent.is_hung_up()
    text = audio.read_wav(office.house.state / "prompts" / "broadcast-1.wav")
    for person, has_waited in ((talks, False), (agent, False), *((each, True) for each in waiting.values())):
        found = await asyncio.to_thread(audio.hears, person.heard().samples, text)
        assert (found.correlation >= RIGHT) is has_waited
        if not has_waited:
            await asyncio.to_thread(person.did_not_hear, POOL_CLOSED)


@scenes
async def a_call_that_is_moved_waits_with_music_for_an_agent_of_that_pool(office: Office) -> None:
    await orders(office, f"agents/{LAWYER}/pause", reason="会议")
    citizen = await calls(office, "moved")
    assert "law" in await office.house.types("move", await call_at(office, "moved"), "law")
    await citizen.hears_music()
    await orders(office, f"agents/{LAWYER}/ready")
    lawyer = await office.talks(citizen, line_of("moved"))
    assert office.number_of(lawyer) == LAWYER
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await lawyer.is_hung_up()
    assert (await office.house.record(citizen.name)).agent == LAWYER


@scenes
async def all_who_wait_for_a_pool_that_is_closed_hear_why_and_come_to_the_hall(office: Office) -> None:
    mine = ONE_OF["closed"]
    await orders(office, f"agents/{mine}/pause", reason="会议")
    waiting = await asyncio.gather(*(calls(office, "closed") for _ in range(2)))
    assert f"closed, callers hear {POOL_CLOSED}" in await office.house.types("close", "p-closed", "--say", POOL_CLOSED)
    await orders(office, f"agents/{mine}/ready")  # nobody asks them now

    async def hears_why(citizen: Citizen) -> None:
        await citizen.hears(POOL_CLOSED)
        agent = await office.talks(citizen, line_of("closed"))
        assert office.number_of(agent) in FREE
        citizen.was_never_in_silence()
        await citizen.hangs_up()
        await agent.is_hung_up()
        record = await office.house.record(citizen.name)
        assert (record.outcome, record.pool) == (Outcome.ANSWERED, "hall")

    await asyncio.gather(*map(hears_why, waiting))
    assert was_rung(office, mine) == 0
    assert ": open" in await office.house.types("open", "p-closed")
    citizen = await calls(office, "closed")
    agent = await office.talks(citizen, line_of("closed"))
    assert office.number_of(agent) == mine
    await citizen.hangs_up()
    await agent.is_hung_up()


@scenes
async def an_agent_who_is_made_to_pause_is_not_rung_until_made_ready_and_talks_and_wraps_up_first(
    office: Office,
) -> None:
    mine = ONE_OF["paused"]
    await office.house.types("agents", "pause", mine, "--reason", "会议")
    citizen = await calls(office, "paused")
    await citizen.hears_music()
    assert was_rung(office, mine) == 0
    await office.house.types("agents", "ready", mine)
    agent = await office.talks(citizen, line_of("paused"))
    assert office.number_of(agent) == mine
    await orders(office, f"agents/{mine}/pause", reason="会议")
    await both_talk(citizen, agent)
    await citizen.hangs_up()
    await agent.is_hung_up()
    await is_(office, mine, "wrap-up")
    await orders(office, f"agents/{mine}/wrap-up", matter="declined", ground="litigation")
    assert (await office.house.agents())[mine] == "paused", "who has said what it was has wrapped up"
    await orders(office, f"agents/{mine}/ready")
    await is_(office, mine, "ready")
    told = await office.house.controller(f"calls/{(await office.house.record(citizen.name)).call}")
    said = [fact["body"] for fact in told["facts"] if fact["topic"] == "disposition"]
    assert [(each["agent"], each["matter"], each["ground"]) for each in said] == [(mine, "declined", "litigation")]
    report = await office.house.controller("report?by=disposition")
    assert [row["offered"] for row in report["rows"] if row["key"] == "declined/litigation"] == [1]


@scenes
async def an_agent_who_is_signed_out_in_a_talk_leaves_after_wrap_up_and_is_rung_no_more(office: Office) -> None:
    mine = ONE_OF["leaves"]
    citizen = await calls(office, "leaves")
    agent = await office.talks(citizen, line_of("leaves"))
    assert office.number_of(agent) == mine
    assert "talking, then signed-out" in await office.house.types("agents", "sign-out", mine)
    await both_talk(citizen, agent)
    await citizen.hangs_up()
    await agent.is_hung_up()
    await is_(office, mine, "wrap-up")
    await is_(office, mine, None)
    another = await calls(office, "leaves")
    agent = await office.talks(another, line_of("leaves"))
    assert office.number_of(agent) in FREE
    await another.hangs_up()
    await agent.is_hung_up()
    assert was_rung(office, mine) == 1


@scenes
async def of_a_pool_where_nobody_is_nobody_can_be_consulted_and_the_agent_comes_back(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await orders(office, f"agents/{number}/talk/consult", kind="pool", name=EMPTY)
    await comes_back(office, number, 25)
    await both_talk(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await agent.is_hung_up()
    (sought,) = (await office.house.record(citizen.name)).brought
    assert (sought.name, sought.joined) == (EMPTY, None)


@scenes
async def whoever_calls_while_one_waits_goes_on_to_the_next_pool(office: Office) -> None:
    first = await office.citizen()
    await first.dials(line_of("full"))
    second = await calls(office, "full")
    agent = await office.talks(second, line_of("full"))
    assert office.number_of(agent) == NEIGHBOUR
    await first.hears_music()
    assert [caller for _, caller, number in office.rung if number == NEIGHBOUR] == [second.name]
    for citizen in (first, second):
        citizen.was_never_in_silence()
        await citizen.hangs_up()
    await agent.is_hung_up()


@scenes
async def who_has_waited_for_so_long_is_taken_by_the_next_pool(office: Office) -> None:
    citizen = await calls(office, "slow")
    agent = await office.talks(citizen, line_of("slow"))
    assert office.number_of(agent) == LATECOMER
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await agent.is_hung_up()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.pool) == (Outcome.ANSWERED, LATE)
    assert record.queued is not None
    assert record.rang is not None
    assert record.rang - record.queued >= LATE_AFTER_S * 1000
    assert was_rung(office, LATECOMER) == 1


@scenes
async def experts_on_duty_are_called_in_turn_and_nobody_else(office: Office) -> None:
    citizen, agent, number = await talking(office)
    for one in (citizen, agent):
        one.falls_silent()
    for expert in ("rota-one", "rota-two", "rota-one"):
        await asks(office, number, "expert", industry="rota")
        await citizen.hears(f"town-{expert}")
        await agent.hears(f"town-{expert}")
        await asks(office, number, "cancel")
    shown = next(each for each in await office.house.controller("experts") if each["industry"] == "rota")
    assert [each["expert"] for each in shown["experts"] if each["on_duty"]] == ["rota-two", "rota-one"]
    assert {each["expert"]: bool(each["next"]) for each in shown["experts"] if not each["on_duty"]} == {
        "rota-past": False,
        "rota-night": True,
    }
    for one in (citizen, agent):
        one.did_not_hear("town-rota-past", "town-rota-night")
    await citizen.hangs_up()
    await agent.is_hung_up()
    brought = (await office.house.record(citizen.name)).brought
    assert [each.name for each in brought] == ["rota/rota-one", "rota/rota-two", "rota/rota-one"]


@scenes
async def who_presses_no_key_when_asked_how_content_they_are_is_let_go_when_the_time_is_over(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await agent.hangs_up()
    question = await citizen.hears("survey")
    assert (await citizen.is_hung_up()).cause == 16
    waited = citizen.heard().seconds - question.at - len(office.house.prompt("survey")) / RATE
    assert SURVEY_S - 0.5 < waited < ours().site.survey.answer_within.total_seconds()
    citizen.was_never_in_silence()
    citizen.did_not_hear("survey-thanks")
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.agent, record.rating) == (Outcome.ANSWERED, number, None)
    assert "survey" in record.prompts


@scenes
async def law_enforcement_and_whoever_an_emergency_desk_has_sent_are_not_asked_how_content_they_are(
    office: Office,
) -> None:
    async def is_let_go(citizen: Citizen, line: str, diverted_from: str = "") -> None:
        await citizen.dials(line, at=MERGED, diverted_from=diverted_from)
        agent = await office.talks(citizen, line)
        await agent.hangs_up()
        assert (await citizen.is_hung_up()).cause == 16
        citizen.did_not_hear("survey")
        record = await office.house.record(citizen.name)
        assert (record.outcome, record.released_by) == (Outcome.ANSWERED, Party.AGENT)
        assert "survey" not in record.prompts

    lines = (("12319", ""), ("12345", "110"))
    await asyncio.gather(*[is_let_go(await office.citizen(), *each) for each in lines])


@scenes
async def who_talks_holds_or_consults_for_too_long_is_an_alarm_and_nobody_is_hung_up(office: Office) -> None:
    citizen, agent, number = await talking(office)

    async def is_an_alarm(doing: str, limit_s: float) -> None:
        """To whoever asks, and to whoever has the stream; and it was looked whether the call lives."""

        async def is_said() -> bool:
            asked, told = await office.house.controller("status"), await office.house.told()
            alarms = " ".join(each["sentence"] for each in asked["alarms"])
            streamed = " ".join(each["sentence"] for each in told["alarms"].values())
            return f"agent {number} is {doing}" in alarms and f"agent {number} is {doing}" in streamed

        await eventually(is_said, limit_s + 8, f"an alarm: {doing}", every=0.2)
        assert f"agent {number} is {doing} for too long" in office.house.log("controller")

    await is_an_alarm("talking", TALK_LIMIT_S)
    await both_talk(citizen, agent)
    await orders(office, f"agents/{number}/talk/hold")
    await is_an_alarm("holding", HOLD_LIMIT_S)
    await citizen.hears_music()
    await orders(office, f"agents/{number}/talk/retrieve")
    await orders(office, f"agents/{number}/talk/consult", kind="target", name="w-answers")
    await agent.hears("town-w-answers")
    await is_an_alarm("consulting", CONSULT_LIMIT_S)
    await citizen.hears_music()
    await orders(office, f"agents/{number}/talk/cancel")
    await both_talk(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await agent.is_hung_up()


@scenes
async def a_county_s_desk_is_rung_at_its_other_number_in_time_and_a_busy_one_is_followed_by_the_city_s(
    office: Office,
) -> None:
    citizen, desk, city_s = await office.citizen(), await office.citizen(), await office.citizen()
    await citizen.dials("12345")
    agent = await office.talks(citizen, "12345")
    path = f"agents/{office.number_of(agent)}/talk/emergency"
    desk.name = ALTERNATIVE
    await office.house.reaches(desk)
    asked = asyncio.get_running_loop().time()
    await orders(office, path, number="119", county=COUNTY)
    await both_talk(citizen, agent)
    await desk.is_called()
    assert desk.ring.began - asked >= FIRST_FOR_S
    assert desk.ring.caller == citizen.name
    desk.picks_up()
    await hear_each_other(citizen, agent, desk)
    async with office.house.staffed("120", city_s):
        await orders(office, path, number="120", county=NEXT_COUNTY)
        await city_s.is_called()
    assert city_s.ring.caller == citizen.name
    city_s.picks_up()
    await hear_each_other(citizen, agent, desk, city_s)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    for one in (agent, desk, city_s):
        await one.hangs_up()
    record = await office.house.record(citizen.name)
    assert [(each.name, each.aim) for each in record.brought] == [("119", "link"), ("120", "link")]
    for had in record.brought:
        assert had.rang is not None
        assert had.joined is not None
        assert had.asked <= had.rang < had.joined
    told = await office.house.controller(f"calls/{record.call}")
    happened = [fact["body"]["outcome"] for fact in told["facts"] if "talk:" in fact["body"].get("step", "")]
    rung = [each for each in happened if each["fact"] == "dialled"]
    assert [each["party"] for each in rung] == [2, 2, 3, 3], "each at two numbers"
    first, other, *_ = (each["at"] for each in rung)
    assert record.brought[0].rang == first
    assert other - first >= FIRST_FOR_S * 1000


@pytest.mark.parametrize("scene", [*scenes.names, *by_itself.names])
def test_waits(played: Played, scene: str) -> None:
    played.check(scene)


def test_the_city_s_own_survey_waits_eight_seconds_for_a_key() -> None:
    """Above it is less, so as to be waited for."""
    assert ours().site.survey.answer_within == timedelta(seconds=8)


def test_nothing_is_left_behind(played: Played) -> None:
    assert played.left == ""
