"""`prove`, `diff`, `schema`, `lines import` and `callers`, as they are typed."""

import json
import re
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.commands.telephone import CALLER
from ivr.main import main
from tests.reading import ROOT


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city of its own, with the repository's files."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "recordings").mkdir()
    shutil.copy(ROOT / "recordings/prompts.yaml", tmp_path / "recordings")
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOTLINE_STATE", str(tmp_path / "state"))
    return tmp_path


def typed(*words: object, code: int = 0) -> str:
    ran = CliRunner().invoke(main, [*map(str, words)])
    assert ran.exit_code == code, ran.output
    return ran.output


def changed(city: Path, old: str, new: str, name: str = "lines.yaml") -> None:
    path = city / "config" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_prove_says_how_many_paths_it_walked(city: Path) -> None:
    said = typed("prove")
    assert "paths walked:" in said
    assert "nobody is lost" in said
    assert json.loads(typed("prove", "--json"))["routes"]["broken_in_all"] == 0


def test_prove_shows_the_path_on_which_a_caller_is_lost(city: Path) -> None:
    changed(city, "number: 0311-12316", "number: 12316", "site.yaml")
    said = typed("prove", code=1)
    assert "dials 12316 (agriculture) over town: sent back to us\n    … and so on, in a circle" in said


def test_diff_of_two_directories_and_of_a_file(city: Path) -> None:
    changed(city, "{from: 2021-09-01, until: 2021-11-01}", "{from: 2021-09-01, until: 2021-10-31}")
    words = "12329: from 2021-10-31 no longer says that the hall has taken it over (until 2021-11-01)"
    assert words in typed("diff", ROOT, city)
    assert words in typed("diff", ROOT / "config", city / "config/lines.yaml")
    assert {"number": "12329", "from": "2021-10-31", "until": "2021-11-01"}.items() <= next(
        each for each in json.loads(typed("diff", ROOT, city, "--json"))["changed"] if each["number"] == "12329"
    ).items()
    assert "nothing changes" in typed("diff", city, city)


def test_diff_says_what_it_cannot_compare(city: Path) -> None:
    (city / "empty").mkdir()
    assert "there is none of lines.yaml" in typed("diff", city / "empty", city, code=1)
    assert "cannot be read" in typed("diff", city / "nowhere.yaml", city, code=1)
    assert "nothing is applied in" in typed("diff", "applied", city, code=1)
    changed(city, "skill: housing-fund", "skill: housing-found")
    assert "did you mean 'housing-fund'" in typed("diff", ROOT, city, code=2)


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "abc"),
        ("explain", ""),
        ("explain", "12345", "--caller", "abc"),
        ("call", "abc"),
        ("call", "12345", "--caller", "1390000x"),
        ("call", "12345", "--diversion", "hall"),
        ("call-out", "1001", "abc"),
        ("talk", "consult", "1001", "--number", "abc"),
    ],
)
def test_what_is_no_number_is_not_dialled_and_a_sentence_says_what_one_looks_like(
    words: tuple[str, ...], city: Path
) -> None:
    """`hotline call abc` rang an agent."""
    assert city.is_dir()
    wrong = words[1] if len(words) == 2 else words[-1]
    assert f"{wrong!r} is not a telephone number: write its digits, as 12345, 0310-12345" in typed(*words, code=2)


def test_a_number_may_be_typed_in_any_spelling(city: Path) -> None:
    assert city.is_dir()
    for spelling in ("0310 12345", "１２３４５", "0310-12345", "+86 (310) 12345"):
        assert "(12345), " in typed("explain", spelling)
    assert CALLER.convert("anonymous", None, None) == "anonymous"
    assert CALLER.convert("0310-12345", None, None) == "0310-12345"


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("explain", "12345"),
        ("prove",),
        ("diff", "config", "config"),
        ("prompts",),
        ("simulate",),
        ("staffing",),
        ("lines", "import", ROOT / "docs/local-lines.csv"),
    ],
)
def test_a_city_without_files_is_one_sentence(city: Path, words: tuple[object, ...]) -> None:
    shutil.rmtree(city / "config")
    said = typed(*words, code=1)
    assert said.startswith("Error: ")
    assert "cannot be read" in said
    assert said.count("\n") == 1


