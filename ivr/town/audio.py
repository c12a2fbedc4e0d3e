"""Judging what was heard: which prompt, where, how silent, which tone.  Pure, but for wav files."""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.town.rtp import RATE, Samples

FRAME: Final = RATE // 50  # 20 ms, the grain of silence
QUIET: Final = 40  # root mean square below which 20 ms are silent: A-law's own silence is 8, a voice above 300
SMOOTH: Final = (2, 3, 5)  # sizes that a Fourier transform likes


@dataclass(frozen=True)
class Match:
    """How well a prompt fits (1: exactly) and where it begins, in seconds from the first sample; may be before it."""

    correlation: float
    at: float


def read_wav(path: Path, channel: int = 0) -> Samples:
    """One channel of a 16-bit wav file.  Raises `ValueError` when it is not 8 kHz and 16 bits."""
    with wave.open(str(path)) as file:
        channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
        if (width, rate) != (2, RATE):
            raise ValueError(f"{path}: {rate} Hz, {8 * width} bits; wanted {RATE} Hz, 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
    return samples[channel::channels]


def write_wav(path: Path, samples: Samples) -> None:
    """Save as 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def _smooth(size: int) -> int:
    """The least size from `size` on whose only factors are 2, 3 and 5."""
    while True:
        rest = size
        for factor in SMOOTH:
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1


class Ear:
    """What was heard, transformed once per size, to be compared with many prompts."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples.astype(np.float64)
        self._spectra: dict[int, NDArray[np.complex128]] = {}

    def find(self, prompt: Samples) -> Match:
        """Where `prompt` fits best: cross-correlation over the energy of the window it lies on, both ends padded."""
        sought = prompt.astype(np.float64)
        energy = float(np.dot(sought, sought))
        if energy == 0 or not len(self._samples):
            return Match(0.0, 0.0)
        size = _smooth(len(self._samples) + len(sought))
        if size not in self._spectra:
            self._spectra[size] = np.fft.rfft(self._samples, size)
        product = np.fft.irfft(self._spectra[size] * np.conj(np.fft.rfft(sought, size)), size)
        scores = np.concatenate([product[-len(sought) + 1 :], product[: len(self._samples)]])
        windows = self._windows(len(sought))
        fits = scores / np.sqrt(energy * np.maximum(windows, energy * 1e-4))  # windows below -40 dB count as that
        best = int(np.argmax(fits))
        return Match(float(fits[best]), (best - len(sought) + 1) / RATE)

    def _windows(self, length: int) -> NDArray[np.float64]:
        """The energy of every window of `length` that touches what was heard, from the earliest on."""
        padded = np.pad(self._samples, length - 1)
        sums = np.concatenate([[0.0], np.cumsum(padded * padded)])
        return np.asarray(sums[length:] - sums[:-length])[: len(self._samples) + length - 1]


def hears(samples: Samples, prompt: Samples) -> Match:
    """The best fit of `prompt` in `samples`; for several prompts keep an `Ear`."""
    return Ear(samples).find(prompt)


def loudness(samples: Samples) -> NDArray[np.float64]:
    """Root mean square of each 20 ms."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return np.asarray(np.sqrt((frames**2).mean(axis=1)))


def silences(samples: Samples, longer_than: float) -> list[tuple[float, float]]:
    """Stretches without sound that last more than `longer_than` seconds: from, to, in seconds."""
    quiet = np.concatenate([[False], loudness(samples) < QUIET, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1])
    stretches = [(int(start) * FRAME / RATE, int(end) * FRAME / RATE) for start, end in edges.reshape(-1, 2)]
    return [(start, end) for start, end in stretches if end - start > longer_than]


def longest_silence(samples: Samples) -> float:
    """Seconds."""
    return max((end - start for start, end in silences(samples, 0.0)), default=0.0)


def level(samples: Samples, hertz: float) -> float:
    """Amplitude of one frequency, in the units of the samples."""
    if not len(samples):
        return 0.0
    turned = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
    window = np.hanning(len(samples))
    return float(2 * abs(np.dot(samples * window, turned)) / max(window.sum(), 1.0))


def dominant(samples: Samples) -> float | None:
    """The strongest frequency in Hz, to 10 Hz; None when there is but silence."""
    if len(samples) < RATE // 10 or float(np.sqrt((samples.astype(np.float64) ** 2).mean())) < QUIET:
        return None
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return round(float(np.argmax(spectrum)) * RATE / len(samples) / 10) * 10
