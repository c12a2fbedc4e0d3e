"""Prompts as text: which ones exist, for each line and agent, and what each says.

Text first: audio is rendered elsewhere.  Texts come from templates in `recordings/prompts.yaml`.  What is said of one
of the local lines, of which there may be ten thousand, is put together from pieces: what stands between the names in
the template, each name, each digit.  So a line more costs the voice at most its short name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

import msgspec

from routing.estimate import ANNOUNCEMENTS
from routing.ids import AgentId, PromptId
from routing.lines import MANY, AnsweredBy, Cancelled, Line, Section
from routing.numbers import EMERGENCY, spoken
from routing.people import Agent

HALL_NAMES = frozenset({"city", "hall"})
LINE_NAMES = HALL_NAMES | {"line", "short", "number"}
AGENT_NAMES = HALL_NAMES | {"agent"}
DESK_NAMES = HALL_NAMES | {"number"}
TEMPLATES: dict[str, frozenset[str]] = {
    "greeting": LINE_NAMES,
    "transition-full-merge": LINE_NAMES,
    "transition-dual-number": LINE_NAMES,
    "transition-sub-centre": LINE_NAMES,
    "cancelled": LINE_NAMES,
    "cancelled-announce-only": LINE_NAMES,
    "transfer": LINE_NAMES,
    "closed": LINE_NAMES,
    "emergency": DESK_NAMES,
    "unanswered": DESK_NAMES,
    "whisper": LINE_NAMES,
    "agent": AGENT_NAMES,
    "named": AGENT_NAMES,
}
"""Each template, and the names that may stand in braces in it."""

RETURN_HALL, RETURN_NEXT = PromptId("return-hall"), PromptId("return-next")
"""Said when a target has failed: what follows is ours, or another target."""

SURVIVAL_SORRY = PromptId("survival-sorry")
"""Said by the survival path."""

SURVIVAL_NOBODY = PromptId("survival-nobody")
SURVEY, SURVEY_THANKS = PromptId("survey"), PromptId("survey-thanks")
"""The question of five levels, and what is said to whoever has answered it."""

WARNING = PromptId("nuisance-warning")
"""Said to somebody whom an agent calls a nuisance, in the talk."""

SILENT_CALL = PromptId("silent-call")
"""Said to somebody whom the agent does not hear, before the call ends."""

POOL_CLOSED = PromptId("pool-closed")
"""What callers hear of a pool that a supervisor has closed, unless another prompt is named."""

SEAT_AGENT, SEAT_PIN = PromptId("seat-agent"), PromptId("seat-pin")
"""To an agent who signs in at a phone: key your 工号; your PIN."""

SEAT_SIGNED_IN, SEAT_SIGNED_OUT = PromptId("seat-signed-in"), PromptId("seat-signed-out")
SEAT_READY, SEAT_PAUSED, SEAT_AFTER = PromptId("seat-ready"), PromptId("seat-paused"), PromptId("seat-after")
"""What has come of it, said behind the agent's `named`; `seat-after`: once the talk is over."""

SEAT_WRONG, SEAT_LOCKED = PromptId("seat-wrong"), PromptId("seat-locked")
SEAT_TAKEN, SEAT_ENGAGED, SEAT_EMPTY = PromptId("seat-taken"), PromptId("seat-engaged"), PromptId("seat-empty")
SEAT_NOT_NOW = PromptId("seat-not-now")
"""Why nothing has come of it; the last one is the dialplan's, too."""

CALLBACK_OFFER, CALLBACK_PROMISE = PromptId("callback-offer"), PromptId("callback-promise")
"""The key for being called back, and what is said to whoever has pressed it."""

CALLBACK_NOTICE, CALLING_OUT_NOTICE = PromptId("callback-notice"), PromptId("calling-out-notice")
"""What somebody whom we have called hears first."""

WHISPER_CALLBACK = PromptId("whisper-callback")
"""Says to the agent that a citizen is called back; the line's short name follows."""

NOTICES = frozenset({SURVIVAL_SORRY, CALLBACK_NOTICE, CALLING_OUT_NOTICE})
"""Prompts of their own with which a recorded conversation can begin."""

OVERFLOWING, RETURN_QUEUE = PromptId("overflow-target"), PromptId("return-queue")
"""Said while a target is dialled to which a wait has led, and when it has come to nothing."""

VOICEMAIL = PromptId("voicemail")
"""What is said before the tone of a message."""

