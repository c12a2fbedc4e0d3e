"""What whoever starts the house sees of each step: on a terminal it moves, in a log each of its stages is a line."""

import contextlib
import io
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from rich.console import Console

from ivr.house import report as shown
from ivr.house.report import Report
from tests.asterisk.waiting import holds

SOON = 10.0
ERASED = "\x1b[2K"


class Clock:
    """Stands still, until it is told how much later it is."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shown, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(said: io.StringIO) -> Report:
    return Report(Console(file=said, width=120))


def test_in_a_log_each_stage_of_a_step_is_a_line_once_and_what_came_of_it_the_last(
    log: Report, said: io.StringIO, clock: Clock
) -> None:
    with log.step("Prompts") as say:
        for share in (0.1, 0.2, 0.3):
            say("reading [them] aloud", share)
        assert said.getvalue() == "    reading [them] aloud …\n"
        say("putting them away")
        say.result = "137, [11] minutes"
        clock.now += 12.34
    stages = ["    reading [them] aloud …", "    putting them away …"]
    assert said.getvalue().splitlines() == [*stages, "✓ Prompts                137, [11] minutes  12.3 s"]


def test_of_a_step_that_took_no_time_none_is_said(log: Report, said: io.StringIO, clock: Clock) -> None:
    with log.step("Secrets") as say:
        say.result = "4"
        clock.now += 0.04
    assert said.getvalue().rstrip() == "✓ Secrets                4"


def test_a_step_that_fails_is_crossed_out_and_claims_nothing(log: Report, said: io.StringIO, clock: Clock) -> None:
    with contextlib.suppress(OSError), log.step("Prompts") as say:
        say.result = "137"
        clock.now += 2
        raise OSError
    assert said.getvalue().split() == ["✗", "Prompts", "2.0", "s"]


def test_on_a_terminal_a_step_shows_what_it_does_and_how_far_it_is_and_leaves_one_line(said: io.StringIO) -> None:
    report = Report(Console(file=said, force_terminal=True, force_interactive=True, width=120, color_system=None))
    with report.step("Prompts") as say:
        for doing, share, bar in (
            ("looking [at] them", None, "━" * 20),  # moving to and fro, as nobody knows
            ("reading them aloud", 0.25, "━" * 5),
            ("reading them aloud", 0.75, "━" * 15),
        ):
            say(doing, share)
            assert holds(is_drawn(said, f"Prompts                {doing} {bar}"), SOON), said.getvalue()
        say.result = "137, [11] minutes"
    *_, last = said.getvalue().split(ERASED)
    assert last.startswith("✓ Prompts                137, [11] minutes")
    assert last.count("\n") == 1


def is_drawn(said: io.StringIO, line: str) -> Callable[[], bool]:
    """Whether one of the pictures so far is this line."""
    return lambda: any(each.partition(" ")[2].split("\r")[0].rstrip() == line for each in said.getvalue().split(ERASED))
