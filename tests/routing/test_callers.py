"""Listed callers as a table: what is written out comes in again, comments and order stay, a fault changes nothing."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import callers
from routing.callers import Imported, bring_in
from routing.config import build
from routing.numbers import Numbering
from tests.routing.sources import changed, ours

HEAD = "number,priority,language\n"
OLD, GUEST, ABROAD, FAR = "13800138000", "13900139000", "+442079460000", "03118012345"
NUMBERS, ENGLISH = "  numbers: []    ", "english: {name: 英语, callers: []}"
COMMENT = "                # 老年人、残疾人"


def sources(numbers: str = NUMBERS, english: str = ENGLISH) -> dict[str, str]:
    """Our files, with these two lists."""
    site = changed("site.yaml", NUMBERS, numbers)["site.yaml"]
    assert ENGLISH in site
    return {**ours(), "site.yaml": site.replace(ENGLISH, english)}


def lists(files: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    site = build(files).site
    return (site.priorities.numbers, *(one.callers for one in site.languages.values()))


def brought(table: str, files: dict[str, str] | None = None) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """`site.yaml` as it would be, and who is listed then."""
    files = files or sources()
    found = bring_in(files, table)
    assert found.text is not None, found.faults
    return found.text, lists({**files, "site.yaml": found.text})


def faults(table: str, files: dict[str, str] | None = None) -> list[str]:
    found = bring_in(files or sources(), table)
    assert (found.text, found.changes) == (None, ())
    return [str(fault) for fault in found.faults]


def test_numbers_are_listed_where_the_lists_stand_and_the_rest_stays() -> None:
    text, now = brought(HEAD + f"138-0013-8000,yes,english\n{FAR},yes,\n0044 20 7946 0000,no,英语\n")
    assert now == ((FAR, OLD), (ABROAD, OLD))
    assert (
        text
        == sources(f"  numbers: [{FAR}, {OLD}]    ", f"english: {{name: 英语, callers: [{ABROAD}, {OLD}]}}")[
            "site.yaml"
        ]
    )
    assert COMMENT in text


def test_chinese_headings_and_words_and_excel_s_mark_are_understood() -> None:
    _, now = brought(f"\ufeff号码,优先,语种\r\n{OLD},是,无\r\n{GUEST},否,英语\r\n{FAR},YES,\r\n")
    assert now == ((FAR, OLD), (GUEST,))


def test_an_empty_cell_leaves_a_number_as_it_is_and_so_does_a_table_without_it() -> None:
    files = sources(f"  numbers: [{OLD}, {FAR}]    ", f"english: {{name: 英语, callers: [{OLD}]}}")
    site = files["site.yaml"]
    for table in (HEAD + f"{OLD},,\n", f"number,priority\n{OLD},yes\n", f"number,language\n{OLD},english\n", HEAD):
        assert brought(table, files)[0] == site
    assert brought(HEAD + f"{OLD},no,\n", files)[1] == ((FAR,), (OLD,))
    assert brought(HEAD + f"{OLD},,-\n", files)[1] == ((FAR, OLD), ())
    found = bring_in(files, HEAD + f"{OLD},no,-\n{GUEST},yes,\n")
    assert [(each.name, each.more, each.fewer) for each in found.changes] == [("priority", 1, 1), ("english", 0, 1)]


def test_a_caller_has_one_language() -> None:
    files = sources(english=f"english: {{name: 英语, callers: [{OLD}]}}\n  russian:\n    name: 俄语")
    assert brought(HEAD + f"{OLD},,russian\n", files)[1] == ((), (), (OLD,))


def test_what_is_written_out_comes_in_again_and_spreadsheets_take_no_digit_of_it() -> None:
    full = sources(
        f"  numbers: [{OLD}, 0311-8012345, 010-58880000]    ", f"english: {{name: 英语, callers: ['{ABROAD}', {OLD}]}}"
    )
    table = callers.table(build(full).site)
    assert table == (
        "number,priority,language\n00-442079460000,no,english\n010-58880000,yes,-\n0311-8012345,yes,-\n"
        "13800138000,yes,english\n"
    )
    assert brought(table, full)[0] == full["site.yaml"]
    assert brought(table)[1] == lists(full)
    assert callers.table(build({**full, "site.yaml": brought(table)[0]}).site) == table
    assert callers.table(build(ours()).site) == HEAD


BLOCK = f"""  numbers:   # by hand
    # of the first village
    - {OLD}   # 张
    - '0311-8012345'
    - "{GUEST}"   # 李
