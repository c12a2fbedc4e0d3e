"""How long somebody will wait, and in which words it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.estimate import ANNOUNCEMENTS, LEAST_DEPARTURES, WINDOW_MS, Estimate, Estimator, Flow, words
from routing.ids import Instant
from routing.tickets import Alternative
from tests.routing.floor_house import HALL, OWN
from tests.routing.floor_worlds import rung

IN_HALL, IN_OWN = rung(Alternative(HALL)).requirement, rung(Alternative(OWN)).requirement


def served(count: int, every_ms: int = 10_000, waited_ms: int = 7_000) -> tuple[Flow, Instant]:
    flow, now = Flow(), Instant(1_000_000)
    for _ in range(count):
        now = Instant(now + every_ms)
        flow.departed(IN_HALL, waited_ms, now)
    return flow, now


def test_with_too_few_departures_nothing_is_known() -> None:
    flow, now = served(LEAST_DEPARTURES - 1)
    assert flow.expected(IN_HALL, 3, now) == Estimate(3)
    assert flow.expected(IN_OWN, 3, now) == Estimate(3)


def test_ten_departures_in_ten_minutes_are_a_minute_a_place() -> None:
    flow, now = served(10)
    assert flow.expected(IN_HALL, 3, now) == Estimate(3, 180_000, 7_000)


def test_the_last_to_be_served_is_the_rival() -> None:
    flow, now = served(9)
    flow.departed(IN_HALL, 90_000, now)
    assert flow.expected(IN_HALL, 1, now).of(Estimator.LAST) == 90_000
    assert flow.expected(IN_HALL, 1, now).of(Estimator.DEPARTURES) == 60_000
    assert flow.expected(IN_HALL, 1, now).of(Estimator.NONE) is None


def test_along_a_ladder_everybody_counts_who_has_left_from_any_of_its_rungs() -> None:
    flow, now = served(3)
    ladder = rung(Alternative(HALL)), rung(Alternative(HALL), Alternative(OWN))
    assert flow.along(ladder, 2, now) == Estimate(2)
    for waited_ms in (70_000, 80_000):
        flow.departed(ladder[1].requirement, waited_ms, Instant(now + 5))
    flow.departed(IN_OWN, 1, Instant(now + 9))
    assert flow.along(ladder, 2, Instant(now + 10)) == Estimate(2, 240_000, 80_000)
    flow.departed(IN_HALL, 6_000, Instant(now + 20))
    assert flow.along(ladder, 1, Instant(now + 30)) == Estimate(1, 100_000, 6_000)
    assert flow.along((ladder[0], ladder[0]), 1, Instant(now + 30)) == flow.expected(IN_HALL, 1, now) == Estimate(1)


def test_what_callers_do_not_hear_is_decided_by_the_departures() -> None:
    assert [each.decides for each in Estimator] == [Estimator.DEPARTURES, Estimator.LAST, Estimator.DEPARTURES]


def test_after_ten_minutes_a_departure_counts_no_longer() -> None:
    flow, now = served(6)
    assert flow.expected(IN_HALL, 1, Instant(now + WINDOW_MS - 30_000)).by_departures_ms is None


def test_what_nobody_has_left_for_long_is_forgotten() -> None:
    flow, now = served(6)
    flow.departed(IN_OWN, 0, Instant(now + WINDOW_MS))
    assert list(flow._served) == [IN_OWN]


@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 900_000))), st.integers(1, 200), st.integers(0, 900_000)
)
def test_an_estimate_is_never_negative_and_grows_with_the_position(
    departures: list[tuple[int, int]], position: int, later: int
) -> None:
    flow, now = Flow(), Instant(0)
    for gap, waited in departures:
        now = Instant(now + gap)
        flow.departed(IN_HALL, waited, now)
    now = Instant(now + later)
    first, second = flow.expected(IN_HALL, position, now), flow.expected(IN_HALL, position + 1, now)
    assert (first.by_departures_ms is None) == (second.by_departures_ms is None) == (first.by_last_ms is None)
    if first.by_departures_ms is not None and second.by_departures_ms is not None:
        assert 0 <= first.by_departures_ms <= second.by_departures_ms


@pytest.mark.parametrize(
    ("position", "wait_ms", "said"),
    [
        (1, 0, ("position-next", "wait-1")),
        (2, 59_999, ("position-5", "wait-1")),
        (5, 60_000, ("position-5", "wait-3")),
        (6, 299_999, ("position-10", "wait-5")),
        (11, 300_000, ("position-more", "wait-10")),
        (200, 600_000, ("position-more", "wait-more")),
        (3, None, ("position-5",)),
    ],
)
def test_position_and_wait_are_said_in_bands(position: int, wait_ms: int | None, said: tuple[str, ...]) -> None:
    assert words(Estimate(position, wait_ms), Estimator.DEPARTURES) == said
    assert words(Estimate(position, wait_ms), Estimator.DEPARTURES, with_position=False) == said[1:]
    assert set(said) <= set(ANNOUNCEMENTS)
