"""Who of an industry is on duty, who is next, and what is wrong with a roster."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.config import build, check
from routing.experts import Expert, Industry, in_turn
from routing.hours import ORDINARY, SHANGHAI, Calendar, SpecialDay, Window, parse_hours
from routing.ids import Instant
from routing.outward import refusal, to_expert
from routing.talk import Kind, Whom
from tests.routing.sources import changed, config, ours

DAYTIME = parse_hours("Mo-Fr 08:30-17:30")
DAY = Expert(id="day", name="张", number="03108000001", trunks=("town",), hours=DAYTIME)
AUTUMN = Expert(id="autumn", name="李", seat=None, hours=DAYTIME, dates=Window(date(2021, 9, 20), date(2021, 12, 1)))
FUND = Industry(id="fund", name="公积金", roster=(DAY, AUTUMN))
NEVER = Expert(id="never", name="王", hours=DAYTIME, dates=Window(date(2021, 9, 18), date(2021, 9, 19)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("moment", "on_duty", "sentence"),
    [
        ("2021-09-15T09:00", ["day"], ""),
        ("2021-09-20T09:00", ["day", "autumn"], ""),
        ("2021-12-01T09:00", ["day"], ""),
        ("2021-09-15T17:30", [], "nobody of fund is on duty now; the next is 张, from 2021-09-16 08:30"),
        ("2021-09-18T09:00", [], "nobody of fund is on duty now; the next is 张, from 2021-09-20 08:30"),
    ],
)
def test_who_is_on_duty_or_who_is_next(moment: str, on_duty: list[str], sentence: str) -> None:
    assert [expert.id for expert in FUND.on_duty(ORDINARY, at(moment))] == on_duty
    assert FUND.refusal(ORDINARY, at(moment)) == sentence


def test_dates_and_hours_must_both_hold_and_a_selection_ends() -> None:
    assert AUTUMN.next_duty(ORDINARY, at("2021-09-15T09:00")) == at("2021-09-20T08:30")
    assert AUTUMN.next_duty(ORDINARY, at("2021-09-21T10:00")) == at("2021-09-21T10:00")
    assert AUTUMN.next_duty(ORDINARY, at("2021-11-30T18:00")) is None
    assert NEVER.next_duty(ORDINARY, at("2021-09-15T09:00")) is None, "a Saturday"
    ended = Industry(id="fund", name="公积金", roster=(AUTUMN,))
    assert "has ended" in ended.refusal(ORDINARY, at("2022-01-01T09:00"))


def test_a_working_weekend_is_a_duty_too() -> None:
    calendar = Calendar({date(2021, 9, 18): SpecialDay("调休", is_holiday=False)})
    assert NEVER.is_on_duty(calendar, at("2021-09-18T09:00"))


def test_hours_that_never_open_again() -> None:
    days = {date(2021, 9, n): SpecialDay("节", is_holiday=True) for n in range(1, 31)}
    shut = Expert(
        id="x", name="x", hours=parse_hours("Mo 08:00-09:00; PH off"), dates=Window(date(2021, 9, 1), date(2021, 9, 30))
    )
    assert shut.next_duty(Calendar(days), at("2021-09-15T09:00")) is None
    assert Expert(id="y", name="y", hours=parse_hours("PH off")).next_duty(ORDINARY, at("2021-09-15T09:00")) is None


@given(st.lists(st.integers(0, 2), max_size=30))
def test_whoever_was_called_last_comes_last(busy: list[int]) -> None:
    """`busy`: how many of those who are called first do not answer."""
    roster = tuple(Expert(id=str(n), name=str(n)) for n in range(3))
    called: dict[str, Instant] = {}
    clock = 0
    for unanswered in busy:
        turn = in_turn(roster, called)
        for expert in turn[: unanswered + 1]:
            clock += 1
            called[expert.id] = Instant(clock)
        last = in_turn(roster, called)
        assert [each.id for each in last[-unanswered - 1 :]] == [each.id for each in turn[: unanswered + 1]]


def test_nobody_is_asked_for_whom_the_city_does_not_have() -> None:
    work, night = at("2021-09-15T09:00"), at("2021-09-15T22:00")
    assert refusal(config(), Whom(Kind.EXPERT, "housing-fund"), work) == ""
    assert "公积金专家一, from 2021-09-16 08:30" in refusal(config(), Whom(Kind.EXPERT, "housing-fund"), night)
    assert "no experts of 'housing'" in refusal(config(), Whom(Kind.EXPERT, "housing"), work)


def test_a_roster_is_the_admin_s_and_no_rule_for_agents_numbers_holds() -> None:
    without = build(changed("site.yaml", "  allow: [local, mobile] ", "  allow: [local] "))
    industry = without.site.experts["housing-fund"]
    (way,) = to_expert(without, industry.roster[0], industry.ring_for)
    assert (way.number, way.trunk, way.ring_for_ms) == ("03108092901", "town", 15_000)


FIRST = "number: 0310-8092901, trunks: [town]"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (FIRST, "number: 0310-8092901, trunks: [towm]", "did you mean 'town'?"),
        (FIRST, "number: 0310-8092901", "an expert's number needs 'trunks'"),
        (FIRST, "number: 119, trunks: [town]", "119 is an emergency number"),
        (FIRST, "number: nine, trunks: [town]", "is not a telephone number"),
        (FIRST, "trunks: [town]", "one of the two"),
        (FIRST, "seat: 8001", "agent 1001 sits at 8001"),
        (FIRST, "seat: 80010", "80010"),
        ("{id: fund-2,", "{id: fund-1,", "'fund-1' stands here twice"),
        ("{id: fund-2,", "{id: Fund,", "'Fund' is not a name"),
        ("dates: {from: 2021-09-01, until: 2022-01-01}", "dates: {from: 2021-09-01, until: 2021-09-01}", "not after"),
        ("  housing-fund:                  #", "  Housing:                  #", "'Housing' is not a name"),
        ("    name: 住房公积金专家\n", "    nam: 住房公积金专家\n", "did you mean 'name'?"),
    ],
)
def test_a_fault_of_a_roster_is_told_in_words(old: str, new: str, fault: str) -> None:
    assert fault in "\n".join(str(each) for each in check(changed("site.yaml", old, new)))


def test_a_roster_has_somebody_in_it_and_a_city_need_not_have_one() -> None:
    text = ours()["site.yaml"]
    begins, ends = text.index("experts:\n"), text.index("# What agents ask for by the keys")
    empty = "experts:\n  law: {name: 法律专家, roster: []}\n\n"
    assert "at least one" in "\n".join(map(str, check({**ours(), "site.yaml": text[:begins] + empty + text[ends:]})))
    assert build({**ours(), "site.yaml": text[:begins] + text[ends:]}).site.experts == {}
    at_a_seat = changed("site.yaml", FIRST, "seat: 8900").copy()
    one_more = "\nseats:\n  - {id: 8900, kind: desk, pool: hall}\n"
    at_a_seat["site.yaml"] = at_a_seat["site.yaml"].replace("\nseats:\n", one_more)
    assert build(at_a_seat).site.experts["housing-fund"].roster[0].seat == "8900"
