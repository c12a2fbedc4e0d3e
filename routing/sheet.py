"""A table as people send it, CSV text, read into rows; every fault with its place."""

import csv
from collections.abc import Collection, Mapping

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a table: `row` counts lines of its file from 1, 0 when it is not the table's; or a heading."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        """`row 3, column number: ...`."""
        where = f"row {self.row}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.message}" if self.row else self.message


class Row(msgspec.Struct, frozen=True):
    """One row: what stands in it, by field; an empty cell is none."""

    n: int
    cells: Mapping[str, str]


class Sheet(msgspec.Struct, frozen=True):
    """The rows that could be read, and what is wrong; `headings`: what each field is called in the table."""

    headings: Mapping[str, str] = {}
    rows: tuple[Row, ...] = ()
    faults: tuple[Fault, ...] = ()


def read(text: str, columns: Collection[str], names: Mapping[str, str]) -> Sheet:
    """The rows of a table whose first line has headings: these `columns`, `number` at least, or `names` for them."""
    reader = csv.reader(text.removeprefix("\ufeff").splitlines(keepends=True))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        return Sheet(faults=(Fault(reader.line_num, "", f"this is not CSV: {error}"),))
    lines = [(n, cells) for n, cells in lines if any(cells)]
    if not lines:
        return Sheet(faults=(Fault(1, "", "the table is empty"),))
    (first, head), *rest = lines
    fields = [names.get(heading, heading) for heading in head]
    faults = [Fault(first, each, f"there is no such column; there are: {', '.join(columns)}")
              for each, field in zip(head, fields, strict=True) if field not in columns]  # fmt: skip
    faults += [Fault(first, each, "stands here twice") for n, each in enumerate(head) if fields[n] in fields[:n]]
    if "number" not in fields:
        faults.append(Fault(first, "number", "is missing: it says what a row is about"))
    headings = dict(zip(fields, head, strict=True))
    if faults:
        return Sheet(headings, (), tuple(faults))
    for n, cells in rest:
        if len(cells) != len(fields):
            faults.append(Fault(n, "", f"has {len(cells)} cells, and there are {len(fields)} columns"))
        faults += [Fault(n, heading, "a control character")
                   for heading, cell in zip(head, cells, strict=False) if not cell.isprintable()]  # fmt: skip
    rows = [Row(n, {field: cell for field, cell in zip(fields, cells, strict=True) if cell})
            for n, cells in rest if len(cells) == len(fields)]  # fmt: skip
    return Sheet(headings, tuple(rows), tuple(faults))
