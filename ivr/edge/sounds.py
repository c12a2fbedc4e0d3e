"""The prompts of a house as files: listened to, one by one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr import loudness, prompts
from ivr.edge import voice
from ivr.loudness import Sound
from routing.ids import PromptId

RECORDING, VOICE, NONE = "recording", "voice", "none"


@dataclass(frozen=True)
class Piece:
    """One prompt's sound.  `origin`: recording, voice, or none yet; `faults` say why it must not be played."""

    id: PromptId
    origin: str
    sound: Sound | None
    faults: tuple[str, ...] = ()


def listen(names: Iterable[PromptId], folder: Path, recordings: Path) -> Iterator[Piece]:
    """Every prompt of `names`: its recording, or else what the voice has made of it in `folder`.

    One that was never made yet is no fault, its text is all there is; one that was made and is gone is.
    """
    made: Mapping[PromptId, int] = voice.lengths(folder)
    for name in names:
        recording = recordings / f"{name}.wav"
        path = recording if recording.is_file() else folder / f"{name}.wav"
        if path is recording or path.is_file():
            yield _heard(name, RECORDING if path is recording else VOICE, path)
        else:
            gone = (f"it is missing: {path} has been made, and is gone",) if name in made else ()
            yield Piece(name, NONE, None, gone)


def told(pieces: Iterable[Piece]) -> list[str]:
    """What is wrong with them, a line each."""
    return [f"{piece.id}: {fault}" for piece in pieces for fault in piece.faults]


def _heard(name: PromptId, origin: str, path: Path) -> Piece:
    try:
        sound = loudness.measure(*prompts.samples_of(path.read_bytes()))
    except (OSError, ValueError) as error:
        return Piece(name, origin, None, (f"{path} cannot be read: {error}",))
    return Piece(name, origin, sound, tuple(f"{path}: {fault}" for fault in loudness.faults(name, sound)))
