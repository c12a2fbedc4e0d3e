"""Local lines from a table (row 一.10 of the plan): CSV text into `lines.yaml`, whose comments and order stay.

Text surgery at the places of the nodes; what comes out is read again by the loader, whose faults become faults of the
table's row and column, and nothing is changed then.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import cast

import msgspec

from routing.config import Config, attempt
from routing.config.lines_file import LINE_KEYS
from routing.config.nodes import BREAK, Fields, Items, Node, Scalar, Source, parse
from routing.lines import MANY
from routing.sheet import Fault, Row, read

FILE = "lines.yaml"
WINDOW = {"transition_from": "from", "transition_until": "until"}
"""Columns for the two days of `transition`."""

COLUMNS = (*(key for key in LINE_KEYS if key not in {"transition", "fallback"}), *WINDOW)
CHINESE = {
    "号码": "number",
    "名称": "name",
    "简称": "short",
    "责任单位": "department",
    "承办单位": "unit",
    "技能": "skill",
    "语言": "language",
    "过渡开始": "transition_from",
    "过渡结束": "transition_until",
    "停用日期": "cancel_on",
}
"""Headings that are understood too."""

USUAL = {
    "section": "full-merge",
    "row": MANY,
    "reading": "own",
    "host": "city",
    "number_kept": "no",
    "seats": "merged",
    "answered_by": "hall",
}
"""What a local line has when the table says nothing else."""

NEEDED = ("number", "name", "short", "department")
_LAST = ("skill", "language", "pool", "target", "ring_for", "transition", "cancel_on", "when_cancelled")
ORDER = (*NEEDED, "unit", *USUAL, *_LAST)
_TEXTS = ("name", "short", "department", "unit")
_PLAIN = re.compile(r"[\w（）·《》、+-][\w（）·《》、，+./-]*(?: [\w（）·《》、，+./-]+)*\Z")
_VALUE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|[^\s#,{}](?:[^#\n\r]*?(?=\s+#|\s*\Z))")
_IN_BRACES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|[^\s,{}]+")


class Imported(msgspec.Struct, frozen=True):
    """`lines.yaml` as it would be; without a text, with faults, nothing is to be changed."""

    text: str | None
    faults: tuple[Fault, ...]
    added: int = 0
    changed: int = 0
    config: Config | None = None


class _Row(msgspec.Struct, frozen=True):
    n: int
    number: str
    cells: dict[str, str]


def bring_in(sources: Mapping[str, str], table: str) -> Imported:
    """The lines of `table` added to `lines.yaml`, or changed in it; an empty cell leaves a field as it is."""
    old = attempt(sources).config
    if old is None:
        return Imported(None, (Fault(0, "", "the files as they are have faults: hotline check"),))
    names, rows, faults = _read(table, old)
    if faults:
        return Imported(None, tuple(faults))
    text, places = _written(sources[FILE], old, rows)
    built = attempt({**sources, FILE: text})
    wrong = [_translated(fault.line, fault.message, places, names) for fault in built.faults if not fault.is_warning]
    if built.config is None:
        return Imported(None, tuple(sorted(dict.fromkeys(wrong), key=lambda fault: fault.row)))
    crooked = list(_crooked(old, built.config, rows))
    if crooked:
        return Imported(None, tuple(crooked))
    added = sum(row.number not in old.lines for row in rows)
    changed = sum(row.number in old.lines and built.config.lines[row.number] != old.lines[row.number] for row in rows)
    return Imported(text, (), added, changed, built.config)


def _crooked(old: Config, new: Config, rows: list[_Row]) -> Iterator[Fault]:
    """Rows whose entry stands there in a way (over several lines, in braces) that cannot be changed by its places."""
    for row in rows:
        line = new.lines.get(row.number)
        if line is None or any(getattr(line, field) != row.cells.get(field, getattr(line, field)) for field in _TEXTS):
            yield Fault(row.n, "", f"the entry of {row.number} cannot be changed by a table: edit {FILE}")
    mine = {row.number for row in rows}
    for number, line in old.lines.items():
        if number not in mine and new.lines.get(number) != line:
            yield Fault(0, "", f"{number} would change, which is not in the table: edit {FILE}")


def _read(table: str, config: Config) -> tuple[Mapping[str, str], list[_Row], list[Fault]]:
    """The headings by field, and the rows; each number once, and only numbers that a table may change."""
    sheet = read(table, COLUMNS, CHINESE)
    rows: dict[str, _Row] = {}
    faults = list(sheet.faults)
    for each in sheet.rows:
        row, wrong = _row(each, sheet.headings, config)
        if not wrong and row.number in rows:
            again = f"{row.number} stands already in row {rows[row.number].n}"
            wrong = [Fault(row.n, sheet.headings["number"], again)]
        faults += wrong
        rows.setdefault(row.number, row)
    return sheet.headings, list(rows.values()), sorted(faults, key=lambda fault: fault.row)


def _row(row: Row, where: Mapping[str, str], config: Config) -> tuple[_Row, list[Fault]]:
    n, held = row.n, dict(row.cells)
    number = config.site.numbering.normalise(held.get("number", ""))
    if number is None:
        return _Row(n, "", {}), [Fault(n, where["number"], f"'{held.get('number', '')}' is not a telephone number")]
    known = config.lines.get(number)
    faults = []
    if number == config.site.number or (known is not None and known.row != MANY):
        why = f"{number} is {'the hall' if known is None or known.row is None else 'row ' + known.row + ' of the plan'}"
        faults.append(Fault(n, where["number"], f"{why}, which a table does not change: edit {FILE}"))
    if known is None:
        faults += [Fault(n, where.get(field, field), "a new line needs this") for field in NEEDED if field not in held]
    whole = [field for field in WINDOW if field in held]
    if len(whole) == 1 and (known is None or known.transition is None):
        faults.append(Fault(n, where[whole[0]], "a transition has two days, from and until"))
    return _Row(n, number, held), faults


def _written(text: str, config: Config, rows: list[_Row]) -> tuple[str, list[tuple[int, str]]]:
    """The new text, and for each of its lines the row (0 for none) and the field that stands there."""
    entries, last = _entries(text, config)
    lines = [_Line(each) for each in _split(text)]
    fresh: list[_Line] = []
    end = "\r\n" if "\r\n" in text else "\n"
    for row in rows:
        if row.number in entries:
            _change(lines, entries[row.number], row, end)
        else:
            fresh += [_Line(end, row.n)] + [_Line(each + end, row.n, field) for field, each in _entry(row)]
    if fresh:
        lines[last].ends(end)
        lines[last].below += fresh
    flat = [each for line in lines for each in (line, *line.below)]
    return "".join(each.text for each in flat), [(each.row, each.field) for each in flat]


class _Line:
    """One line of the text, and what is put below it."""

    def __init__(self, text: str, row: int = 0, field: str = "") -> None:
        self.text, self.row, self.field = text, row, field
        self.below: list[_Line] = []

    def ends(self, end: str) -> None:
        """See that the line has an end: the last one of a file may lack it."""
        if not self.text.endswith(("\n", "\r")):
            self.text += end


def _split(text: str) -> list[str]:
    """The lines as the nodes count them, with their ends."""
    ends = [0, *(match.end() for match in BREAK.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(ends)]


def _entries(text: str, config: Config) -> tuple[dict[str, Fields], int]:
    """The entries by number, and the line below which new ones go: after the last local one, or at the end."""
    root = cast("Fields", parse(Source(FILE, text)))  # it has been built from before: its shape is known
    found: dict[str, Fields] = {}
    last: dict[bool, int] = {}
    for item in cast("Items", root.fields["lines"]).items:
        entry = cast("Fields", item)
        number = config.site.numbering.normalise(cast("Scalar", entry.fields["number"]).text) or ""
        found[number] = entry
        last[config.lines[number].row == MANY] = _last_line(entry)
    return found, last.get(True, last[False])


def _last_line(item: Fields) -> int:
    nodes = item.fields.values()
    inner = [key for node in nodes if isinstance(node, Fields) for key in node.keys.values()]
    return max(node.line for node in (*nodes, *inner))


def _entry(row: _Row) -> list[tuple[str, str]]:
    """A new line, a field a line."""
    cells = {**USUAL, **row.cells}
    if set(WINDOW) <= set(cells):
        cells["transition"] = _window(cells)
    fields = [(field, f"{field}: {cells[field] if field == 'transition' else _scalar(cells[field])}")
              for field in (*ORDER, "example") if field in cells]  # fmt: skip
    return [(field, ("  - " if n == 0 else "    ") + each) for n, (field, each) in enumerate(fields)]


def _window(cells: Mapping[str, str]) -> str:
    return f"{{from: {_scalar(cells['transition_from'])}, until: {_scalar(cells['transition_until'])}}}"


def _scalar(cell: str) -> str:
    """The cell as YAML: bare where that is safe, else in quotes."""
    return cell if _PLAIN.match(cell) else msgspec.json.encode(cell).decode()


def _change(lines: list[_Line], entry: Fields, row: _Row, end: str) -> None:
    """Put the cells of a row where the entry has its values; a field that it lacks goes below its last one."""
    window = entry.fields.get("transition")
    indent = " " * next(iter(entry.keys.values())).col
    missing: list[tuple[str, str]] = []
    for field, cell in row.cells.items():
        if field == "number":
            lines[entry.fields["number"].line].row = row.n
        elif field in WINDOW:
            if isinstance(window, Fields):
                _replace(lines, window.fields[WINDOW[field]], cell, row.n, field)
            elif field == "transition_until":
                missing.append((field, f"transition: {_window(row.cells)}"))
        elif field in entry.fields:
            _replace(lines, entry.fields[field], cell, row.n, field)
        else:
            missing.append((field, f"{field}: {_scalar(cell)}"))
    below = lines[_last_line(entry)]
    if missing:
        below.ends(end)
    below.below = [*(_Line(f"{indent}{each}{end}", row.n, field) for field, each in missing), *below.below]


def _replace(lines: list[_Line], node: Node, cell: str, n: int, field: str) -> None:
    """Put `cell` in the place of a value, unless it says the same already."""
    value = cast("Scalar", node)
    line = lines[value.line]
    line.row, line.field = n, field
    pattern = _IN_BRACES if field in WINDOW else _VALUE
    match = pattern.match(line.text, value.col)
    if match is not None and value.text != cell:
        line.text = line.text[: value.col] + _scalar(cell) + line.text[match.end() :]


def _translated(line: int, message: str, places: list[tuple[int, str]], names: Mapping[str, str]) -> Fault:
    """A fault of the loader, at the row and column from which its line came."""
    row, field = places[line - 1] if line <= len(places) else (0, "")
    return Fault(row, names.get(field, field), message)
