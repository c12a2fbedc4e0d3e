"""Faults of the configuration: where, what, and the nearest thing that would have been right."""

import difflib
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import msgspec

SHOWN = 110
"""Columns of a source line that are shown around the fault."""

MARGIN = "    "
WIDE = frozenset("WF")
MARKLESS = frozenset({"Mn", "Me", "Cf"})


class ConfigFault(msgspec.Struct, frozen=True):
    """One fault, or with `is_warning` one thing to look at.  `line` and `col` count from 1, `col` in characters."""

    file: str
    line: int
    col: int
    message: str
    source: str
    is_warning: bool = False

    def __str__(self) -> str:
        """`file:line:col: message`, the line, and a caret below the place."""
        what = "warning: " if self.is_warning else ""
        head = f"{self.file}:{self.line}:{self.col}: {what}{_clean(self.message)}"
        before, shown = _cut(self.source, self.col - 1)
        return f"{head}\n{MARGIN}{shown}\n{MARGIN}{' ' * width(before)}^"


class ConfigFaults(Exception):
    """A configuration that cannot be used, with everything that is wrong with it."""

    def __init__(self, faults: Iterable[ConfigFault]) -> None:
        self.faults = in_order(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        """All of them, one below the other, and how many."""
        return render(self.faults)


def in_order(faults: Iterable[ConfigFault]) -> tuple[ConfigFault, ...]:
    """The faults as somebody would meet them who reads the files; each once."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: (fault.file, fault.line, fault.col)))


def render(faults: Iterable[ConfigFault]) -> str:
    """The faults as text for a terminal, with a last line that counts them."""
    found = in_order(faults)
    warnings = sum(fault.is_warning for fault in found)
    return "\n".join([*map(str, found), f"{_count(len(found) - warnings, 'fault')}, {_count(warnings, 'warning')}"])


def news(found: Iterable[ConfigFault], before: Iterable[ConfigFault]) -> tuple[ConfigFault, ...]:
    """Without the warnings that were there `before`, wherever they stood in the files then."""
    known = {(fault.file, fault.message) for fault in before if fault.is_warning}
    return tuple(fault for fault in found if not (fault.is_warning and (fault.file, fault.message) in known))


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def width(text: str) -> int:
    """Columns that a terminal gives `text`: Chinese characters take two, combining marks none."""
    return sum(
        0 if unicodedata.category(c) in MARKLESS else 2 if unicodedata.east_asian_width(c) in WIDE else 1 for c in text
    )


def _clean(text: str) -> str:
    """On one line, and without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _cut(source: str, col: int) -> tuple[str, str]:
    """The part before the caret and the part shown: long lines are cut, control characters replaced."""
    clean = _clean(source)
    start = max(0, col - SHOWN // 2) if len(clean) > SHOWN else 0
    lead = "…" if start else ""
    tail = "…" if len(clean) > start + SHOWN else ""
    return lead + clean[start:col], lead + clean[start : start + SHOWN] + tail


@lru_cache(maxsize=4096)
def _nearest(word: str, known: frozenset[str]) -> str | None:
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest of `known`, or all of them when they are few, or nothing."""
    words = frozenset(known)
    near = _nearest(word[:SHOWN], words)
    if near is not None:
        return f"; did you mean '{near}'?"
    few = 8
    return f"; there are: {', '.join(sorted(words))}" if 0 < len(words) <= few else ""
