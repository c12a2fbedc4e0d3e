"""Alarms against a plain sorted list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.alarms import SLOT_BITS, Alarms
from routing.ids import Instant

SLOT_MS = 1 << SLOT_BITS


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6 * SLOT_MS) | st.integers(0, 20))))
def test_the_first_alarm_is_the_earliest_that_is_set(steps: list[tuple[int, int]]) -> None:
    alarms: Alarms[int] = Alarms()
    plain: dict[int, Instant] = {}
    for name, at in steps:
        if name in plain:
            alarms.turn_off(name, plain.pop(name))
        else:
            plain[name] = Instant(at)
            alarms.set(name, Instant(at))
        assert alarms.first == min(((moment, other) for other, moment in plain.items()), default=None)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 1, 3)])
def test_alarms_ring_in_order_however_they_were_set(order: tuple[int, ...]) -> None:
    alarms: Alarms[int] = Alarms()
    for name in order:
        alarms.set(name, Instant(name * 10 * SLOT_MS))
    rung = []
    while alarms.first is not None:
        at, name = alarms.first
        rung.append(name)
        alarms.turn_off(name, at)
    assert rung == [1, 2, 3]


def test_alarms_that_are_all_turned_off_leave_nothing() -> None:
    alarms: Alarms[int] = Alarms()
    for name in range(100):
        alarms.set(name, Instant(name * SLOT_MS // 3))
    for name in reversed(range(100)):
        alarms.turn_off(name, Instant(name * SLOT_MS // 3))
    assert alarms.first is None
    assert alarms._later == {}
    assert alarms._slots == []
