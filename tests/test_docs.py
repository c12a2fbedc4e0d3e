"""What the documents say, held: commands run, answers are exact, excerpts exist, tables are complete."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.call import Way
from ivr.facts import Heard, Outcome, Party, Stage
from ivr.figures import NAMES, TERMS
from ivr.house.settings import VARIABLES
from ivr.ledger import STEPS
from ivr.main import main
from routing.config import check
from routing.lines import AnsweredBy, Phase
from routing.plan import Kind
from routing.tickets import AgentState, Refusal
from tests.reading import ROOT
from tests.routing.sources import ours

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A command in a `console` block, and the answer that stands under it; empty: none is shown."""

    document: str
    command: str
    answer: str


def blocks(path: Path, kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return [text for found, text in BLOCK.findall(path.read_text(encoding="utf-8")) if found == kind]


def shown() -> Iterator[Shown]:
    """Every `$ command` of every `console` block."""
    for path in DOCUMENTS:
        for block in blocks(path, "console"):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, answer = part.partition("\n")
                yield Shown(path.name, command, answer.strip())


def names_of_commands(path: Path) -> set[str]:
    """What a document tells its reader to type: `hotline explain`, `scripts/run`, and the variables."""
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r"hotline [a-z][a-z-]*(?= |`|$)|scripts/\w+|HOTLINE_\w+|DATABASE_URL|--[a-z]+", text))


@pytest.mark.parametrize("example", list(shown()), ids=lambda example: f"{example.document}: {example.command}")
def test_a_command_that_is_shown_runs_and_answers_so(
    example: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *arguments = shlex.split(example.command)
    if program != "hotline":
        assert (ROOT / program).exists()
        return
    alone = {"check", "explain", "prove", "diff"}
    assert arguments[0] in alone, "only these can be run without a house: show the others as text"
    monkeypatch.setenv("HOTLINE_STATE", str(tmp_path))
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 0, ran.output
    if example.answer:
        assert [line.rstrip() for line in ran.output.strip().splitlines()] == example.answer.splitlines()


def test_both_readmes_name_the_same_commands_and_every_one_there_is() -> None:
    assert names_of_commands(ENGLISH) == names_of_commands(CHINESE)
    visible = {f"hotline {name}" for name, command in main.commands.items() if not command.hidden}
    assert visible <= names_of_commands(ENGLISH)
    assert {*VARIABLES.values(), "HOTLINE_STATE", "DATABASE_URL"} <= names_of_commands(ENGLISH)


def test_both_readmes_show_the_same_examples() -> None:
    for kind in ("console", "yaml"):
        assert blocks(ENGLISH, kind) == blocks(CHINESE, kind)


def test_every_excerpt_of_the_configuration_is_in_it() -> None:
    files = [(ROOT / "config" / name).read_text(encoding="utf-8") for name in ("lines.yaml", "site.yaml")]
    for path in DOCUMENTS:
        for excerpt in blocks(path, "yaml"):
            assert any(excerpt in text for text in files), f"{path.name}: {excerpt}"


def test_the_carriers_that_deploy_shows_are_taken_by_check() -> None:
    (shown_,) = blocks(ROOT / "docs" / "deploy.md", "yml")
    site = ours()["site.yaml"]
    for section in ("network", "trunks"):
        site = re.sub(rf"\n{section}:\n([ #].*\n|\n)+", "\n", site)
    for old, new in (("mode: demo", "mode: production"), ("trunks: [town]", "trunks: [telecom, unicom]")):
        assert old in site
        site = site.replace(old, new)
    site = re.sub(r"  rehearsal: .*\n", "", site)
    faults = [fault for fault in check({**ours(), "site.yaml": f"{site}\n{shown_}"}) if not fault.is_warning]
    assert not faults


def test_every_link_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", path.read_text(encoding="utf-8")):
            assert "://" in link or (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_steps_are_those_of_the_ledger() -> None:
    table = re.findall(
        r"^\| `([^`]+)` \| (.+) \|$", (ROOT / "docs" / "steps.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    repeated = {name: re.fullmatch(r"(:<\w+>)  (.+)", meaning) for name, meaning in STEPS.items()}
    assert table == [(name + each[1], each[2]) if each else (name, STEPS[name]) for name, each in repeated.items()]


def test_every_figure_is_explained_once_and_in_order() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(\w+)` \|", text.partition("## Prometheus")[0], re.MULTILINE)
    assert sorted(explained) == sorted(NAMES)
    assert explained[: len(TERMS) + 1] == ["offered", *TERMS]


def test_every_column_of_a_call_is_in_the_glossary() -> None:
    steps = sorted((ROOT / "ivr" / "migrations" / "versions").glob("*.sql"))
    sql = "\n".join(path.read_text(encoding="utf-8") for path in steps)
    tables = re.findall(r"^(?:create table calls \(|alter table calls$)(.*?)\)?;$", sql, re.MULTILINE | re.DOTALL)
    assert len(tables) >= 2
    typed = r"^    (?:add column )?(\w+) (?:text|integer|bigint|timestamptz)"
    columns = re.findall(typed, "\n".join(tables), re.MULTILINE)
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert columns
    assert not [column for column in columns if f"`{column}`" not in glossary]


@pytest.mark.parametrize("words", [AgentState, AnsweredBy, Heard, Kind, Outcome, Party, Phase, Refusal, Stage, Way])
def test_every_word_that_is_stored_or_shown_is_in_the_glossary(words: type[StrEnum]) -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert not [str(word) for word in words if f"`{word}`" not in glossary]
