"""What editors are told is what the loader takes: the same fields, words and needs, asked of the loader itself."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
import yaml

from routing import schema
from routing.config import check, entry
from routing.schema import Schema, encode, schemas
from tests.routing.sources import ROOT, ours

FILES = {"lines.schema.json": "lines.yaml", "site.schema.json": "site.yaml", "prompts.schema.json": "prompts.yaml"}
SITE = schemas()["site.schema.json"]["properties"]
OBJECTS: dict[str, tuple[str, str, Schema]] = {
    "a line": ("lines.yaml", "lines", schemas()["lines.schema.json"]["properties"]["lines"]["items"]),
    **{what: ("site.yaml", what.partition(" ")[2] + "s", SITE[what.partition(" ")[2] + "s"]["items"])
       for what in ("a seat", "an agent", "a trunk", "a target")},
    **{what: ("site.yaml", section, SITE[section]["items"])
       for what, section in (("a holiday", "holidays"), ("a working weekend", "working_weekends"))},
    **{what: ("site.yaml", section, SITE[section]["additionalProperties"])
       for what, section in (("skill 'x'", "skills"), ("pool 'x'", "pools"))},
    **{f"'{section}'": ("site.yaml", section, SITE[section])
       for section in ("site", "ports", "network", "timing", "limits", "survival", "voice")},
}  # fmt: skip


@lru_cache(maxsize=3)
def read(name: str) -> dict[str, Any]:
    read = yaml.load(ours()[name], Loader=yaml.BaseLoader)  # noqa: S506  # every scalar as text
    assert isinstance(read, dict)
    return read


def told(what: str, one: dict[str, object]) -> list[str]:
    """What the loader says when `one` stands alone where such an entry stands."""
    file, section, _ = OBJECTS[what]
    kind = schemas()[file.replace(".yaml", ".schema.json")]["properties"][section]
    held: object = [one] if kind["type"] == "array" else {"x": one} if "properties" not in kind else one
    few = {"lines.yaml": json.dumps({"lines": read("lines.yaml")["lines"][:1]}, ensure_ascii=False)}  # the hall: quick
    sources = {**ours(), **few, file: json.dumps({**read(file), section: held}, ensure_ascii=False)}
    return [fault.message for fault in check(sources)]


@pytest.mark.parametrize("what", OBJECTS)
def test_the_loader_takes_these_fields_and_no_others(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, set[str]] = {}
    made = entry.Entry.__init__

    def spy(self: entry.Entry, source: Any, node: Any, kind: str, keys: Any) -> None:
        known.setdefault(kind, set()).update(keys)
        made(self, source, node, kind, keys)

    monkeypatch.setattr(entry.Entry, "__init__", spy)
    told(what, {})
    assert known[what] == set(OBJECTS[what][2]["properties"])


@pytest.mark.parametrize("what", [what for what in OBJECTS if what != "'voice'"])
def test_what_must_stand_there_is_what_the_loader_misses(what: str) -> None:
    needs = {match[1] for said in told(what, {}) if (match := re.search(r"needs '(\w+)'", said))}
    before = {match[1] for said in told(what, dict.fromkeys(OBJECTS[what][2]["properties"], "x"))
              if (match := re.search(r"needs '(\w+)'", said))}  # fmt: skip
    assert needs - before == set(OBJECTS[what][2].get("required", ())) - before


@pytest.mark.slow
def test_sections_that_must_stand_there() -> None:
    for file, name in FILES.items():
        said = "".join(fault.message for fault in check({**ours(), name: "{}"}))
        needs = set(re.findall(r"needs '(\w+)'", said))
        assert needs <= set(schemas()[file]["required"])
    for section in schema.REQUIRED["sections"]:
        left = {key: value for key, value in read("site.yaml").items() if key != section}
        sources = {**ours(), "site.yaml": json.dumps(left, ensure_ascii=False)}
        assert any(f"needs '{section}'" in fault.message for fault in check(sources)), section
    for section in schema.OPTIONAL:
        left = {key: value for key, value in read("site.yaml").items() if key != section}
        sources = {**ours(), "site.yaml": json.dumps(left, ensure_ascii=False)}
        assert not any(f"needs '{section}'" in fault.message for fault in check(sources)), section


def words() -> Iterator[tuple[str, str, list[object]]]:
    for what, (_, _, shape) in OBJECTS.items():
        for key, kind in shape["properties"].items():
            if "enum" in kind:
                yield what, key, kind["enum"]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "key", "enum"), list(words()))
def test_the_loader_takes_each_word_and_no_other(what: str, key: str, enum: list[object]) -> None:
    refused = re.compile(f"is not a value of '{key}'|is neither yes nor no")
    for word in enum:
        assert not any(refused.search(said) and f"'{word}'" in said for said in told(what, {key: word})), word
    assert any(refused.search(said) and "'zzz'" in said for said in told(what, {key: "zzz"}))


def valid(value: object, shape: Schema) -> bool:  # noqa: PLR0911  # a line for each kind
    """As much of JSON Schema as these use; scalars are text here, as an editor would see most of them."""
    match shape:
        case {"enum": enum}:
            return value in enum
        case {"oneOf": kinds}:
            return sum(valid(value, kind) for kind in kinds) == 1
        case {"type": "array", "items": items}:
            return isinstance(value, list) and all(valid(one, items) for one in value)
        case {"type": "object"}:
            if not isinstance(value, dict) or not set(shape.get("required", ())) <= set(value):
                return False
            known, other = shape.get("properties", {}), shape["additionalProperties"]
            return all(valid(one, known[key]) if key in known else other is not False and valid(one, other)
                       for key, one in value.items())  # fmt: skip
        case {"pattern": pattern}:
            return isinstance(value, str) and re.search(pattern, value) is not None
        case {"type": "integer"}:
            return isinstance(value, str) and value.isdecimal()
    return isinstance(value, str)


@pytest.mark.parametrize("file", FILES)
def test_the_citys_own_files_are_valid(file: str) -> None:
    assert valid(read(FILES[file]), schemas()[file])


@pytest.mark.parametrize("file", FILES)
def test_the_files_for_editors_are_up_to_date(file: str) -> None:
    assert (ROOT / "config" / file).read_text("utf-8") == encode(schemas()[file])
