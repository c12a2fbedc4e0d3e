"""What `site.yaml` says, and each way of being wrong in it, told with its place and what would be right."""

import re
from collections import Counter
from datetime import date, datetime, timedelta

import msgspec
import pytest

from routing.config import Mode, build, check
from routing.config.site import Outbound, OutboundClass
from routing.hours import ALWAYS, SHANGHAI
from routing.ids import AgentId, PoolId, SeatId, SkillId, TargetId
from routing.overflow import Overflow
from routing.people import first_shift, level, seats_needed
from routing.terms import Terms
from tests.routing.sources import changed, config, ours, told


def test_special_days_are_known_by_name() -> None:
    days = config().site.calendar.days
    assert [days[date(2021, 9, day)].name for day in (18, 19, 21, 26)] == [
        *("中秋节调休", "中秋节", "中秋节", "国庆节调休"),
    ]
    assert date(2021, 9, 22) not in days
    assert not days[date(2021, 9, 26)].is_holiday


def test_the_site_is_handan_in_its_transition() -> None:
    site = config().site
    assert site.mode is Mode.DEMO
    assert site.rehearsal == datetime(2021, 9, 15, 9, 0, tzinfo=SHANGHAI)
    assert (seats_needed(site.population), seats_needed(1), seats_needed(100_000)) == (95, 1, 1)
    assert site.pools[site.hall].hours == ALWAYS
    hall = [seat.id for seat in site.seats.values() if seat.pool == site.hall]
    assert len(hall) == 95
    belong = Counter(agent.seat for agent in site.agents.values())
    assert {belong[seat] for seat in hall} == {2}
    assert sum(belong[seat] for seat in hall) == 190
    assert len(site.seats) - 95 == len(site.agents) - 190 == 5
    assert site.agents[AgentId("1221")].name == "话务员1221"
    assert len(first_shift(site.agents.values())) == 100
    elsewhere = msgspec.structs.replace(next(iter(site.agents.values())), seat=None)
    assert first_shift([elsewhere]) == []
    assert [site.agents[AgentId(f"{n}")].seat for n in (1001, 2003)] == [SeatId("8001"), SeatId("8103")]
    assert site.trunks["town"].channels_in == 166
    assert site.targets[TargetId("agriculture")].number == "031112316"


def test_levels_are_known_by_pool() -> None:
    agent = config().site.agents[AgentId("1001")]
    assert level(agent, PoolId("hall"), SkillId("housing-fund")) == 5
    assert level(agent, PoolId("hall"), SkillId("market")) == 0
    assert level(agent, PoolId("safety"), SkillId("housing-fund")) == 0


