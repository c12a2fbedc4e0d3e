"""Two texts compared: what is told is true, reads as `diff -u` writes it, and costs little where most is alike."""

from collections.abc import Sequence
from difflib import unified_diff
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.text_diff import SMALL, changes, unified

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "e\n", "f\n"]), max_size=2 * SMALL)
CASES = [
    ("xaay", "zaaw"),
    ("", ""),
    ("abc", "abc"),
    ("", "abc"),
    ("abc", ""),
    ("abc", "abx"),
    ("abcdefghijklm", "abcdefghijkLm"),
    ("abcdefghijklmnopqrst", "aBcdefghijklmnopqrSt"),
    ("abcdefghijklmnopqrst", "aBcdefghIjklmnopqrst"),
    ("abcdefgh", "abcdeXYfgh"),
    ("aabbaabb", "aabbXaabb"),
]


class Line(str):
    """A line that counts how often it is looked at."""

    __slots__ = ()
    looked: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Line.looked += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Line.looked += 1
        return str.__hash__(self)


def both(told: Sequence[str]) -> tuple[list[str], list[str]]:
    """The old text and the new one, from a difference that shows all of them."""
    said = [line for line in told if not line.startswith("@@")]
    return [line[1:] for line in said if line[0] in " -"], [line[1:] for line in said if line[0] in " +"]


@given(LINES, LINES)
def test_what_is_told_is_true(old: list[str], new: list[str]) -> None:
    found = changes(old, new)
    made: list[str] = []
    at = 0
    for begin, end, new_begin, new_end in found:
        assert begin < end or new_begin < new_end
        made += old[at:begin] + new[new_begin:new_end]
        at = end
    assert made + old[at:] == new
    if found:
        assert both(list(unified(old, new, len(old) + len(new)))) == (old, new)


@pytest.mark.parametrize(("old", "new"), CASES)
@pytest.mark.parametrize("context", [0, 1, 3])
def test_it_reads_as_diff_writes_it(old: str, new: str, context: int) -> None:
    ours, theirs = ([f"{letter}\n" for letter in text] for text in (old, new))
    assert list(unified(ours, theirs, context)) == list(unified_diff(ours, theirs, n=context))[2:]


def test_lines_that_have_changed_places_are_taken_out_and_put_in() -> None:
    old, new = list("abcdefgh"), list("aefgbcdh")
    assert list(unified(old, new, 0)) == ["@@ -2,3 +1,0 @@\n", "-b", "-c", "-d", "@@ -7,0 +5,3 @@\n", "+b", "+c", "+d"]


def test_much_that_has_nothing_in_common_is_replaced_whole() -> None:
    assert changes(["x"] * 2 * SMALL, ["y"] * 2 * SMALL) == [(0, 2 * SMALL, 0, 2 * SMALL)]


def entry(number: int, ring_for: int, answered_by: str = "hall") -> list[Line]:
    """One line of the list, as the file has it: most of it is as in any other."""
    said = f"""  - number: {number}
    name: 局属热线 {number}
    department: 市局
    section: local
    row: 一.10
    host: city
    number_kept: no
    answered_by: {answered_by}
    ring_for: {ring_for} s
    transition: {{from: 2021-09-01, until: 2021-11-01}}
"""
    return [Line(each) for each in said.splitlines(keepends=True)]


@pytest.mark.slow
def test_ten_thousand_entries_of_which_each_is_changed_cost_a_few_looks_a_line() -> None:
    old = [line for n in range(10_000) for line in entry(8_000_000 + n, 10)]
    new = [line for n in range(10_000) if n % 100 for line in entry(8_000_000 + n, 15, ("hall", "law")[n % 2])]
    Line.looked = 0
    told = list(unified(old, new, 3))
    assert Line.looked < 30 * (len(old) + len(new))
    assert sum(line.startswith("-  - number:") for line in told) == 100
    assert sum(line == "+    ring_for: 15 s\n" for line in told) == 9_900
    assert not any(line.startswith("+  - number:") for line in told)
