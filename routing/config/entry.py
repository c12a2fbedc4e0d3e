"""One mapping of a config file, read field by field.

Every reader notes what is wrong and returns something harmless, so that all faults are found in one pass; whoever
builds must not use what was read when faults were noted.
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from routing.config.errors import did_you_mean
from routing.config.nodes import Fields, Items, Node, Scalar, Source

Value = TypeVar("Value")
Other = TypeVar("Other")

EMPTY = frozenset({"", "~", "null"})

_NOTHING = Fields({}, {}, 1, 1)


class Entry:
    """A mapping with known keys; `what` names it in messages (`a line`, `an agent`)."""

    def __init__(self, source: Source, node: Node, what: str, keys: Collection[str]) -> None:
        self.source = source
        self.node = node
        self.what = what
        self._fields: dict[str, Node] = {}
        if not isinstance(node, Fields):
            source.fault(node, f"{what} is written as fields (name: value), not as {_shape(node)}")
            return
        self._fields = node.fields
        for key, place in node.keys.items():
            if key not in keys:
                source.fault(place, f"{what} has no field '{key}'{did_you_mean(key, keys)}")

    def has(self, key: str) -> bool:
        """Whether the field stands there."""
        return key in self._fields

    def place(self, key: str) -> Node:
        """Where the field's value stands; without one, where the entry does."""
        return self._fields.get(key, self.node)

    def fault(self, key: str, message: str) -> None:
        """Note a fault at the field."""
        self.source.fault(self.place(key), message)

    def warn(self, key: str, message: str) -> None:
        """Note a warning at the field."""
        self.source.warn(self.place(key), message)

    def child(self, key: str) -> Node | None:
        """The field's node as it stands; None, with a fault, when it is missing."""
        if key not in self._fields:
            if isinstance(self.node, Fields):
                self.source.fault(self.node, f"{self.what} needs '{key}'")
            return None
        return self._fields[key]

    def part(self, key: str, keys: Collection[str]) -> "Entry":
        """The fields of a part that need not be there: then it has none, and every `maybe` its default."""
        return Entry(self.source, self._fields.get(key, _NOTHING), f"'{key}'", keys)

    def section(self, key: str, keys: Collection[str]) -> "Entry":
        """The same of a part that has to be there."""
        return Entry(self.source, self.child(key) or _NOTHING, f"'{key}'", keys)

    def peek(self, key: str) -> str:
        """The field's text, "" when it has none; notes nothing."""
        node = self._fields.get(key)
        return node.text if isinstance(node, Scalar) else ""

    def text(self, key: str) -> str:
        """A required text."""
        node = self.child(key)
        return "" if node is None else self._scalar(node, key)

    def maybe(self, key: str, read: "Callable[[Entry, str], Value]", default: Other) -> Value | Other:
        """The field as `read` reads it; `default` when it is not there."""
        return read(self, key) if key in self._fields else default

    def listed(self, key: str) -> list[Node]:
        """The items of a list, which need not be there."""
        if key not in self._fields:
            return []
        node = self._fields[key]
        if isinstance(node, Items):
            return node.items
        self.source.fault(node, f"'{key}' is a list: [one, two]")
        return []

    def words(self, key: str) -> list[Scalar]:
        """The scalars of a list, which need not be there."""
        found: list[Scalar] = []
        for node in self.listed(key):
            if isinstance(node, Scalar):
                found.append(node)
            else:
                self.source.fault(node, f"'{key}' is a list of words, not of {_shape(node)}s")
        return found

    def _scalar(self, node: Node, key: str) -> str:
        if not isinstance(node, Scalar):
            self.source.fault(node, f"'{key}' is one value, not {_shape(node)}")
            return ""
        if node.text in EMPTY:
            self.source.fault(node, f"'{key}' has no value; leave the field out if there is none")
            return ""
        return node.text

    def wrong(self, key: str, text: str, why: str) -> None:
        """Note that `text` is not what the field holds; an empty one has had its fault already."""
        if text:
            self.fault(key, f"'{text}' {why}")


def entries(source: Source, node: Node | None, what: str, keys: Collection[str]) -> list[Entry]:
    """A list of mappings."""
    if node is None:
        return []
    if not isinstance(node, Items):
        source.fault(node, f"here stands a list, each item {what}: begin each with '- '")
        return []
    return [Entry(source, item, what, keys) for item in node.items]


def named(source: Source, node: Node | None, what: str, keys: Collection[str]) -> list[tuple[Scalar, Entry]]:
    """A mapping from names to mappings."""
    if node is None:
        return []
    if not isinstance(node, Fields):
        source.fault(node, f"here stand names, and for each the fields of {what}")
        return []
    return [(node.keys[name], Entry(source, value, f"{what} '{name}'", keys)) for name, value in node.fields.items()]


def _shape(node: Node) -> str:
    if isinstance(node, Scalar):
        return "a word"
    return "a list" if isinstance(node, Items) else "a mapping"
