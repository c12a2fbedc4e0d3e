"""YAML text -> nodes that know their place.

A telephony dialect: every scalar is text until its field says otherwise (`0310` is no octal, `no` no boolean); anchors,
aliases, tags, `<<`, a second document and duplicate keys are faults.  Built from parse events, because composing with
libyaml crashes the interpreter on deep nesting.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from routing.config.errors import ConfigFault

DEEPEST = 32
LARGEST = 16 * 1024**2
"""Bytes of a file."""

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line breaks as YAML 1.1 counts them."""

NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters outside YAML 1.1's `c-printable`."""

Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(msgspec.Struct, gc=False, frozen=True):
    """A value; `line` and `col` count from 0.

    Nodes form a tree, never a circle, so the garbage collector need not look at them (half of a large file's time).
    """

    text: str
    line: int
    col: int


class Items(msgspec.Struct, gc=False):
    """A list."""

    items: "list[Node]"
    line: int
    col: int


class Fields(msgspec.Struct, gc=False):
    """A mapping; each key with its own place."""

    fields: "dict[str, tuple[Scalar, Node]]"
    line: int
    col: int


Node = Scalar | Items | Fields


class Source:
    """One file's text, and the faults found in it so far."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.faults: list[ConfigFault] = []
        self._lines: list[str] | None = None

    def fault(self, place: Node | tuple[int, int], message: str) -> None:
        """Note what is wrong at `place` (a node, or line and column from 0)."""
        self._note(place, message, is_warning=False)

    def warn(self, place: Node | tuple[int, int], message: str) -> None:
        """Note what deserves a look at `place`."""
        self._note(place, message, is_warning=True)

    def _note(self, place: Node | tuple[int, int], message: str, *, is_warning: bool) -> None:
        if self._lines is None:
            self._lines = BREAK.split(self.text)
        line, col = place if isinstance(place, tuple) else (place.line, place.col)
        line = min(line, len(self._lines) - 1)  # the end of a text may be placed below its last line
        source = self._lines[line]
        self.faults.append(ConfigFault(self.file, line + 1, min(col, len(source)) + 1, message, source, is_warning))


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet; `key` waits for its value."""

    node: Items | Fields
    key: Scalar | None = None


@dataclass(slots=True)
class _Tree:
    source: Source
    open: list[_Open] = field(default_factory=list)
    root: Node | None = None
    documents: int = 0


class _TooDeepError(Exception):
    """Nesting has gone past `DEEPEST`."""


def parse(source: Source) -> Node | None:
    """The one document of `source`; None, with a fault noted, when there is none to be had."""
    if len(source.text) > LARGEST or len(source.text.encode("utf-8", "replace")) > LARGEST:
        source.fault((0, 0), f"the file is larger than {LARGEST // 1024**2} MiB")
        return None
    tree = _Tree(source)
    try:
        for event in _events(source.text):
            _take(tree, event)
            if tree.documents > 1:
                return None
    except _TooDeepError:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.fault((mark.line, mark.column) if mark else (0, 0), _in_words(error))
        return None
    except (yaml.YAMLError, UnicodeError):
        _not_allowed(source)
        return None
    if tree.root is None:
        source.fault((0, 0), "the file is empty")
    return tree.root


def _not_allowed(source: Source) -> None:
    """Note the first character that YAML does not allow."""
    match = NOT_ALLOWED.search(source.text)
    before = BREAK.split(source.text[: match.start()] if match else "")
    what = f"U+{ord(match[0]):04X} is" if match else "something is"
    source.fault((len(before) - 1, len(before[-1])), f"{what} not allowed in a YAML file")


def _events(text: str) -> Iterator[Any]:
    # PyYAML's own words: events are yaml.events.Event, with .start_mark; its stubs know `parse` without types.
    return yaml.parse(text, Loader=Parser)


def _in_words(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "this is not YAML: " + ", ".join(parts)


def _take(tree: _Tree, event: Any) -> None:
    if type(event) is yaml.ScalarEvent:  # nearly all of them
        if event.anchor is not None or event.tag is not None:
            _plain_only(tree, event)
        _place(tree, Scalar(event.value, *_at(event)))
        return
    match event:
        case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
            _plain_only(tree, event)
            _begin(tree, event)
        case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
            tree.open.pop()
        case yaml.AliasEvent():
            tree.source.fault(_at(event), f"'*{event.anchor}': aliases are not used here; write it out")
            _place(tree, Scalar("", *_at(event)))
        case yaml.DocumentStartEvent():
            tree.documents += 1
            if tree.documents > 1:
                tree.source.fault(_at(event), "a second document begins here; a file holds one")
        case _:
            pass


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line, event.start_mark.column


def _plain_only(tree: _Tree, event: Any) -> None:
    place = _at(event)
    if event.anchor is not None:
        tree.source.fault(place, f"'&{event.anchor}': anchors are not used here; write it out where it is needed")
    if event.tag is not None:
        tree.source.fault(place, f"'{event.tag}': tags are not used here; what a value is, its field says")


def _begin(tree: _Tree, event: Any) -> None:
    is_mapping = isinstance(event, yaml.MappingStartEvent)
    node: Items | Fields = Fields({}, *_at(event)) if is_mapping else Items([], *_at(event))
    if len(tree.open) >= DEEPEST:
        tree.source.fault(node, f"nested deeper than {DEEPEST} levels")
        raise _TooDeepError
    _place(tree, node)
    tree.open.append(_Open(node))


def _place(tree: _Tree, node: Node) -> None:
    """Hang `node` where it belongs: the root, an item, a key, or the value of the key before it."""
    if not tree.open:
        tree.root = node
        return
    parent = tree.open[-1]
    if isinstance(parent.node, Items):
        parent.node.items.append(node)
    elif parent.key is None:
        parent.key = _key(tree, node)
    else:
        _value(tree, parent.node, parent.key, node)
        parent.key = None


def _key(tree: _Tree, node: Node) -> Scalar:
    if isinstance(node, Scalar):
        if node.text == "<<":
            tree.source.fault(node, "'<<': merging is not used here; write it out")
        return node
    tree.source.fault(node, "a key must be a word")
    return Scalar("", node.line, node.col)


def _value(tree: _Tree, parent: Fields, key: Scalar, node: Node) -> None:
    before = parent.fields.get(key.text)
    if before is None:
        parent.fields[key.text] = (key, node)
    else:
        tree.source.fault(key, f"'{key.text}' stands here twice, first in line {before[0].line + 1}")
