"""Who is called back and when: each name is the sentence."""

from datetime import datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.callbacks import (
    KEPT_MS,
    TASKS_MOST,
    AnyFact,
    Begun,
    CameAgain,
    GivenUp,
    Lapsed,
    Machine,
    Result,
    Settled,
    Task,
    Tasks,
    Tried,
    Wanted,
    Why,
    may_be_promised,
    number,
    result,
)
from routing.config.site import Outbound, OutboundClass, Site
from routing.hours import SHANGHAI
from routing.ids import AgentId, CallId, Instant
from routing.terms import USUAL, Terms, due
from tests.routing.sources import config as city

LI, WANG = "13831234567", "13830000000"
ABROAD, PREMIUM, ELSEWHERE = "+14155550100", "16812345", "01088888888"
SITE = msgspec.structs.replace(city().site, callbacks=USUAL)
CALLING = msgspec.structs.replace(SITE, callbacks=msgspec.structs.replace(USUAL, on=True))
FIRST, SECOND = CallId("handan1-1"), CallId("handan1-2")


def at(text: str) -> Instant:
    return Instant(round(datetime.fromisoformat(f"2021-09-15T{text}").replace(tzinfo=SHANGHAI).timestamp() * 1000))


def told(*facts: tuple[CallId, AnyFact], site: Site = SITE) -> Tasks:
    tasks = Tasks(site)
    for key, fact in facts:
        tasks.follow(key, fact)
    return tasks


def only(tasks: Tasks) -> Task:
    (task,) = tasks
    return task


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
    task = only(told((FIRST, wanted("09:00"))))
    assert (task.caller, task.first_entry, task.agent) == (LI, Instant(at("09:00") - 60_000), "1016")
    assert task.due == at("09:05")


def test_a_number_has_one_open_task() -> None:
    tasks = told((FIRST, wanted("09:00")), (SECOND, wanted("09:10")), (CallId("third"), wanted("09:11", WANG)))
    assert [task.id for task in tasks] == [FIRST, "third"]
    assert tasks.of(LI) == tasks.get(FIRST)
    assert tasks.of("0310") is None
    assert (FIRST in tasks, SECOND in tasks) == (True, False)
    assert only(told((FIRST, wanted("09:00")), (FIRST, wanted("09:10", WANG)))).caller == LI


def test_who_does_not_answer_is_tried_again_and_after_the_last_time_a_supervisor_has_it() -> None:
    tries = [(FIRST, Tried(at(moment), Result.NO_ANSWER)) for moment in ("09:05", "09:31", "11:00")]
    moments = [only(told((FIRST, wanted("09:00")), *tries[:n])).due for n in range(4)]
    assert moments == [at("09:05"), at("09:30"), at("11:00"), None]


def test_a_late_try_is_not_followed_by_one_in_the_past() -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, Tried(at("10:30"), Result.BUSY)))
    assert only(tasks).due == at("10:30")


def test_a_number_that_does_not_exist_is_not_tried_again() -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, Tried(at("09:05"), Result.UNKNOWN_NUMBER)))
    assert only(tasks).due is None


@pytest.mark.parametrize("fact", [Tried(at("09:05"), Result.ANSWERED), Settled(at("09:05"), SECOND)])
def test_who_has_talked_with_somebody_is_called_back_no_more(fact: AnyFact) -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, fact))
    assert not list(tasks)
    assert tasks.of(LI) is None


def test_who_calls_again_is_joined_and_the_task_stays_until_they_are_answered() -> None:
    tasks = told((FIRST, wanted("09:00")), (FIRST, CameAgain(at("09:03"), SECOND)))
    assert only(tasks).joined == SECOND


def test_what_is_said_of_an_unknown_task_changes_nothing() -> None:
    assert not list(told((FIRST, Settled(at("09:00"))), (FIRST, CameAgain(at("09:00"), SECOND))))


@given(st.integers(0, 2_000_000_000_000), st.integers(0, len(USUAL.after) - 1))
def test_nobody_is_ever_called_at_night_nor_before_the_time(since: int, tries: int) -> None:
    moment = due(USUAL, Instant(since), tries)
    assert moment is not None
    assert moment >= since
    assert time(8) <= datetime.fromtimestamp(moment / 1000, SHANGHAI).time() < time(21)
    assert USUAL.is_open(moment)


def test_a_try_that_is_under_way_is_known_and_what_was_given_up_does_not_count() -> None:
    begun = (FIRST, Begun(at("09:05"), CallId("one")))
    task = only(told((FIRST, wanted("09:00")), begun))
    assert (task.calling, task.begun, task.next_call) == ("one", 1, "handan1-1-back-2")
    again = only(told((FIRST, wanted("09:00")), begun, (FIRST, GivenUp(at("09:06"), CallId("one")))))
    assert (again.calling, again.tries, again.due) == (None, (), at("09:05"))
    tried = only(told((FIRST, wanted("09:00")), begun, (FIRST, Tried(at("09:06"), Result.BUSY, call=CallId("one")))))
    assert (tried.calling, len(tried.tries), tried.due) == (None, 1, at("09:30"))


def test_a_machine_of_which_is_told_afterwards_opens_the_task_for_its_next_try() -> None:
    before = only(told((FIRST, wanted("09:00")), (FIRST, Begun(at("09:05"), CallId("one")))))
    task = only(told((FIRST, Machine(at("09:06"), before, "1016"))))
    assert ([each.result for each in task.tries], task.due, task.calling) == ([Result.MACHINE], at("09:30"), None)
    other = told((SECOND, wanted("09:06")), (FIRST, Machine(at("09:07"), before, "1016")))
    assert only(other).id == SECOND


