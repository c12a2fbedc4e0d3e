"""Who waits as if they had come earlier: by line, by caller, by what has happened; the greatest counts."""

from datetime import datetime, timedelta

import pytest

from routing.arrival import recognise
from routing.config import build, check
from routing.plan import Route, plan
from routing.priorities import Priorities
from tests.routing.sources import changed, config, ours

DAY = datetime.fromisoformat("2021-12-01T09:00+08:00")
MINUTE = timedelta(minutes=1)
LISTED = changed("site.yaml", "numbers: []", "numbers: [0310-3112345, +86 138 3123 4567]")
HEADS = Priorities(emergency=5 * MINUTE, listed=3 * MINUTE, numbers=("13831234567", "3112345"))


def route(caller: str, number: str = "12345", sources: dict[str, str] = LISTED) -> Route:
    conf = build(sources)
    return plan(conf, recognise(conf, number, "", "", "town", caller), DAY)


@pytest.mark.parametrize("caller", ["13831234567", "+8613831234567", "3112345", "03103112345"])
def test_whoever_is_listed_has_a_head_start_in_whatever_spelling_they_come(caller: str) -> None:
    assert route(caller).priority_ms == 120_000


@pytest.mark.parametrize("caller", ["13831234568", "anonymous", "", "1"])
def test_nobody_else_has_one(caller: str) -> None:
    assert route(caller).priority_ms == 0


def test_a_line_has_its_own_and_the_greatest_counts() -> None:
    lines = ours()["lines.yaml"].replace("  - number: 12329\n", "  - number: 12329\n    priority: 90 s\n")
    both = {**LISTED, "lines.yaml": lines}
    assert route("13900000000", "12329", both).priority_ms == 90_000
    assert route("13831234567", "12329", both).priority_ms == 120_000
    assert route("110", "12329", both).priority_ms == 600_000


@pytest.mark.parametrize(
    ("caller", "line", "urgent", "minutes"),
    [
        (None, 0, False, 0),
        ("3112345", 0, False, 3),
        ("3112345", 4, False, 4),
        ("3112345", 4, True, 5),
        ("3", 1, False, 1),
    ],
)
def test_at_arrival(caller: str | None, line: int, urgent: bool, minutes: int) -> None:
    assert HEADS.at_arrival(caller, line * MINUTE, is_urgent=urgent) == minutes * MINUTE


@pytest.mark.parametrize(
    ("before", "callback", "returned", "minutes"),
    [(0, False, False, 0), (0, True, False, 7), (9, True, True, 9), (0, False, True, 2), (1, True, True, 7)],
)
def test_later(before: int, callback: bool, returned: bool, minutes: int) -> None:
    heads = Priorities(callback=7 * MINUTE, returned=2 * MINUTE)
    assert heads.later(before * MINUTE, is_callback=callback, has_returned=returned) == minutes * MINUTE


def test_what_is_no_number_is_a_fault_at_its_place() -> None:
    faults = check(changed("site.yaml", "numbers: []", "numbers: [abc]"))
    (message,) = [fault.message for fault in faults if not fault.is_warning]
    assert message == "'abc' is not a telephone number"


def test_a_city_that_says_nothing_of_it_has_the_usual_ones() -> None:
    text = ours()["site.yaml"]
    begin, end = text.index("priorities:"), text.index("recording:\n")
    assert build({**ours(), "site.yaml": text[:begin] + text[end:]}).site.priorities == Priorities()
    assert config().site.priorities == Priorities()
