"""Local lines from a table: comments and order stay, and a fault changes nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import table
from routing.config import build
from routing.table import Imported, bring_in
from tests.routing.sources import ours, with_line

LINE = """number: 0310-3110001
    name: 某街道服务电话   # as on its door
    short: 街道
    department: 市民政局
    section: full-merge
    row: 一.10
    reading: own
    number_kept: no
    seats: merged
    answered_by: hall
    transition: {from: 2021-09-01, until: 2021-11-01}
    cancel_on: 2021-12-01"""
SOURCES = with_line(LINE)
HEAD = "number,name,short,department,skill,transition_from,transition_until,cancel_on\n"


def brought(text: str, sources: dict[str, str] = SOURCES) -> Imported:
    return bring_in(sources, text)


def faults(text: str, sources: dict[str, str] = SOURCES) -> list[str]:
    found = brought(text, sources)
    assert (found.text, found.config) == (None, None)
    return [str(fault) for fault in found.faults]


def test_a_new_line_goes_below_the_last_local_one() -> None:
    found = brought(HEAD + "3110002,某镇: 热线,某镇,市民政局,,2021-09-01,2021-11-01,2021-11-01\n")
    assert found.text is not None
    assert (found.faults, found.added, found.changed) == ((), 1, 0)
    assert found.text.startswith(SOURCES["lines.yaml"])
    added = found.text.removeprefix(SOURCES["lines.yaml"])
    assert added.startswith('\n  - number: 3110002\n    name: "某镇: 热线"\n    short: 某镇\n')
    assert added.endswith("    transition: {from: 2021-09-01, until: 2021-11-01}\n    cancel_on: 2021-11-01\n")
    assert build({**SOURCES, "lines.yaml": found.text}).lines["3110002"].name == "某镇: 热线"


def test_a_line_is_changed_where_it_stands_and_keeps_its_comment() -> None:
    found = brought("号码,名称,技能,过渡结束,停用日期,unit\n3110001,另一街道,market,2021-10-31,,市税务局\n")
    before, after = SOURCES["lines.yaml"], found.text or ""
    assert (found.added, found.changed) == (0, 1)
    assert (
        after
        == before.replace("name: 某街道服务电话 ", "name: 另一街道 ").replace(
            "    transition: {from: 2021-09-01, until: 2021-11-01}\n    cancel_on: 2021-12-01\n",
            "    transition: {from: 2021-09-01, until: 2021-10-31}\n    cancel_on: 2021-12-01\n"
            "    skill: market\n    unit: 市税务局\n",
        )
        or after.count("2021-10-31") == 1
    )  # the other examples have the same days
    assert found.config is not None
    assert found.config.lines["3110001"].unit == "市税务局"


def test_the_same_again_changes_nothing() -> None:
    once = brought(HEAD + "3110001,某街道服务电话,街道,市民政局,,2021-09-01,2021-11-01,2021-12-01\n")
    assert (once.text, once.added, once.changed) == (SOURCES["lines.yaml"], 0, 0)


def test_a_transition_is_put_where_there_was_none() -> None:
    sources = with_line(LINE.replace("\n    transition: {from: 2021-09-01, until: 2021-11-01}", ""))
    found = brought("number,transition_from,transition_until\n3110001,2021-09-01,2021-11-02", sources)
    assert "    transition: {from: 2021-09-01, until: 2021-11-02}\n" in (found.text or "")
    assert "a transition has two days" in faults("number,transition_from\n3110001,2021-09-01", sources)[0]


def test_line_ends_and_a_last_line_without_one() -> None:
    text = SOURCES["lines.yaml"].rstrip("\n").replace("\n", "\r\n")
    sources = {**SOURCES, "lines.yaml": text}
    found = brought(HEAD + "3110002,某镇,某镇,市民政局,,,,2021-11-01\n3110001,,,,market,,,", sources)
    assert found.text is not None
    assert "\n" not in found.text.replace("\r\n", "")
    assert found.text.startswith(text)


def test_quoted_values_are_replaced_whole() -> None:
    quoted = LINE.replace("name: 某街道服务电话 ", 'name: "某街道 # 服务电话" ').replace("short: 街道", "short: '街道'")
    sources = with_line(quoted)
    found = brought("number,name,short\n3110001,新,旧\n", sources)
    assert "name: 新   # as on its door\n    short: 旧\n" in (found.text or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["row 1: the table is empty"]),
        ("number,nmae\n1,2", ["row 1, column nmae: there is no such column; there are: number, name"]),
        ("number,号码\n1,2", ["row 1, column 号码: stands here twice"]),
        ("name\nx", ["row 1, column number: is missing"]),
        ("number,name\n3110001", ["row 2: has 1 cells, and there are 2 columns"]),
        ("number,name\nxx,a", ["row 2, column number: 'xx' is not a telephone number"]),
        ("number,name\n,a", ["row 2, column number: '' is not a telephone number"]),
        ("号码,name\n3110001,a\n0310-3110001,b", ["row 3, column 号码: 3110001 stands already in row 2"]),
        ("number,name\n12345,a", ["row 2, column number: 12345 is the hall"]),
        ("number,name\n12329,a", ["row 2, column number: 12329 is row 二.1 of the plan"]),
        ("number,name\n3110002,a", ["row 2, column short: a new line needs this",
                                    "row 2, column department: a new line needs this"]),
        ('number,name\n3110001,"a\tb"', ["row 2, column name: a control character"]),
        ('number,name\n3110001,"' + "a" * 140_000 + '"', ["row 2: this is not CSV: field larger"]),
        (HEAD + "3110002,某镇,某镇,市民整局,nope,2021-09-01,2021-08-01,2021-13-01",
         ["row 2, column department: '市民整局' is not the name of a department",
          "row 2, column skill: 'nope'", "row 2, column cancel_on: '2021-13-01' is not a day"]),
        (HEAD + "3110002,某镇,某镇,市民政局,,2021-09-01,2021-08-01,2021-11-01",
         ["row 2, column transition: 'transition' ends on"]),
        (HEAD + "3110002,某镇,某镇,市民政局,,,,2021-11-01\n119,火,火,市民政局,,,,2021-11-01",
         ["row 3, column number: 119 is an emergency number"]),
    ],
)  # fmt: skip
def test_a_fault_has_its_row_and_column_and_nothing_changes(text: str, said: list[str]) -> None:
    found = faults(text)
    for each in said:
        assert any(line.startswith(each) for line in found), found


def test_files_that_have_faults_already_are_not_touched() -> None:
    assert "hotline check" in faults(HEAD, {**SOURCES, "lines.yaml": "lines: []"})[0]


@pytest.mark.parametrize("name", [">\n        某街道", "某街道\n        服务"])
def test_an_entry_over_several_lines_is_left_to_its_editor(name: str) -> None:
    start, end = LINE.split("某街道服务电话   # as on its door")
    text = ours()["lines.yaml"].rstrip() + "\n  - " + start + name + end + "\n"
    sources = {**SOURCES, "lines.yaml": text}
    assert faults("number,name\n3110001,新名", sources)


def test_an_entry_in_braces_is_left_to_its_editor() -> None:
    fields = ", ".join(each.strip().partition("   #")[0] for each in LINE.splitlines())
    sources = {**SOURCES, "lines.yaml": ours()["lines.yaml"].rstrip() + f"\n  - {{{fields}}}\n"}
    assert faults("number,name,unit\n3110001,新名,市税务局", sources)


def test_a_change_of_another_line_would_be_a_fault() -> None:
    old, new = build(SOURCES), build(ours())
    found = list(table._crooked(old, new, []))
    assert [str(fault) for fault in found] == ["3110001 would change, which is not in the table: edit lines.yaml"]


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12)


@settings(max_examples=40)
@pytest.mark.slow
@given(WORDS, WORDS)
def test_whatever_the_words_what_is_read_is_what_was_in_the_table(name: str, short: str) -> None:
    import csv  # noqa: PLC0415
    import io  # noqa: PLC0415

    out = io.StringIO()
    csv.writer(out).writerows([["number", "name", "short", "department", "cancel_on"],
                               ["3110001", name, short, "", ""],
                               ["3110002", name, short, "市民政局", "2021-11-01"]])  # fmt: skip
    found = brought(out.getvalue())
    if found.config is None:
        assert found.faults
        return
    for number in ("3110001", "3110002"):
        line = found.config.lines[number]
        assert (line.name, line.short) in {(name.strip(), short.strip()), ("某街道服务电话", "街道"),
                                           (name.strip(), "街道"), ("某街道服务电话", short.strip())}  # fmt: skip
