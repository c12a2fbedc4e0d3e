"""What all calls of a controller share: values and owners, passed in and never looked up.

A call holds the `Service` with which it began: a reload gives the controller another one, for the calls that come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.dispatcher import Dispatcher
from ivr.edge.protocols import Clock
from ivr.journal import Journal
from ivr.trunks import Trunks
from ivr.turns import Turns
from routing.config import Config
from routing.ids import PromptId
from routing.prompts import Prompt, file_of


@dataclass(frozen=True, slots=True)
class Audio:
    """The prompts as Asterisk plays them: where their sounds lie, how long each is (ms), of which a prompt is made."""

    folder: str
    lengths: Mapping[PromptId, int]
    prompts: Mapping[PromptId, Prompt] = field(default_factory=dict)

    def media(self, prompt: PromptId) -> list[str]:
        """ARI's names for its sounds, in order: absolute paths, without the extension."""
        return [f"sound:{self.folder}/{file_of(sound)}" for sound in self._sounds(prompt)]

    def length_ms(self, prompt: PromptId) -> int:
        """How long it is; 0 when there is no audio of it."""
        return sum(self.lengths.get(sound, 0) for sound in self._sounds(prompt))

    def _sounds(self, prompt: PromptId) -> tuple[PromptId, ...]:
        known = self.prompts.get(prompt)
        return known.sounds if known is not None else (prompt,)


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of a call; `version` is the number of the applied configuration, 0 where none is kept."""

    config: Config
    journal: Journal
    dispatcher: Dispatcher
    clock: Clock
    audio: Audio
    version: int = 0
    trunks: Trunks = field(default_factory=Trunks)
    turns: Turns = field(default_factory=Turns)
