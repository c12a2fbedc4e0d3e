"""Whether a prompt's sound is fit to be played: its length, how loud it is, whether it is cut off at the top.

Pure: samples in, values and sentences out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ivr.prompts import Samples, limit_ms
from routing.ids import PromptId

SILENT_DBFS = -50.0
"""Below this nobody hears anything on a telephone; prompts of the built-in voice have -19."""

FULL = 0.999
CLIPPED_RUN = 5
"""Samples in a row at full scale: one or two are a loud vowel, five are a microphone that was too near."""

LONGEST_MS = 30_000
"""No caller listens longer; one prompt says one thing."""

SPEAKS = 10 ** (-36 / 20)
"""A frame of 20 ms counts as speech from this part of the loudest one on, as in `ivr.prompts`."""


@dataclass(frozen=True)
class Sound:
    """`dbfs`: the level while somebody speaks.  `clipped`: the longest run of samples at full scale."""

    ms: int
    dbfs: float
    clipped: int


def measure(samples: Samples, rate: int) -> Sound:
    """What there is to know of a sound."""
    frame = max(rate // 50, 1)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power = np.sqrt(np.mean(frames**2, axis=1)) if len(frames) else np.zeros(1)
    active = power[power >= max(float(power.max()) * SPEAKS, 1e-9)]
    level = float(np.sqrt(np.mean(active**2))) if len(active) else 0.0
    return Sound(len(samples) * 1000 // rate, round(20 * float(np.log10(max(level, 1e-6))), 1), _longest_run(samples))


def _longest_run(samples: Samples) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.abs(samples) >= FULL, [0]])))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def faults(prompt: PromptId, sound: Sound) -> Iterator[str]:
    """Why it must not be played, a sentence each."""
    if sound.dbfs < SILENT_DBFS:
        yield f"it is silent ({sound.dbfs:.0f} dBFS)"
    if sound.clipped >= CLIPPED_RUN:
        yield f"it is clipped: {sound.clipped} samples in a row at full scale"
    yield from too_long(prompt, sound)


def too_long(prompt: PromptId, sound: Sound) -> Iterator[str]:
    """Why nobody would hear it to its end."""
    longest = limit_ms(prompt) or LONGEST_MS
    if sound.ms > longest:
        yield f"it is {sound.ms / 1000:.1f} s long, and {longest / 1000:g} s is the most"
