"""What happens within a conversation, by tones: who hears whom when agents hold, consult, hand over and link.

The scenes are played at once, those of `outside` among them, in one house: what they prove, they prove of calls among
other calls.
"""

import asyncio
import json
from functools import partial

import pytest

from ivr.town import audio, sip
from ivr.town.calls import Refused
from ivr.town.rtp import RATE
from tests.asterisk.house import House
from tests.asterisk.office import Office, Played
from tests.asterisk.outside import BEHAVIOURS
from tests.asterisk.talking import (
    all_hung_up,
    asks,
    colleague,
    has_got,
    has_sound,
    hear_each_other,
    hears_no_more,
    talk_alone,
    talking,
    talks,
    types,
    voices,
)
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

HALL = ("1016", "1017", "1018", "1019", "1020", "1014", "1015", "1011", "1012", "1013")
LAWYER, ANY_LAWYER, ENGINEER, DEAF = "2012", "2011", "2001", "2002"  # nobody dials their lines: ready when asked for
CANCELLED, DECLINED = 487, 603
BOSS_AT, OTHER_BOSS_AT, BUSYBODY_AT = "8001", "8002", "8003"  # seats of nobody who is signed in


@pytest.fixture(scope="module")
def morning(house: House) -> Played:
    """Everybody is in; the gas company and the first of the experts are busy, and nothing goes through to 122."""
    return asyncio.run(_played(house))


async def _played(house: House) -> Played:
    for centre, behaviour in BEHAVIOURS.items():
        await house.centre(centre, behaviour)
    try:
        return await talks.play(house, (*HALL, ANY_LAWYER, LAWYER, ENGINEER, DEAF))
    finally:
        for centre in BEHAVIOURS:
            await house.centre(centre, "answer")


# --- scenes


