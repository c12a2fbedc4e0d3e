"""Opening hours and windows: half-open, on Shanghai's clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.hours import (
    ALWAYS,
    SHANGHAI,
    Hours,
    Window,
    civil,
    is_open,
    is_within,
    next_change,
    parse_hours,
    parse_moment,
)


def at(text: str) -> datetime:
    return parse_moment(text)


OFFICE = parse_hours("Mo-Fr 08:30-17:30")
SPLIT = parse_hours("Mo-Fr 08:30-12:00,14:00-17:30; Sa 09:00-12:00")
NIGHT = parse_hours("Fr-Su 22:00-06:00")


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
    assert is_open(hours, at(moment)) is is_it


def test_a_moment_elsewhere_is_read_on_shanghais_clock() -> None:
    assert is_open(OFFICE, datetime(2021, 9, 15, 0, 30, tzinfo=UTC))
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
    assert next_change(hours, at(moment)) == at(change)


def test_what_is_always_open_never_changes() -> None:
    assert next_change(ALWAYS, at("2021-09-15T09:00")) is None


@given(st.integers(0, 7 * 24 * 60 - 1), st.sampled_from([OFFICE, SPLIT, NIGHT]))
def test_nothing_changes_before_the_next_change(minute: int, hours: Hours) -> None:
    moment = at("2021-09-13T00:00") + timedelta(minutes=minute)
    change = next_change(hours, moment)
    assert change is not None
    assert change > moment
    state = is_open(hours, moment)
    assert is_open(hours, change - timedelta(minutes=1)) is state
    assert is_open(hours, change) is not state


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
        ("Mo 08:00-12:00; Mo-We 11:00-13:00", "overlap on Mo"),
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
