"""Prompts as text: which ones exist, for each line, target and agent, and what each says.

Text first: audio is rendered elsewhere from `spoken`.  Texts come from templates in `recordings/prompts.yaml`.
"""

import msgspec

from routing.ids import AgentId, PromptId
from routing.lines import Line, Phase, Section
from routing.numbers import spoken

FAMILIES: dict[str, frozenset[str]] = {
    "greeting": frozenset({"city", "hall", "line", "short", "number"}),
    "transition-full-merge": frozenset({"city", "hall", "line", "short", "number"}),
    "transition-dual-number": frozenset({"city", "hall", "line", "short", "number"}),
    "transition-sub-centre": frozenset({"city", "hall", "line", "short", "number"}),
    "cancelled": frozenset({"city", "hall", "line", "short", "number"}),
    "cancelled-announce-only": frozenset({"city", "hall", "line", "short", "number"}),
    "transfer": frozenset({"city", "hall", "line", "short", "number"}),
    "closed": frozenset({"city", "hall", "line", "short", "number"}),
    "whisper": frozenset({"city", "hall", "line", "short", "number"}),
    "agent": frozenset({"city", "hall", "agent"}),
}
"""Template -> the names that may stand in braces in it."""

FIXED = (PromptId("return-hall"), PromptId("survival-sorry"))
"""Prompts that must exist by themselves."""


class Prompt(msgspec.Struct, frozen=True):
    """A sentence: `text` as written, `spoken` as the voice reads it (digits one by one).

    `must_hear`: not cut by an agent's answer.  `notice`: it says that the call is recorded.
    """

    id: PromptId
    text: str
    spoken: str
    must_hear: bool = False
    notice: bool = False


class Template(msgspec.Struct, frozen=True):
    """A text with names in braces."""

    text: str
    must_hear: bool = False
    notice: bool = False

    def fill(self, id_: PromptId, names: dict[str, str]) -> Prompt:
        """The prompt `id_` with every name replaced."""
        text = self.text
        for name, value in names.items():
            text = text.replace("{" + name + "}", value)
        return Prompt(id_, text, spoken(text), self.must_hear, self.notice)


def greeting(line: Line) -> PromptId:
    """Said when a line without anything to announce is answered."""
    return PromptId(f"greeting-{line.number}")


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


def whisper(line: Line) -> PromptId:
    """The line's short name, for the agent."""
    return PromptId(f"whisper-{line.number}")


def agent_number(agent: AgentId) -> PromptId:
    """The agent's 工号, for the caller."""
    return PromptId(f"agent-{agent}")


RETURN_HALL = FIXED[0]
SURVIVAL_SORRY = FIXED[1]
PHASES = Phase
SECTIONS = Section
