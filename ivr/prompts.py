"""From a prompt's text to its samples, but for the voice itself: pinyin, pace, level, and music on hold.

Pure: arrays and values in and out.  `ivr.edge.voice` owns the synthesiser, the files and the cache.
"""

import io
import re
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from routing.ids import PromptId
from routing.prompts import NAME, PAUSE_MS, PAUSES, words

Samples = NDArray[np.float64]
"""Mono, -1.0 to 1.0."""

RATE = 8000
ACTIVE_DBFS = -19.0
"""Level of speech while somebody speaks."""

MUSIC_DBFS = -27.0
SHORT_MS = 1900
"""A whisper, or an agent's number: both are heard by somebody who wants to talk, and does within 2 s of the answer."""

LONGEST_PAUSE_MS = 300
_FRAME = RATE // 50

READINGS = {
    "长按": ("cháng", "àn"),
    "重拨": ("chóng", "bō"),
    "转接": ("zhuǎn", "jiē"),
    "转回": ("zhuǎn", "huí"),
    "一下": ("yí", "xià"),
    "一个": ("yí", "gè"),
    "不在": ("bú", "zài"),
    "不是": ("bú", "shì"),
    "不要": ("bú", "yào"),
    "不会": ("bú", "huì"),
    "还未": ("hái", "wèi"),
    "工号": ("gōng", "hào"),
    "座席": ("zuò", "xí"),
}
"""Words that the dictionary reads wrongly, or without the change of tone that speech makes."""

PUNCTUATION = {
    "，": ", ",
    "、": ", ",
    "：": ", ",
    "；": ", ",
    "。": ". ",
    "！": ". ",
    "？": "? ",
    "（": ", ",
    "）": ", ",
    "“": "",
    "”": "",
}
DIGITS = str.maketrans("0123456789", "零幺二三四五六七八九")


@cache
def _pinyin() -> ModuleType:
    """The dictionary: 0.2 s to load, so whoever only plays prompts, as a restarted controller, does without."""
    dictionary = import_module("pypinyin")
    dictionary.load_phrases_dict({word: [[reading] for reading in readings] for word, readings in READINGS.items()})
    return dictionary


def pinyin(text: str) -> str:
    """`text` in numbered pinyin, word by word as a Mandarin voice wants it; digits one by one."""
    dictionary = _pinyin()
    syllables = dictionary.lazy_pinyin(
        text.translate(DIGITS),
        style=dictionary.Style.TONE3,
        neutral_tone_with_five=True,
        v_to_u=True,
        errors=_punctuation,
    )
    return " ".join(" ".join(syllables).split())


def _punctuation(text: str) -> str:
    return "".join(PUNCTUATION.get(character, character) for character in text)


CHINESE, ENGLISH = "zh", "en"
_ENGLISH = re.compile(r"[A-Za-z]+[^\u3400-\u9fff，。、；：？！“”]*\s[A-Za-z][^\u3400-\u9fff，。、；：？！“”]*")
"""Two words and more in Latin letters; a single one belongs to the Chinese around it."""

BETWEEN_MS = 250
"""Silence between two languages."""


def passages(text: str) -> list[tuple[str, str]]:
    """`text` cut where its language changes: for each part the language, and what the voice reads there.

    Chinese as numbered pinyin, English with every digit by itself.
    """
    found: list[tuple[str, str]] = []
    end = 0
    for match in _ENGLISH.finditer(text):
        found.append((CHINESE, pinyin(text[end : match.start()])))
        found.append((ENGLISH, re.sub(r"(?<=\d)(?=\d)", " ", " ".join(match[0].split()))))
        end = match.end()
    found.append((CHINESE, pinyin(text[end:])))
    return [(language, words) for language, words in found if words]


@dataclass(frozen=True)
class Manner:
    """How the voice reads one prompt.

    `words` a minute (about), `pitch` 0 to 99, how its tune sways (each 0 to 1), and the language.
    """

    words: int
    pitch: int
    sway: tuple[float, ...] = ()
    language: str = CHINESE


IN_PIECES = Manner(232, 50)
"""One manner for all pieces: they are heard one after another."""


def manner(prompt: PromptId) -> Manner:
    """A manner of its own for each prompt that is one sound, within what sounds like one person.

    Many prompts share most of their words.  Read alike they would also share their samples, and neither a test nor an
    engineer with a recording could tell one from another by its sound.
    """
    if words(prompt) is not None:
        return IN_PIECES
    digest = sha256(prompt.encode()).digest()
    return Manner(190 + digest[0] % 30, 32 + digest[1] % 40, tuple(byte / 256 for byte in digest[2:8]))


