"""The real clocks."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from ivr.edge.clock import SHANGHAI, SystemClock
from routing.ids import Instant

MORNING = datetime(2021, 9, 15, 9, 0, tzinfo=SHANGHAI)


def test_an_instant_is_milliseconds_of_utc() -> None:
    before = time.time()
    assert before - 1 <= SystemClock().instant() / 1000 <= time.time() + 1


def test_a_step_of_the_machines_clock_does_not_reach_the_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.instant()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock.instant() - before < 1000


def test_civil_time_is_shanghais_and_the_same_moment_unless_rehearsed() -> None:
    clock = SystemClock()
    assert clock.civil().utcoffset() == timedelta(hours=8)
    assert abs(clock.civil() - clock.real()) < timedelta(seconds=1)


@pytest.mark.parametrize("at", [MORNING, MORNING.replace(tzinfo=None), MORNING.astimezone(UTC)])
def test_a_rehearsed_day_begins_at_its_moment_and_goes_on(at: datetime) -> None:
    clock = SystemClock(at)
    assert timedelta() <= clock.civil() - MORNING < timedelta(seconds=1)
    assert datetime.now(UTC) - clock.real() < timedelta(seconds=1), "sessions and TLS live today"
    assert abs(clock.instant() / 1000 - time.time()) < 1, "and so do waits"


def test_a_restart_in_a_rehearsal_goes_on_with_its_day() -> None:
    an_hour_ago = Instant(SystemClock().instant() - 3_600_000)
    resumed = SystemClock(MORNING, since=an_hour_ago)
    assert timedelta(hours=1) <= resumed.civil() - MORNING < timedelta(hours=1, seconds=1)