@talks
async def a_held_citizen_hears_music_and_comes_back(office: Office) -> None:
    citizen, agent, number = await talking(office)
    assert await types(office, "hold", number) == {"citizen": "held", number: "holding"}
    await citizen.hears_music()
    await hears_no_more(agent, citizen)
    assert (await office.house.agents())[number] == "holding"
    await types(office, "retrieve", number)
    await hear_each_other(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(agent)


@talks
async def an_agent_s_desk_has_the_phone_that_rings_answer(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    number, first = office.number_of(agent), agent.ring
    assert not first.invite.headers.get("call-info")
    await office.house.controller(f"agents/{number}/answer", method="POST")
    assert (await first.ended()).status == CANCELLED
    assert await office.rings_for(citizen, within=3) is agent
    asked = agent.ring.invite.headers
    assert asked.get("call-info").endswith("answer-after=0")
    assert asked.get("answer-mode") == "Auto"
    agent.answers()  # as a phone does that knows one of them
    await citizen.hears(f"agent-{number}", within=6)
    await hear_each_other(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(agent)
    record = await office.house.record(citizen.name)
    assert (record.agent, record.offers) == (number, 1)


@talks
async def the_hold_button_of_a_phone_is_a_hold_like_any_other(office: Office) -> None:
    citizen, agent, number = await talking(office)

    async def does(*doing: str) -> bool:
        told = await office.house.controller(f"agents/{number}/talk")
        return tuple(each["doing"] for each in told["parties"]) == doing

    await agent.call.hold()
    await eventually(partial(does, "held", "holding"), 5, "the citizen is held")
    await citizen.hears_music()
    await hears_no_more(citizen, agent)
    assert (await office.house.agents())[number] == "holding"
    await agent.call.retrieve()
    await eventually(partial(does, "talking", "talking"), 5, "the citizen is back")
    await hear_each_other(citizen, agent)
    agent.falls_silent()
    await eventually(citizen.hears_nothing_now, 5, "Asterisk's own music has ended with ours")
    agent.speaks()
    await agent.call.hold()
    await citizen.hears_music()
    await citizen.hangs_up()
    await all_hung_up(agent)
    citizen.was_never_in_silence(longer_than=2.0)  # in which it was quiet, above
    assert (await office.house.record(citizen.name)).held_ms > 2_000  # two seconds of music at least were in the first


@talks
async def a_transfer_by_the_phone_s_own_button_is_refused_and_the_talk_goes_on(office: Office) -> None:
    citizen, agent, number = await talking(office)
    host, port = office.house.switch
    for where in ("110", "8003", "13800138000"):
        assert await agent.call.refer(f"sip:{where}@{host}:{port}") == DECLINED
    assert not [each for each in await office.house.channels() if "Local/" in each]
    await hear_each_other(citizen, agent)
    assert await talk_alone(office, number)
    await citizen.hangs_up()
    await all_hung_up(agent)


@talks
async def a_call_is_not_taken_over_from_another_phone_by_its_tags_and_goes_on(office: Office) -> None:
    """It was: both were in silence from then on, and the controller knew of nothing."""
    citizen, agent, number = await talking(office)
    thief = await office.agent(BUSYBODY_AT)
    ours, theirs, _, _ = agent.call.dialog()
    tags = f"to-tag={sip.parameter(theirs, 'tag')};from-tag={sip.parameter(ours, 'tag')}"
    for number_dialled in ("110", "8004"):
        call = await thief.phone.dial(
            number_dialled, office.house.switch, headers=[("Replaces", f"{agent.call.call_id};{tags}")]
        )
        with pytest.raises(Refused):
            await call.answered()
    await hear_each_other(citizen, agent)
    assert await talk_alone(office, number)
    await citizen.hangs_up()
    await all_hung_up(agent)


@talks
async def a_muted_agent_is_not_heard_and_keys_arrive_both_ways(office: Office) -> None:
    citizen, agent, number = await talking(office)
    citizen.presses("5")
    await has_got(agent, "5")
    agent.presses("7#")
    await has_got(citizen, "7#")
    await types(office, "mute", number)
    await hears_no_more(citizen, agent)
    await agent.hears_person(citizen)
    await types(office, "unmute", number)
    await hear_each_other(citizen, agent)
    await types(office, "hang-up", number)
    await all_hung_up(agent)
    await citizen.hangs_up()


@talks
async def an_agent_who_is_made_to_pause_talks_on_and_then_gets_no_call(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await office.house.controller(f"agents/{number}/pause", method="POST", given={"reason": "会议"})
    await hear_each_other(citizen, agent)
    await citizen.hangs_up()
    await all_hung_up(agent)

    async def is_(state: str) -> bool:
        return (await office.house.agents())[number] == state

    await eventually(lambda: is_("paused"), 5, "the talk is over, and the agent paused")
    await office.house.controller(f"agents/{number}/ready", method="POST")
    assert not await is_("paused"), "ready, or with the next call already"


@talks
async def a_silent_citizen_is_told_so_by_the_keys_of_the_agent_s_phone(office: Office) -> None:
    citizen, agent, number = await talking(office)
    citizen.falls_silent()
    agent.presses("*0")
    await citizen.hears("silent-call")
    await all_hung_up(agent, citizen)
    citizen.did_not_hear("survey")
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    told = await office.house.controller(f"calls/{record.call}")
    said = [(fact["body"]["agent"], fact["body"]["matter"]) for fact in told["facts"] if fact["topic"] == "disposition"]
    assert said == [(number, "silent")]


@talks
async def a_nuisance_is_warned_and_talks_on(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await types(office, "nuisance", number)
    await citizen.hears("nuisance-warning")
    await hear_each_other(citizen, agent)
    agent.did_not_hear("nuisance-warning")
    await citizen.hangs_up()
    await all_hung_up(agent)


@talks
async def a_colleague_is_consulted_made_a_third_and_keeps_the_citizen(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await types(office, "consult", number, "--agent", LAWYER)
    lawyer = await colleague(office, citizen)
    assert lawyer.ring.invite.headers.get("answer-mode") == "Auto"
    await hear_each_other(agent, lawyer)
    shown = json.loads(await office.house.types("agents", "--json"))
    assert [each["state"] for each in shown if each["agent"] == number] == ["consulting"]
    assert (await office.house.told())["agents"][number]["state"] == "consulting"
    await citizen.hears_music()
    await hears_no_more(lawyer, citizen)
    assert [one.heard_a_beep() for one in (lawyer, agent)] == [True, False]
    await types(office, "switch", number)
    await hear_each_other(agent, citizen)
    await hears_no_more(agent, lawyer)
    await lawyer.hears_music()
    await types(office, "three-way", number)
    await hear_each_other(citizen, agent, lawyer)
    assert await types(office, "complete", number) == {"citizen": "talking", LAWYER: "talking"}
    await all_hung_up(agent)
    await hear_each_other(citizen, lawyer)
    await citizen.hangs_up()
    await all_hung_up(lawyer)
    left, right = await office.house.recording(citizen.name)
    assert len(left) == len(right)
    record = await office.house.record(citizen.name)
    assert [(each.name, each.aim) for each in record.brought] == [(LAWYER, "consult")]
    assert record.held_ms > 1_500  # between what was asked over HTTP and the next of it, with two seconds of music


@talks
async def whoever_is_ready_in_a_pool_is_consulted_and_keeps_the_citizen(office: Office) -> None:
    citizen, agent, number = await talking(office)
    assert (await asks(office, number, "consult", kind="pool", name="law"))["citizen"] == "held"
    lawyer = await colleague(office, citizen)
    assert office.number_of(lawyer) in {LAWYER, ANY_LAWYER}
    await hear_each_other(agent, lawyer)
    await citizen.hears_music()
    await hears_no_more(lawyer, citizen)
    await hears_no_more(citizen, agent)
    assert await asks(office, number, "complete") == {"citizen": "talking", office.number_of(lawyer): "talking"}
    await all_hung_up(agent)
    await hear_each_other(citizen, lawyer)
    await passes(1)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(lawyer)
    (consulted,) = (await office.house.record(citizen.name)).brought
    assert (consulted.name, consulted.aim) == (office.number_of(lawyer), "consult")
    _, right = await office.house.recording(citizen.name)
    before, after = voices(right, agent), voices(right, lawyer)
    assert before.any()
    assert after.any(), "whoever comes later is recorded too"
    both = before & after  # a note of the music may be like either for a tenth of a second or two
    assert not (both[:-2] & both[1:-1] & both[2:]).any(), "the citizen did not hear them talk"


@talks
async def a_transfer_to_a_colleague_who_lets_it_ring_comes_back_to_the_same_agent(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await types(office, "transfer", number, "--agent", DEAF)
    deaf = await office.rings_for(citizen)
    assert office.number_of(deaf) == DEAF
    deaf.ring.ignore()
    await citizen.hears_music()
    await hears_no_more(agent, citizen)
    await deaf.stops_ringing()
    await hear_each_other(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(agent)
    (tried,) = (await office.house.record(citizen.name)).brought
    assert (tried.name, tried.joined, tried.cause) == (DEAF, None, 19)


@talks
async def a_transfer_that_is_answered_leaves_the_agent_free_and_the_bureau_s_seat_sends_it_back(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await asks(office, number, "transfer", kind="pool", name="safety")
    engineer = await colleague(office, citizen)
    await hear_each_other(citizen, engineer)
    await all_hung_up(agent)
    await asks(office, ENGINEER, "transfer", kind="pool", name="hall")
    again = await colleague(office, citizen)
    assert office.number_of(again) in HALL
    await hear_each_other(citizen, again)
    await all_hung_up(engineer)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(again)


@talks
async def a_paused_recording_is_silent_and_keeps_its_time(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await passes(2)
    await asks(office, number, "pause-recording")
    await passes(3)
    await hear_each_other(citizen, agent)
    await asks(office, number, "resume-recording")
    await passes(2)
    await citizen.hangs_up()
    await all_hung_up(agent)
    ((since, until),) = (await office.house.record(citizen.name)).paused
    left, right = await office.house.recording(citizen.name)
    assert len(left) == len(right)
    for side, speaker in ((left, citizen), (right, agent)):
        stretches = audio.silences(side, (until - since) / 1000 - 0.1)
        assert len(stretches) == 1, audio.silences(side, 0.5)
        first = side[RATE : 2 * RATE]  # on a busy machine the last of the prompt before is kept, for most of a second
        assert audio.dominant(first) == audio.dominant(side[-RATE:]) == speaker.hertz


@talks
async def a_supervisor_listens_whispers_barges_in_and_takes_over(office: Office) -> None:
    citizen, agent, number = await talking(office)
    boss = await office.agent(BOSS_AT)
    await types(office, "listen", number, "--seat", BOSS_AT)
    (await boss.rings()).answers()
    await eventually(lambda: boss.hears_also(agent) and boss.hears_also(citizen), 10, "the supervisor hears both")
    await hears_no_more(agent, boss)
    await hears_no_more(citizen, boss)
    await hear_each_other(citizen, agent)
    assert "whispering" in (await types(office, "whisper", number)).values()
    await hear_each_other(agent, boss)
    await hear_each_other(citizen, agent)
    await hears_no_more(citizen, boss)
    assert boss.hears_also(citizen)
    await types(office, "barge", number)
    await hear_each_other(citizen, agent, boss)
    await types(office, "listen", number)
    await hears_no_more(citizen, boss)
    await hears_no_more(agent, boss)
    await hear_each_other(citizen, agent)
    await types(office, "take-over", number)
    await all_hung_up(agent)
    await hear_each_other(citizen, boss)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(boss)
    left, right = await office.house.recording(citizen.name)
    assert len(left) == len(right)


@talks
async def a_supervisor_who_stops_leaves_the_two_alone_and_who_listens_leaves_with_the_agent(office: Office) -> None:
    citizen, agent, number = await talking(office)
    boss = await office.agent(OTHER_BOSS_AT)
    await asks(office, number, "whisper", seat=OTHER_BOSS_AT)
    (await boss.rings()).answers()
    await hear_each_other(agent, boss)
    await hears_no_more(citizen, boss)
    await asks(office, number, "stop")
    await all_hung_up(boss)
    await hear_each_other(citizen, agent)
    await hears_no_more(agent, boss)
    await asks(office, number, "listen", seat=OTHER_BOSS_AT)
    (await boss.rings()).answers()
    await eventually(lambda: boss.hears_also(agent) and boss.hears_also(citizen), 10, "the supervisor hears both")
    citizen.was_never_in_silence()
    await agent.hangs_up()
    await all_hung_up(boss)
    await citizen.hangs_up()
    left, right = await office.house.recording(citizen.name)
    assert voices(right, agent).any()
    assert not any(voices(side, boss).any() for side in (left, right)), "what was whispered is not recorded"
    assert not has_sound(office, right, "whisper-12345"), "nor what the house has whispered to the agent"


# --- the tests: one a scene


@pytest.mark.parametrize("scene", talks.names)
def test_in_a_conversation(morning: Played, scene: str) -> None:
    morning.check(scene)


def test_nothing_is_left_behind(morning: Played) -> None:
    assert morning.left == ""