SITE_FAULTS = [
    (
        "allow: [local, mobile] ",
        "allow: [local, mobil] ",
        "'mobil' is not the name of a kind of number; did you mean",
    ),
    ("after: [5 min, 30 min", "after: [5, 30 min", "'5' is not a duration"),
    ("after: [5 min, 30 min", "after: [50 min, 30 min", "each try of 'after' comes after the one before"),
    ("after: [5 min, 30 min, 120 min]", "after: []", "'after' needs a try at least"),
    ("  from: 08:00", "  from: 8", "'8' is not a time of day: write 08:00"),
    ("  from: 08:00", "  from: 24:30", "'24:30' is not a time of day"),
    ("  from: 08:00", "  from: 21:00", "called back from 21:00, and 'until' is not later than that"),
    ("callbacks:\n  on: yes", "callbacks:\n  often: yes", "'callbacks' has no field 'often'"),
    ("allow: [local, mobile]", "allow: {supervisor: [mobile]}", "'allow' of 'outbound' lets these call nobody"),
    ("number: 119,", "number: 119, serves: 118,", "'118' is not an emergency number: 110, 119"),
    ("number: 119,", "number: 119, alternative: fire,", "'fire' is not a telephone number"),
    ("node: handan1 ", "node: handan-1 ", "'handan-1' is not a node's name"),
    ("area_code: 0310", "area_code: 310", "'310' is not an area code with its 0"),
    ("country_code: 86", "country_code: +86", "'+86' is not a country code"),
    ("number: 12345", "number: hall", "'hall' is not a telephone number"),
    ("population: 9413990", "population: many", "'many' is not a whole number"),
    ("population: 9413990", "population: 0", "'population' is 0; it must lie between 1 and"),
    ("mode: demo", "mode: test", "'test' is not a value of 'mode'; there are: demo, production"),
    ("rehearsal: 2021-09-15T09:00", "rehearsal: soon", "'soon' is not a moment"),
    ("rehearsal: 2021-09-15T09:00", "rehearsal: 0001-01-01T00:00:00+14:00", "is not a moment"),
    ("mode: demo", "mode: production", "production lives now; a rehearsal needs mode: demo"),
    ("mode: demo", "mode: production", "in production no carrier sets the moment"),
    ("id: 8021-8094", "id: 8021-8093", "warning: pool 'hall' has 94 seats, and 9413990 residents demand 95"),
    ("population: 9413990", "population: 100000", "warning: pool 'hall' has 95 seats, and 100000 residents demand 1 "),
    ("id: 8021-8094", "id: 8021-895", "'8021-895' is not a seat's number of three to six digits, nor a range of such"),
    ("id: 8021-8094", "id: 8095-8021", "'id' is 8095-8021: a range goes upwards, and holds 10000 numbers at most"),
    ("id: 8021-8094", "id: 8020-8094", "'8020' stands here twice"),
    ("id: 1221-1295", "id: 1221-x", "'1221-x' is not a 工号 of four digits, nor a range of such"),
    ("id: 1221-1295", "id: 1020-1094", "'1020' stands here twice"),
    ("seat: 8021-8095", "seat: 8021-8094", "75 agents cannot belong at 74 seats: write ranges of the same length"),
    ("seat: 8021-8095", "seat: 8031-8105", "'8096' is not the name of a seat"),
    ("seat: 8021-8095", "seat: 8020-8094", "seat '8020' has two agents already, who share it in shifts"),
    ("name: 王芳, seat: 8001,", "name: 王芳,", "warning: 1001 belongs at no seat: write 'seat: 8001'"),
    ("hall: hall  ", "hall: safety", "pool 'safety' is not open always"),
    ("hall: hall  ", "hall: holl  ", "'holl' is not the name of a pool; did you mean 'hall'?"),
    ("\nsite:", "\nsote:", "site.yaml needs 'site'"),
    ("\nports: ", "\nport: ", "site.yaml needs 'ports'"),
    ("\ntiming:", "\ntimings:", "site.yaml needs 'timing'"),
    ("\nlimits:", "\nlimit:", "site.yaml needs 'limits'"),
    ("\nsurvival: ", "\nsurvivals: ", "site.yaml needs 'survival'"),
    ("\nskills:", "\nskill:", "site.yaml needs 'skills'"),
    ("web: 8080", "web: 5060", "two of the ports sip, web, ari and town_sip are the same"),
    ("rtp_to: 21999", "rtp_to: 19999", "a range of RTP ports ends before it begins"),
    ("sip: 5060", "sip: 0", "'sip' is 0; it must lie between 1 and 65535"),
    ("ring_for: 6 s", "ring_for: 6 seconds", "'6 seconds' is not a duration"),
    ("any_agent_after: 10 s", "any_agent_after: 11 s", "a call waits at most 10 s before any agent"),
    ("lower_level_after: 5 s", "lower_level_after: 9999 ms\n  any_agent_after: 5 s", "stands here twice"),
    ("any_agent_after: 10 s", "any_agent_after: 4 s", "'lower_level_after' is later than 'any_agent_after'"),
    ("warn_below: 10 GiB", "warn_below: 1 MiB", "is less than 'stop_below': nobody would be warned"),
    ("own_seats_for: 10 s", "own_seats_for: 1 min", "a call waits at most 10 s at a line's own seats"),
    ("own_seats_for: 10 s", "own_seats_for: 0 s", "'own_seats_for' is 0 s: a wait of nothing reaches nobody"),
    ("ring_for: 6 s", "ring_for: 0 ms", "'ring_for' is 0 ms: a wait of nothing reaches nobody"),
    ("ring_for: 15 s ", "ring_for: 0 s ", "'ring_for' is 0 s: a wait of nothing reaches nobody"),
    ("whisper_for: 2 s", "whisper_for: 2001 ms", "citizen and agent talk at most 2 s after the answer"),
    ("renew: 10 s", "renew: 16 s", "'renew' must be at most half of 'lease'"),
    ("journal: 8 GiB", "journal: 8 GB", "'8 GB' is not a size"),
    ("calls: 150", "calls: 0", "'calls' is 0"),
    ("seats: [8001, 8002, 8003, 8004]", "seats: []", "survival needs 'seats'"),
    ("seats: [8001, 8002, 8003, 8004]", "seats: [8001, 9999]", "'9999' is not the name of a seat"),
    ("good: 3", "good: 6", "'good' is 6; it must lie between 1 and 5"),
    ("  housing-fund: {", "  Housing_Fund: {", "'Housing_Fund' is not a name"),
    ("Mo-Fr 08:30-17:30", "Mo-Fr 8-17", "'8-17' is not a span of hours"),
    ("hours: always", "hours: ''", "'hours' has no value"),
    ("{id: 8001, kind: desk, pool: hall}", "{id: x1, kind: desk, pool: hall}", "'x1' is not a seat's number"),
    ("{id: 8002, kind: desk, pool: hall}", "{id: 8001, kind: desk, pool: hall}", "'8001' stands here twice"),
    ("id: 1001,", "id: 101,", "'101' is not a 工号 of four digits"),
    ("works_in: {hall: {housing-fund: 5}}", "works_in: hall", "'works_in' names pools"),
    (", works_in: {hall: {housing-fund: 5}}", "", "an agent needs 'works_in'"),
    (
        "works_in: {hall: {housing-fund: 5}}",
        "works_in: {hal: {}}",
        "'hal' is not the name of a pool; did you mean 'hall'?",
    ),
    ("works_in: {hall: {housing-fund: 5}}", "works_in: {hall: {fund: 5}}", "has no field 'fund'; did you mean"),
    ("works_in: {hall: {housing-fund: 5}}", "works_in: {hall: {housing-fund: 9}}", "must lie between 1 and 5"),
    ("channels: 200", "channels: 34", "34 channels leave none for arriving calls"),
    ("refuse_with: 486", "refuse_with: 200", "'refuse_with' is 200"),
    ("pilot: 0310-3012345", "pilot: none", "'none' is not a telephone number"),
    ("caller_id: citizen ", "caller_id: mine ", "'mine' is not"),
    ("number: 0311-12316", "number: zero", "'zero' is not a telephone number"),
    ("trunks: [town]", "trunks: [twon]", "'twon' is not the name of a trunk; did you mean 'town'?"),
    ("    trunks: [town]\n", "", "a target needs 'trunks'"),
    ("kind: centre ", "kind: emergency ", "'agriculture' is an emergency desk"),
    ("kind: emergency, number: 110", "kind: department, number: 0310-110", "'police' is dialled as 0310110, an emer"),
    ("departments:", "departments: 5\nx:", "'departments' is a list"),
    ("number: 0311-12316", "number: 12316", "warning: 'agriculture' is dialled as 12316, a line of ours"),
    ("{id: 8001, kind: desk, pool: hall}", "{id: 8001, kind: desk, pool: lobby}", "'lobby' is not the name of a pool"),
    ("on: 2021-09-18}", "on: 2021-09-17}", "2021-09-17 is Fr, no weekend: it is worked on without this"),
    ("on: 2021-09-18}", "on: 2021-09-19}", "2021-09-19 is 中秋节 already: a day is special once"),
    ("on: 2021-09-18}", "on: 18.9.}", "'18.9.' is not a day of the calendar"),
    ("on: 2021-09-18}", "until: 2021-09-19}", "a working weekend needs 'from'"),
    (", on: 2021-09-18}", "}", "a working weekend is one day ('on') or several ('from', 'until')"),
    ("until: 2021-09-22}", "until: 2021-09-22, on: 2021-09-20}", "a holiday is one day ('on') or several"),
    ("until: 2021-09-22}", "until: 2021-09-19}", "from 2021-09-19 until 2021-09-19 are 0 days: write 1 to 31"),
    ("until: 2021-09-22}", "until: 2023-09-22}", "are 733 days: write 1 to 31"),
    ("until: 2021-09-22}", "untill: 2021-09-22}", "a holiday has no field 'untill'; did you mean 'until'?"),
    ("wrap_up: 0 s}", "overflow: {to: safty}}", "pool 'hall' overflows to 'safty': that is no pool and no target"),
    ("wrap_up: 0 s}", "overflow: {to: hall}}", "pool 'hall' overflows to 'hall': that is itself"),
    ("wrap_up: 0 s}", "overflow: {to: power}}", "pool 'hall' overflows to 'power': a machine answers there"),
    ("wrap_up: 0 s}", "overflow: {to: police}}", "pool 'hall' overflows to 'police': that is an emergency desk"),
    (
        'hours: always, wrap_up: 0 s}\n  safety: {name: 安全生产坐席, hours: "Mo-Fr 08:30-17:30", wrap_up: 0 s}',
        "overflow: {to: safety}}\n  safety: {name: x, overflow: [{to: hall}]}",
        "pool 'safety' overflows to 'hall': they overflow to each other, in a circle",
    ),
    ("pools:\n", "pools:\n  voicemail: {name: x}\n", "'voicemail' is what a pool overflows to, and no name for a pool"),
    ("wrap_up: 0 s}", "overflow: {to: law}}", "nothing ever overflows there: say from which 'length', 'expected' or"),
    ("voicemail:  ", "voicemail: 3\nx: ", "'voicemail' is written as fields"),
    ("callback_offer:  ", "callback_offer: 3\nx: ", "'callback_offer' is written as fields"),
    ("priorities:  ", "priorities: 3\nx: ", "'priorities' is written as fields"),
    ("  longest: 2 min", "  longest: 0 s", "'longest' is 0 s: a wait of nothing reaches nobody"),
    ("wrap_up: 0 s}", "overflow: 3}", "'overflow' is written as fields"),
    ("announcements: ", "announcements: 3\nx: ", "'announcements' is written as fields"),
    ("skills:\n  housing-fund", "skills: 3\nx:\n  housing-fund", "here stand names, and for each the fields of skill"),
]


