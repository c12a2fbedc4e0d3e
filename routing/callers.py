"""Listed callers as a table: who has a head start (`priorities: numbers`), who is answered in a language (`callers`).

CSV text out of a configuration, and into `site.yaml`, whose comments and order stay.  A row says of one number what it
says; numbers that are in no row stay as they are.  Nothing here tells a number to anybody but the table.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import cast

import msgspec

from routing.config import Config, Site, attempt
from routing.config.errors import did_you_mean
from routing.config.fields import NO, YES
from routing.config.nodes import Fields, Source, parse
from routing.ids import LanguageId
from routing.listing import Edit, Page, Place, brackets, changed
from routing.numbers import Numbering
from routing.sheet import Fault, Row, Sheet, read

FILE = "site.yaml"
COLUMNS = ("number", "priority", "language")
CHINESE = {"号码": "number", "优先": "priority", "语种": "language", "语言": "language"}
"""Headings that are understood too."""

NONE = "-"
"""In the column `language`: none."""

_YES, _NO, _NONE = YES | {"是"}, NO | {"否"}, frozenset({NONE, "无"})
_SHORT_AREAS = ("010", "02")


class Change(msgspec.Struct, frozen=True):
    """How many numbers a list has more than before, and how many of its own it has lost."""

    name: str
    more: int
    fewer: int


class Imported(msgspec.Struct, frozen=True):
    """`site.yaml` as it would be; without a text, with faults, nothing is to be changed."""

    text: str | None
    faults: tuple[Fault, ...]
    changes: tuple[Change, ...] = ()


class _List(msgspec.Struct):
    """One list of numbers, as it is and as it is to be."""

    name: str
    now: frozenset[str]
    then: set[str]

    @property
    def fresh(self) -> list[str]:
        return sorted(self.then - self.now)


def table(site: Site) -> str:
    """Everybody who is listed, one number a row."""
    speaks = {number: language.id for language in site.languages.values() for number in language.callers}
    listed = frozenset(site.priorities.numbers)
    rows = [f"{plain(number)},{'yes' if number in listed else 'no'},{speaks.get(number, NONE)}"
            for number in sorted(listed | speaks.keys())]  # fmt: skip
    return "".join(f"{row}\n" for row in (",".join(COLUMNS), *rows))


def plain(number: str) -> str:
    """A canonical number so that a spreadsheet takes it for a text: one with a leading 0 or + would lose that."""
    if number.startswith("+"):
        return f"00-{number[1:]}"
    if number.startswith("0"):
        area = 3 if number.startswith(_SHORT_AREAS) else 4
        return f"{number[:area]}-{number[area:]}"
    return number


def bring_in(sources: Mapping[str, str], table: str) -> Imported:
    """What `table` says of its numbers, in `site.yaml`; an empty cell leaves it as it is."""
    old = attempt(sources).config
    if old is None:
        return Imported(None, (Fault(0, "", "the files as they are have faults: hotline check"),))
    sheet = read(table, COLUMNS, CHINESE)
    lists = _lists(old.site)
    faults = sorted((*sheet.faults, *_taken(sheet, old.site, lists)), key=lambda fault: fault.row)
    if faults:
        return Imported(None, tuple(faults))
    text = sources[FILE]
    if any(each.then != each.now for each in lists.values()):
        try:
            text = _written(text, old.site.numbering, lists)
        except ValueError as error:
            return Imported(None, (Fault(0, "", f"{error}, or edit {FILE}"),))
        if attempt({**sources, FILE: text}).config != _expected(old, lists):
            return Imported(None, (Fault(0, "", f"the lists cannot be changed by a table: edit {FILE}"),))
    changes = (Change(each.name, len(each.then - each.now), len(each.now - each.then)) for each in lists.values())
    return Imported(text, (), tuple(changes))


def _lists(site: Site) -> dict[LanguageId | None, _List]:
    """The list of those with a head start (None), and that of each language."""
    found: dict[LanguageId | None, _List] = {None: _list("priority", site.priorities.numbers)}
    return found | {one.id: _list(one.id, one.callers) for one in site.languages.values()}


def _list(name: str, numbers: tuple[str, ...]) -> _List:
    return _List(name, frozenset(numbers), set(numbers))


def _taken(sheet: Sheet, site: Site, lists: dict[LanguageId | None, _List]) -> Iterator[Fault]:
    """Put into the lists what the rows say; what is wrong with them."""
    if sheet.rows and not {"priority", "language"} & sheet.headings.keys():
        yield Fault(1, "", "says nothing of its numbers: there is neither 'priority' nor 'language'")
    rows: dict[str, int] = {}
    words = {name: one.id for one in site.languages.values() for name in (one.name, one.id)}
    for row in sheet.rows:
        written = row.cells.get("number", "")
        number = site.numbering.normalise(written)
        if number is None:
            yield Fault(row.n, sheet.headings["number"], f"'{written}' is not a telephone number")
        elif rows.setdefault(number, row.n) != row.n:
            yield Fault(row.n, sheet.headings["number"], f"this number stands already in row {rows[number]}")
        yield from _said(row, sheet, number or "", words, lists)


def _said(
    row: Row, sheet: Sheet, number: str, words: Mapping[str, LanguageId], lists: dict[LanguageId | None, _List]
) -> Iterator[Fault]:
    priority, language = row.cells.get("priority", ""), row.cells.get("language", "")
    if priority.lower() not in _YES | _NO | {""}:
        yield Fault(row.n, sheet.headings["priority"], f"'{priority}' is neither yes nor no")
    elif priority:
        _put(lists[None], number, is_in=priority.lower() in _YES)
    if language not in words.keys() | _NONE | {""}:
        near = did_you_mean(language, words)
        yield Fault(row.n, sheet.headings["language"], f"'{language}' is not the name of a language{near}")
    elif language:
        for each in words.values():
            _put(lists[each], number, is_in=words.get(language) == each)


def _put(one: _List, number: str, *, is_in: bool) -> None:
    if is_in:
        one.then.add(number)
    else:
        one.then.discard(number)


def _written(text: str, numbering: Numbering, lists: Mapping[LanguageId | None, _List]) -> str:
    page = Page(text)
    root = cast("Fields", parse(Source(FILE, page.text)))  # it has been built from before: its shape is known
    return page.edited([edit for name, one in lists.items() if one.then != one.now
                        for edit in _edits(page, root, numbering, name, one)])  # fmt: skip


def _edits(page: Page, root: Fields, numbering: Numbering, name: LanguageId | None, one: _List) -> Iterator[Edit]:
    if name is None and "priorities" not in root.fields:
        at, numbers = len(page.text), brackets(one.fresh, 0, "  ", page.end)
        yield Edit(at, at, f"{page.end}priorities:{page.end}  numbers: {numbers}{page.end}")
        return
    place = _in(root, "priorities", "numbers") if name is None else _in(_in(root, "languages").section, name, "callers")
    try:
        yield from changed(page, place, partial(_is_gone, numbering, one), one.fresh)
    except ValueError as error:
        raise ValueError(f"the list of {one.name} in line {place.above.line + 1} of {FILE}: {error}") from error


def _in(section: Fields, name: str, key: str = "") -> Place:
    return Place(section.keys[name], cast("Fields", section.fields[name]), key)


def _is_gone(numbering: Numbering, one: _List, word: str) -> bool:
    return numbering.normalise(word) not in one.then


def _expected(old: Config, lists: Mapping[LanguageId | None, _List]) -> Config:
    replace, site = msgspec.structs.replace, old.site
    priorities = replace(site.priorities, numbers=tuple(sorted(lists[None].then)))
    languages = {name: replace(one, callers=tuple(sorted(lists[name].then))) for name, one in site.languages.items()}
    return replace(old, site=replace(site, priorities=priorities, languages=languages))
