"""The prompts of a house as files: listened to, one by one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr import loudness, prompts
from ivr.edge import voice
from ivr.loudness import Sound
from routing.ids import PromptId
from routing.prompts import Prompt, file_of

RECORDING, VOICE, PIECES, NONE = "recording", "voice", "pieces", "none"


@dataclass(frozen=True)
class Piece:
    """One prompt's sound.  `origin`: recording, voice, pieces, or none yet; `faults` say why it must not be played."""

    id: PromptId
    origin: str
    sound: Sound | None
    faults: tuple[str, ...] = ()


def listen(prompts_: Iterable[Prompt], folder: Path, recordings: Path) -> Iterator[Piece]:
    """Every prompt, its recording, or else what the voice has made of it in `folder`; then the sounds that many share.

    One that was never made yet is no fault, its text is all there is; one that was made and is gone is.
    """
    made: Mapping[PromptId, int] = voice.lengths(folder)
    shared: dict[PromptId, Piece] = {}
    for prompt in prompts_:
        if not prompt.pieces:
            yield _listened(prompt.id, made, folder, recordings)
            continue
        for sound in prompt.pieces:
            if sound not in shared:
                shared[sound] = _listened(sound, made, folder, recordings)
        yield _together(prompt, [shared[sound] for sound in prompt.pieces])
    yield from shared.values()


def _listened(name: PromptId, made: Mapping[PromptId, int], folder: Path, recordings: Path) -> Piece:
    recording, voiced = (place / f"{file_of(name)}.wav" for place in (recordings, folder))
    path = recording if recording.is_file() else voiced
    if path is recording or path.is_file():
        return _heard(name, RECORDING if path is recording else VOICE, path)
    gone = (f"it is missing: {path} has been made, and is gone",) if name in made else ()
    return Piece(name, NONE, None, gone)


def _together(prompt: Prompt, pieces: Sequence[Piece]) -> Piece:
    """A prompt that is said in pieces; what is wrong with one of them is told there, and not for each prompt again."""
    sounds = [piece.sound for piece in pieces if piece.sound is not None]
    if len(sounds) < len(pieces):
        return Piece(prompt.id, NONE, None)
    whole = Sound(
        sum(sound.ms for sound in sounds), max(sound.dbfs for sound in sounds), max(sound.clipped for sound in sounds)
    )
    return Piece(prompt.id, PIECES, whole, tuple(loudness.too_long(prompt.id, whole)))


def told(pieces: Iterable[Piece]) -> list[str]:
    """What is wrong with them, a line each."""
    return [f"{piece.id}: {fault}" for piece in pieces for fault in piece.faults]


def _heard(name: PromptId, origin: str, path: Path) -> Piece:
    try:
        sound = loudness.measure(*prompts.samples_of(path.read_bytes()))
    except (OSError, ValueError) as error:
        return Piece(name, origin, None, (f"{path} cannot be read: {error}",))
    return Piece(name, origin, sound, tuple(f"{path}: {fault}" for fault in loudness.faults(name, sound)))