SWAY = 0.012
"""How far each of the sways goes, as a part of the pitch: about a fifth of a semitone."""


def sway(samples: Samples, how: Manner) -> Samples:
    """The tune a little up and down, a few times a second, as a living voice does."""
    t = np.arange(len(samples)) / RATE
    late = np.zeros(len(samples))
    for n, (phase, pace) in enumerate(zip(how.sway[::2], how.sway[1::2], strict=True)):
        hertz = 1.3 + 1.4 * n + pace
        late += SWAY / (2 * np.pi * hertz) * np.sin(2 * np.pi * (hertz * t + phase))
    return np.asarray(np.interp(t + late, t, samples), np.float64)


def limit_ms(prompt: PromptId) -> int:
    """How long a sound may be; 0 where it may be as long as its text.  A line's short name is whispered, too."""
    return SHORT_MS if prompt.startswith(("whisper-", "agent-", NAME[0])) else 0


def breathe(prompt: PromptId, samples: Samples) -> Samples:
    """With the pause that a piece's first or last comma asks for: the voice makes none at an end."""
    said, pause = words(prompt) or "", np.zeros(PAUSE_MS * RATE // 1000)
    before, after = (said[at : at + 1 or None] in PAUSES for at in (0, -1)) if said else (False, False)
    return np.concatenate([pause[: before * len(pause)], samples, pause[: after * len(pause)]])


def read(prompt: PromptId, text: str, voice: Callable[[str, Manner], tuple[Samples, int]]) -> Samples:
    """`text` read by `voice` (words, manner -> samples, rate), shaped for the telephone and to its limit."""
    how, parts, longest = manner(prompt), passages(text), limit_ms(prompt)
    for _ in range(8):
        spoken = [telephone(*voice(words, replace(how, language=language))) for language, words in parts]
        samples = shape(sway(_one_after_another(spoken), how))
        if not longest or len(samples) * 1000 <= longest * RATE:
            break
        excess = len(samples) * 1000 / (longest * RATE)
        how = replace(how, words=int(how.words * max(excess, 1.02)) + 4)
    else:
        samples = samples[: longest * RATE // 1000]
    return breathe(prompt, samples)


def _one_after_another(parts: list[Samples]) -> Samples:
    gap = np.zeros(BETWEEN_MS * RATE // 1000)
    joined = [piece for part in parts for piece in (part, gap)][:-1]
    return np.concatenate(joined) if joined else gap[:0]


def shape(samples: Samples) -> Samples:
    """Trimmed, without long pauses, levelled, softly limited."""
    return level(shorten(trim(samples)), ACTIVE_DBFS)


def telephone(samples: Samples, rate: int) -> Samples:
    """Resampled to 8 kHz, without what lies below 120 Hz or above 3.7 kHz."""
    padded = np.concatenate([np.zeros(rate // 10), samples, np.zeros(rate // 10)])
    size = round(len(padded) * RATE / rate)
    spectrum = np.fft.rfft(padded)
    hertz = np.arange(len(spectrum)) * rate / len(padded)
    spectrum *= np.clip((hertz - 60) / 60, 0, 1) * np.clip((3900 - hertz) / 200, 0, 1)
    wanted = np.zeros(size // 2 + 1, complex)
    count = min(len(wanted), len(spectrum))
    wanted[:count] = spectrum[:count]
    return np.asarray(np.fft.irfft(wanted, size) * (size / len(padded)), np.float64)


def _loud(samples: Samples) -> NDArray[np.bool_]:
    """For each 20 ms: whether somebody speaks."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.sqrt(np.mean(frames**2, axis=1)) if len(frames) else np.zeros(0)
    return np.asarray(power > (power.max() if len(power) else 0) * 10 ** (-36 / 20), np.bool_)


def trim(samples: Samples) -> Samples:
    """Without the silence at both ends, but for a breath of 20 ms."""
    loud = np.flatnonzero(_loud(samples))
    if not len(loud):
        return samples[:0]
    return samples[max(loud[0] - 1, 0) * _FRAME : (loud[-1] + 2) * _FRAME]


def shorten(samples: Samples) -> Samples:
    """No pause longer than `LONGEST_PAUSE_MS`."""
    keep, quiet = [], 0
    for n, is_loud in enumerate(_loud(samples)):
        quiet = 0 if is_loud else quiet + 1
        if quiet * 20 <= LONGEST_PAUSE_MS:
            keep.append(samples[n * _FRAME : (n + 1) * _FRAME])
    return np.concatenate(keep) if keep else samples[:0]


def level(samples: Samples, dbfs: float) -> Samples:
    """With active parts at `dbfs`, peaks bent softly below full scale."""
    loud = _loud(samples)
    if not loud.any():
        return samples
    active = samples[: len(loud) * _FRAME].reshape(-1, _FRAME)[loud]
    scaled = samples * (10 ** (dbfs / 20) / np.sqrt(np.mean(active**2)))
    knee = 0.5
    over = np.abs(scaled) > knee
    bent = knee + (1 - knee) * np.tanh((np.abs(scaled) - knee) / (1 - knee))
    return np.asarray(np.where(over, np.sign(scaled) * bent, scaled), np.float64)


def wav(samples: Samples) -> bytes:
    """A 16-bit 8 kHz mono file, the kind that Asterisk mixes, records and lets a supervisor hear."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(RATE)
            sound.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        return file.getvalue()


def samples_of(content: bytes) -> tuple[Samples, int]:
    """Samples and rate of a 16-bit wav of any rate; of several channels the mean.  Raises `ValueError`."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            channels, width, rate, count = sound.getparams()[:4]
            frames = np.frombuffer(sound.readframes(count), "<i2")
    except (wave.Error, EOFError) as fault:
        raise ValueError(f"not a wav file: {fault}") from fault
    if width != 2:  # noqa: PLR2004 (bytes of a 16-bit sample)
        raise ValueError(f"{8 * width}-bit wav; 16-bit is needed")
    return frames.reshape(-1, channels).mean(axis=1) / 32768, rate


# --- music on hold

BEAT = 0.5
"""Seconds of a note of the arpeggio."""

CHORDS = ((57, 60, 64, 69), (53, 57, 60, 65), (48, 55, 60, 64), (55, 59, 62, 67))
"""Am F C G, as MIDI notes: the most forgiving four bars there are."""

MELODY = (76, 72, 69, 72, 74, 72, 69, 65, 67, 64, 67, 72, 71, 67, 62, 67)


def music(bars: int = 16) -> Samples:
    """Soft music without an end to hear: a pad that never stops, and an arpeggio over it.  About two seconds a bar."""
    length = round(bars * 4 * BEAT * RATE)
    out = np.zeros(length)
    for bar in range(bars):
        start = bar * 4 * BEAT
        chord = CHORDS[bar % len(CHORDS)]
        for note in chord:
            _add(out, start, 4 * BEAT + 0.6, note, 0.10, attack=0.35, decay=0.25)
        for beat in range(8):
            _add(out, start + beat * BEAT / 2, 1.2, chord[(0, 2, 1, 3)[beat % 4]] + 12, 0.09, attack=0.01, decay=1.6)
        _add(out, start + BEAT * (bar % 2), 2.0, MELODY[bar % len(MELODY)], 0.12, attack=0.03, decay=1.6)
    return level(out, MUSIC_DBFS)


BEEP_HERTZ, BEEP_S = 880, 0.2


def beep() -> Samples:
    """To an agent whose phone answers by itself: somebody is on the line."""
    t = np.arange(round(BEEP_S * RATE)) / RATE
    return np.asarray(0.3 * np.sin(2 * np.pi * BEEP_HERTZ * t) * np.minimum(1, np.minimum(t, BEEP_S - t) / 0.01))


def silence() -> Samples:
    """A second of it, without an end to hear."""
    return np.zeros(RATE)


def _add(
    out: Samples, start: float, seconds: float, note: int, loudness: float, *, attack: float, decay: float
) -> None:
    """Mix one note in; what runs over the end comes in at the beginning, so that the loop has no seam."""
    count = round(seconds * RATE)
    t = np.arange(count) / RATE
    hertz = 440 * 2 ** ((note - 69) / 12)
    tone = np.sin(2 * np.pi * hertz * t) + 0.35 * np.sin(4 * np.pi * hertz * t) + 0.12 * np.sin(6 * np.pi * hertz * t)
    envelope = np.minimum(t / attack, 1) * np.minimum((seconds - t) / 0.3, 1) * np.exp(-t * decay)
    places = (round(start * RATE) + np.arange(count)) % len(out)
    np.add.at(out, places, loudness * tone * envelope)
