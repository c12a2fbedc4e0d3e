"""Applied versions on a real disk, and prompts that must not be played."""

import io
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from ivr import loudness, prompts
from ivr.commands import apply
from ivr.commands.prompts import faults
from ivr.edge import files, snapshots, sounds
from ivr.edge.applied import History
from ivr.errors import Trouble
from ivr.house import ladder
from ivr.house.house import House
from ivr.house.report import Report
from ivr.house.settings import Settings, read_sources, to_open
from ivr.main import main
from ivr.snapshot import Snapshot
from routing.config import Config, ConfigFaults, Mode, build, check, render
from routing.ids import PromptId
from routing.prompts import Prompt, file_of
from tests.reading import ROOT

SOURCES = {"lines.yaml": "lines:\n  - 线\n", "site.yaml": "site: 1\n"}
SECOND = np.sin(np.arange(prompts.RATE) * 0.6) * 0.3
WHISPER, GREETING = PromptId("whisper-12345"), PromptId("greeting-12345")


def test_each_version_is_kept_with_who_when_and_how(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.latest() is None
    one = history.add(SOURCES, at="2021-09-15T01:00:00+00:00", who="王", how="start")
    again = history.add(SOURCES, at="2021-09-15T02:00:00+00:00", who="李", how="start")
    other = history.add(SOURCES | {"site.yaml": "site: 2\n"}, at="2021-09-15T03:00:00+00:00", who="李", how="reload")
    assert (one.number, again, other.number) == (1, one, 2)
    assert History(tmp_path).versions() == [one, other]
    assert history.sources(1) == SOURCES
    assert history.sources(2)["site.yaml"] == "site: 2\n"
    with pytest.raises(Trouble, match="there are 1 to 2"):
        history.sources(3)


def test_a_version_that_was_never_finished_is_none(tmp_path: Path) -> None:
    history = History(tmp_path)
    (tmp_path / "applied" / ".new").mkdir(parents=True)
    (tmp_path / "applied" / ".new" / "lines.yaml").write_text("half a")
    assert history.versions() == []
    history.add(SOURCES, at="2021-09-15T01:00:00+00:00", who="王", how="start")
    assert history.sources(1) == SOURCES


def test_the_history_shows_what_a_version_changed(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(SOURCES, at="2021-09-15T01:00:00+00:00", who="王", how="start")
    history.add(SOURCES | {"site.yaml": "site: 2\n"}, at="2021-09-15T03:00:00+00:00", who="李", how="reload")
    runner = CliRunner(env={"HOTLINE_STATE": str(tmp_path), "COLUMNS": "120"})
    shown = runner.invoke(main, ["history"])
    assert shown.exit_code == 0, shown.output
    assert [word in shown.output for word in ("2021-09-15 11:00:00", "李", "+1 -1")] == [True] * 3
    change = runner.invoke(main, ["history", "2"]).output
    assert change.splitlines()[2:] == ["@@ -1 +1 @@", "-site: 1", "+site: 2"]
    lost = runner.invoke(main, ["history", "7"])
    assert lost.exit_code == 1
    assert "no version 7 was ever applied here" in lost.output


def test_a_file_is_replaced_whole_and_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.conf"
    files.write(path, b"one")
    files.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="directory"):
        files.write(tmp_path / "nowhere" / "file", b"")


@pytest.mark.parametrize(
    ("prompt", "samples", "fault"),
    [
        (GREETING, SECOND, ""),
        (GREETING, SECOND * 0.001, "it is silent"),
        (GREETING, np.zeros(8000), "it is silent"),
        (GREETING, np.zeros(0), "it is silent"),
        (GREETING, np.clip(SECOND * 20, -1, 1), "it is clipped"),
        (GREETING, np.tile(SECOND, 31), "it is 31.0 s long, and 30 s is the most"),
        (WHISPER, np.tile(SECOND, 2)[: prompts.SHORT_MS * 8], ""),
        (WHISPER, np.tile(SECOND, 2), "it is 2.0 s long, and 1.9 s is the most"),
        (WHISPER, np.tile(SECOND, 3), "it is 3.0 s long, and 1.9 s is the most"),
    ],
)
def test_a_sound_that_must_not_be_played_says_why(prompt: PromptId, samples: prompts.Samples, fault: str) -> None:
    found = list(loudness.faults(prompt, loudness.measure(samples, prompts.RATE)))
    assert [text.startswith(fault) for text in found] == ([True] if fault else []), found


def test_loudness_is_that_of_the_speech_and_not_of_the_pauses() -> None:
    tone = np.sin(2 * np.pi * 400 * np.arange(8000) / 8000) * 0.1
    sound = loudness.measure(np.concatenate([tone, np.zeros(24000)]), 8000)
    assert (sound.ms, sound.clipped) == (4000, 0)
    assert sound.dbfs == pytest.approx(-23, abs=0.2)


def test_prompts_are_listened_to_where_there_is_a_sound(tmp_path: Path) -> None:
    folder, recordings = tmp_path / "prompts", tmp_path / "recordings"
    folder.mkdir()
    recordings.mkdir()
    names = [PromptId(name) for name in ("voiced", "recorded", "broken", "gone", "new")]
    (folder / "voiced.wav").write_bytes(prompts.wav(SECOND))
    (folder / "recorded.wav").write_bytes(prompts.wav(SECOND))
    (folder / "made.json").write_text('{"gone": {"key": "", "ms": 5}}')
    (recordings / "recorded.wav").write_bytes(prompts.wav(np.zeros(8000)))
    (recordings / "broken.wav").write_bytes(b"RIFF of something else")
    told = [Prompt(name, "", "") for name in names]
    heard = {piece.id: piece for piece in sounds.listen(told, folder, recordings)}
    assert [heard[name].origin for name in names] == ["voice", "recording", "recording", "none", "none"]
    assert [len(heard[name].faults) for name in names] == [0, 1, 1, 1, 0]
    assert "it is silent" in heard[PromptId("recorded")].faults[0]
    assert "cannot be read" in heard[PromptId("broken")].faults[0]
    assert "it is missing" in heard[PromptId("gone")].faults[0]


def test_a_sound_that_many_prompts_share_is_told_once(tmp_path: Path) -> None:
    folder, recordings = tmp_path / "prompts", tmp_path / "recordings"
    head, digit, broken = (PromptId(piece) for piece in ("“您好，”", "“三”", "“幺”"))
    (folder / "pieces").mkdir(parents=True)
    (recordings / "pieces").mkdir(parents=True)
    for sound, samples in ((head, SECOND), (digit, np.tile(SECOND, 15)), (broken, np.zeros(8000))):
        (folder / f"{file_of(sound)}.wav").write_bytes(prompts.wav(samples))
    (recordings / f"{file_of(head)}.wav").write_bytes(prompts.wav(np.tile(SECOND, 2)))
    said = [
        Prompt(PromptId(name), "", "", pieces=pieces)
        for name, pieces in (
            ("cancelled-3", (head, digit)),
            ("cancelled-33", (head, digit, digit)),
            ("cancelled-1", (head, broken)),
            ("cancelled-2", (head, PromptId("“二”"))),
        )
    ]
    heard = list(sounds.listen(said, folder, recordings))
    assert [(piece.id, piece.origin, piece.sound and piece.sound.ms) for piece in heard] == [
        ("cancelled-3", "pieces", 17_000),
        ("cancelled-33", "pieces", 32_000),
        ("cancelled-1", "pieces", 3_000),
        ("cancelled-2", "none", None),
        (head, "recording", 2_000),
        (digit, "voice", 15_000),
        (broken, "voice", 1_000),
        ("“二”", "none", None),
    ]
    told = sounds.told(heard)
    assert [line.partition(": ")[0] for line in told] == ["cancelled-33", broken]
    assert "it is 32.0 s long, and 30 s is the most" in told[0]
    assert "it is silent" in told[1]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city whose greeting was recorded with the microphone off."""
    for name in ("config", "recordings"):
        shutil.copytree(ROOT / name, tmp_path / "city" / name)
    (tmp_path / "city" / "recordings" / "greeting-12345.wav").write_bytes(prompts.wav(np.zeros(8000)))
    return tmp_path / "city"


@pytest.mark.parametrize("command", ["check", "prompts"])
def test_a_silent_recording_is_a_fault(command: str, city: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"HOTLINE_STATE": str(tmp_path / "state"), "HOTLINE_CONFIG": str(city), "COLUMNS": "200"})
    found = runner.invoke(main, [command])
    assert found.exit_code == 2, found.output
    assert "greeting-12345: " in found.output
    assert "it is silent" in found.output


def test_every_prompt_is_listed_with_its_use(city: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"HOTLINE_STATE": str(tmp_path / "state"), "HOTLINE_CONFIG": str(city)})
    found = msgspec.json.decode(runner.invoke(main, ["prompts", "--json"]).stdout)
    listed = {each["id"]: each for each in found}
    assert (listed["greeting-12345"]["origin"], listed["greeting-12345"]["ms"]) == ("recording", 1000)
    assert listed["agent-1001"] == listed["agent-1001"] | {"origin": "none", "used": ["agent 1001"], "faults": []}
    assert listed["whisper-12329"]["used"] == ["12329"]
    assert listed["‹公交›"]["used"] == ["8000001"]
    assert listed["‹公交›"]["text"] == f"公交 ({file_of(PromptId('‹公交›'))})"
    assert listed["“零”"]["used"] == ["96300", "8000001", "8000002", "13900000310", "seats' phones", "agents of ranges"]
    assert [each["id"] for each in found if not each["used"]] == []


def test_a_cancelled_number_that_comes_back_is_a_fault_against_what_was_applied(city: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "snapshot").mkdir(parents=True)
    (city / "recordings" / "greeting-12345.wav").unlink()
    sources = read_sources(city)
    now = sources["site.yaml"].replace("rehearsal: 2021-09-15T09:00", "rehearsal: 2022-03-01T09:00")
    applied = build(sources | {"site.yaml": now})
    snapshots.write(state, Snapshot(sources, version=1), applied)
    runner = CliRunner(env={"HOTLINE_STATE": str(state), "HOTLINE_CONFIG": str(city)})
    assert runner.invoke(main, ["check"]).exit_code == 0
    path = city / "config" / "lines.yaml"
    before, after = path.read_text().split("- number: 12349\n")
    cancelled = f"    cancel_on: {applied.lines['12349'].cancel_on}\n"
    assert cancelled in after
    path.write_text(f"{before}- number: 12349\n{after.replace(cancelled, '', 1)}")
    found = runner.invoke(main, ["check"])
    assert found.exit_code == 2, found.output
    assert "12349" in found.output


@pytest.fixture
def state(city: Path, tmp_path: Path) -> Path:
    """Where the city's files were applied as version 1, on a day on which 12349 was out of use already."""
    state = tmp_path / "state"
    (state / "snapshot").mkdir(parents=True)
    path = city / "config" / "site.yaml"
    path.write_text(path.read_text().replace("rehearsal: 2021-09-15T09:00", "rehearsal: 2022-03-01T09:00"))
    sources = read_sources(city)
    snapshots.write(state, Snapshot(sources, version=1), build(sources))
    return state


def mistyped(lines: str) -> str:
    return lines.replace("skill: housing-fund", "skill: housing-found", 1)


def restored(lines: str) -> str:
    """12349 is kept after all."""
    before, entry = lines.split("- number: 12349\n")
    entry = entry.replace("number_kept: no", "number_kept: yes", 1)
    return f"{before}- number: 12349\n" + re.sub(r" +cancel_on: .*\n", "", entry, count=1)


@pytest.mark.parametrize(
    ("edit", "fault"), [(mistyped, "did you mean 'housing-fund'?"), (restored, "12349 was cancelled on 2021-11-01")]
)
def test_a_start_with_faulty_files_says_so_and_opens_with_what_was_applied(
    edit: Callable[[str], str], fault: str, city: Path, state: Path
) -> None:
    environ = {"HOTLINE_CONFIG": str(city)}
    given, none = to_open(state, None, environ)
    assert (given.sources, none) == (read_sources(city), ())
    path = city / "config" / "lines.yaml"
    path.write_text(edit(path.read_text()))
    opens, faults = to_open(state, None, environ)
    assert (opens.sources, opens.config) == (given.sources, given.config)
    assert fault in render(faults)


def test_a_first_start_with_faulty_files_is_refused(city: Path, tmp_path: Path) -> None:
    path = city / "config" / "lines.yaml"
    path.write_text(mistyped(path.read_text()))
    with pytest.raises(ConfigFaults, match="did you mean"):
        to_open(tmp_path / "state", None, {"HOTLINE_CONFIG": str(city)})


async def test_a_start_says_which_recording_must_not_be_played_and_has_it_read(city: Path, tmp_path: Path) -> None:
    sources = read_sources(city)
    config = build(sources)
    site = msgspec.structs.replace(config.site, mode=Mode.PRODUCTION, rehearsal=None)
    alone = Config(site, config.lines, {GREETING: config.prompts[GREETING]})
    (tmp_path / "state" / "prompts").mkdir(parents=True)
    said = io.StringIO()
    settings = Settings(
        root=ROOT, state=tmp_path / "state", sources=sources, config=alone, ports={}, at=None, database="", city=city
    )
    report = Report(Console(file=said, width=400))
    with report.step("Prompts") as step:
        async with ladder.prompts(House(settings, report), step):
            pass
    fault = f"greeting-12345: {city}/recordings/greeting-12345.wav: it is silent"
    assert fault in said.getvalue()
    assert [line for line in faults(alone, settings.state, city) if line.startswith(fault)], "as check says it"
    made = settings.state / "prompts" / "greeting-12345.wav"
    assert not list(loudness.faults(GREETING, loudness.measure(*prompts.samples_of(made.read_bytes()))))


def test_without_a_house_there_is_nothing_to_reload(tmp_path: Path) -> None:
    told = CliRunner(env={"HOTLINE_STATE": str(tmp_path)}).invoke(main, ["reload"])
    assert told.exit_code == 1
    assert "no house is open in" in told.output


def test_a_reload_says_a_warning_once_and_not_again_with_each_change(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The announcement of the longest number is a little too long in the city's own files: each reload said so."""
    (city / "recordings" / "greeting-12345.wav").unlink()
    sources = read_sources(city)
    settings = Settings(
        root=ROOT, state=tmp_path, sources=sources, config=build(sources), ports={}, at=None, database="", city=city
    )
    assert any(fault.is_warning for fault in check(sources)), "there is one"
    house = House(settings, Report())
    apply._checked(sources, house)
    moved = "\n\n" + sources["prompts.yaml"].replace("您好，系统繁忙，", "系统繁忙，")
    apply._checked(sources | {"prompts.yaml": moved}, house)
    assert capsys.readouterr() == ("", "")
    slower = sources["site.yaml"].replace("  ring_for: 6 s", "  ring_for: 8 s")
    apply._checked(sources | {"site.yaml": slower}, house)
    assert "with an agent's phone ringing for 8 s" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        apply._checked(sources | {"lines.yaml": mistyped(sources["lines.yaml"])}, house)
    told = capsys.readouterr().err
    assert "did you mean 'housing-fund'?" in told
    assert "1 fault, 0 warnings" in told
