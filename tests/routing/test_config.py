"""The project's own files are right, and each way of being wrong is told with its place and what would be right."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec
import pytest

from routing.config import Config, ConfigFaults, Mode, attempt, build, check
from routing.config.site import Outbound, OutboundClass
from routing.hours import ALWAYS, SHANGHAI, Window
from routing.ids import AgentId, PoolId, PromptId, SeatId, SkillId, TargetId
from routing.lines import AnsweredBy, Host, Reading, Seats, Section
from routing.overflow import Overflow
from routing.people import first_shift, level, seats_needed
from routing.prompts import estimated_ms
from routing.terms import Terms
from tests.routing.sources import changed, config, ours, with_line

TRANSITION = Window(date(2021, 9, 1), date(2021, 11, 1))


def told(sources: Mapping[str, str]) -> list[str]:
    """Each fault without its snippet."""
    return [str(fault).splitlines()[0] for fault in check(sources)]


def test_the_projects_own_files_have_no_fault_and_one_thing_to_look_at() -> None:
    (long,) = told(ours())
    assert "warning: 'transition-13900000310' takes about 14" in long


def test_lines_say_what_the_plan_says() -> None:
    lines = config().lines
    fund = lines["12329"]
    assert (fund.section, fund.row, fund.reading) == (Section.DUAL_NUMBER, "二.1", Reading.OWN)
    assert (fund.seats, fund.answered_by, fund.skill) == (Seats.MERGED, AnsweredBy.HALL, SkillId("housing-fund"))
    assert fund.transition == TRANSITION
    assert fund.unit == fund.department == "市住房公积金管理中心"
    assert (lines["12350"].row, lines["12350"].pool) == ("二.2", PoolId("safety"))
    assert (lines["12316"].row, lines["12316"].host) == ("二.11", Host.PROVINCE)
    assert lines["12316"].transition is None
    assert lines["12345"].section is None


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


def test_every_prompt_has_a_text_and_is_spoken_digit_by_digit() -> None:
    prompts = config().prompts
    assert prompts[PromptId("greeting-12345")].text == "您好，邯郸12345，通话将被录音。"
    assert prompts[PromptId("transition-12329")].spoken.startswith("您好，公积金热线已由幺二三四五统一受理")
    assert prompts[PromptId("agent-1001")].spoken == "幺零零幺号为您服务"
    assert prompts[PromptId("whisper-12350")].text == "安全生产"
    assert all(prompt.text and "{" not in prompt.text for prompt in prompts.values())


def test_a_config_survives_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(config()), type=Config) == config()


def test_a_number_is_one_line_in_any_spelling() -> None:
    line = """number: +86310-12329
        name: 公积金
        short: 公积金
        department: 市住房公积金管理中心
        answered_by: hall"""
    assert "12329 stands here twice, first in line" in "".join(told(with_line(line)))


@pytest.mark.parametrize("number", ["110", "0310-119", "+86310120", "122"])
def test_an_emergency_number_can_never_be_a_line(number: str) -> None:
    assert f"{number[-3:]} is an emergency number" in "".join(
        told(changed("lines.yaml", "number: 12316", f"number: {number}"))
    )


LINE_FAULTS = [
    ("number: 12316", "number: twelve", "'twelve' is not a telephone number"),
    ("number: 12345\n    name", "number: 12346\n    name", "the hall's own line 12345 (site.yaml: number) is not here"),
    ("    department: 市民政局\n", "", "a line needs 'department'"),
    ("department: 市民政局", "department: 市民局", "not the name of a department; did you mean '市民政局'?"),
    ("department: 市民政局", "department: 市民政局\n    unit: 民政", "not the name of a department; did you mean"),
    ("short: 公积金", "short:", "'short' has no value"),
    ("short: 公积金", "short: ~", "'short' has no value"),
    ("short: 公积金", "short: [公积金]", "'short' is one value, not a list"),
    ("short: 公积金", "short: {a: 1}", "'short' is one value, not a mapping"),
    ("short: 公积金", "shirt: 公积金", "a line has no field 'shirt'; did you mean 'short'?"),
    ("skill: housing-fund", "skill: housing-found", "not the name of a skill; did you mean 'housing-fund'?"),
    ("pool: safety", "pool: saftey", "'saftey' is not the name of a pool; did you mean 'safety'?"),
    ("pool: safety", "pool: hall", "'hall' is the hall, which follows in any case"),
    ("    pool: safety\n", "", "answered_by: retained-seats needs either 'pool' or 'target'"),
    ("pool: safety", "pool: safety\n    target: agriculture", "needs either 'pool' or 'target'"),
    ("    target: agriculture\n", "", "answered_by: centre needs 'target'"),
    ("target: agriculture", "target: agricultur", "not the name of a target; did you mean 'agriculture'?"),
    ("answered_by: centre", "answered_by: center", "is not a value of 'answered_by'; did you mean 'centre'?"),
    ("row: 二.11", "row: 三.1", "row 三.1 is not in the table of 'dual-number', 二"),
    ("row: 二.11", "row: 4", "'4' is not a row of the plan"),
    ("    row: 二.11\n", "", "'section', 'row' and 'reading' belong together"),
    ("row: 二.11\n", "row: 二.1\n", "warning: row 二.1 of the plan is one line, and 12329 has it already"),
    ("until: 2021-11-01", "until: 2021-09-01", "ends on 2021-09-01, which is not after 2021-09-01"),
    ("until: 2021-11-01", "until: 2021-13-01", "'2021-13-01' is not a day of the calendar"),
    ("until: 2021-11-01", "until: tomorrow", "'tomorrow' is not a day of the calendar"),
    ("{from: 2021-09-01, until: 2021-11-01}", "{from: 2021-09-01}", "'transition' needs 'until'"),
    ("{from: 2021-09-01, until: 2021-11-01}", "2021", "'transition' is written as fields"),
    ("number_kept: yes", "number_kept: perhaps", "'perhaps' is neither yes nor no"),
    ("number_kept: yes", "number_kept: no", "a number of the province is not the city's to give up"),
    ("    cancel_on: 2021-11-01\n", "", "a number that is not kept needs 'cancel_on'"),
    ("number_kept: no", "number_kept: yes", "the number is kept (number_kept: yes)"),
    ("cancel_on: 2021-11-01", "cancel_on: 2021-10-01", "is cancelled on 2021-10-01, before its transition"),
    (
        "target: agriculture",
        "target: agriculture\n    cancel_on: 2022-01-01",
        "a number of the province is not the city's",
    ),
    ("ring_for: 10 s", "ring_for: 12 s", "a call waits at most 10 s at a line's own seats"),
    ("ring_for: 10 s", "ring_for: 0 s", "a wait of nothing reaches nobody"),
    ("ring_for: 10 s", "ring_for: 10", "'10' is not a duration"),
    (
        "seats: retained",
        "seats: merged",
        "warning: seats: merged does not go together with answered_by: retained-seats",
    ),
    ("ring_for: 10 s", "fallback: [hall]", "'hall' comes anyhow; leave it out"),
    ("ring_for: 10 s", "fallback: [police]", "'police' is an emergency desk; no line leads there by itself"),
    ("ring_for: 10 s", "fallback: [safety]", "'safety' comes anyhow; leave it out"),
    ("ring_for: 10 s", "fallback: [agricultura]", "is not the name of a pool or target; did you mean 'agriculture'?"),
    ("ring_for: 10 s", "fallback: agriculture", "'fallback' is a list: [one, two]"),
    ("ring_for: 10 s", "fallback: [[agriculture]]", "'fallback' is a list of words"),
    (
        "skill: housing-fund",
        "fallback: [safety]\n    ring_for: 11 s",
        "warning: the waits at the pools before the hall",
    ),
    ("lines:", "line:", "lines.yaml has no field 'line'; did you mean 'lines'?"),
    ("lines:", "lines: 5\nx:", "here stands a list, each item a line"),
    ("  - number: 12345\n", "  - 12345\n  - number: 12345\n", "a line is written as fields (name: value)"),
]


@pytest.mark.parametrize(("old", "new", "fault"), LINE_FAULTS)
def test_a_fault_of_a_line_is_told_in_words(old: str, new: str, fault: str) -> None:
    assert fault in "\n".join(told(changed("lines.yaml", old, new)))


def test_a_pool_behind_which_nobody_works_is_a_warning_where_it_is_a_fallback() -> None:
    sources = changed("site.yaml", "seat: 8111, works_in: {law: {}}", "seat: 8111, works_in: {safety: {}}")
    sources["site.yaml"] = sources["site.yaml"].replace("8112, works_in: {law: {}}", "8112, works_in: {safety: {}}")
    line = "target: agriculture\n"
    sources["lines.yaml"] = sources["lines.yaml"].replace(line, line + "    fallback: [law]\n", 1)
    assert "warning: no agent works in pool 'law': every call passes it at once" in "\n".join(told(sources))


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


PROMPT_FAULTS = [
    ("  transfer: ", "  transver: ", "there is no template 'transver'; did you mean 'transfer'?"),
    ("  transfer: ", "  transver: ", "templates are missing: transfer"),
    ("templates:", "x:", "prompts.yaml needs 'templates'"),
    ("{short}热线为您服务", "{shirt}热线为您服务", "'{shirt}' cannot be filled in here; did you mean 'short'?"),
    ("{short}热线为您服务", "{short热线为您服务", "a brace without its partner"),
    ("{short}热线为您服务", "short}热线为您服务", "a brace without its partner"),
    ("greeting-12345: ", "greeting-12354: ", "no call ever hears a prompt 'greeting-12354'; did you mean"),
    ("return-hall: ", "return-hell: ", "the prompt 'return-hall' is needed"),
    ("survival-sorry: ", "sorry: ", "the prompt 'survival-sorry' is needed"),
    ('录音。", must_hear: yes, notice: yes}', '录音。", must_hear: yes}', "it must say so, and needs 'notice: yes'"),
    (
        'greeting-12345: {text: "您好，{city}{hall}，通话将被录音。", must_hear: yes',
        'greeting-12345: {text: "您好"',
        "needs 'must_hear: yes'",
    ),
]


@pytest.mark.parametrize(("old", "new", "fault"), PROMPT_FAULTS)
def test_a_fault_of_a_prompt_is_told_in_words(old: str, new: str, fault: str) -> None:
    assert fault in "\n".join(told(changed("prompts.yaml", old, new)))


def test_prompts_that_take_too_long_are_warned_of_by_their_longest() -> None:
    whisper, _ = told(changed("prompts.yaml", '{text: "{short}"}', '{text: "{line}"}'))[::-1]
    assert "warning: 'whisper-12356' takes about 5" in whisper
    _, greeting = told(changed("prompts.yaml", "您好，{city}{hall}，", "您好，欢迎致电{city}{hall}政务服务便民热线，"))
    assert "'greeting-12345' takes about 6.3 s: a greeting should take 5 s at most" in greeting
    late = told(changed("site.yaml", "  ring_for: 6 s", "  ring_for: 8 s"))
    assert len(late) > len(told(ours()))
    assert all("with an agent's phone ringing for 8 s, a person may come too late" in one for one in late)


def test_lengths_of_audio_count_more_than_estimates() -> None:
    fault = check(ours(), {PromptId("whisper-12345"): 9000})[-1]
    assert fault.is_warning
    assert "takes about 9.0 s" in fault.message


@pytest.mark.parametrize(
    ("file", "old", "new", "warning"),
    [
        ("lines.yaml", "skill: housing-fund", "skill: painting", "no agent of the hall has skill 'painting'"),
        ("lines.yaml", "skill: housing-fund", "pool: empty", "no agent works in pool 'empty'"),
    ],
)
def test_a_line_that_nobody_answers_is_warned_of(file: str, old: str, new: str, warning: str) -> None:
    site = ours()["site.yaml"].replace("\npools:\n", "\npools:\n  empty: {name: 空}\n")
    site = site.replace("\nskills:\n", "\nskills:\n  painting: {name: 绘画}\n")
    sources = {**changed(file, old, new), "site.yaml": site}
    assert warning in "\n".join(told(sources))
    assert attempt(sources).config is not None


def test_a_hall_without_agents_and_retained_seats_with_nobody_to_answer_are_faults() -> None:
    nobody = ours()["site.yaml"].replace("works_in: {hall: ", "works_in: {safety: ")
    (hall,) = [fault for fault in check({**ours(), "site.yaml": nobody}) if "every call ends nowhere" in fault.message]
    gone = ours()["site.yaml"].replace("works_in: {law: {}}", "works_in: {hall: {}}")
    (own,) = [fault for fault in check({**ours(), "site.yaml": gone}) if "no agent works in pool" in fault.message]
    assert (hall.is_warning, own.is_warning) == (False, False)
    assert "no agent works in pool 'law': nobody answers at the line's own seats" in own.message


CANCELLED = "    cancel_on: 2021-11-01\n"


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ("", "12349 was cancelled on 2021-11-01, and a cancelled number is not restored"),
        ("    cancel_on: 2021-12-01\n", "12349 was cancelled on 2021-11-01, and a cancelled number is not restored"),
    ],
)
def test_a_cancelled_number_is_not_given_back(new: str, fault: str) -> None:
    before, sources = config(), changed("lines.yaml", CANCELLED, new)
    if not new:
        sources["lines.yaml"] = sources["lines.yaml"].replace("number_kept: no", "number_kept: yes", 1)
    assert fault in "\n".join(one.message for one in check(sources, previous=before))
    later = datetime(2021, 11, 1, tzinfo=SHANGHAI)
    assert attempt(sources, previous=before, now=later).config is None
    assert attempt(sources, previous=before, now=later - timedelta(seconds=1)).config is not None
    assert attempt(sources).config is not None
    assert attempt(ours(), previous=before, now=later).config is not None


def test_a_cancelled_number_that_leaves_the_file_is_warned_of_and_one_without_a_word_too() -> None:
    lines = ours()["lines.yaml"]
    start = lines.index("  - number: 96119")
    gone = {**ours(), "lines.yaml": lines[:start] + lines[lines.index("  - number: 12336") :]}
    assert "warning: 96119 was cancelled and is not here any more" in "\n".join(
        str(fault) for fault in check(gone, previous=config())
    )
    bare = {**ours(), "lines.yaml": lines[:start] + BARE + lines[lines.index("  - number: 12336") :]}
    (fault,) = [fault for fault in check(bare, previous=config()) if not fault.is_warning]
    assert fault.source.strip() == "- number: 96119"


BARE = """  - number: 96119
    name: 火灾隐患举报投诉电话
    short: 火灾隐患
    department: 市消防救援支队
    answered_by: hall