"""


def test_a_list_with_a_number_a_line_keeps_its_comments() -> None:
    files = sources(BLOCK)
    text, now = brought(HEAD + f"{GUEST},no,\n8095001,yes,\n{FAR},no,\n", files)
    assert now[0] == (OLD, "8095001")
    assert text == sources(BLOCK.partition("    - '")[0] + "    - 8095001\n")["site.yaml"]
    fewer, now = brought(HEAD + f"{GUEST},no,\n", files)
    assert {*now[0]} == {OLD, FAR}
    assert fewer == "".join(line for line in files["site.yaml"].splitlines(keepends=True) if GUEST not in line)
    none, now = brought(HEAD + f"{OLD},no,\n{GUEST},no,\n{FAR},no,\n", files)
    assert now[0] == ()
    assert none == sources("  numbers: []   # by hand\n    # of the first village\n")["site.yaml"]


def test_a_long_list_goes_on_in_the_next_line() -> None:
    many = [f"138{n:08}" for n in range(500)]
    text, now = brought("number,priority,language\n" + "".join(f"{each},yes,english\n" for each in many))
    assert now == (tuple(many), tuple(many))
    assert max(map(len, text.splitlines())) < 150
    assert brought(HEAD + f"{many[7]},no,\n", {**ours(), "site.yaml": text})[1][0] == (*many[:7], *many[8:])


def test_a_list_that_is_not_there_yet_begins_its_section() -> None:
    text, now = brought(HEAD + f"{OLD},yes,english\n", sources("  # older people:", "english: {name: 英语}"))
    assert now == ((OLD,), (OLD,))
    assert f"english: {{callers: [{OLD}], name: 英语}}" in text
    assert re.search(rf"\npriorities:[^\n]*\n  numbers: \[{OLD}\]\n  emergency: 10 min", text)


@pytest.mark.parametrize(
    ("section", "then"),
    [
        ("", "\n\npriorities:\n  numbers: [{}]\n"),
        ("\npriorities: {}", "\npriorities: {{numbers: [{}]}}\n"),
        ("\npriorities: {listed: 1 min}", "\npriorities: {{numbers: [{}], listed: 1 min}}\n"),
    ],
)
def test_a_section_that_is_not_there_or_in_braces(section: str, then: str) -> None:
    site = ours()["site.yaml"]
    begins, ends = site.index("\npriorities:"), site.index("\nnuisance:")
    files = {**ours(), "site.yaml": (site[:begins] + section + "\n" + site[ends:]).rstrip("\n")}
    text, now = brought(HEAD + f"{OLD},yes,\n", files)
    assert now[0] == (OLD,)
    assert then.format(OLD) in text


def test_line_ends_stay_what_they_are() -> None:
    files = {**ours(), "site.yaml": sources(BLOCK)["site.yaml"].replace("\n", "\r\n")}
    many = "".join(f"138{n:08},,english\n" for n in range(20))
    text, _ = brought(HEAD + f"8095001,yes,\n{many}", files)
    assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", ["row 1: the table is empty"]),
        ("number\n1", ["row 1: says nothing of its numbers: there is neither 'priority' nor 'language'"]),
        ("nummer,priority\n1,yes",
         ["row 1, column nummer: there is no such column; there are: number, priority, language",
          "row 1, column number: is missing: it says what a row is about"]),
        (HEAD + f"xx,maybe,englisch\n{OLD},,\n138 0013 8000,no\n,yes,\n138-0013-8000,no,",
         ["row 2, column number: 'xx' is not a telephone number",
          "row 2, column priority: 'maybe' is neither yes nor no",
          "row 2, column language: 'englisch' is not the name of a language; did you mean 'english'?",
          "row 4: has 2 cells, and there are 3 columns",
          "row 5, column number: '' is not a telephone number",
          "row 6, column number: this number stands already in row 3"]),
    ],
)  # fmt: skip
def test_every_fault_has_its_row_and_column_and_nothing_changes(table: str, said: list[str]) -> None:
    assert faults(table) == said


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        (f"  numbers: [{OLD},  # 张\n    {FAR}]\n", "comments stand between its brackets"),
        (f"  numbers: [ # 张\n    {OLD}]\n", "comments stand between its brackets"),
        ("  numbers: [   # none yet\n    ]\n", "comments stand between its brackets"),
        ("  numbers:\n    - 138\n      0013\n      8000\n", "over several lines"),
        ('  numbers: ["138001\\u0033' + '8000"]\n', "marks for single characters"),
    ],
)
def test_a_list_that_a_table_would_spoil_is_left_to_its_editor(numbers: str, why: str) -> None:
    (said,) = faults(HEAD + f"{GUEST},yes,\n", sources(numbers))
    assert why in said
    assert said.startswith("the list of priority in line ")
    assert said.endswith("or edit site.yaml")


def test_what_comes_out_otherwise_than_was_meant_is_left_to_its_editor() -> None:
    files = sources(f"  ? numbers\n  : - {OLD}\n")
    assert lists(files)[0] == (OLD,)
    assert faults(HEAD + f"{OLD},no,\n", files) == ["the lists cannot be changed by a table: edit site.yaml"]


def test_files_that_have_faults_already_are_not_touched() -> None:
    assert faults(HEAD, {**ours(), "site.yaml": "site: {}"}) == ["the files as they are have faults: hotline check"]


def test_no_fault_and_no_count_tells_a_number_that_is_one() -> None:
    found = bring_in(sources(), HEAD + f"{OLD},yes,\n{GUEST},yes,x\n138-0013-8000,yes,\n")
    assert not [each for each in found.faults for number in (OLD, GUEST, "138-0013-8000") if number in str(each)]


# --- whatever the list

DIGITS = st.from_regex(r"1[3-9][0-9]{9}|0[3-9][0-9]{9}|[2-8][0-9]{6}|\+4[0-9]{8}", fullmatch=True)
SHAPES = st.sampled_from(["[]", "[ ]", "[{}]", "[{},\n    {}]", "\n    - {}", "\n  - {}  # kept\n  # kept"])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A list as somebody may have written it, and who is in it."""
    numbers = draw(st.lists(DIGITS, max_size=5, unique=True))
    shape = draw(SHAPES)
    quote = draw(st.sampled_from(["", "'", '"']))
    words = [f"{quote}{each}{quote}" for each in numbers]
    if not words or "{}" not in shape:
        return "  numbers: []  ", []
    if "[" in shape:
        join = ",\n    " if "\n" in shape else ", "
        return f"  numbers: [{join.join(words)}]  ", numbers
    return "  numbers:" + "".join(shape.format(each) for each in words) + "\n", numbers