def test_other_terms_hold_for_the_tasks_that_there_are() -> None:
    terms = Terms(after=(timedelta(minutes=1), timedelta(minutes=2)), opens=timedelta(hours=10))
    busy = told((FIRST, wanted("09:00")), (FIRST, Tried(at("09:06"), Result.BUSY)))
    unknown = told((FIRST, wanted("09:00")), (FIRST, Tried(at("09:06"), Result.UNKNOWN_NUMBER)))
    for tasks in (busy, unknown):
        tasks.configure(msgspec.structs.replace(SITE, callbacks=terms))
    assert (only(busy).due, only(unknown).due) == (at("10:00"), None)


def test_the_call_of_a_try_leads_to_its_task_while_it_is_under_way() -> None:
    tasks = told((FIRST, wanted("09:00")))
    call = only(tasks).next_call
    tasks.follow(FIRST, Begun(at("09:05"), call))
    assert tasks.tried_by(call) == only(tasks)
    assert tasks.tried_by(CallId(f"{FIRST}-back-2")) is None
    assert tasks.tried_by(FIRST) is None


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        (ABROAD, "abroad, a premium"),
        (PREMIUM, "abroad, a premium"),
        ("01016812345", "abroad, a premium"),
        ("4008123456", "abroad, a premium"),
        (ELSEWHERE, "national numbers are not in outbound.allow"),
    ],
)
def test_a_number_that_no_operator_may_dial_is_not_called_by_the_engine_but_a_supervisors(
    caller: str, why: str
) -> None:
    task = only(told((FIRST, wanted("09:00", caller)), (FIRST, Tried(at("09:30"), Result.BUSY, "wang"))))
    assert (task.due, len(task.tries)) == (None, 1)
    assert why in task.barred
    assert caller not in task.barred
    assert not may_be_promised(CALLING, caller)


def test_what_operators_may_dial_is_called_from_the_next_reload_on_or_no_more() -> None:
    tasks = told((FIRST, wanted("09:00", ELSEWHERE)))
    kinds = (OutboundClass.LOCAL, OutboundClass.NATIONAL)
    tasks.configure(msgspec.structs.replace(SITE, outbound=Outbound(by_role={"operator": kinds})))
    assert (only(tasks).due, only(tasks).barred) == (at("09:05"), "")
    tasks.configure(msgspec.structs.replace(SITE, outbound=Outbound(by_role={"supervisor": kinds})))
    assert (only(tasks).due, "for operator" in only(tasks).barred) == (None, True)


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        (LI, LI),
        ("+86" + LI, LI),
        ("0014155550100", ABROAD),
        (PREMIUM, PREMIUM),
        ("anonymous", None),
        ("110", None),
        ("95598", None),
        ("9" * 17, None),
        ("the boss", None),
    ],
)
def test_whom_nobody_could_call_makes_no_task(raw: str, known: str | None) -> None:
    assert number(SITE.numbering, raw) == known
    assert may_be_promised(CALLING, raw) == (known == LI)


def test_no_call_back_is_promised_while_nobody_is_called_back() -> None:
    assert may_be_promised(CALLING, LI)
    assert not may_be_promised(SITE, LI)


def test_who_is_due_for_the_longest_is_tried_first_and_nobody_twice_at_once() -> None:
    third, abroad = CallId("third"), CallId("fourth")
    tasks = told((SECOND, wanted("09:01", WANG)), (FIRST, wanted("09:00")), (third, wanted("09:09", "13700000000")))
    tasks.follow(abroad, wanted("09:00", ABROAD))
    assert [task.id for task in tasks.to_try(at("09:10"))] == [FIRST, SECOND]
    tasks.follow(FIRST, Begun(at("09:10"), CallId("one")))
    assert [task.id for task in tasks.to_try(at("09:20"))] == [SECOND, third]


@pytest.mark.slow
def test_the_oldest_task_is_outlived_by_time_or_by_number_but_not_while_it_is_tried() -> None:
    tasks = told((FIRST, wanted("09:00")))
    assert tasks.outlived(at("09:01")) is None
    late = Instant(at("09:00") + KEPT_MS)
    assert tasks.outlived(late) == only(tasks)
    tasks.follow(FIRST, Begun(at("09:05"), CallId("one")))
    assert tasks.outlived(late) is None
    tasks.follow(FIRST, GivenUp(at("09:06"), CallId("one")))
    for n in range(TASKS_MOST):
        assert tasks.outlived(at("09:07")) is None
        tasks.follow(CallId(f"c{n}"), wanted("09:07", f"1380{n:07}"))
    assert tasks.outlived(at("09:07")) == tasks.get(FIRST)
    tasks.follow(FIRST, Lapsed(at("09:07")))
    assert (tasks.of(LI), tasks.outlived(at("09:07")), len(tasks)) == (None, None, TASKS_MOST)
    assert told().outlived(late) is None


@pytest.mark.parametrize(
    ("cause", "sip", "rang", "meant"),
    [
        (17, 486, False, Result.BUSY),
        (19, 0, False, Result.NO_ANSWER),
        (19, 480, True, Result.NO_ANSWER),
        (0, 480, True, Result.NO_ANSWER),
        (19, 480, False, Result.OFF),
        (20, 0, False, Result.OFF),
        (1, 404, False, Result.UNKNOWN_NUMBER),
        (22, 410, False, Result.UNKNOWN_NUMBER),
        (21, 603, True, Result.REFUSED),
        (21, 403, False, Result.FAILED),
        (34, 503, False, Result.FAILED),
        (0, 0, False, Result.FAILED),
    ],
)
def test_what_a_call_came_to_is_read_from_its_cause(cause: int, sip: int, rang: bool, meant: Result) -> None:
    assert result(cause, sip, rang=rang) is meant