def test_a_file_that_is_named_is_the_one_that_its_faults_name(city: Path) -> None:
    mine = city / "mine.yaml"
    lines = (city / "config/lines.yaml").read_text("utf-8")
    mine.write_text(lines.replace("pool: safety", "pool: safty"), "utf-8")
    said = typed("check", mine, code=2)
    line = lines.partition("pool: safety")[0].count("\n") + 1
    assert f"{mine}:{line}:11: 'safty' is not the name of a pool; did you mean 'safety'?" in said
    mine.write_text(lines.replace("lines:\n", "lines: [\n"), "utf-8")
    said = typed("check", mine, code=2)
    assert re.match(rf"{mine}:\d+:3: this is not YAML", said)
    assert said.endswith("\n1 fault, 0 warnings\n"), "nothing is said of what hangs on it"


def test_a_state_directory_that_cannot_be_used_is_one_sentence(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_STATE", f"{city}/a,b")
    assert "has a ',' in its name" in typed("check", code=1)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HOTLINE_SIP_PORT", "abc", "it must be the number of a port"),
        ("HOTLINE_SIP_BIND", "everywhere", "it must be an IPv4 address"),
        ("HOTLINE_DEMO_AGENTS", "maybe", "it must be yes or no"),
    ],
)
def test_check_says_what_a_start_would_say_of_the_environment(
    city: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    assert "good" in typed("check")
    monkeypatch.setenv(variable, value)
    said = typed("check", code=1)
    assert f"{variable} is '{value}'" in said
    assert says in said


def test_an_arrival_that_is_no_number_is_refused(city: Path) -> None:
    said = typed("explain", "12345", "--arrival", "diverted", code=2)
    assert "'--arrival': 'diverted' is not a telephone number: write its digits, as 12345" in said
    assert said.endswith(", or direct.\n")
    assert "arrival 0310-12316" in typed("explain", "12345", "--arrival", "0310-12316")


def test_schema_is_written_once_and_held(city: Path) -> None:
    assert "is up to date" in typed("schema", "--test")
    (city / "config/lines.schema.json").unlink()
    assert "is not up to date: hotline schema" in typed("schema", "--test", code=1)
    assert "lines.schema.json is written" in typed("schema")
    typed("schema", "--test")


def test_lines_are_imported_when_asked_to_and_not_before(city: Path) -> None:
    table, lines = city / "local.csv", city / "config/lines.yaml"
    table.write_bytes(
        "号码,名称,简称,责任单位,停用日期\n3110002,某镇服务电话,某镇,市民政局,2021-11-01\n".encode("gb18030")
    )
    before = lines.read_bytes()
    said = typed("lines", "import", table)
    assert "+  - number: 3110002\n" in said
    assert "3110002: new, 某镇服务电话" in said
    assert "1 lines added, 0 changed; --write keeps it" in said
    assert lines.read_bytes() == before
    assert f"written to {lines}" in typed("lines", "import", table, "--write")
    assert lines.read_bytes().startswith(before)
    assert "number: 3110002" in typed("explain", "3110002") or "某镇服务电话" in typed("explain", "3110002")
    assert "0 lines added, 0 changed\n" in typed("lines", "import", table, "--write")


def test_a_file_that_is_written_anew_is_for_the_same_eyes_and_one_that_cannot_be_is_said(city: Path) -> None:
    table, lines = city / "local.csv", city / "config/lines.yaml"
    table.write_text("号码,名称,简称,责任单位,停用日期\n3110002,某镇服务电话,某镇,市民政局,2021-11-01\n", "utf-8")
    lines.chmod(0o640)
    typed("lines", "import", table, "--write")
    assert stat.S_IMODE(lines.stat().st_mode) == 0o640
    table.write_text("号码,名称,简称,责任单位,停用日期\n3110003,某乡服务电话,某乡,市民政局,2021-11-01\n", "utf-8")
    (city / "config/.lines.yaml.new").mkdir()
    said = typed("lines", "import", table, "--write", code=1)
    assert f"Error: {city}/config/.lines.yaml.new: Is a directory.\n" in said


def test_a_table_with_a_fault_changes_nothing(city: Path) -> None:
    table, lines = city / "local.csv", city / "config/lines.yaml"
    table.write_text("number,name\n12329,a\nxx,b\n", "utf-8")
    before = lines.read_bytes()
    said = typed("lines", "import", table, "--write", code=2)
    assert "local.csv, row 2, column number: 12329 is row 二.1 of the plan" in said
    assert "local.csv, row 3, column number: 'xx' is not a telephone number" in said
    assert "nothing was changed" in said
    assert lines.read_bytes() == before


def test_listed_callers_come_in_from_a_table_and_go_out_again_and_are_told_nowhere(city: Path) -> None:
    table, again, site = city / "callers.csv", city / "again.csv", city / "config/site.yaml"
    table.write_bytes("号码,优先,语种\n138-0013-8000,是,英语\n0311-8012345,是,无\n".encode("gb18030"))
    before = site.read_bytes()
    assert typed("callers", "export") == "number,priority,language\n"
    said = typed("callers", "import", table)
    assert said == "priority: 2 more, 0 fewer; english: 1 more, 0 fewer; --write keeps it\n"
    assert site.read_bytes() == before
    assert f": written to {site}" in typed("callers", "import", table, "--write")
    typed("check")
    assert "2 numbers written to" in typed("callers", "export", again)
    assert again.stat().st_mode & 0o077 == 0
    rows = "0311-8012345,yes,-\n13800138000,yes,english\n"
    assert again.read_text() == typed("callers", "export") == f"number,priority,language\n{rows}"
    listed = site.read_bytes()
    assert "0 more, 0 fewer\n" in typed("callers", "import", again, "--write")
    assert site.read_bytes() == listed
    again.write_text("number,priority,language\n13800138000,no,-\n03118012345,no,\n")
    typed("callers", "import", again, "--write")
    assert site.read_bytes() == before


def test_a_table_of_callers_with_a_fault_changes_nothing_and_a_file_that_cannot_be_written_is_said(city: Path) -> None:
    table, site = city / "callers.csv", city / "config/site.yaml"
    table.write_text("number,priority\nxx,yes\n13800138000,perhaps\n", "utf-8")
    before = site.read_bytes()
    said = typed("callers", "import", table, "--write", code=2)
    assert "callers.csv, row 2, column number: 'xx' is not a telephone number" in said
    assert "callers.csv, row 3, column priority: 'perhaps' is neither yes nor no" in said
    assert site.read_bytes() == before
    assert "cannot be written: No such file" in typed("callers", "export", city / "nowhere/callers.csv", code=1)
    site.write_text("site: {}")
    assert "site.yaml:1:7" in typed("callers", "export", code=1)


@pytest.mark.parametrize("words", [(), ("talk",), ("accounts",), ("callbacks",)])
def test_the_help_says_of_each_command_a_whole_clause(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each was cut off after 45 letters."""
    monkeypatch.setenv("COLUMNS", "80")
    listed = typed(*words, "--help").partition("Commands:")[2]
    assert listed.count("\n") > 3
    assert "..." not in listed.replace("power, ...", "")


def test_what_is_not_there_is_said_without_the_numbers_of_the_system(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Nothing was ever applied in" in typed("history")
    monkeypatch.setenv("HOTLINE_CONFIG", str(city / "nowhere"))
    assert (
        typed("check", code=1)
        == f"Error: {city}/nowhere/config/lines.yaml cannot be read: No such file or directory.\n"
    )
