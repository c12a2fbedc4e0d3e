"""Marks, confirmations and their ends: what is kept of a number, and for how long."""

from datetime import timedelta

import pytest

from routing.config import build, check
from routing.ids import AgentId, CallId, Instant
from routing.nuisance import CASES_MOST, AnyFact, Case, Closed, Confirmed, Marked, Nuisance, find, follow, over
from tests.routing.sources import changed, ours

DAY = 86_400_000
MONTH = timedelta(days=30)
CALL = CallId("c1")


def marked(at: int, call: CallId = CALL, caller: str = "13800138000") -> Marked:
    return Marked(Instant(at), caller, call, AgentId("1001"))


def after(*facts: AnyFact) -> dict[CallId, Case]:
    cases: dict[CallId, Case] = {}
    for fact in facts:
        follow(cases, CALL, fact)
    return cases


def test_marks_add_up_and_a_supervisor_makes_of_them_what_they_are() -> None:
    case = after(marked(1), marked(2, CallId("c2")))[CALL]
    assert ([each.call for each in case.marks], case.until) == ([CALL, "c2"], None)
    confirmed = after(marked(1), Confirmed(Instant(3), Instant(9), "boss"))[CALL]
    assert (confirmed.until, confirmed.by, find([confirmed], "13800138000")) == (9, "boss", confirmed)
    assert find([confirmed], "13900139000") is None
    assert after(marked(1), Closed(Instant(3), "boss")) == {}


def test_what_makes_no_sense_changes_nothing() -> None:
    assert after(Confirmed(Instant(3), Instant(9), "boss"), Closed(Instant(4))) == {}


def test_a_confirmation_expires_and_so_does_a_mark_that_nobody_has_looked_at() -> None:
    confirmed = after(marked(1), Confirmed(Instant(3), Instant(2 * DAY), "boss")).values()
    assert over(confirmed, Instant(2 * DAY - 1), MONTH) == ()
    assert over(confirmed, Instant(2 * DAY), MONTH) == (CALL,)
    unseen = after(marked(0), marked(DAY)).values()
    assert over(unseen, Instant(31 * DAY - 1), MONTH) == ()
    assert over(unseen, Instant(31 * DAY), MONTH) == (CALL,)


def test_there_are_never_too_many_and_what_a_supervisor_has_confirmed_stays() -> None:
    cases: dict[CallId, Case] = {}
    for n in range(CASES_MOST + 2):
        follow(cases, CallId(f"c{n}"), marked(n, CallId(f"c{n}"), str(n)))
    follow(cases, CallId("c0"), Confirmed(Instant(0), Instant(DAY), "boss"))
    assert over(cases.values(), Instant(DAY - 1), MONTH) == ("c1", "c2")


def test_a_city_that_says_nothing_of_it() -> None:
    assert build(ours()).site.nuisance == Nuisance()
    without = changed("site.yaml", "nuisance:   ", "#:   ")
    without["site.yaml"] = without["site.yaml"].replace("  slower: ", "# slower: ").replace("  lasts: ", "# lasts: ")
    assert build(without).site.nuisance == Nuisance()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("slower: 3 min ", "slower: 31 min ", "at most 30 min"),
        ("lasts: 30 d ", "lasts: 366 d ", "nobody is a nuisance for ever"),
        ("lasts: 30 d ", "lasts: 0 s ", "lasts"),
        ("slower: 3 min ", "slow: 3 min ", "did you mean 'slower'?"),
    ],
)
def test_a_fault_of_it_is_told_in_words(old: str, new: str, fault: str) -> None:
    assert fault in "\n".join(str(each) for each in check(changed("site.yaml", old, new)))
