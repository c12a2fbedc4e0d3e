"""YAML text -> nodes that know their place.

A telephony dialect: every scalar is text until its field says otherwise (`0310` is no octal, `no` no boolean); anchors,
aliases, tags, `<<`, a second document and duplicate keys are faults.  Built from parse events, because composing with
libyaml crashes the interpreter on deep nesting.
"""

import re
from collections.abc import Callable
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
    """A mapping; `keys` are the same words with their places."""

    fields: "dict[str, Node]"
    keys: dict[str, Scalar]
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


class _TooDeepError(Exception):
    """Nesting has gone past `DEEPEST`."""


def parse(source: Source) -> Node | None:
    """The one document of `source`; None, with a fault noted, when there is none to be had."""
    if len(source.text) > LARGEST or len(source.text.encode("utf-8", "replace")) > LARGEST:
        source.fault((0, 0), f"the file is larger than {LARGEST // 1024**2} MiB")
        return None
    try:
        return _Reader(source, Parser(source.text).get_event).document()
    except _TooDeepError:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.fault((mark.line, mark.column) if mark else (0, 0), _in_words(error))
        return None
    except (yaml.YAMLError, UnicodeError):
        _not_allowed(source)
        return None


def _not_allowed(source: Source) -> None:
    """Note the first character that YAML does not allow."""
    match = NOT_ALLOWED.search(source.text)
    before = BREAK.split(source.text[: match.start()] if match else "")
    what = f"U+{ord(match[0]):04X} is" if match else "something is"
    source.fault((len(before) - 1, len(before[-1])), f"{what} not allowed in a YAML file")


def _in_words(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "this is not YAML: " + ", ".join(parts)


class _Reader:
    """Takes events (`next_`: PyYAML's `get_event`) and gives nodes; what the dialect does without is noted on the way.

    Ten thousand lines are a third of a million events, nearly all of them scalars: these come first everywhere.
    """

    def __init__(self, source: Source, next_: Callable[[], Any]) -> None:
        self._source = source
        self._next = next_
        self._depth = 0

    def document(self) -> Node | None:
        """The one document; None, with a fault noted, when there is none or more than one."""
        root: Node | None = None
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._source.fault(_at(event), "a second document begins here; a file holds one")
                    return None
                root = self._node(self._next())
        if root is None:
            self._source.fault((0, 0), "the file is empty")
        return root

    def _node(self, event: Any) -> Node:
        if type(event) is yaml.ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                self._plain_only(event)
            return Scalar(event.value, *_at(event))
        if isinstance(event, yaml.AliasEvent):
            self._source.fault(_at(event), f"'*{event.anchor}': aliases are not used here; write it out")
            return Scalar("", *_at(event))
        self._plain_only(event)
        if self._depth >= DEEPEST:
            self._source.fault(_at(event), f"nested deeper than {DEEPEST} levels")
            raise _TooDeepError
        self._depth += 1
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node = self._fields(event) if is_mapping else self._items(event)
        self._depth -= 1
        return node

    def _items(self, begins: Any) -> Items:
        items: list[Node] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            items.append(self._node(event))
        return Items(items, *_at(begins))

    def _fields(self, begins: Any) -> Fields:
        fields: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            key, value = self._key(event), self._node(self._next())
            if key.text in keys:
                first = keys[key.text].line + 1
                self._source.fault(key, f"'{key.text}' stands here twice, first in line {first}")
            else:
                keys[key.text], fields[key.text] = key, value
        return Fields(fields, keys, *_at(begins))

    def _key(self, event: Any) -> Scalar:
        node = self._node(event)
        if not isinstance(node, Scalar):
            self._source.fault(node, "a key must be a word")
            return Scalar("", node.line, node.col)
        if node.text == "<<":
            self._source.fault(node, "'<<': merging is not used here; write it out")
        return node

    def _plain_only(self, event: Any) -> None:
        place = _at(event)
        if event.anchor is not None:
            self._source.fault(place, f"'&{event.anchor}': anchors are not used here; write it out where it is needed")
        if event.tag is not None:
            self._source.fault(place, f"'{event.tag}': tags are not used here; what a value is, its field says")


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line, event.start_mark.column
