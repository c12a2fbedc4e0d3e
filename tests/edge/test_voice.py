"""Prompts: text to sound, made once, alike in loudness and unlike in samples."""

import asyncio
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from ivr import prompts
from ivr.edge import voice
from ivr.town.audio import hears, longest_silence, read_wav
from routing.ids import PromptId
from routing.prompts import PAUSE_MS, file_of

pytestmark = pytest.mark.slow  # the voice speaks for seconds

TEXTS = {
    PromptId("greeting-12345"): "您好，邯郸幺二三四五，通话将被录音。",
    PromptId("greeting-12329"): "您好，公积金热线为您服务，通话将被录音。",
    PromptId("greeting-12350"): "您好，安全生产热线为您服务，通话将被录音。",
    PromptId("agent-1001"): "工号幺零零幺为您服务",
    PromptId("whisper-12350"): "安全生产举报投诉",
    **{PromptId(piece): piece[1:-1] for piece in ("“您好，”", "“您好”", "“三”", "‹农村危房改造和抗震加固补助›")},
}
PIECES = [name for name in TEXTS if name[0] in "“‹"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space, and every prompt of `TEXTS` in it."""
    made: Path = tmp_path_factory.mktemp("with a space")
    asyncio.run(voice.render(TEXTS, made))
    return made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("您好，请长按。", "nin2 hao3 , qing3 chang2 an4 ."),
        ("工号1001", "gong1 hao4 yao1 ling2 ling2 yao1"),
        ("旅游女士", "lü3 you2 nü3 shi4"),
        ("请不要挂机", "qing3 bu2 yao4 gua4 ji1"),
        ("银行重新行政", "yin2 hang2 chong2 xin1 xing2 zheng4"),
    ],
)
def test_text_is_read_word_by_word_and_digits_one_by_one(text: str, words: str) -> None:
    assert prompts.pinyin(text) == words


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("您好。 Hello, this is 12345.", [("zh", "nin2 hao3 ."), ("en", "Hello, this is 1 2 3 4 5.")]),
        ("您好\nWe are here.\n再见", [("zh", "nin2 hao3"), ("en", "We are here."), ("zh", "zai4 jian4")]),
        ("你好。", [("zh", "ni3 hao3 .")]),
        ("Good day", [("en", "Good day")]),
    ],
)
def test_a_text_in_two_languages_is_read_in_both(text: str, parts: list[tuple[str, str]]) -> None:
    assert prompts.passages(text) == parts


async def test_the_second_language_is_heard_after_the_first(tmp_path: Path) -> None:
    one, both = PromptId("transfer-1"), PromptId("transfer-2")
    english = "We are connecting you to the immigration hotline."
    lengths = await voice.render({one: "您好，正在为您转接。", both: f"您好，正在为您转接。 {english}"}, tmp_path)
    assert 1500 < lengths[both] - lengths[one] < 5000


def test_every_prompt_is_a_telephone_wav_of_the_length_that_is_told(folder: Path) -> None:
    lengths = voice.lengths(folder)
    assert set(lengths) == {*TEXTS, *voice.MADE_HERE}
    for name in TEXTS:
        samples, rate = prompts.samples_of((folder / f"{file_of(name)}.wav").read_bytes())
        assert rate == prompts.RATE
        assert lengths[name] == len(samples) * 1000 // rate
        assert 0.5 < np.abs(samples).max() <= 1 or prompts.limit_ms(name)
        assert longest_silence(read_wav(folder / f"{file_of(name)}.wav")) <= 0.5


def test_what_somebody_waits_through_is_short(folder: Path) -> None:
    lengths = voice.lengths(folder)
    assert 500 < lengths[PromptId("agent-1001")] <= prompts.SHORT_MS
    assert 500 < lengths[PromptId("whisper-12350")] <= prompts.SHORT_MS


def test_a_piece_pauses_where_its_text_does_and_a_short_name_is_never_long(folder: Path) -> None:
    lengths = voice.lengths(folder)
    assert lengths[PromptId("“您好，”")] == lengths[PromptId("“您好”")] + PAUSE_MS
    assert lengths[PromptId("“三”")] < 600
    assert lengths[PIECES[-1]] <= prompts.SHORT_MS


def test_speech_is_at_the_level_of_a_telephone_line(folder: Path) -> None:
    for name in TEXTS:
        samples, _ = prompts.samples_of((folder / f"{file_of(name)}.wav").read_bytes())
        frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
        power = np.sqrt(np.mean(frames**2, axis=1))
        active = power[power > power.max() / 60]
        assert -21 < 20 * np.log10(np.sqrt(np.mean(active**2))) < -17


def test_no_prompt_is_taken_for_another_though_they_share_most_words(folder: Path) -> None:
    sounds = {name: read_wav(folder / f"{name}.wav") for name in TEXTS if name not in PIECES}
    for name, sound in sounds.items():
        for other, samples in sounds.items():
            match = hears(sound, samples).correlation
            assert match > 0.99 if other == name else match < 0.3, (name, other)


async def test_what_is_made_is_not_made_again_until_it_changes(folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(folder, tmp_path / "copy")
    told: list[tuple[int, int]] = []
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}
    await voice.render(TEXTS, folder, progress=lambda done, of: told.append((done, of)))
    assert told == [(12, 12)]
    await voice.render({**TEXTS, PromptId("agent-1001"): "工号幺零零二为您服务"}, folder)
    changed = {path.stem for path in before if path.stat().st_mtime_ns != before[path]}
    assert changed == {"agent-1001"}


async def test_a_studio_recording_wins(tmp_path: Path) -> None:
    studio = tmp_path / "recordings"
    studio.mkdir()
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(prompts.RATE) / prompts.RATE)
    (studio / "greeting-12345.wav").write_bytes(prompts.wav(tone))
    await voice.render({PromptId("greeting-12345"): "您好"}, tmp_path / "made", recordings=studio)
    match = hears(read_wav(tmp_path / "made/greeting-12345.wav"), read_wav(studio / "greeting-12345.wav"))
    assert match.correlation > 0.99


COPY = "shutil.copy(sys.argv[2], sys.argv[3])"


async def test_the_citys_own_voice_is_asked_and_its_failure_told(tmp_path: Path) -> None:
    copy = [sys.executable, "-c", "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"]
    source = tmp_path / "source.wav"
    source.write_bytes(prompts.wav(0.2 * np.sin(np.arange(8000))))
    made = await voice.render({PromptId("greeting-1"): "好"}, tmp_path / "a", command=[*copy, str(source), "{wav}"])
    assert 900 < made[PromptId("greeting-1")] <= 1100
    with pytest.raises(voice.VoiceFailed, match="no-such-file"):
        await voice.render({PromptId("greeting-1"): "好"}, tmp_path / "b", command=[*copy, "no-such-file", "{wav}"])


async def test_a_text_is_a_text_to_the_citys_own_voice_and_none_of_its_options(tmp_path: Path) -> None:
    program = f"import shutil, sys; print(sys.argv[1], file=open({str(tmp_path / 'given')!r}, 'w')); {COPY}"
    source = tmp_path / "source.wav"
    source.write_bytes(prompts.wav(0.2 * np.sin(np.arange(8000))))
    command = [sys.executable, "-c", program, "{text}", str(source), "{wav}"]
    await voice.speak(PromptId("broadcast-1"), "--file=/etc/passwd", tmp_path, command)
    assert (tmp_path / "given").read_text() == " --file=/etc/passwd\n"


def test_music_never_falls_silent_and_has_no_seam() -> None:
    music = prompts.music(4)
    assert longest_silence((np.concatenate([music, music]) * 32767).astype(np.int16)) < 0.1
    assert abs(music[0] - music[-1]) < 0.05
    assert np.abs(music).max() < 0.5