"""


def test_an_example_does_not_belong_into_production() -> None:
    assert "warning: 96300 is an example" in "\n".join(told(changed("site.yaml", "mode: demo", "mode: production")))


def test_a_city_without_a_list_of_departments_names_any() -> None:
    sources = changed("lines.yaml", "department: 市民政局", "department: 某局")
    site = sources["site.yaml"]
    sources["site.yaml"] = site[: site.index("departments:")] + site[site.index("# A skill's agents") :]
    assert build(sources).lines["12349"].unit == "某局"


def test_a_prompt_speaks_two_languages_one_after_the_other() -> None:
    prompt = config().prompts[PromptId("transfer-12367")]
    assert prompt.text.startswith("您好，正在为您转接移民管理热线，通话将被录音。 Hello, we are")
    assert prompt.spoken.splitlines()[1] == (
        "Hello, we are connecting you to the immigration hotline. This call will be recorded."
    )
    hall = build(changed("prompts.yaml", "Handan will", "Handan {hall} will")).prompts[PromptId("closed-12367")]
    assert hall.spoken.splitlines()[1].startswith("Handan 1 2 3 4 5 will help")
    assert 2 * estimated_ms(config().prompts[PromptId("transfer-12316")]) < 2 * estimated_ms(prompt)


def test_faults_of_all_files_come_together() -> None:
    sources = {
        "lines.yaml": ours()["lines.yaml"].replace("seats: merged", "seats: merge"),
        "site.yaml": ours()["site.yaml"].replace("calls: 150", "calls: lots"),
        "prompts.yaml": ours()["prompts.yaml"].replace("{agent}号", "{agnt}号"),
    }
    with pytest.raises(ConfigFaults) as caught:
        build(sources)
    assert sorted({fault.file for fault in caught.value.faults}) == ["lines.yaml", "prompts.yaml", "site.yaml"]


@pytest.mark.parametrize("missing", ["lines.yaml", "site.yaml", "prompts.yaml"])
def test_a_file_that_is_not_there_is_a_fault(missing: str) -> None:
    assert f"{missing}:1:1: the file {missing} is missing" in told({k: v for k, v in ours().items() if k != missing})


def test_a_warning_alone_stops_nothing() -> None:
    sources = changed("lines.yaml", "seats: retained", "seats: merged")
    assert build(sources).lines["12350"].seats is Seats.MERGED


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


def test_what_a_cancelled_line_and_a_sub_centre_say_exists() -> None:
    prompts = config().prompts
    assert "民政热线12349已并入12345" in prompts[PromptId("transition-12349")].text
    assert prompts[PromptId("cancelled-12349")].text.startswith("您好，12349已停止使用")
    assert PromptId("greeting-12349") not in prompts
    announced = build(changed("lines.yaml", CANCELLED, CANCELLED + "    when_cancelled: announce-only\n")).prompts
    assert announced[PromptId("cancelled-12349")].text == "您好，12349已停止使用，今后请直接拨打12345。"


def test_without_a_word_nobody_is_called_back() -> None:
    text = ours()["site.yaml"]
    begin = text.index("callbacks:\n")
    gone = text[:begin] + text[text.index("\n#", begin) :]
    assert build({**ours(), "site.yaml": gone}).site.callbacks == Terms()
    late = changed("site.yaml", "  until: 21:00", "  until: 24:00")
    assert build(late).site.callbacks.closes == timedelta(hours=24)


@pytest.mark.parametrize("prompt", ["callback-notice", "calling-out-notice"])
def test_no_chain_to_a_recorded_conversation_that_we_begin_lacks_the_notice(prompt: str) -> None:
    sources = ours()
    line = next(line for line in sources["prompts.yaml"].splitlines() if line.startswith(f"  {prompt}:"))
    for flag in (", notice: yes", ", must_hear: yes"):
        without = sources["prompts.yaml"].replace(line, line.replace(flag, ""))
        assert any("a recorded call begins with this" in said for said in told({**sources, "prompts.yaml": without}))
