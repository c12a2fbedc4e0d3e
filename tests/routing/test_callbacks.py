"""Who is called back and when: each name is the sentence."""

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.callbacks import (
    AnyFact,
    Begun,
    CameAgain,
    GivenUp,
    Machine,
    Result,
    Settled,
    Task,
    Tried,
    Wanted,
    Why,
    find,
    follow,
    number,
    result,
    retimed,
)
from routing.hours import SHANGHAI
from routing.ids import AgentId, CallId, Instant
from routing.terms import USUAL, Terms, due
from tests.routing.sources import config

LI, WANG = "13831234567", "13830000000"
FIRST, SECOND = CallId("handan1-1"), CallId("handan1-2")


def at(text: str) -> Instant:
    return Instant(round(datetime.fromisoformat(f"2021-09-15T{text}").replace(tzinfo=SHANGHAI).timestamp() * 1000))


def told(*facts: tuple[CallId, AnyFact]) -> dict[CallId, Task]:
    tasks: dict[CallId, Task] = {}
    for key, fact in facts:
        follow(tasks, key, fact)
    return tasks


def wanted(text: str, caller: str = LI, why: Why = Why.ABANDONED) -> Wanted:
    return Wanted(at(text), caller, why, Instant(at(text) - 60_000), "12345", AgentId("1016"))


@pytest.mark.parametrize(
    ("since", "tries", "comes"),
    [
        ("09:00", 0, "15T09:05"),
        ("09:00", 1, "15T09:30"),
        ("09:00", 2, "15T11:00"),
        ("20:58", 0, "16T08:00"),
        ("20:54:59", 0, "15T20:59:59"),
        ("03:00", 0, "15T08:00"),
        ("23:59", 0, "16T08:00"),
    ],
)
def test_it_is_tried_after_5_30_and_120_minutes_and_only_by_day(since: str, tries: int, comes: str) -> None:
    moment = due(USUAL, at(since), tries)
    assert moment is not None
    expected = datetime.fromisoformat(f"2021-09-{comes}").replace(tzinfo=SHANGHAI)
    assert datetime.fromtimestamp(moment / 1000, SHANGHAI) == expected


def test_a_task_begins_with_its_first_entry_and_its_agent() -> None:
    task = told((FIRST, wanted("09:00")))[FIRST]
    assert (task.caller, task.first_entry, task.agent) == (LI, Instant(at("09:00") - 60_000), "1016")
    assert task.due == at("09:05")


def test_a_number_has_one_open_task() -> None:
    tasks = told((FIRST, wanted("09:00")), (SECOND, wanted("09:10")), (CallId("third"), wanted("09:11", WANG)))
    assert list(tasks) == [FIRST, "third"]
    assert find(tasks.values(), LI) == tasks[FIRST]
    assert find(tasks.values(), "0310") is None
    again = told((FIRST, wanted("09:00")), (FIRST, wanted("09:10", WANG)))
    assert again[FIRST].caller == LI


def test_who_does_not_answer_is_tried_again_and_after_the_last_time_a_supervisor_has_it() -> None:
    tries = [(FIRST, Tried(at(moment), Result.NO_ANSWER)) for moment in ("09:05", "09:31", "11:00")]
    moments = [told((FIRST, wanted("09:00")), *tries[:n])[FIRST].due for n in range(4)]
    assert moments == [at("09:05"), at("09:30"), at("11:00"), None]


def test_a_late_try_is_not_followed_by_one_in_the_past() -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, Tried(at("10:30"), Result.BUSY)))
    assert tasks[FIRST].due == at("10:30")


def test_a_number_that_does_not_exist_is_not_tried_again() -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, Tried(at("09:05"), Result.UNKNOWN_NUMBER)))
    assert tasks[FIRST].due is None


@pytest.mark.parametrize("fact", [Tried(at("09:05"), Result.ANSWERED), Settled(at("09:05"), SECOND)])
def test_who_has_talked_with_somebody_is_called_back_no_more(fact: AnyFact) -> None:
    assert told((FIRST, wanted("09:00")), (FIRST, fact)) == {}