def test_without_a_rule_no_outside_number_may_be_dialled() -> None:
    nobody = {**ours(), "site.yaml": ours()["site.yaml"].replace("callbacks:\n  on: yes", "callbacks:\n  on: no")}
    without = nobody["site.yaml"].replace("outbound:\n  allow: [local, mobile] ", "outbound:\n  trunks: [town] ")
    assert build({**nobody, "site.yaml": without}).site.outbound == Outbound((), ("town",))
    roles = "{operator: [local], supervisor: [local, national, target]}"
    each = build(changed("site.yaml", "  allow: [local, mobile] ", f"  allow: {roles} ")).site.outbound
    kinds = (OutboundClass.LOCAL, OutboundClass.NATIONAL, OutboundClass.TARGET)
    assert each == Outbound((), (), {"operator": (OutboundClass.LOCAL,), "supervisor": kinds})
    gone = re.sub(r"(?m)^outbound:\n  .*\n", "", nobody["site.yaml"])
    assert build({**nobody, "site.yaml": gone}).site.outbound == Outbound()


@pytest.mark.parametrize(("old", "new", "fault"), SITE_FAULTS)
def test_a_fault_of_the_site_is_told_in_words(old: str, new: str, fault: str) -> None:
    assert fault in "\n".join(told(changed("site.yaml", old, new)))


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        ("refuse_with: 486", "a trunk that shows its pilot needs 'pilot': the number of the trunk itself"),
        ("number: 0311-12316", "trunk 'town' has no 'pilot' that this target could see"),
    ],
)
def test_a_pilot_that_is_to_be_shown_must_be_named(at: str, fault: str) -> None:
    text = ours()["site.yaml"].replace("    caller_id: citizen\n", "")  # the target's
    text = re.sub(r"(?m)^    caller_id: citizen  .*\n", "", text)
    named = text.replace(at, f"{at}\n    caller_id: pilot", 1)
    assert "pilot" not in "\n".join(told({**ours(), "site.yaml": named}))
    unnamed = re.sub(r"(?m)^    pilot: .*\n", "", named)
    assert fault in "\n".join(told({**ours(), "site.yaml": unnamed}))


