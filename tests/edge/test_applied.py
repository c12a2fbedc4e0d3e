"""Applied versions on a real disk, and prompts that must not be played."""

import stat
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ivr import loudness, prompts
from ivr.edge import files, sounds
from ivr.edge.applied import History
from ivr.errors import Trouble
from ivr.main import main
from routing.ids import PromptId

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
        (WHISPER, np.tile(SECOND, 2), ""),
        (WHISPER, np.tile(SECOND, 3), "it is 3.0 s long, and 2 s is the most"),
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
    heard = {piece.id: piece for piece in sounds.listen(names, folder, recordings)}
    assert [heard[name].origin for name in names] == ["voice", "recording", "recording", "none", "none"]
    assert [len(heard[name].faults) for name in names] == [0, 1, 1, 1, 0]
    assert "it is silent" in heard[PromptId("recorded")].faults[0]
    assert "cannot be read" in heard[PromptId("broken")].faults[0]
    assert "it is missing" in heard[PromptId("gone")].faults[0]
