"""What a change of the files means: for which number, what, from when until when."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.changes import Change
from routing.config import Config, build
from routing.config.site import HelpOut
from routing.diff import diff, render
from routing.hours import Calendar, SpecialDay, parse_hours
from routing.ids import PoolId
from routing.lines import Host, Line
from routing.people import Pool
from routing.prompts import Prompt
from tests.routing.sources import changed, config, with_line

LINE = """number: 12341
    name: 某局服务热线
    short: 某局
    department: 市农业农村局
    section: full-merge
    row: 一.10
    reading: own
    number_kept: no
    seats: merged
    answered_by: hall
    transition: {from: 2021-09-01, until: 2021-11-01}
    cancel_on: 2021-12-01"""
OLD = build(with_line(LINE))


def said(old: Config, new: Config) -> list[str]:
    return render(diff(old, new)).splitlines()[:-1]


def other(text: str, new: str, before: str = LINE) -> list[str]:
    assert text in before
    return said(build(with_line(before)), build(with_line(before.replace(text, new))))


def with_site(conf: Config, **changes: object) -> Config:
    return msgspec.structs.replace(conf, site=msgspec.structs.replace(conf.site, **changes))


def test_another_wait_before_what_follows_is_said() -> None:
    line = LINE.replace("answered_by: hall", "answered_by: hall\n    fallback: [safety, water]\n    ring_for: 9 s")
    assert other("ring_for: 9 s", "ring_for: 8 s", line)[0].startswith(
        "12341: after 8 s, or when nobody is signed in there: goes on, instead of: after 9 s"
    )


def test_another_head_start_is_said() -> None:
    before = LINE + "\n    priority: 1 min"
    assert other("priority: 1 min", "priority: 90 s", before) == ["12341: priority: 90 s instead of 60 s"]


def test_nothing_changes() -> None:
    assert render(diff(OLD, OLD)) == "nothing changes for any number"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("until: 2021-11-01", "until: 2021-10-31",
         ["12341: from 2021-10-31 no longer says that the hall has taken it over (until 2021-11-01)"]),
        ("until: 2021-11-01", "until: 2021-11-15",
         ["12341: from 2021-11-01 says that the hall has taken it over (until 2021-11-15)"]),
        ("cancel_on: 2021-12-01", "cancel_on: 2021-11-20",
         ["12341: from 2021-11-20 says that it is out of use (until 2021-12-01)"]),
        ("department: 市农业农村局", "department: 市税务局",
         ["12341: department: 市税务局 instead of 市农业农村局", "12341: unit: 市税务局 instead of 市农业农村局"]),
        ("seats: merged", "seats: merged\n    skill: market\n    example: yes",
         ["12341: example: yes instead of no",
          "12341: goes to pool hall (market) instead of pool hall"]),
        ("seats: merged", "seats: merged\n    when_cancelled: announce-only",
         ["12341: from 2021-12-01 says “您好，12341已停止使用，今后请直接拨打12345。” instead of “您好",
          "12341: from 2021-12-01 goes to announcement cancelled-12341 instead of pool hall"]),
        ("short: 某局", "short: 另局",
         ["12341: from 2021-09-01 says “您好，您拨打的另局热线", "12341: its agent hears “另局” instead of “某局”"]),
    ],
)  # fmt: skip
def test_each_change_in_words(old: str, new: str, words: list[str]) -> None:
    found = other(old, new)
    for word in words:
        assert any(word in line for line in found), found


def test_a_number_that_comes_and_one_that_goes() -> None:
    assert render(diff(config(), OLD)).splitlines() == ["12341: new, 某局服务热线", "1 added, 0 removed, 0 changed"]
    assert said(OLD, config()) == ["12341: removed, answered as an unknown number (某局服务热线)"]


def test_hours_say_at_which_times_of_the_week() -> None:
    safety = OLD.site.pools[PoolId("safety")]
    pools = {
        **OLD.site.pools,
        safety.id: msgspec.structs.replace(safety, hours=parse_hours(safety.hours.text.replace("17:30", "18:00"))),
    }
    line = [each for each in said(OLD, with_site(OLD, pools=pools)) if each.startswith("12350")]
    times = "Mo 17:30, Tu 17:30, We 17:30 and 2 more"
    assert line == [f"12350: goes to retained-seats safety → pool hall instead of pool hall (at {times})"]


def test_another_calendar_is_told_by_its_days() -> None:
    days = dict(OLD.site.calendar.days)
    for day in (date(2021, 10, 6), date(2021, 10, 7)):
        del days[day]
    days[date(2021, 10, 10)] = SpecialDay("国庆节调休", is_holiday=False)
    new = with_site(OLD, calendar=Calendar(days))
    to_seats = "12350: from {} goes to retained-seats safety → pool hall instead of pool hall ({}; until {}; at 08:30)"
    expected = [to_seats.format("2021-10-06", "国庆节", "2021-10-08"),
                to_seats.format("2021-10-10", "国庆节调休", "2021-10-11")]  # fmt: skip
    assert [line for line in said(OLD, new) if line.startswith("12350")] == expected
    assert not any(line.startswith("12341") for line in said(OLD, new))  # the hall is always open


def test_hours_of_holidays_are_told_for_each_of_them() -> None:
    safety = OLD.site.pools[PoolId("safety")]
    hours = parse_hours("Mo-Fr 08:30-17:30; PH 00:00-24:00")
    new = with_site(OLD, pools={**OLD.site.pools, safety.id: msgspec.structs.replace(safety, hours=hours)})
    found = [change for change in diff(OLD, new).changed if change.number == "12350"]
    assert {change.day for change in found} == {day.name for day in OLD.site.calendar.days.values() if day.is_holiday}
    assert all(change.times == () for change in found)


def test_a_week_in_an_interval_that_begins_with_a_holiday_is_an_ordinary_one() -> None:
    line = LINE.replace("from: 2021-09-01", "from: 2021-10-01")
    old = build(with_line(line.replace("answered_by: hall", "answered_by: retained-seats\n    pool: safety")))
    safety = old.site.pools[PoolId("safety")]
    hours = parse_hours(safety.hours.text.replace("17:30", "18:00"))
    new = with_site(old, pools={**old.site.pools, safety.id: msgspec.structs.replace(safety, hours=hours)})
    found = [change.times for change in diff(old, new).changed if change.number == "12341"]
    assert found == [("Mo 17:30", "Tu 17:30", "We 17:30", "Th 17:30", "Fr 17:30")]


def test_timing_changes_a_step_and_not_the_places() -> None:
    timing = msgspec.structs.replace(OLD.site.timing, any_agent_after=OLD.site.timing.any_agent_after / 2)
    assert any("instead of: " in line for line in said(OLD, with_site(OLD, timing=timing)))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("numbers: []", "numbers: [13900000001, 13900000002]", "callers: 2 more, 0 fewer have a head start"),
        ("{name: 英语, callers: []}", "{name: 英语, callers: [13900000001]}",
         "callers: 1 more, 0 fewer are answered in english"),
        ("listed: 2 min", "listed: 3 min", "priorities: listed: 180 s instead of 120 s"),
        ("answer_within: 8 s ", "answer_within: 9 s ", "survey: answer_within: 9 s instead of 8 s"),
        ("position: yes", "position: no", "announcements: position: no instead of yes"),
        ("wait: departures", "wait: none", "announcements: wait: none instead of departures"),
        ("waited: 60 s", "waited: 90 s", "callback_offer: waited: 90 s instead of 60 s"),
        ("longest: 2 min", "longest: 3 min", "voicemail: longest: 180 s instead of 120 s"),
        ("slower: 3 min", "slower: 4 min", "nuisance: slower: 240 s instead of 180 s"),
        ("[5 min, 30 min, 120 min]", "[5 min, 30 min]",
         "callbacks: after: 300 s, 1800 s instead of 300 s, 1800 s, 7200 s"),
        ("from: 08:00 ", "from: 08:30 ", "callbacks: from: 08:30 instead of 08:00"),
        ("same_agent_for: 24 h", "same_agent_for: 12 h", "timing: same_agent_for: 43200 s instead of 86400 s"),
        ("seats: [8001, 8002, 8003, 8004]", "seats: [8001, 8002]",
         "survival: seats: 8001, 8002 instead of 8001, 8002, 8003, 8004"),
        ("12345大厅, hours: always, wrap_up: 0 s", "12345大厅, hours: always, wrap_up: 30 s",
         "pool hall: wrap_up: 30 s instead of 0 s"),
        ("  - {id: 2011, name: 韩冰, seat: 8111, works_in: {law: {}}}\n", "", "pool law: 1 agent instead of 2"),
    ],
)  # fmt: skip
def test_what_callers_of_every_number_meet_is_told_once_and_no_number_of_theirs(old: str, new: str, words: str) -> None:
    told = said(config(), build(changed("site.yaml", old, new)))
    assert told == [words]
    assert said(build(changed("site.yaml", old, new)), config())


def test_whoever_loses_a_head_start_is_counted_too() -> None:
    listed = [build(changed("site.yaml", "numbers: []", f"numbers: [{numbers}]")) for numbers in (
        "13900000001, 13900000002", "13900000002, 13900000003, 13900000004",
    )]  # fmt: skip
    assert said(*listed) == ["callers: 2 more, 1 fewer have a head start"]
    (change,) = diff(*listed).changed
    assert (change.before, change.after) == ("2", "3")


def test_who_helps_out_is_told_of_the_numbers_for_which_they_do() -> None:
    pools = {**OLD.site.pools, PoolId("leaders"): Pool(PoolId("leaders"), "领导")}
    old = with_site(OLD, pools=pools)
    new = with_site(old, help_out=HelpOut(PoolId("leaders")))
    assert any(line.startswith("12345: ") and "after 60 s also: anyone in 领导" in line for line in said(old, new)), (
        said(old, new)
    )


def test_a_step_more_is_told_whole() -> None:
    skills = {id_: msgspec.structs.replace(skill, good=1) for id_, skill in OLD.site.skills.items()}
    found = [line for line in said(OLD, with_site(OLD, skills=skills)) if line.startswith("12329")]
    assert found
    assert "level 3 and up" in found[0]


def test_prompts_that_no_line_begins_with() -> None:
    found = said(config(), build(changed("prompts.yaml", "对方暂时无法接听", "对方现在无法接听")))
    assert found[0].startswith("prompt return-hall: says “对方现在")


def test_the_halls_greeting_is_every_merged_numbers() -> None:
    prompts = dict(OLD.prompts)
    greeting = next(id_ for id_ in prompts if id_ == "greeting-12345")
    prompts[greeting] = Prompt(greeting, "您好", "您好")
    found = said(OLD, msgspec.structs.replace(OLD, prompts=prompts))
    assert any(line.startswith("12341: says “您好” instead of") for line in found)
    assert any(line.startswith("any other number: says “您好”") for line in found)


def test_one_lines_own_prompt_is_its_own_change() -> None:
    prompts = dict(OLD.prompts)
    own = next(id_ for id_ in prompts if id_ == "transition-12341")
    prompts[own] = Prompt(own, "您好", "您好")
    found = diff(OLD, msgspec.structs.replace(OLD, prompts=prompts)).changed
    assert {change.number for change in found} == {"12341"}
    assert (found[0].begins, found[0].until) == ("2021-09-01", "2021-11-01")


def test_as_json_it_says_from_and_until() -> None:
    made = msgspec.to_builtins(Change("1", "says it", "a", "b", "2021-10-31"))
    assert made["from"] == "2021-10-31"


def test_a_window_that_begins_with_the_calendar() -> None:
    early = LINE.replace("from: 2021-09-01", "from: 0001-01-01")
    assert other("until: 2021-11-01", "until: 2021-10-31", early) == [
        "12341: from 2021-10-31 no longer says that the hall has taken it over (until 2021-11-01)"
    ]


@given(st.sampled_from([*OLD.lines]), st.sampled_from([*OLD.lines]), st.booleans())
def test_a_difference_turned_round_names_the_same_numbers(one: str, two: str, hosted: bool) -> None:
    fields = {"host": Host.NATION, "example": True} if hosted else {"skill": OLD.lines[two].skill}
    line: Line = msgspec.structs.replace(OLD.lines[one], **fields)
    new = msgspec.structs.replace(OLD, lines={**OLD.lines, one: line})
    forth, back = diff(OLD, new), diff(new, OLD)
    assert {change.number for change in forth.changed} == {change.number for change in back.changed}
    assert {(c.after, c.before) for c in forth.changed} == {(c.before, c.after) for c in back.changed}
    assert forth.is_empty == back.is_empty
