"""Scenes of a talk into which somebody outside is brought: a number, a utility, an expert, an emergency desk.

Whoever stays sits at a phone, hears and speaks; who is only asked, and let go again, is a voice of the town.  Seats,
sub-centres and centres are `test_both_ways`'s.
"""

from tests.asterisk.office import Office
from tests.asterisk.talking import (
    all_hung_up,
    asks,
    comes_back,
    has_got,
    has_sound,
    hear_each_other,
    hears_no_more,
    talking,
    talks,
    voices,
)
from tests.asterisk.waiting import passes

BUSY, BUSY_EXPERT, DEAD_DESK = "gas", "fund-1", "traffic-police"
BEHAVIOURS = {BUSY: "busy", BUSY_EXPERT: "busy", DEAD_DESK: "unreachable"}
"""How the town's centres behave meanwhile, where they do not simply answer."""
EXPERT_AT, POWER_AT = "03108092902", "95598"
"""Where somebody sits meanwhile who hears and speaks: the next of the experts, and a utility."""


@talks
async def an_expert_who_is_busy_is_followed_by_the_next_who_hears_both_and_consulted_alone_keeps_the_citizen(
    office: Office,
) -> None:
    citizen, agent, number = await talking(office)
    async with office.house.staffed(EXPERT_AT, await office.citizen()) as expert:
        await asks(office, number, "expert", industry="housing-fund")
        await expert.is_called()
        assert expert.ring.caller == "12345"
        await hear_each_other(citizen, agent)  # while it rings
        expert.picks_up()
        await hear_each_other(citizen, agent, expert)
        await asks(office, number, "cancel")
        await all_hung_up(expert)
        await asks(office, number, "consult", kind="expert", name="housing-fund")
        await expert.is_called()
    expert.picks_up()
    await hear_each_other(agent, expert)
    await citizen.hears_music()
    await hears_no_more(citizen, expert)
    await hears_no_more(expert, citizen)
    await asks(office, number, "complete")
    await all_hung_up(agent)
    await hear_each_other(citizen, expert)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(expert)
    brought = (await office.house.record(citizen.name)).brought
    assert [(each.name, each.aim) for each in brought] == [
        ("housing-fund/fund-2", "link"), ("housing-fund/fund-2", "consult"),
    ]  # fmt: skip


@talks
async def a_consultation_is_heard_by_nobody_else_and_given_up_and_a_utility_hears_citizen_and_agent(
    office: Office,
) -> None:
    citizen, agent, number = await talking(office)
    await asks(office, number, "consult", kind="target", name="water")
    await agent.hears("town-water")
    citizen.did_not_hear("town-water")
    await asks(office, number, "cancel")
    await hear_each_other(citizen, agent)
    async with office.house.staffed(POWER_AT, await office.citizen()) as clerk:
        await asks(office, number, "utility", target="power")
        await clerk.is_called()
    assert clerk.ring.caller == citizen.name
    clerk.picks_up()
    await hear_each_other(citizen, agent, clerk)
    await agent.hangs_up()
    await hears_no_more(clerk, agent)
    await hear_each_other(citizen, clerk)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(clerk)
    consulted, utility = (await office.house.record(citizen.name)).brought
    assert (consulted.name, consulted.aim) == ("water", "consult")
    assert (utility.name, utility.aim) == ("power", "link")


@talks
async def somebody_outside_is_consulted_made_a_third_gets_the_keys_and_keeps_the_citizen(office: Office) -> None:
    citizen, agent, number = await talking(office)
    other = await office.citizen()
    await office.house.reaches(other)
    await asks(office, number, "consult", kind="number", name=other.name)
    await other.is_called()
    assert other.ring.caller == "12345"
    other.picks_up()
    await hear_each_other(agent, other)
    await citizen.hears_music()
    await hears_no_more(other, citizen)
    agent.presses("3")
    await has_got(other, "3")
    other.presses("8")
    await has_got(agent, "8")
    assert citizen.call.pressed == ""
    await passes(0.3)  # the key is let go: Asterisk begins it anew for who is moved meanwhile
    await asks(office, number, "three-way")
    await hear_each_other(citizen, agent, other)
    citizen.presses("6")
    await has_got(agent, "86")
    await has_got(other, "36")
    await passes(0.3)
    assert await asks(office, number, "complete") == {"citizen": "talking", other.name: "talking"}
    await all_hung_up(agent)
    await hear_each_other(citizen, other)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(other)


