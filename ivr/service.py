"""What all calls of a controller share: values and owners, passed in and never looked up.

A call holds the `Service` with which it began: a reload gives the controller another one, for the calls that come.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.dispatcher import Dispatcher
from ivr.edge.protocols import Clock
from ivr.journal import Journal
from routing.config import Config
from routing.ids import PromptId


@dataclass(frozen=True, slots=True)
class Audio:
    """The prompts as Asterisk plays them: where they lie, and how long each is (ms)."""

    folder: str
    lengths: Mapping[PromptId, int]

    def media(self, prompt: PromptId) -> str:
        """ARI's name for a prompt: an absolute path, without the extension."""
        return f"sound:{self.folder}/{prompt}"

    def length_ms(self, prompt: PromptId) -> int:
        """How long it is; 0 when there is no audio of it."""
        return self.lengths.get(prompt, 0)


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of a call; `version` is the number of the applied configuration, 0 where none is kept."""

    config: Config
    journal: Journal
    dispatcher: Dispatcher
    clock: Clock
    audio: Audio
    version: int = 0