def test_an_address_seen_from_outside_is_kept() -> None:
    sources = changed("site.yaml", "    early_media: yes", "    external_address: 192.0.2.7")
    assert build(sources).site.trunks["town"].external_address == "192.0.2.7"


def test_a_later_seat_for_two_agents_is_no_fault() -> None:
    two = "id: 1801-1895, name: 话务员, seat: 8001-8095"
    assert told(changed("site.yaml", two, two.replace("1801", "1802").replace("8001", "8002"))) == told(ours())
    assert told(changed("site.yaml", "seat: 8102", "seat: 8101")) == told(ours())


def test_durations_know_their_units() -> None:
    built = build(changed("site.yaml", "wrap_up: 0 s}", "wrap_up: 2 min}"))
    assert built.site.pools[PoolId("hall")].wrap_up == timedelta(minutes=2)


def test_a_pool_has_one_rule_or_a_list_of_them() -> None:
    rules = "overflow: [{to: law, length: 3}, {to: health-seats, waited: 1 min}, {to: callback, waited: 2 min}]}"
    built = build(changed("site.yaml", "hours: always, wrap_up: 0 s}", rules))
    assert [rule.to for rule in built.site.pools[PoolId("hall")].overflow] == ["law", "health-seats", "callback"]


def test_a_pool_overflows_for_three_reasons_each_by_itself() -> None:
    rule = "overflow: {to: law, length: 30, expected: 5 min, waited: 3 min}}"
    built = build(changed("site.yaml", "wrap_up: 0 s}", rule))
    five, three = timedelta(minutes=5), timedelta(minutes=3)
    assert built.site.pools[PoolId("hall")].overflow == (Overflow("law", 30, five, three),)