@settings(max_examples=25, deadline=None)
@pytest.mark.slow
@given(written(), st.dictionaries(DIGITS, st.booleans(), max_size=5), st.data())
def test_whatever_is_listed_only_the_table_s_numbers_change_and_the_way_back_is_exact(
    before: tuple[str, list[str]], rows: dict[str, bool], data: st.DataObject
) -> None:
    text, listed = before
    files = sources(text)
    numbering = Numbering("0310", "86")
    then = {numbering.normalise(each): True for each in listed}
    for number in data.draw(st.lists(st.sampled_from(listed or [OLD]), unique=True)):
        rows.setdefault(number, False)
    then |= {numbering.normalise(number): is_in for number, is_in in rows.items()}
    table = HEAD + "".join(f"{number},{'yes' if is_in else 'no'},\n" for number, is_in in rows.items())
    found: Imported = bring_in(files, table)
    if found.text is None:
        assert all("stands already" in str(fault) for fault in found.faults)
        return
    after = {**files, "site.yaml": found.text}
    assert set(build(after).site.priorities.numbers) == {number for number, is_in in then.items() if is_in}
    out = callers.table(build(after).site)
    assert bring_in(after, out).text == found.text
    first, then_listed = (build(each).site.priorities.numbers for each in (files, after))
    gone = [f"{callers.plain(number)},no,-\n" for number in then_listed if number not in first]
    back = "".join([callers.table(build(files).site), *gone])
    returned = bring_in(after, back).text
    assert returned is not None
    assert build({**files, "site.yaml": returned}) == build(files)


@settings(max_examples=200)
@given(DIGITS)
def test_a_number_is_written_so_that_it_is_read_as_itself(number: str) -> None:
    numbering = Numbering("0310", "86")
    canonical = numbering.normalise(number)
    assert canonical is not None
    plain = callers.plain(canonical)
    assert numbering.normalise(plain) == canonical
    assert not plain.startswith(("+", "=")), "a spreadsheet would count with it"
    assert plain[0] != "0" or "-" in plain
