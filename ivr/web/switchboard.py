"""What operations are done on, and what one is given: the controller and what stands around it, and whoever asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from ivr.app import Controller
from ivr.audit import Audit
from ivr.edge.protocols import Attachment
from ivr.service import Audio, Service
from ivr.store import PostgresStore
from ivr.watch import Watch
from ivr.web.access import Access
from ivr.web.hub import Hub
from ivr.web.meters import Meters
from ivr.web.rights import Who
from routing.config import Config
from routing.ids import CallId, PromptId


class Refusal(Exception):
    """The operation cannot be done: one plain sentence."""

    def __init__(self, status: HTTPStatus, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers or {}


class Failure(msgspec.Struct, frozen=True):
    """What a refusal says: one sentence."""

    error: str


class Applied(NamedTuple):
    """A configuration that has been checked and applied, with its audio."""

    version: int
    config: Config
    audio: Audio


@dataclass(frozen=True)
class Switchboard:
    """Everything that can be worked on.

    `applied` reads what has been applied last, `recording` finds a call's; both raise `DiskError`.  `speak` lets
    the voice read a text at once, under a name that calls can play: its length in ms, or a `Refusal`.
    """

    controller: Controller
    store: PostgresStore
    applied: Callable[[], Awaitable[Applied]]
    access: Access
    audit: Audit
    recording: Callable[[CallId], Awaitable[Attachment | None]]
    hub: Hub
    watch: Watch
    meters: Meters
    speak: Callable[[PromptId, str], Awaitable[int]]

    @property
    def service(self) -> Service:
        """The present one."""
        return self.controller.service


@dataclass(frozen=True)
class Asked:
    """One request, once it is known who asks."""

    board: Switchboard
    who: Who
    last_event: str = ""
