"""Prompts as files: a child process reads texts aloud with espeak-ng; a studio recording of the same name wins.

`<folder>/<id>.wav`, `<folder>/pieces/*.wav` (a beep among them), `<folder>/music/hold.wav` and
`<folder>/silence/second.wav`, each made again only when its text, manner, recording or voice has changed
(`<folder>/made.json`); a file is replaced whole, so that a call which is playing it goes on with what it began.  The
synthesiser is a C library and lives in processes of its own, with its faults.
"""

import asyncio
import ctypes
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

import ivr
from ivr import prompts
from ivr.prompts import Manner, Samples
from routing.ids import PromptId
from routing.prompts import file_of

MADE = "made.json"
MUSIC, BEEP, SILENCE = PromptId("music/hold"), PromptId("pieces/beep"), PromptId("silence/second")
MADE_HERE = {MUSIC: prompts.music, BEEP: prompts.beep, SILENCE: prompts.silence}
VERSION = 1
"""Raise it when the same text shall sound different."""

ONE_WITHIN = 60.0
"""Seconds for one prompt; the built-in voice needs some 30 ms."""

SLACK = 15.0
"""Seconds more that its process is given to answer."""

HOME = str(Path(ivr.__file__).resolve().parents[1])
"""Where the child finds us, installed or not."""

Progress = Callable[[int, int], None]


class VoiceFailed(Exception):
    """A prompt could not be made: which, and what the voice said."""


@dataclass(frozen=True)
class Job:
    """One file to make: from the recording at `recording` if there is one, else from `text`."""

    id: PromptId
    text: str
    key: str
    recording: str = ""


def lengths(folder: Path) -> Mapping[PromptId, int]:
    """Milliseconds of every prompt that `render` has made there; empty when it never ran."""
    return {PromptId(name): int(entry["ms"]) for name, entry in _made(folder).items()}


async def render(
    texts: Mapping[PromptId, str],
    folder: Path,
    *,
    recordings: Path | None = None,
    unfit: Collection[PromptId] = (),
    command: Sequence[str] = (),
    progress: Progress = lambda _done, _all: None,
    workers: int = 2,
) -> Mapping[PromptId, int]:
    """Make every prompt of `texts` (as spoken), music, beep and silence, where not made yet; all lengths in ms.

    `unfit`: prompts whose recordings must not be played; the voice reads them.  `command`: a voice of the city's own,
    run once a prompt with `{text}` and `{wav}` replaced; it writes a 16-bit wav.
    `progress` is told how many of how many are done.  Raises `VoiceFailed`.
    """
    for name in ("music", "pieces", "silence"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    made = _made(folder)
    jobs = [_job(name, text, None if name in unfit else recordings, command) for name, text in texts.items()]
    jobs += [Job(name, "", str(VERSION)) for name in MADE_HERE]
    todo = [job for job in jobs if made.get(job.id, {}).get("key") != job.key or not _file(folder, job.id).exists()]
    done = len(jobs) - len(todo)
    progress(done, len(jobs))

    def finished(job: Job, ms: int) -> None:
        nonlocal done
        done += 1
        made[job.id] = {"key": job.key, "ms": ms}
        progress(done, len(jobs))

    try:
        await asyncio.gather(*(_child(todo[n::workers], folder, command, finished) for n in range(workers)))
    finally:
        if todo:
            _write(folder / MADE, json.dumps(made, ensure_ascii=False, indent=0).encode())
    return {job.id: int(made[job.id]["ms"]) for job in jobs}


async def speak(name: PromptId, text: str, folder: Path, command: Sequence[str] = ()) -> int:
    """Make one sound of `text` (as spoken) beside the prompts, at once; its length in ms.  Raises `VoiceFailed`."""
    lengths_ms: list[int] = []
    job = Job(name, text, "")
    await _child([job], folder, command, lambda _job, ms: lengths_ms.append(ms))
    return lengths_ms[0]


def _job(name: PromptId, text: str, recordings: Path | None, command: Sequence[str]) -> Job:
    recording = recordings / f"{file_of(name)}.wav" if recordings else None
    if recording and recording.is_file():
        return Job(name, text, sha256(recording.read_bytes()).hexdigest(), str(recording))
    voice = [VERSION, text, prompts.passages(text), asdict(prompts.manner(name)), *command]
    return Job(name, text, sha256(json.dumps(voice).encode()).hexdigest())


async def _child(
    jobs: Sequence[Job], folder: Path, command: Sequence[str], finished: Callable[[Job, int], None]
) -> None:
    """Let one child do `jobs`; it is ended with us, whatever ends us."""
    if not jobs:
        return
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr.edge.voice"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": HOME},
    )
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise VoiceFailed("the voice's process has no pipes")
    try:
        order = {"folder": str(folder), "command": list(command), "jobs": [asdict(job) for job in jobs]}
        child.stdin.write(json.dumps(order).encode())
        child.stdin.write_eof()
        for job in jobs:
            try:
                line = await asyncio.wait_for(child.stdout.readline(), ONE_WITHIN + SLACK)
            except TimeoutError as late:
                raise VoiceFailed(f"prompt {job.id}: the voice has not ended within {ONE_WITHIN:.0f} s") from late
            if not line:
                said = (await child.stderr.read()).decode(errors="replace").strip().splitlines()
                raise VoiceFailed(f"prompt {job.id}: {said[-1] if said else 'the voice ended without a word'}")
            finished(job, int(line))
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _made(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads((folder / MADE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _file(folder: Path, name: PromptId) -> Path:
    return folder / f"{file_of(name)}.wav"


def _write(path: Path, content: bytes) -> None:
    """All of `content` or what was there before: Asterisk may be reading it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


# --- the child


class Espeak:
    """espeak-ng's library, one for a process."""

    VOICES: Mapping[str, bytes] = {prompts.CHINESE: b"cmn-latn-pinyin", prompts.ENGLISH: b"en-us"}
    SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come to the callback before espeak_Synth returns
    RATE, PITCH = 1, 3  # espeak_PARAMETER
    UTF8 = 1  # espeakCHARS_UTF8

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = os.fsencode(espeakng_loader.get_data_path())
        self._rate: int = self._library.espeak_Initialize(self.SYNCHRONOUS, 0, data, 0)
        for voice in self.VOICES.values():
            if self._rate <= 0 or self._library.espeak_SetVoiceByName(voice) != 0:
                raise VoiceFailed(f"espeak-ng cannot speak {voice.decode()} with the data in {data.decode()}")
        self._language = prompts.ENGLISH  # the last one set
        self._chunks: list[Samples] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._heard)  # kept: the library holds only a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)

    def _heard(self, samples: Any, count: int, _events: object) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float64) / 32768)
        return 0

    def say(self, words: str, manner: Manner) -> tuple[Samples, int]:
        """The samples of `words` (numbered pinyin, or English), and their rate."""
        self._chunks.clear()
        if manner.language != self._language:
            self._library.espeak_SetVoiceByName(self.VOICES[manner.language])
            self._language = manner.language
        self._library.espeak_SetParameter(self.RATE, manner.words, 0)
        self._library.espeak_SetParameter(self.PITCH, manner.pitch, 0)
        text = words.encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 0, 0, self.UTF8, None, None)
        self._library.espeak_Synchronize()
        return (np.concatenate(self._chunks) if self._chunks else np.zeros(0)), self._rate


