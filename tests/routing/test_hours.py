"""Opening hours and windows: half-open, on Shanghai's clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.hours import (
    ALWAYS,
    ORDINARY,
    SHANGHAI,
    Calendar,
    Hours,
    SpecialDay,
    Window,
    civil,
    edges_on,
    is_open,
    is_within,
    next_change,
    parse_hours,
    parse_moment,
    runs,
)


def at(text: str) -> datetime:
    return parse_moment(text)


OFFICE = parse_hours("Mo-Fr 08:30-17:30")
SPLIT = parse_hours("Mo-Fr 08:30-12:00,14:00-17:30; Sa 09:00-12:00")
NIGHT = parse_hours("Fr-Su 22:00-06:00")

HOLIDAY, WORKED = SpecialDay("中秋节", is_holiday=True), SpecialDay("中秋节调休", is_holiday=False)
AUTUMN = Calendar({
    date(2021, 9, 18): WORKED,  # a Saturday
    **{date(2021, 9, day): HOLIDAY for day in (19, 20, 21)},  # Sunday to Tuesday
})  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "moment", "is_it"),
    [
        (OFFICE, "2021-09-15T08:29:59", False),
        (OFFICE, "2021-09-15T08:30:00", True),
        (OFFICE, "2021-09-15T17:29:59", True),
        (OFFICE, "2021-09-15T17:30:00", False),
        (OFFICE, "2021-09-18T10:00:00", False),
        (SPLIT, "2021-09-15T13:00:00", False),
        (SPLIT, "2021-09-18T10:00:00", True),
        (NIGHT, "2021-09-17T21:59:00", False),
        (NIGHT, "2021-09-17T22:00:00", True),
        (NIGHT, "2021-09-20T05:59:00", True),
        (NIGHT, "2021-09-20T06:00:00", False),
        (ALWAYS, "2021-09-19T00:00:00", True),
        (parse_hours("Mo 00:00-24:00"), "2021-09-13T23:59:59", True),
        (parse_hours("Mo,We 18:00-00:00"), "2021-09-15T23:59:59", True),
        (parse_hours("Mo,We 18:00-00:00"), "2021-09-16T00:00:00", False),
    ],
)
def test_open_from_the_first_moment_and_not_at_the_last(hours: Hours, moment: str, is_it: bool) -> None:
    assert is_open(hours, ORDINARY, at(moment)) is is_it


@pytest.mark.parametrize(
    ("hours", "moment", "is_it"),
    [
        ("Mo-Fr 08:30-17:30", "2021-09-18T08:29:59", False),
        ("Mo-Fr 08:30-17:30", "2021-09-18T08:30", True),
        ("Mo-Fr 08:30-17:30", "2021-09-18T17:30", False),
        ("Mo-Fr 08:30-17:30", "2021-09-20T10:00", False),
        ("Mo-Fr 08:30-17:30", "2021-09-22T08:30", True),
        ("Mo-Su 08:00-18:00", "2021-09-20T10:00", True),
        ("Mo-Su 08:00-18:00; PH off", "2021-09-19T10:00", False),
        ("Mo-Su 08:00-18:00; PH 09:00-12:00", "2021-09-21T11:59:59", True),
        ("Mo-Su 08:00-18:00; PH 09:00-12:00", "2021-09-21T12:00", False),
        ("Mo-Fr,PH 08:30-17:30", "2021-09-20T08:30", True),
        ("Mo-Fr,PH 08:30-17:30", "2021-09-12T10:00", False),
        # a night belongs to the day on which it begins: Saturday's, which is worked as a Monday; none into the holidays
        ("Mo-Fr 22:00-06:00", "2021-09-19T05:59:59", True),
        ("Mo-Fr 22:00-06:00", "2021-09-19T06:00", False),
        ("Mo-Fr 22:00-06:00", "2021-09-20T22:00", False),
        ("Mo-Fr 22:00-06:00; PH 22:00-06:00", "2021-09-22T05:59:59", True),
        ("always", "2021-09-20T00:00", True),
    ],
)
def test_holidays_are_sundays_or_ph_and_a_weekend_that_is_worked_is_a_monday(
    hours: str, moment: str, is_it: bool
) -> None:
    assert is_open(parse_hours(hours), AUTUMN, at(moment)) is is_it


def test_a_moment_elsewhere_is_read_on_shanghais_clock() -> None:
    assert is_open(OFFICE, ORDINARY, datetime(2021, 9, 15, 0, 30, tzinfo=UTC))
    with pytest.raises(ValueError, match="names no time zone"):
        civil(datetime(2021, 9, 15))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("hours", "moment", "change"),
    [
        (OFFICE, "2021-09-15T07:00", "2021-09-15T08:30"),
        (OFFICE, "2021-09-15T09:00", "2021-09-15T17:30"),
        (OFFICE, "2021-09-17T18:00", "2021-09-20T08:30"),
        (NIGHT, "2021-09-17T23:00", "2021-09-18T06:00"),
        (parse_hours("Mo 09:00-10:00"), "2021-09-13T10:00", "2021-09-20T09:00"),
    ],
)
def test_the_next_change_is_named(hours: Hours, moment: str, change: str) -> None:
    assert next_change(hours, ORDINARY, at(moment)) == at(change)


@pytest.mark.parametrize(
    ("hours", "moment", "change"),
    [
        ("Mo-Fr 08:30-17:30", "2021-09-17T17:30", "2021-09-18T08:30"),
        ("Mo-Fr 08:30-17:30", "2021-09-18T17:30", "2021-09-22T08:30"),
        ("Mo 09:00-10:00", "2021-09-18T10:00", "2021-09-27T09:00"),
        ("Mo-Su 00:00-24:00; PH off", "2021-09-18T10:00", "2021-09-19T00:00"),
        ("Mo-Su 00:00-24:00; PH off", "2021-09-19T10:00", "2021-09-22T00:00"),
    ],
)
def test_the_next_change_knows_the_calendar(hours: str, moment: str, change: str) -> None:
    assert next_change(parse_hours(hours), AUTUMN, at(moment)) == at(change)


def test_what_is_closed_to_the_end_of_time_never_changes() -> None:
    assert next_change(OFFICE, ORDINARY, at("9999-12-31T18:00")) is None
    assert next_change(parse_hours("PH off"), AUTUMN, at("2021-09-18T10:00")) is None
    assert not is_open(NIGHT, ORDINARY, at("0001-01-01T00:00"))  # a Monday: the night before it is nobody's


def test_edges_of_a_day_are_its_own_and_those_of_the_night_before_it() -> None:
    assert edges_on(NIGHT, ORDINARY, date(2021, 9, 18)) == [6 * 60, 22 * 60]
    assert edges_on(NIGHT, ORDINARY, date(2021, 9, 20)) == [6 * 60]
    assert edges_on(ALWAYS, ORDINARY, date(2021, 9, 20)) == [0]


def test_equal_days_that_follow_each_other_are_one_run() -> None:
    assert list(runs(AUTUMN.days)) == [
        (date(2021, 9, 18), date(2021, 9, 19)),
        (date(2021, 9, 19), date(2021, 9, 22)),
    ]
    apart = {date(2021, 9, 19): 1, date(2021, 9, 21): 1, date.max: 1}
    assert [begins for begins, _ in runs(apart)] == list(apart)
    assert list(runs({})) == []


def test_what_is_always_open_never_changes() -> None:
    assert next_change(ALWAYS, ORDINARY, at("2021-09-15T09:00")) is None


@given(st.integers(0, 7 * 24 * 60 - 1), st.sampled_from([OFFICE, SPLIT, NIGHT]))
def test_nothing_changes_before_the_next_change(minute: int, hours: Hours) -> None:
    moment = at("2021-09-13T00:00") + timedelta(minutes=minute)
    for calendar in (ORDINARY, AUTUMN):
        change = next_change(hours, calendar, moment)
        assert change is not None
        assert change > moment
        state = is_open(hours, calendar, moment)
        assert is_open(hours, calendar, change - timedelta(minutes=1)) is state
        assert is_open(hours, calendar, change) is not state


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a day"),
        ("Monday 08:00-09:00", "'Monday' is not a day"),
        ("Mo", "'' is not a span"),
        ("Mo 8-9", "'8-9' is not a span"),
        ("Mo 09:00-09:00", "may not be empty"),
        ("Mo 24:00-09:00", "ends at 24:00"),
        ("Mo 09:00-24:30", "ends at 24:00"),
        ("Mo 09:00-25:00", "is not a span"),
        ("Mo 08:00-12:00; Mo-We 11:00-13:00", "a span of Mo overlaps"),
        ("Mo 22:00-06:00; Tu 05:00-08:00", "a span of Mo overlaps"),
        ("Su 22:00-06:00; Mo 05:00-08:00", "a span of Su overlaps"),
        ("PH 09:00-12:00,11:00-13:00", "a span of PH overlaps"),
        ("Mo-PH 09:00-12:00", "'Mo-PH' is not a day"),
        ("Mo-Fr 09:00-12:00; Sa off", "only PH can be off: leave Sa out"),
    ],
)
def test_hours_that_make_no_sense_are_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_hours(text)


def test_a_window_begins_and_ends_at_midnight_in_shanghai() -> None:
    window = Window(date(2021, 9, 1), date(2021, 11, 1))
    assert not is_within(window, at("2021-08-31T23:59:59"))
    assert is_within(window, at("2021-09-01T00:00:00"))
    assert is_within(window, at("2021-10-31T23:59:59"))
    assert not is_within(window, at("2021-11-01T00:00:00"))
    assert is_within(window, datetime(2021, 8, 31, 16, 0, tzinfo=UTC))


def test_a_moment_with_a_zone_of_its_own_is_converted() -> None:
    assert parse_moment("2021-09-15T01:00:00+00:00") == datetime(2021, 9, 15, 9, 0, tzinfo=SHANGHAI)
    with pytest.raises(ValueError, match="nine"):
        parse_moment("nine")
