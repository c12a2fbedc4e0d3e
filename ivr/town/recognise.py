"""From what a citizen heard to what it was: which prompts when, music, a person's voice.  Pure.

A prompt is sought by its head, first roughly at 2 kHz, then exactly; how far it goes on tells whether it was cut off.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

import numpy as np

from ivr.town.audio import FRAME, QUIET, Ear, loudness
from ivr.town.rtp import RATE, Samples

HEAD: Final = RATE * 6 // 5  # 1.2 s tell one prompt from most others
COARSE: Final = 4  # 8 kHz to 2 kHz
ROUGHLY: Final = 0.5
SURELY: Final = 0.8
BEFORE: Final = 0.5  # seconds that a prompt may have begun before what was heard does
STEP: Final = RATE // 10  # how a prompt is followed
GAP: Final = 0.4  # seconds: shorter pauses belong to what is heard around them
SHORTEST: Final = 0.2  # seconds of sound that are worth telling
PARTS: Final = 4  # of a piece in which a round begins anew
ENOUGH: Final = 1.0  # seconds of a prompt in several sounds that tell it from others: a digit or two do not
PEOPLE: Final = "town-"  # prompts of this prefix are what people of the demo town say


class Kind(StrEnum):
    """What a stretch of sound is."""

    PROMPT = "prompt"
    MUSIC = "music"
    PERSON = "person"
    MENU = "menu"  # a machine's, at a target
    SOUND = "sound"


@dataclass(frozen=True)
class Stretch:
    """From `start` to `end` seconds `name` was heard; `whole`: to its end."""

    kind: Kind
    name: str
    start: float
    end: float
    whole: bool = True


def recognise(heard: Samples, prompts: Mapping[str, Samples], music: Mapping[str, Samples]) -> list[Stretch]:
    """What was heard, in order, without overlaps.

    Music, and what people of the demo town say, goes round and round: one comes into the middle of it.
    """
    rest = heard.copy()
    found: list[Stretch] = []
    said = {name: prompt for name, prompt in prompts.items() if not name.startswith(PEOPLE)}
    names = _candidates(heard, said)
    while best := _longest(rest, {name: said[name] for name in names}):
        found.append(best)
        rest[max(0, round(best.start * RATE)) : round(best.end * RATE)] = 0
    people = {name: prompt for name, prompt in prompts.items() if name.startswith(PEOPLE)}
    found += _named(rest, [*_rounds(Kind.MUSIC, music), *_rounds(Kind.PERSON, people)])
    return _joined(sorted(found, key=lambda stretch: stretch.start))


def put_together(stretches: list[Stretch], pieces: Mapping[str, Sequence[str]]) -> list[Stretch]:
    """Sounds that were heard one after another, as the prompt (name -> its sounds) of which they are most.

    A sound of it that stands alone is just a sound.
    """
    alone = {name for sounds in pieces.values() for name in sounds}
    found: list[Stretch] = []
    while len(stretches) > 0:
        names = [each.name for each in takewhile(lambda each: each.kind is Kind.PROMPT, stretches)]
        fits = {name: _alike(names, sounds) for name, sounds in pieces.items()}
        best = max(fits, key=lambda name: fits[name], default="")
        count = fits.get(best, 0)
        first, last = stretches[0], stretches[max(count, 1) - 1]
        is_all = count == len(pieces.get(best, ()))
        if count and (is_all or last.end - first.start >= ENOUGH):
            found.append(Stretch(Kind.PROMPT, best, first.start, last.end, last.whole and is_all))
        else:
            count, name = 1, first.name
            found.append(Stretch(Kind.SOUND, "", first.start, first.end) if name in alone else first)
        stretches = stretches[count:]
    return _joined(found)


def _alike(heard: Sequence[str], sounds: Sequence[str]) -> int:
    """How many of them are the same from the first one on."""
    return sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(heard, sounds, strict=False)))


Round = tuple[Kind, str, Ear]
"""Something that is played round and round, with its beginning once more at its end."""


def _rounds(kind: Kind, sounds: Mapping[str, Samples]) -> Iterator[Round]:
    for name, samples in sounds.items():
        yield kind, name, Ear(np.concatenate([samples, samples[: 2 * RATE]]))


def _coarse(samples: Samples) -> Samples:
    whole = samples[: len(samples) // COARSE * COARSE].reshape(-1, COARSE)
    return np.asarray(whole.mean(axis=1), dtype=np.int16)


def _candidates(heard: Samples, prompts: Mapping[str, Samples]) -> list[str]:
    ear = Ear(_coarse(heard))
    return [name for name, prompt in prompts.items() if ear.find(_coarse(prompt[:HEAD])).correlation > ROUGHLY]


def _longest(rest: Samples, prompts: Mapping[str, Samples]) -> Stretch | None:
    """The prompt of which most can be heard; among equals the one that was heard to its end."""
    ear = Ear(rest)
    best: Stretch | None = None
    for name, prompt in prompts.items():
        match = ear.find(prompt[:HEAD])
        if match.correlation < SURELY or match.at < -BEFORE:
            continue
        first = round(match.at * RATE)
        missed = max(0, -first)  # it may have begun a moment before we listened
        followed = _followed(rest[max(first, 0) :], prompt[missed:])
        if not followed:  # it fits as a whole and in no part: nothing to take away, or it would be found for ever
            continue
        length = missed + followed
        whole = length >= len(prompt) - 2 * STEP
        stretch = Stretch(Kind.PROMPT, name, match.at, match.at + length / RATE, whole)
        if best is None or (stretch.end - stretch.start, whole) > (best.end - best.start, best.whole):
            best = stretch
    return best


def _followed(heard: Samples, prompt: Samples) -> int:
    """For how many samples what was heard goes on as the prompt does."""
    last = 0
    for at in range(0, len(prompt), STEP):
        ours = prompt[at : at + STEP].astype(np.float64)
        theirs = np.resize(heard[at : at + STEP], len(ours)).astype(np.float64) if at < len(heard) else ours * 0
        sizes = float(np.linalg.norm(ours)), float(np.linalg.norm(theirs))
        if sizes[0] < QUIET * np.sqrt(len(ours)):  # a pause of the prompt says nothing
            continue
        if float(np.dot(ours, theirs)) < 0.7 * sizes[0] * max(sizes[1], 1.0):
            return last
        last = at + len(ours)
    return len(prompt) if last else 0


def _sounding(samples: Samples) -> Iterator[tuple[float, float]]:
    """Stretches with sound, pauses of less than `GAP` inside, in pieces of at most a second."""
    loud = np.flatnonzero(loudness(samples) >= QUIET) * FRAME / RATE
    if not len(loud):
        return
    for group in np.split(loud, np.flatnonzero(np.diff(loud) > GAP) + 1):
        start, end = float(group[0]), float(group[-1]) + FRAME / RATE
        if end - start < SHORTEST:
            continue
        while end - start > 2:  # noqa: PLR2004 - the last piece is 1 to 2 s
            yield start, start + 1
            start += 1
        yield start, end


def _named(samples: Samples, rounds: list[Round]) -> Iterator[Stretch]:
    """Each piece of sound by its name; whoever was heard last is tried first."""
    places = list(_sounding(samples))
    pieces = [samples[round(start * RATE) : round(end * RATE)] for start, end in places]
    known: list[Round | None] = []
    for piece in pieces:
        known.append(next((each for each in rounds if each[2].find(piece).correlation >= SURELY), None))
        rounds.sort(key=lambda each: each is not known[-1])
    for (start, end), piece, one, *around in zip(
        places, pieces, known, [None, *known], [*known[1:], None], strict=False
    ):
        here = one or next((each for each in around if each and _begins_anew(piece, each[2])), None)
        yield Stretch(here[0], here[1], start, end) if here else Stretch(Kind.SOUND, "", start, end)


def _begins_anew(piece: Samples, ear: Ear) -> bool:
    """Whether a round begins anew within it: some milliseconds late, so that it fits in parts and not as a whole."""
    parts = [part for part in np.array_split(piece, PARTS) if loudness(part).max(initial=0.0) >= QUIET]
    fits = sum(ear.find(part).correlation >= SURELY for part in parts)
    return fits >= PARTS // 2 and fits >= len(parts) - 1


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Neighbours of one kind and name, but for prompts, are one stretch."""
    joined: list[Stretch] = []
    for stretch in stretches:
        last = joined[-1] if joined else None
        same = last and (last.kind, last.name) == (stretch.kind, stretch.name) and stretch.start - last.end < 1
        if last and same and stretch.kind is not Kind.PROMPT:
            joined[-1] = Stretch(last.kind, last.name, last.start, stretch.end, stretch.whole)
        else:
            joined.append(stretch)
    return joined
