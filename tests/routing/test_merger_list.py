"""The merger list (附件) row by row: what `config/lines.yaml` reads in it, and what a caller of each number meets."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.config import AnswersWith, TargetKind, build
from routing.hours import SHANGHAI, is_open
from routing.ids import PoolId, TargetId
from routing.ladders import ladder
from routing.lines import AnsweredBy, Cancelled, Host, Line, Phase, phase
from routing.numbers import EMERGENCY
from routing.plan import Destination, Kind, Route, plan, recognise
from routing.tickets import Alternative
from tests.routing.sources import changed, config, ours


@dataclass(frozen=True)
class Row:
    """One line of the list as we read it: the remark, what becomes of the number, and who answers it by day."""

    row: str
    number: str
    department: str
    reading: str
    host: str
    becomes: str  # cancelled | both (the number and 12345) | theirs (not the city's)
    seats: str
    answers: str  # by day, the skill after it; the hall follows


TABLE = [
    Row(*re.split(r"\s{2,}", text.strip()))
    for text in """
    一.1   12349  市民政局              own        city      cancelled  merged    hall civil-affairs
    一.2   96119  市消防救援支队        inherited  city      cancelled  merged    hall fire-safety
    一.3   12336  市自然资源和规划局    inherited  city      cancelled  merged    hall natural-resources
    一.4   12312  市商务局              own        city      cancelled  none      hall commerce
    一.5   12356  市卫生健康委          inherited  city      cancelled  none      hall health
    一.6   12396  市科技局              own        province  theirs     none      hall
    一.7   12300  市通信发展办          inherited  province  theirs     none      hall
    一.8   12301  市文化广电和旅游局    inherited  province  theirs     none      hall culture
    一.9   12322  市应急管理局          inherited  province  theirs     none      hall
    二.1   12329  市住房公积金管理中心  own        city      both       merged    hall housing-fund
    二.2   12350  市应急管理局          own        city      both       retained  retained-seats safety
    二.3   12320  市卫生健康委          inherited  city      both       retained  retained-seats health-seats
    二.4   12348  市司法局              inherited  city      both       retained  retained-seats law
    二.5   12333  市人力资源社会保障局  own        city      both       none      hall social-security
    二.6   12369  市生态环境局          inherited  city      both       none      hall environment
    二.7   12319  市城管执法局          inherited  city      both       none      hall city-management
    二.8   12328  市交通运输局          inherited  city      both       none      hall transport
    二.9   12318  市文化广电和旅游局    inherited  city      both       none      hall culture
    二.10  12315  市市场监管局          inherited  city      both       none      hall market
    二.11  12316  市农业农村局          own        province  theirs     none      transfer agriculture
    二.12  12393  市医疗保障局          inherited  province  theirs     none      transfer medical-insurance
    二.13  12317  市扶贫开发办          inherited  province  theirs     none      transfer poverty-relief
    二.14  12385  市残联                inherited  province  theirs     none      transfer disabled-persons
    三.1   12313  市烟草局              own        city      theirs     own       sub-centre tobacco
    三.2   12360  邯郸海关              own        province  theirs     none      transfer customs
    三.3   12366  市税务局              inherited  province  theirs     none      transfer tax
    三.4   12367  市公安局              own        nation    theirs     none      transfer immigration
    三.5   12305  市邮政管理局          inherited  province  theirs     none      transfer postal-service
    """.strip().splitlines()
]
HALL_LINE = "12345"
NAMES = {row.number: row for row in TABLE}
SECTIONS = {"一": "full-merge", "二": "dual-number", "三": "sub-centre"}
DAY, NIGHT = "2021-09-15T09:00:00", "2021-09-15T23:30:00"
EDGES = ["2021-08-31T23:59:59", "2021-09-01T00:00:00", "2021-10-31T23:59:59", "2021-11-01T00:00:00"]
"""A second before the transition, its first, its last, and the first after it."""

PHASES = {
    "cancelled": [Phase.BEFORE, Phase.TRANSITION, Phase.TRANSITION, Phase.CANCELLED],
    "both": [Phase.BEFORE, Phase.TRANSITION, Phase.TRANSITION, Phase.MERGED],
    "theirs": [Phase.MERGED] * 4,
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def route(number: str, moment: str, diversion: str = "", caller: str = "13800138000") -> Route:
    return plan(config(), recognise(config(), number, diversion, "", "town", caller), at(moment))


def way(found: Route) -> list[str]:
    return [" ".join(filter(None, (place.kind, place.name, place.skill))) for place in found.destinations]


def numbered() -> list[Line]:
    return [line for line in config().lines.values() if line.row is not None and line.row != "一.10"]


def test_the_counts_are_those_of_the_list() -> None:
    lines = numbered()
    assert len(lines) == len({line.number for line in lines}) == len(TABLE) == 28
    assert Counter((line.row or "")[0] for line in lines) == {"一": 9, "二": 14, "三": 5}
    local = [line for line in lines if line.host is Host.CITY]
    assert (len(local), len(lines) - len(local)) == (16, 12)
    assert config().lines[HALL_LINE].row is None
    others = [line for line in config().lines.values() if line.row == "一.10"]
    assert len(others) + len(lines) + 1 == len(config().lines)


def test_local_lines_are_of_every_spelling_and_marked_as_examples() -> None:
    others = [line for line in config().lines.values() if line.row == "一.10"]
    assert {len(line.number) for line in others} == {5, 7, 11}
    assert all(line.example and not line.number_kept and line.cancel_on for line in others)
    assert not any(line.example for line in numbered())
    assert [route(number, DAY).line for number in ("03108000001", "8000001", "+863108000001", "0310-8000002")] == [
        *["8000001"] * 3,
        "8000002",
    ]
    assert {line.when_cancelled for line in others} == set(Cancelled)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.row)
def test_a_row_is_read_as_it_stands(row: Row) -> None:
    line = config().lines[row.number]
    assert (line.row, line.section, line.department, line.unit) == (
        row.row,
        SECTIONS[row.row[0]],
        row.department,
        row.department,
    )
    assert (line.reading, line.host, line.seats) == (row.reading, row.host, row.seats)
    assert line.number_kept == (row.becomes != "cancelled")


def opening(row: Row, at_phase: Phase, *, is_asked: bool) -> str:
    """The prompt that the reading asks for."""
    if at_phase in (Phase.TRANSITION, Phase.CANCELLED):
        return f"{at_phase}-{row.number}"
    if row.answers.startswith(("transfer", "sub-centre")):
        return f"transfer-{row.number}" if is_asked else f"closed-{row.number}"
    return f"greeting-{HALL_LINE if row.row.startswith('一') else row.number}"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.row)
def test_a_number_in_each_phase_by_day_and_by_night(row: Row) -> None:
    for edge, expected in zip(EDGES, PHASES[row.becomes], strict=True):
        for moment in (edge, edge[:10] + "T10:00:00"):
            found = route(row.number, moment)
            asked = len(found.destinations) > 1
            assert found.phase is phase(config().lines[row.number], at(moment))
            assert moment != edge or found.phase is expected
            assert [said.id for said in found.prompts] == [opening(row, found.phase, is_asked=asked)]
            assert found.prompts[0].must_hear
    kind, _, name = row.answers.partition(" ")
    first = f"pool hall {name}".strip() if kind == "hall" else row.answers
    assert way(route(row.number, DAY))[0] == first
    assert way(route(row.number, DAY))[-1].startswith("pool hall")
    assert (len(route(row.number, DAY).destinations) == 1) == (kind == "hall")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.row)
def test_by_night_only_what_is_open_is_asked(row: Row) -> None:
    site, found = config().site, route(row.number, NIGHT)
    for place in found.destinations:
        hours = site.pools[PoolId(place.name)].hours if place.is_ours else site.targets[TargetId(place.name)].hours
        assert is_open(hours, site.calendar, at(NIGHT))
    if row.number == "12313":
        assert way(found) == ["sub-centre tobacco", "pool hall"], "7×24 (三.1)"


def test_the_texts_are_the_plans() -> None:
    texts = [
        (
            "transition-12349",
            "您好，您拨打的民政热线12349已并入12345政务服务便民热线，正在为您接通，以后请直接拨打12345，通话将被录音。",
        ),
        ("cancelled-12349", "您好，12349已停止使用，今后请直接拨打12345，现在为您接通，通话将被录音。"),
        ("transition-12333", "您好，人社热线已由12345统一受理，12333和12345均可拨打，通话将被录音。"),
        ("transfer-12366", "您好，正在为您转接税务热线，通话将被录音。"),
    ]
    prompts = {str(name): prompt for name, prompt in config().prompts.items()}
    assert [(name, prompts[name].text) for name, _ in texts] == texts
    assert "零幺" not in prompts["cancelled-12349"].spoken
    assert prompts["cancelled-12349"].spoken.startswith("您好，幺二三四九已停止使用")
    assert "Hello" in prompts["transfer-12367"].text


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.row)
def test_what_the_province_or_the_sub_centre_sends_stays_in_the_hall(row: Row) -> None:
    target = config().site.targets.get(config().lines[row.number].target or TargetId(""))
    senders = [row.number] + ([target.number] if target else [])
    for sender in senders:
        for found in (
            route(HALL_LINE, DAY, f"<sip:{sender}@x>;reason=user-busy"),
            route(row.number, DAY, f"<sip:{sender}@x>;reason=no-answer"),
        ):
            assert found.line == row.number
            assert not [place for place in found.destinations if place.name == (target.id if target else "")]
            assert found.destinations[-1].name == "hall"
    if row.answers.startswith("transfer"):
        assert way(route(row.number, DAY, f"<sip:{row.number}@x>")) == ["pool hall"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.row)
def test_a_number_that_its_carrier_forwards_as_a_whole_is_as_good_as_dialled_if_it_is_the_citys(row: Row) -> None:
    for header in (f"<sip:{row.number}@x>;reason=unconditional", f"<sip:{row.number}@x;cause=302>"):
        is_diversion = "reason" in header
        diversion, history = (header, "") if is_diversion else ("", header + ";index=1")
        found = plan(config(), recognise(config(), HALL_LINE, diversion, history, "town", "139"), at(DAY))
        dialled = row.host == "city" or not row.answers.startswith("transfer")
        assert way(found) == (way(route(row.number, DAY)) if dialled else ["pool hall"])


@pytest.mark.parametrize("number", [*EMERGENCY, "031012345", "+8631012349", "8613900000310"])
def test_the_towns_spellings_reach_their_line_or_desk(number: str) -> None:
    found = route(number, DAY)
    assert (found.marked == "emergency") == (number in EMERGENCY)
    assert found.destinations[-1].name == "hall"


def test_desks_and_utilities_are_targets() -> None:
    kinds = Counter(target.kind for target in config().site.targets.values())
    assert (kinds[TargetKind.EMERGENCY], kinds[TargetKind.UTILITY], kinds[TargetKind.SUB_CENTRE]) == (4, 4, 1)
    assert {target.number for target in config().site.targets.values() if target.kind is TargetKind.EMERGENCY} == set(
        EMERGENCY
    )
    menus = {target.id for target in config().site.targets.values() if target.answers_with is AnswersWith.MENU}
    assert menus == {"customs", "tax", "immigration", "power"}


SWITCHES = [
    ("12333", "answered_by: hall", "answered_by: retained-seats", "retained-seats social-security-seats"),
    ("12369", "answered_by: hall", "answered_by: retained-seats", "retained-seats environment-seats"),
    ("12319", "answered_by: hall", "answered_by: retained-seats", "retained-seats city-management-seats"),
    ("12328", "answered_by: hall", "answered_by: retained-seats", "retained-seats transport-seats"),
    ("12318", "answered_by: hall", "answered_by: retained-seats", "retained-seats culture-seats"),
    ("12315", "answered_by: hall", "answered_by: retained-seats", "retained-seats market-seats"),
    ("12350", "answered_by: retained-seats", "answered_by: hall", "pool hall"),
    ("12320", "answered_by: retained-seats", "answered_by: hall", "pool hall health"),
    ("12348", "answered_by: retained-seats", "answered_by: hall", "pool hall"),
    ("12300", "host: province", "host: city", "pool hall"),
    ("12313", "host: city", "host: province", "sub-centre tobacco"),
    *[
        (number, "answered_by: centre", "answered_by: hall", "pool hall")
        for number in ("12393", "12317", "12385", "12366", "12305")
    ],
]


@pytest.mark.parametrize(("number", "old", "new", "first"), SWITCHES)
def test_where_the_plan_is_uncertain_one_word_switches(number: str, old: str, new: str, first: str) -> None:
    before, entry, rest = ours()["lines.yaml"].partition(f"  - number: {number}\n")
    assert old in rest
    switched = build({**ours(), "lines.yaml": before + entry + rest.replace(old, new, 1)})
    arrival = recognise(switched, number, "", "", "town", "")
    assert way(plan(switched, arrival, at(DAY)))[0] == first


def test_a_skill_is_worth_ten_seconds_at_most_before_anybody_of_the_hall() -> None:
    for line in config().lines.values():
        for moment in (DAY, NIGHT):
            ours_last = [place for place in route(line.number, moment).destinations if place.is_ours]
            steps = ladder(config(), ours_last)
            assert steps[-1].after_ms <= 10_000
            assert steps[-1].requirement.alternatives[-1] == Alternative(PoolId("hall"))


NUMBERS = sorted([*config().lines, *EMERGENCY, "77777", "0311-12366", "x", ""])
SENDERS = st.sampled_from(["", *config().lines, *EMERGENCY, *(t.number for t in config().site.targets.values())])
MOMENTS = st.integers(0, 300 * 24 * 60).map(lambda minute: at("2021-06-01T00:00:00") + timedelta(minutes=minute))


def is_person_or_word(place: Destination) -> bool:
    return (place.kind is Kind.POOL and place.name == "hall") or place.kind is Kind.ANNOUNCEMENT


@given(st.sampled_from(NUMBERS), SENDERS, SENDERS, MOMENTS)
def test_any_number_arrival_and_moment_ends_at_the_hall_or_at_a_spoken_reason(
    number: str, sender: str, caller: str, moment: datetime
) -> None:
    diversion = f"<sip:{sender}@x>;reason=busy" if sender else ""
    found = plan(config(), recognise(config(), number, diversion, "", "town", caller), moment)
    assert is_person_or_word(found.destinations[-1])
    assert not any(is_person_or_word(place) for place in found.destinations[:-1])
    for place in found.destinations[:-1]:
        assert place.is_ours or (place.number and place.trunks and place.ring_for_ms and place.sorry)
    said = config().prompts[found.prompts[0].id]
    assert said.must_hear
    assert said.notice != (found.destinations[-1].kind is Kind.ANNOUNCEMENT)
    if config().lines[found.line].host is not Host.CITY:
        assert found.phase is Phase.MERGED
        assert not str(found.prompts[0].id).startswith(("transition", "cancelled"))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Route) == found


def test_a_cancelled_number_says_so_and_connects_or_only_says_so() -> None:
    after = "2022-03-01T12:00:00"
    assert (way(route("12349", after)), route("12349", after).prompts[0].id) == (
        ["pool hall civil-affairs"],
        "cancelled-12349",
    )
    (place,) = route("8000002", after).destinations
    assert (place.kind, place.name) == (Kind.ANNOUNCEMENT, "cancelled-8000002")
    assert way(route("8000002", DAY)) == ["pool hall"]


def test_the_sub_centre_that_is_closed_says_so() -> None:
    sources = changed(
        "site.yaml",
        "number: 0310-8012313, trunks: [town]",
        "number: 0310-8012313, trunks: [town], hours: Mo 08:00-09:00",
    )
    assert config().lines["12313"].answered_by is AnsweredBy.SUB_CENTRE
    found = plan(build(sources), recognise(config(), "12313", "", "", "town", ""), at(NIGHT))
    assert [said.id for said in found.prompts] == ["closed-12313"]


def test_whoever_reports_an_offence_to_us_is_not_asked_how_content_they_are() -> None:
    """二.（二）6: 行政调解类、执法办案类事项应依法依规处置，不片面追求满意率."""
    centres = {AnsweredBy.CENTRE, AnsweredBy.SUB_CENTRE}
    reports = [line for line in config().lines.values() if "举报" in line.name and line.answered_by not in centres]
    ours_ = [*reports, config().lines["12319"]]
    assert {line.number for line in ours_} >= {"96119", "12336", "12350", "12319"}
    assert not any(line.survey for line in ours_)
    assert config().lines["12345"].survey
