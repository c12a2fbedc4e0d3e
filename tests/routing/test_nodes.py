"""YAML as nodes with places; everything that a telephony dialect does without is a fault with its place."""

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from routing.config import nodes
from routing.config.errors import ConfigFault, ConfigFaults, did_you_mean, news, render, width
from routing.config.nodes import DEEPEST, Fields, Items, Scalar, Source, parse


def faults_of(text: str) -> list[str]:
    source = Source("x.yaml", text)
    parse(source)
    return [f"{fault.line}:{fault.col} {fault.message}" for fault in source.faults]


@pytest.fixture(params=["libyaml", "python"])
def _parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(nodes, "Parser", yaml.SafeLoader)


@pytest.mark.usefixtures("_parsers")
def test_every_node_knows_its_place() -> None:
    source = Source("x.yaml", "a: 1\n线路:\n  - {b: 二}\n  - no\n")
    root = parse(source)
    assert isinstance(root, Fields)
    key, items = root.keys["线路"], root.fields["线路"]
    assert (key.line, key.col) == (1, 0)
    assert isinstance(items, Items)
    inner = items.items[0]
    assert isinstance(inner, Fields)
    assert inner.fields["b"] == Scalar("二", 2, 8)
    assert items.items[1] == Scalar("no", 3, 4)
    assert source.faults == []


@pytest.mark.parametrize("text", ["0310", "012", "no", "12:30", "2021-09-15", "0x1f", "1e3", "~", "null", "=", ".inf"])
def test_every_plain_scalar_is_text(text: str) -> None:
    root = parse(Source("x.yaml", f"a: {text}"))
    assert isinstance(root, Fields)
    assert root.fields["a"] == Scalar(text, 0, 3)


@pytest.mark.usefixtures("_parsers")
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: &x 1", "1:4 '&x': anchors are not used here"),
        ("a: &x [1]", "1:4 '&x': anchors are not used here"),
        ("a: 1\nb: *x", "2:4 '*x': aliases are not used here"),
        ("a: !!str 1", "1:4 'tag:yaml.org,2002:str': tags are not used here"),
        ("a: !x {}", "1:4 '!x': tags are not used here"),
        ("a: {<<: 1}", "1:5 '<<': merging is not used here"),
        ("a: 1\na: 2", "2:1 'a' stands here twice, first in line 1"),
        ("[1]: 2", "1:1 a key must be a word"),
        ("? {a: 1}\n: 2", "1:3 a key must be a word"),
        ("a: 1\n--- \nb: 2", "2:1 a second document begins here"),
        ("", "1:1 the file is empty"),
        ("# only a comment\n", "1:1 the file is empty"),
        ("a: [1", "this is not YAML"),
        ("a: 1\n b: 2", "2:3 this is not YAML"),
        ("a: '", "this is not YAML"),
        ("\tx: 1", "1:1 this is not YAML"),
        ("%YAML 9.9\n---\na: 1", "this is not YAML"),
        ("a: \x01", "1:4 U+0001 is not allowed in a YAML file"),
        ("a: 1\nb: \ud800", "2:4 U+D800 is not allowed in a YAML file"),
    ],
)
def test_what_the_dialect_does_without_is_a_fault_in_its_place(text: str, fault: str) -> None:
    found = faults_of(text)
    assert any(fault in one for one in found), found


@pytest.mark.usefixtures("_parsers")
def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    assert faults_of("[" * DEEPEST + "]" * DEEPEST) == []
    assert faults_of("[" * 30_000) == [f"1:{DEEPEST + 1} nested deeper than {DEEPEST} levels"]
    assert faults_of("{a: " * (DEEPEST + 1))[0].endswith("levels")


@pytest.mark.slow
def test_a_file_past_the_limit_is_not_read() -> None:
    assert faults_of("#" * (nodes.LARGEST + 1)) == ["1:1 the file is larger than 16 MiB"]
    assert faults_of("# " + "线" * (nodes.LARGEST // 3 + 1)) == ["1:1 the file is larger than 16 MiB"]


@given(st.text(alphabet=st.sampled_from("ab:-[]{}\"'#&*!|>%@`\n \t,?~线"), max_size=80))
def test_no_text_ends_in_anything_but_nodes_or_faults(text: str) -> None:
    source = Source("x.yaml", text)
    root = parse(source)
    assert root is not None or source.faults
    lines = nodes.BREAK.split(text)
    for fault in source.faults:
        assert 1 <= fault.line <= len(lines)
        assert str(fault)


def test_the_caret_counts_columns_of_a_terminal() -> None:
    fault = ConfigFault("lines.yaml", 3, 10, "wrong", "name: 公积金 x")
    assert str(fault) == "lines.yaml:3:10: wrong\n    name: 公积金 x\n" + " " * (4 + 6 + 6) + "^"
    assert width("公a\u0301") == 3


def test_a_long_line_is_cut_around_the_place() -> None:
    text = str(ConfigFault("x.yaml", 1, 5001, "wrong", "a" * 5000 + "B" + "c" * 5000))
    shown, caret = text.splitlines()[1:]
    assert len(shown) < 130
    assert shown[caret.index("^")] == "B"
    assert shown.strip().startswith("…")
    assert shown.endswith("…")


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(ConfigFault("x.yaml", 1, 1, "wrong", "\x1b[31mred"))


def test_all_faults_come_in_the_order_of_reading_each_once_and_counted() -> None:
    one = ConfigFault("a.yaml", 2, 1, "one", "x")
    two = ConfigFault("a.yaml", 1, 9, "two", "y", is_warning=True)
    faults = ConfigFaults([one, two, one])
    assert faults.faults == (two, one)
    assert "a.yaml:1:9: warning: two" in str(faults)
    assert str(faults).endswith("1 fault, 1 warning")
    assert render([]) == "0 faults, 0 warnings"


def test_the_nearest_name_is_offered_or_all_when_few() -> None:
    assert did_you_mean("salse", ["sales", "support"]) == "; did you mean 'sales'?"
    assert did_you_mean("xyz", ["sales", "support"]) == "; there are: sales, support"
    assert did_you_mean("xyz", []) == ""
    assert did_you_mean("zzz", [f"name{n}" for n in range(20)]) == ""


def test_a_fault_past_the_end_of_the_text_still_has_a_place() -> None:
    source = Source("x.yaml", "a")
    source.fault((7, 0), "late")
    assert str(source.faults[0]) == "x.yaml:1:1: late\n    a\n    ^"


def test_a_line_break_in_what_was_written_does_not_break_the_message() -> None:
    assert str(ConfigFault("f.yaml", 1, 1, "no field 'a\nb'", "x")) == "f.yaml:1:1: no field 'a b'\n    x\n    ^"


def test_a_warning_is_news_once_wherever_it_stands_and_a_fault_always() -> None:
    old = ConfigFault("a.yaml", 3, 1, "is long", "x: y", is_warning=True)
    moved, elsewhere = (msgspec.structs.replace(old, **other) for other in ({"line": 9}, {"file": "b.yaml"}))
    fault = msgspec.structs.replace(old, is_warning=False)
    assert news([moved, elsewhere, fault], [old]) == (elsewhere, fault)
    assert news([moved, fault], [fault]) == (moved, fault)