def test_who_calls_again_is_joined_and_the_task_stays_until_they_are_answered() -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, CameAgain(at("09:03"), SECOND)))
    assert tasks[FIRST].joined == SECOND


def test_what_is_said_of_an_unknown_task_changes_nothing() -> None:
    assert told((FIRST, Settled(at("09:00"))), (FIRST, CameAgain(at("09:00"), SECOND))) == {}


@given(st.integers(0, 2_000_000_000_000), st.integers(0, len(USUAL.after) - 1))
def test_nobody_is_ever_called_at_night_nor_before_the_time(since: int, tries: int) -> None:
    moment = due(USUAL, Instant(since), tries)
    assert moment is not None
    assert moment >= since
    assert time(8) <= datetime.fromtimestamp(moment / 1000, SHANGHAI).time() < time(21)
    assert USUAL.is_open(moment)


def test_a_try_that_is_under_way_is_known_and_what_was_given_up_does_not_count() -> None:
    begun = (FIRST, Begun(at("09:05"), CallId("one")))
    task = told((FIRST, wanted("09:00")), begun)[FIRST]
    assert (task.calling, task.begun, task.next_call) == ("one", 1, "handan1-1-back-2")
    again = told((FIRST, wanted("09:00")), begun, (FIRST, GivenUp(at("09:06"), CallId("one"))))[FIRST]
    assert (again.calling, again.tries, again.due) == (None, (), at("09:05"))
    tried = told((FIRST, wanted("09:00")), begun, (FIRST, Tried(at("09:06"), Result.BUSY, call=CallId("one"))))[FIRST]
    assert (tried.calling, len(tried.tries), tried.due) == (None, 1, at("09:30"))


def test_a_machine_of_which_is_told_afterwards_opens_the_task_for_its_next_try() -> None:
    before = told((FIRST, wanted("09:00")), (FIRST, Begun(at("09:05"), CallId("one"))))[FIRST]
    task = told((FIRST, Machine(at("09:06"), before, "1016")))[FIRST]
    assert ([each.result for each in task.tries], task.due, task.calling) == ([Result.MACHINE], at("09:30"), None)
    other = told((SECOND, wanted("09:06")), (FIRST, Machine(at("09:07"), before, "1016")))
    assert list(other) == [SECOND]


def test_other_terms_hold_for_the_tasks_that_there_are() -> None:
    task = told((FIRST, wanted("09:00")), (FIRST, Tried(at("09:06"), Result.BUSY)))[FIRST]
    terms = Terms(after=(timedelta(minutes=1), timedelta(minutes=2)), opens=timedelta(hours=10))
    assert retimed(task, terms).due == at("10:00")
    unknown = told((FIRST, wanted("09:00")), (FIRST, Tried(at("09:06"), Result.UNKNOWN_NUMBER)))[FIRST]
    assert retimed(unknown, terms).due is None


@pytest.mark.parametrize(
    ("cause", "sip", "meant"),
    [
        (17, 486, Result.BUSY),
        (19, 480, Result.NO_ANSWER),
        (20, 480, Result.OFF),
        (0, 480, Result.OFF),
        (1, 404, Result.UNKNOWN_NUMBER),
        (22, 410, Result.UNKNOWN_NUMBER),
        (21, 603, Result.REFUSED),
        (21, 403, Result.FAILED),
        (34, 503, Result.FAILED),
        (0, 0, Result.FAILED),
    ],
)
def test_what_a_call_came_to_is_read_from_its_cause(cause: int, sip: int, meant: Result) -> None:
    assert result(cause, sip) is meant


@pytest.mark.parametrize(
    ("raw", "known"),
    [(LI, LI), ("+8613831234567", LI), ("0310-8012345", "8012345"), ("anonymous", None), ("0044 20 7946 0000", None),
     ("95598", None), ("16812345", None)],
)  # fmt: skip
def test_only_a_number_that_can_be_dialled_is_called_back(raw: str, known: str | None) -> None:
    assert number(config().site.numbering, raw) == known
