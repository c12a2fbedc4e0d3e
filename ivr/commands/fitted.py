"""Tables that read well on a narrow screen: a row is a line, and columns that matter less are left out.

Also how what stands in them is written: calls, moments, durations.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from routing.hours import SHANGHAI

GAP = 2
"""Columns between two of a table: one is the box's."""

MINUTE = "%m-%d %H:%M"
LONG_MS = 600_000
CALL = re.compile(r"[a-z][a-z0-9]*-(?P<short>\d{10,13}-.+)")
"""A call's id: the node that took it, when, and which."""


class Fitted:
    """A table whose rows are one line each.

    `drops`: columns that a narrow screen does without, the first one first.  `least`: columns that may be cut, and to
    how many characters; what room there is goes to
    the narrow ones first.
    """

    def __init__(
        self,
        *columns: str,
        title: str = "",
        drops: Sequence[str] = (),
        least: Mapping[str, int] | None = None,
        right: Sequence[str] = (),
    ) -> None:
        self._columns = columns
        self._title = title
        self._drops = drops
        self._least = least or {}
        self._right = right
        self._rows: list[tuple[Text, ...]] = []

    def add_row(self, *cells: str | Text) -> None:
        """One cell for each column; a text is shown as it is, but for what a terminal would obey."""
        self._rows.append(tuple(cell if isinstance(cell, Text) else Text(_clean(cell)) for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As wide as the screen at most; below it what it had no room for."""
        widths, dropped = self._fit(options.max_width)
        if self._title:
            yield Text(self._title, style="italic")
        table = Table(box=SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
        for name, width in widths.items():
            table.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
            table.columns[-1].justify = "right" if name in self._right else "left"
        for row in self._rows:
            table.add_row(*(cell for name, cell in zip(self._columns, row, strict=True) if name in widths))
        yield table
        if dropped:
            yield Text(f"a wider screen shows: {', '.join(dropped)}", style="dim")

    def _fit(self, room: int) -> tuple[dict[str, int], list[str]]:
        """How wide each column is that is shown, and those that are not."""
        cells = zip(*self._rows, strict=True) if self._rows else ((),) * len(self._columns)
        whole = {
            name: max(text.cell_len for text in chain([Text(name)], column))
            for name, column in zip(self._columns, cells, strict=True)
        }
        least = {name: min(width, self._least.get(name, width)) for name, width in whole.items()}
        dropped: set[str] = set()
        for name in self._drops:
            if _taken(least, dropped) > room:
                dropped.add(name)
        for name in reversed(self._drops):  # a wide one is gone: there may be room again for a narrow one
            if _taken(least, dropped - {name}) <= room:
                dropped.discard(name)
        widths = {name: width for name, width in least.items() if name not in dropped}
        spare = max(0, room - _taken(least, dropped))
        for name in sorted(widths, key=lambda each: whole[each]):
            more = min(spare, whole[name] - widths[name])
            widths[name] += more
            spare -= more
        return widths, [name for name in self._columns if name in dropped]


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _taken(widths: Mapping[str, int], dropped: Collection[str]) -> int:
    shown = [width for name, width in widths.items() if name not in dropped]
    return sum(shown) + GAP * (len(shown) - 1)


def short(call: str) -> str:
    """A call's id without its node, which is the same for all that are shown; commands take it so, too."""
    found = CALL.fullmatch(call)
    return found["short"] if found else call


def clock(ms: int, form: str = "%m-%d %H:%M:%S") -> str:
    """A moment on Shanghai's clock."""
    return f"{_there(ms):{form}}"


def since(ms: int, now: datetime) -> str:
    """A moment that is over: of today to the second, else with its day."""
    at = _there(ms)
    return f"{at:%H:%M:%S}" if at.date() == now.astimezone(SHANGHAI).date() else f"{at:{MINUTE}}"


def _there(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(SHANGHAI)


def seconds(ms: int | None) -> str:
    """A duration; of hours and minutes where it is long."""
    if ms is None:
        return ""
    if ms < LONG_MS:
        return f"{ms / 1000:.1f} s"
    whole = ms // 1000
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