def test_without_a_word_of_it_nothing_is_announced() -> None:
    silent = re.sub(r"(?m)^announcements:.*\n(  .*\n)+", "", ours()["site.yaml"])
    assert not build({**ours(), "site.yaml": silent}).site.announcements.on


@pytest.mark.parametrize(
    ("old", "new", "where", "sentence"),
    [
        ("on: yes", "on: yes", "callback_offer", "nobody is offered that: write 'on: yes' under 'callbacks', or"),
        (
            "wrap_up: 0 s}\n  safety",
            "overflow: {to: voicemail, length: 5}}\n  safety",
            "hall",
            "overflows to 'voicemail'",
        ),
        (
            "wrap_up: 0 s}\n  safety",
            "overflow: [{to: law, length: 9}, {to: callback, length: 5}]}\n  safety",
            "hall",
            "overflows to 'callback'",
        ),
    ],
)
def test_what_promises_a_call_back_that_nobody_makes_is_warned_of(
    old: str, new: str, where: str, sentence: str
) -> None:
    made = ours()["site.yaml"].replace(old, new)
    assert not [fault for fault in check({**ours(), "site.yaml": made}) if "not called back" in fault.message]
    off = made.replace("callbacks:\n  on: yes", "callbacks:\n  on: no")
    told = [fault for fault in check({**ours(), "site.yaml": off}) if "not called back" in fault.message]
    assert all(fault.is_warning for fault in told)
    (fault,) = [fault for fault in told if sentence in fault.message]
    assert where in "\n".join(off.splitlines()[fault.line - 2 : fault.line + 1])


def test_without_a_word_nobody_is_called_back() -> None:
    text = ours()["site.yaml"]
    begin = text.index("callbacks:\n")
    gone = text[:begin] + text[text.index("\n#", begin) :]
    assert build({**ours(), "site.yaml": gone}).site.callbacks == Terms()
    late = changed("site.yaml", "  until: 21:00", "  until: 24:00")
    assert build(late).site.callbacks.closes == timedelta(hours=24)