FIXED = (
    *(RETURN_HALL, RETURN_NEXT, SURVIVAL_SORRY, SURVIVAL_NOBODY, SURVEY, SURVEY_THANKS, POOL_CLOSED),
    *(SEAT_AGENT, SEAT_PIN, SEAT_SIGNED_IN, SEAT_SIGNED_OUT, SEAT_READY, SEAT_PAUSED, SEAT_AFTER),
    *(SEAT_WRONG, SEAT_LOCKED, SEAT_TAKEN, SEAT_ENGAGED, SEAT_EMPTY, SEAT_NOT_NOW),
    *(SILENT_CALL, WARNING, CALLBACK_OFFER, CALLBACK_PROMISE, OVERFLOWING, RETURN_QUEUE, VOICEMAIL),
    *(CALLBACK_NOTICE, CALLING_OUT_NOTICE, WHISPER_CALLBACK),
    *ANNOUNCEMENTS,
)
"""Prompts that must stand in the file by themselves."""

ANNOUNCES = frozenset({AnsweredBy.CENTRE, AnsweredBy.SUB_CENTRE})
"""Lines whose callers are told that they are being transferred, or that it is closed."""


OPENINGS = frozenset({"greeting", "transition", "cancelled", "transfer", "closed", "emergency"})
"""Families of prompts with which a recorded call begins: each must say so, and not be cut."""

ENDINGS = frozenset({"cancelled-announce-only"})
"""Templates after which there is no conversation."""

SYLLABLE_MS, PAUSE_MS = 210, 200
"""A calm voice: nearly five syllables a second, and a breath at each comma and full stop."""

PAUSES = frozenset("，。、；：？！,.;:?!")
_NO_PAUSES = str.maketrans("", "", "".join(sorted(PAUSES)))

WORD_MS = 340
"""A word of English, or of another language in Latin letters, at the same calm pace."""

LANGUAGES = ("en",)
"""Languages in which a prompt may be said again after the Chinese."""

_DIGITS = re.compile(r"\d+")


class Prompt(msgspec.Struct, frozen=True, gc=False):
    """A sentence: `text` as written, `spoken` as the voice reads it (digits one by one).

    `must_hear`: not cut by an agent's answer.  `notice`: it says that the call is recorded.  In several languages, they
    follow each other: in `text` after a blank, in `spoken` each on a line of its own, the Chinese first.  `pieces`: the
    sounds that are played one after another; none: it is one sound.
    """

    id: PromptId
    text: str
    spoken: str
    must_hear: bool = False
    notice: bool = False
    pieces: tuple[PromptId, ...] = ()

    @property
    def sounds(self) -> tuple[PromptId, ...]:
        """What is played, one after another."""
        return self.pieces or (self.id,)


PIECE, NAME = "“”", "‹›"
"""Between these marks a sound's id holds its own words: a piece of a template or a digit, and a name."""


def words(sound: PromptId) -> str | None:
    """What is said in a piece, as the voice reads it; None for a prompt that is one sound."""
    return sound[1:-1] if sound[0] + sound[-1] in {PIECE, NAME} else None


def file_of(sound: PromptId) -> str:
    """The name of a sound's file, below the folder of prompts, without its extension."""
    said = words(sound)
    return sound if said is None else f"pieces/{sha256(sound.encode()).hexdigest()[:16]}"


def texts(prompts: Iterable[Prompt]) -> dict[PromptId, str]:
    """All that the voice has to read for them, each sound once."""
    found: dict[PromptId, str] = {}
    for prompt in prompts:
        if prompt.pieces:
            found.update((piece, piece[1:-1]) for piece in prompt.pieces)
        else:
            found[prompt.id] = prompt.text
    return found


class Template(msgspec.Struct, frozen=True):
    """A text with names in braces; `also`: the same in other languages, said after it."""

    text: str
    must_hear: bool = False
    notice: bool = False
    also: tuple[str, ...] = ()

    def fill(self, prompt: PromptId, names: Mapping[str, str], *, is_one_of_many: bool = False) -> Prompt:
        """The prompt with every name replaced; for one of many lines in pieces, if it is in one language."""
        parts = _cut(self.text, names["city"], names["hall"])
        text = _joined(parts, names)
        read = spoken(text)
        pieces = tuple(_pieces(parts, names)) if is_one_of_many and not self.also else ()
        for other in self.also:
            again = _joined(_cut(other, names["city"], names["hall"]), names)
            text, read = f"{text} {again}", f"{read}\n{_apart(again)}"
        return Prompt(prompt, text, read, self.must_hear, self.notice, pieces)


_Part = tuple[str, PromptId | None, str]
"""Text between two names, the piece in which it is said (None: there is nothing to say), and the name after it."""


@lru_cache(maxsize=64)
def _cut(text: str, city: str, hall: str) -> tuple[_Part, ...]:
    """A template, cut where the names stand that differ from line to line."""
    parts = _BRACES.split(text.replace("{city}", city).replace("{hall}", hall))
    return tuple(
        (between, PromptId(f"“{spoken(between)}”") if between.translate(_NO_PAUSES).strip() else None, name)
        for between, name in zip(parts[::2], [*parts[1::2], ""], strict=True)
    )