@talks
async def a_transfer_to_whoever_is_busy_comes_back_to_the_agent_and_one_outside_has_the_citizen(
    office: Office,
) -> None:
    citizen, agent, number = await talking(office)
    await asks(office, number, "transfer", kind="target", name=BUSY)
    await comes_back(office, number, 10)
    await hear_each_other(citizen, agent)
    other = await office.citizen()
    await office.house.reaches(other)
    await asks(office, number, "transfer", kind="number", name=other.name)
    (await other.is_called()).picks_up()
    await hear_each_other(citizen, other)
    await all_hung_up(agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(other)
    tried, had = (await office.house.record(citizen.name)).brought
    assert (tried.name, tried.joined, tried.cause) == (BUSY, None, 17)
    assert (had.name, had.aim) == (other.name, "transfer")


@talks
async def an_emergency_desk_sees_who_calls_hears_both_and_stays_with_the_citizen(office: Office) -> None:
    citizen, agent, number = await talking(office)
    async with office.house.staffed("119", await office.citizen()) as desk:
        await asks(office, number, "emergency", number="119")
        await desk.is_called()
    assert desk.ring.caller == citizen.name
    await hear_each_other(citizen, agent)  # while it rings
    desk.picks_up()
    await hear_each_other(citizen, agent, desk)
    await agent.hangs_up()
    await hear_each_other(citizen, desk)
    await passes(0.6)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(desk)
    (linked,) = (await office.house.record(citizen.name)).brought
    assert (linked.name, linked.aim) == ("119", "link")
    assert linked.joined is not None
    _, right = await office.house.recording(citizen.name)
    assert voices(right, desk).any(), "what the desk says is recorded"


@talks
async def a_desk_at_which_nobody_answers_is_told_to_all_and_the_agent_stays(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await asks(office, number, "emergency", number="122")
    await citizen.hears("unanswered-122")
    agent.did_not_hear("unanswered-122")
    shown = await office.house.controller(f"agents/{number}/talk")
    assert [(each["name"], each["why"]) for each in shown["missed"]] == [("122", "unreachable")]
    alarms = (await office.house.controller("status"))["alarms"]
    assert [each["name"] for each in alarms if "122" in each["sentence"]] == ["emergency-unreached"]
    await hear_each_other(citizen, agent)
    await citizen.hangs_up()
    await all_hung_up(agent)
    (desk,) = (await office.house.record(citizen.name)).brought
    assert desk.rang is not None
    assert (desk.joined, desk.handed_over) == (None, None)


@talks
async def a_citizen_who_leaves_in_a_consultation_ends_it_for_all(office: Office) -> None:
    citizen, agent, number = await talking(office)
    await asks(office, number, "consult", kind="number", name="0310-8095004")
    await agent.hears("town-heat")
    await citizen.hears_music()
    await citizen.hangs_up()
    await all_hung_up(agent)
    left, right = await office.house.recording(citizen.name)
    assert voices(right, agent)[:10].any(), "before they asked somebody"
    assert not voices(right, agent)[-20:].any(), "what they say to each other is not recorded"
    assert not has_sound(office, right, "town-heat"), "nor what the citizen does not hear of it"
    assert voices(left, citizen)[-20:].any()


@talks
async def whoever_lets_go_as_the_agent_hands_over_to_them_gives_the_citizen_back(office: Office) -> None:
    citizen, agent, number = await talking(office)
    other = await office.citizen()
    await office.house.reaches(other)
    await asks(office, number, "consult", kind="number", name=other.name)
    await other.is_called()
    other.picks_up()
    await hear_each_other(agent, other)
    await asks(office, number, "complete")
    await other.hangs_up()
    again = (await office.rings_for(citizen)).answers()
    await hear_each_other(citizen, again)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(again)
    brought = (await office.house.record(citizen.name)).brought
    assert [(each.name, each.aim) for each in brought][:2] == [(other.name, "consult"), (number, "again")]
