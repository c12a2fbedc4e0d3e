"""Words taken out of a list of a YAML text, and put into it; everything else stays, comments too.

Surgery at the places of the nodes: what cannot be done so is a `ValueError`, and nothing is changed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from routing.config.nodes import BREAK, Fields, Items, Node, Scalar

WIDEST = 100
"""Columns after which a list in brackets goes on in the next line."""

_CLOSES = re.compile(r"[\s,]*\]")


class Edit(NamedTuple):
    """`text[begins:ends]` becomes `words`."""

    begins: int
    ends: int
    words: str


class Page:
    """A text, and where its lines begin."""

    def __init__(self, text: str) -> None:
        self.end = "\r\n" if "\r\n" in text else "\n"
        self.text = text if text.endswith(("\n", "\r")) else text + self.end
        self._lines = [0, *(match.end() for match in BREAK.finditer(self.text))]

    def at(self, node: Node) -> int:
        """Where a node begins."""
        return self._lines[node.line] + node.col

    def line(self, node: Node) -> tuple[int, int]:
        """Where the line begins on which a node does, and where the next."""
        return self._lines[node.line], self._lines[node.line + 1]

    def indent(self, node: Node) -> str:
        """What stands before the first word of a node's line."""
        begins, ends = self.line(node)
        line = self.text[begins:ends]
        return line[: len(line) - len(line.lstrip(" "))]

    def edited(self, edits: Sequence[Edit]) -> str:
        """The text after all of them; none overlaps another."""
        text = self.text
        for edit in sorted(edits, reverse=True):
            text = text[: edit.begins] + edit.words + text[edit.ends :]
        return text

    def written(self, word: Scalar) -> str:
        """A word as it is written, in quotes perhaps.  Raises `ValueError` where that is more than a line."""
        at = self.at(word)
        for form in (word.text, f"'{word.text}'", f'"{word.text}"'):
            if self.text.startswith(form, at):
                return form
        raise ValueError("a number is written over several lines, or with marks for single characters")


class Place(NamedTuple):
    """Where a list stands, or is to stand: under `key` in the section that `above` heads."""

    above: Scalar
    section: Fields
    key: str


def changed(page: Page, place: Place, is_gone: Callable[[str], bool], fresh: Sequence[str]) -> Iterator[Edit]:
    """The list with the words `fresh`, and without those that are gone; it may not stand there yet."""
    node = place.section.fields.get(place.key)
    if not isinstance(node, Items):
        yield _begun(page, place, fresh)
        return
    words = [word for word in node.items if isinstance(word, Scalar)]
    if page.text[page.at(node)] == "[":
        kept = [page.written(word) for word in words if not is_gone(word.text)]
        yield _in_brackets(page, node, [*kept, *fresh])
    else:
        gone = [word for word in words if is_gone(word.text)]
        yield from _below(page, place.section.keys[place.key], words, gone, fresh)


def _begun(page: Page, place: Place, words: Sequence[str]) -> Edit:
    """The list as a field more, at the beginning of its section: in braces, or in a line of its own."""
    section, at = place.section, page.at(place.section)
    field = f"{place.key}: {brackets(words, len(place.key) + section.col, page.indent(section), page.end)}"
    if page.text[at] == "{":
        return Edit(at + 1, at + 1, f"{field}, " if section.fields else field)
    _, below = page.line(place.above)
    return Edit(below, below, f"{' ' * section.col}{field}{page.end}")


def _in_brackets(page: Page, node: Items, words: Sequence[str]) -> Edit:
    begins = page.at(node)
    last = node.items[-1] if node.items else None
    after = page.at(last) + len(page.written(last)) if isinstance(last, Scalar) else begins + 1
    closes = _CLOSES.match(page.text, after)
    if closes is None or "#" in page.text[begins : closes.end()]:
        raise ValueError("comments stand between its brackets: write each number in a line of its own, after '- '")
    return Edit(begins, closes.end(), brackets(words, node.col, page.indent(node), page.end))


def brackets(words: Sequence[str], col: int, indent: str, end: str) -> str:
    """A list in brackets that begins in this column, over several lines where it is long; `end` is a line's."""
    lines, width = ["["], col
    for n, word in enumerate(words):
        if n and width + len(lines[-1]) + len(word) > WIDEST:
            lines[-1] += ","
            lines.append(f"{indent}  {word}")
            width = 0
        else:
            lines[-1] += f", {word}" if n else word
    return end.join(lines) + "]"


def _below(
    page: Page, key: Scalar, words: Sequence[Scalar], gone: Sequence[Scalar], fresh: Sequence[str]
) -> Iterator[Edit]:
    """A list with a word a line; a comment behind a word that is gone goes with it."""
    last = words[-1]
    for word in (*gone, last):
        page.written(word)
    yield from (Edit(*page.line(word), "") for word in gone)
    begins, ends = page.line(last)
    if fresh:
        before = page.text[begins : page.at(last)]
        yield Edit(ends, ends, "".join(f"{before}{word}{page.end}" for word in fresh))
    elif len(gone) == len(words):
        colon = page.text.index(":", page.at(key)) + 1
        yield Edit(colon, colon, " []")