def _joined(parts: Iterable[_Part], names: Mapping[str, str]) -> str:
    return "".join(between + names.get(name, "") for between, _, name in parts)


def _pieces(parts: Iterable[_Part], names: Mapping[str, str]) -> Iterator[PromptId]:
    for _, piece, name in parts:
        if piece is not None:
            yield piece
        if name in {"number", "agent"}:
            yield from (_DIGIT[digit] for digit in names.get(name, "") if digit in _DIGIT)
        elif name:
            yield PromptId(f"‹{spoken(names.get(name, ''))}›")


_BRACES = re.compile(r"\{([^{}]*)\}")
_DIGIT = {digit: PromptId(f"“{spoken(digit)}”") for digit in "0123456789"}


def _apart(text: str) -> str:
    """Numbers as an English voice must read them: every digit by itself."""
    return _DIGITS.sub(lambda match: " ".join(match[0]), text)


def estimated_ms(prompt: Prompt) -> int:
    """About how long the voice takes, before there is any audio to measure."""
    chinese, _, others = prompt.spoken.partition("\n")
    syllables = len(chinese.translate(_NO_PAUSES))
    return SYLLABLE_MS * syllables + PAUSE_MS * (len(chinese) - syllables) + WORD_MS * len(others.split())


def family(prompt: PromptId) -> str:
    """What comes before the number in a prompt's id."""
    return prompt.rpartition("-")[0]


def greeting(line: Line, hall: str) -> PromptId:
    """Said when a line with nothing to announce is answered; a line merged into `hall` is greeted as the hall."""
    return PromptId(f"greeting-{hall if line.section is Section.FULL_MERGE else line.number}")


def transition(line: Line) -> PromptId:
    """Says that the line has moved, or is now answered by the hall too."""
    return PromptId(f"transition-{line.number}")


def cancelled(line: Line) -> PromptId:
    """Says that the number is no longer in use."""
    return PromptId(f"cancelled-{line.number}")


def transfer(line: Line) -> PromptId:
    """Said before the line's centre is dialled."""
    return PromptId(f"transfer-{line.number}")


def closed(line: Line) -> PromptId:
    """Said instead when the line's centre is closed."""
    return PromptId(f"closed-{line.number}")


def emergency(number: str) -> PromptId:
    """Said while the emergency desk of that number is dialled."""
    return PromptId(f"emergency-{number}")


def unanswered(number: str) -> PromptId:
    """Said when no emergency desk of that number can be had: to dial it oneself."""
    return PromptId(f"unanswered-{number}")


def whisper(line: Line) -> PromptId:
    """The line's short name, for the agent."""
    return PromptId(f"whisper-{line.number}")


def agent_number(agent: AgentId) -> PromptId:
    """The agent's 工号, for the caller."""
    return PromptId(f"agent-{agent}")


def named(agent: AgentId) -> PromptId:
    """The agent's 工号, to themselves at a phone; from pieces, since there are many and seldom any is heard."""
    return PromptId(f"named-{agent}")


def fill_all(
    templates: Mapping[str, Template],
    names: Mapping[str, str],
    lines: Iterable[Line],
    agents: Iterable[Agent],
    desks: Iterable[str],
) -> Iterator[tuple[str, Prompt]]:
    """Every prompt that the templates give, with its template's name; `names` has `city` and `hall`.

    `desks`: numbers of the emergency desks that we can dial.
    """
    for line in lines:
        of_line = {**names, "line": line.name, "short": line.short, "number": line.number}
        is_one_of_many = line.row == MANY
        for prompt, template in _of_line(line, names["hall"]):
            yield template, templates[template].fill(prompt, of_line, is_one_of_many=is_one_of_many)
    for agent in agents:
        of_agent = {**names, "agent": agent.id}
        yield "agent", templates["agent"].fill(agent_number(agent.id), of_agent, is_one_of_many=agent.in_range)
        yield "named", templates["named"].fill(named(agent.id), of_agent, is_one_of_many=True)
    for number in desks:
        yield "emergency", templates["emergency"].fill(emergency(number), {**names, "number": number})
    for number in EMERGENCY:
        yield "unanswered", templates["unanswered"].fill(unanswered(number), {**names, "number": number})


def _of_line(line: Line, hall: str) -> Iterator[tuple[PromptId, str]]:
    yield whisper(line), "whisper"
    if line.section is not Section.FULL_MERGE:
        yield greeting(line, hall), "greeting"
    if line.transition is not None:
        yield transition(line), f"transition-{line.section or Section.DUAL_NUMBER}"
    if line.cancel_on is not None:
        yield cancelled(line), "cancelled" if line.when_cancelled is Cancelled.CONNECT else "cancelled-announce-only"
    if line.answered_by in ANNOUNCES:
        yield transfer(line), "transfer"
        yield closed(line), "closed"
