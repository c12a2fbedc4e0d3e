"""Windows of reports: half-open, by Shanghai's clock, without gaps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.hours import SHANGHAI
from routing.windows import MOST, Every, cells, period, starts

NOON = datetime(2021, 9, 15, 12, 0, 30, tzinfo=SHANGHAI)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2022, 1, 1), timezones=st.sampled_from([UTC, SHANGHAI]))  # noqa: DTZ001 - given a zone


def test_days_begin_at_midnight_in_shanghai() -> None:
    begins = datetime(2021, 9, 14, 17, 0, tzinfo=UTC)  # an hour after midnight there
    assert [each.isoformat() for each in starts(begins, begins + timedelta(days=2), Every.DAY)] == [
        "2021-09-15T01:00:00+08:00",
        "2021-09-16T00:00:00+08:00",
        "2021-09-17T00:00:00+08:00",
    ]


def test_months_are_the_calendars() -> None:
    begins = datetime(2020, 1, 31, tzinfo=SHANGHAI)
    found = starts(begins, datetime(2020, 4, 1, tzinfo=SHANGHAI), Every.MONTH)
    assert [f"{each:%m-%d}" for each in found] == ["01-31", "02-01", "03-01"]


def test_without_a_stride_there_is_one_window() -> None:
    assert starts(NOON, NOON + timedelta(days=400), None) == (NOON,)


@given(MOMENTS, st.integers(1, 2_900_000), st.sampled_from([*Every, None]))
def test_every_moment_lies_in_exactly_one_window(begins: datetime, seconds: int, every: Every | None) -> None:
    ends = begins + timedelta(seconds=seconds)
    found = [*starts(begins, ends, every), ends]
    assert found[0] == begins
    assert all(one < two for one, two in pairwise(found))
    assert every is None or all(each.second == each.microsecond == 0 for each in found[1:-1])


def test_too_many_windows_are_refused() -> None:
    assert len(starts(NOON, NOON + (MOST - 1) * timedelta(minutes=5), Every.FIVE_MINUTES)) == MOST
    with pytest.raises(ValueError, match="more than 10000 windows of 5m"):
        starts(NOON, NOON + timedelta(days=40), Every.FIVE_MINUTES)
    with pytest.raises(ValueError, match="more than 10000 windows of 5m"):
        cells(NOON, NOON + timedelta(days=40))


@given(MOMENTS, st.integers(1, 300_000))
def test_rolling_windows_of_24_hours_end_every_5_minutes_within_the_period(begins: datetime, seconds: int) -> None:
    ends = begins + timedelta(seconds=seconds)
    found, width = cells(begins, ends)
    edges = [*found, ends]
    windows = [(edges[n], edges[n + width]) for n in range(len(found) - width + 1)]
    assert all(since + timedelta(hours=24) == until for since, until in windows)
    assert windows[-1][1] == ends
    assert timedelta(0) < windows[0][1] - begins <= timedelta(minutes=5)


def test_a_period_is_today_where_nothing_is_said() -> None:
    assert period("", "", NOON) == (datetime(2021, 9, 15, tzinfo=SHANGHAI), NOON)
    assert period("2021-09-01", "2021-09-02T08:30", NOON) == (
        datetime(2021, 9, 1, tzinfo=SHANGHAI),
        datetime(2021, 9, 2, 8, 30, tzinfo=SHANGHAI),
    )


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("yesterday", "", "'yesterday' is not a moment: write 2021-09-15"),
        ("", "2021-13-01", "'2021-13-01' is not a moment"),
        ("0001-01-01T00:00+14:00", "", "is not a moment"),
        ("2021-09-16", "", "has no time in it"),
        ("2021-09-15", "2021-09-15", "has no time in it"),
    ],
)
def test_what_is_no_period_is_refused_in_words(since: str, until: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        period(since, until, NOON)
