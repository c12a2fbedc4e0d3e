"""What has changed between two texts, line by line, as `diff -u` writes it; quick where most lines are alike.

Lines that stand once in both texts hold them together (Bram Cohen's patience diff); only what lies between two of them
is compared any further.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

SMALL = 64
"""Lines of a stretch that is compared line with line: a pair of these costs as much as 64 lines elsewhere."""


class Stretch(NamedTuple):
    """Lines `begin` to `end` of the old text, and in their place `new_begin` to `new_end` of the new one."""

    begin: int
    end: int
    new_begin: int
    new_end: int


def unified(old: Sequence[str], new: Sequence[str], context: int) -> Iterator[str]:
    """The hunks, without file names; `context` lines around each change."""
    for hunk in _hunks(changes(old, new), context):
        begin, new_begin = max(hunk[0].begin - context, 0), max(hunk[0].new_begin - context, 0)
        end, new_end = min(hunk[-1].end + context, len(old)), min(hunk[-1].new_end + context, len(new))
        yield f"@@ -{_range(begin, end)} +{_range(new_begin, new_end)} @@\n"
        for change in hunk:
            yield from (f" {line}" for line in old[begin : change.begin])
            yield from (f"-{line}" for line in old[change.begin : change.end])
            yield from (f"+{line}" for line in new[change.new_begin : change.new_end])
            begin = change.end
        yield from (f" {line}" for line in old[begin:end])


def changes(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Stretch]:
    """Every stretch that is another one, in order; all between them is alike."""
    found: list[Stretch] = []
    todo = [Stretch(0, len(old), 0, len(new))]
    while todo:
        rest = _trimmed(old, new, todo.pop())
        if rest.begin == rest.end and rest.new_begin == rest.new_end:
            continue
        anchors = _anchors(old, new, rest)
        if anchors:
            todo += _between(rest, anchors)
        elif max(rest.end - rest.begin, rest.new_end - rest.new_begin) <= SMALL:
            found += _small(old, new, rest)
        else:
            found.append(rest)
    return sorted(found)


def _trimmed(old: Sequence[Hashable], new: Sequence[Hashable], all_: Stretch) -> Stretch:
    """Without what is alike at both ends."""
    begin, end, new_begin, new_end = all_
    while begin < end and new_begin < new_end and old[begin] == new[new_begin]:
        begin, new_begin = begin + 1, new_begin + 1
    while begin < end and new_begin < new_end and old[end - 1] == new[new_end - 1]:
        end, new_end = end - 1, new_end - 1
    return Stretch(begin, end, new_begin, new_end)


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable], rest: Stretch) -> list[tuple[int, int]]:
    """Lines that stand once on either side, as many as stand in the same order: (of the old text, of the new one)."""
    ours = Counter(old[rest.begin : rest.end])
    theirs = Counter(new[rest.new_begin : rest.new_end])
    once = {new[at]: at for at in range(rest.new_begin, rest.new_end) if theirs[new[at]] == 1}
    pairs = [(at, once[old[at]]) for at in range(rest.begin, rest.end) if ours[old[at]] == 1 and old[at] in once]
    return _rising(pairs)


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of these in which the second number rises too."""
    lowest: list[int] = []  # the lowest second number in which a run of each length ends
    ends: list[int] = []  # which pair that is
    before: list[int] = []  # for each pair, the one that it follows
    for at, (_, second) in enumerate(pairs):
        length = bisect_left(lowest, second)
        before.append(ends[length - 1] if length else -1)
        lowest[length : length + 1] = [second]
        ends[length : length + 1] = [at]
    run: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        run.append(pairs[at])
        at = before[at]
    return run[::-1]


def _between(rest: Stretch, anchors: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """What lies before, between and after them."""
    begin, new_begin = rest.begin, rest.new_begin
    for at, new_at in (*anchors, (rest.end, rest.new_end)):
        yield Stretch(begin, at, new_begin, new_at)
        begin, new_begin = at + 1, new_at + 1


def _small(old: Sequence[Hashable], new: Sequence[Hashable], rest: Stretch) -> Iterator[Stretch]:
    """Line with line."""
    ours, theirs = old[rest.begin : rest.end], new[rest.new_begin : rest.new_end]
    for tag, *at in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag != "equal":
            begin, end, new_begin, new_end = at
            yield Stretch(rest.begin + begin, rest.begin + end, rest.new_begin + new_begin, rest.new_begin + new_end)


def _hunks(found: Sequence[Stretch], context: int) -> Iterator[list[Stretch]]:
    """Changes that share their context belong together."""
    hunk: list[Stretch] = []
    for change in found:
        if hunk and change.begin - hunk[-1].end > 2 * context:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _range(begin: int, end: int) -> str:
    """As `diff -u` writes it: the first line and how many; of none, the line before."""
    if end - begin == 1:
        return f"{begin + 1}"
    return f"{begin + 1 if end > begin else begin},{end - begin}"