def _commanded(command: Sequence[str], text: str) -> tuple[Samples, int]:
    """What the city's own voice makes of `text`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prompt.wav"
        said = f" {text}" if text.startswith("-") else text  # or the command would take it for an option
        line = [part.replace("{text}", said).replace("{wav}", str(file)) for part in command]
        run = subprocess.run(line, capture_output=True, timeout=ONE_WITHIN, check=False)
        if run.returncode != 0 or not file.exists():
            said = run.stderr.decode(errors="replace").strip()
            raise VoiceFailed(f"{shlex.join(line)} made no wav (exit {run.returncode}) {said}")
        return prompts.samples_of(file.read_bytes())


def _make(order: Mapping[str, Any]) -> Iterator[int]:
    """Do the jobs of `order` in turn; the length of each in ms."""
    folder, command = Path(order["folder"]), order["command"]
    espeak: Espeak | None = None
    for job in (Job(**fields) for fields in order["jobs"]):
        if job.id in MADE_HERE:
            samples = MADE_HERE[job.id]()
        elif job.recording:
            samples = prompts.telephone(*prompts.samples_of(Path(job.recording).read_bytes()))
        elif command:
            samples = prompts.breathe(job.id, prompts.shape(prompts.telephone(*_commanded(command, job.text))))
        else:
            espeak = espeak or Espeak()
            samples = prompts.read(job.id, job.text, espeak.say)
        if not len(samples):
            raise VoiceFailed(f"prompt {job.id}: the voice made no sound of {job.text!r}")
        _write(_file(folder, job.id), prompts.wav(samples))
        yield len(samples) * 1000 // prompts.RATE


if __name__ == "__main__":
    try:
        for ms in _make(json.load(sys.stdin)):
            print(ms, flush=True)  # noqa: T201 (the answer to our parent)
    except (VoiceFailed, OSError, ValueError, subprocess.SubprocessError) as fault:
        sys.exit(str(fault))
