"""What `lines.yaml` says, and each way of being wrong in it, told with its place and what would be right."""

from datetime import date, datetime, timedelta

import pytest

from routing.config import attempt, build, check
from routing.hours import SHANGHAI, Window
from routing.ids import PoolId, SkillId
from routing.lines import AnsweredBy, Host, Reading, Seats, Section
from tests.routing.sources import changed, config, ours, told, with_line

TRANSITION = Window(date(2021, 9, 1), date(2021, 11, 1))


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
