"""Operations on the house: is it alive, what is it doing, take no more calls, follow another configuration."""

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.ari.client import Counts
from ivr.errors import DiskError
from ivr.trunks import TrunkNow
from ivr.watch import Alarm
from ivr.web import views
from ivr.web.operations import Operation
from ivr.web.rights import ADMINS, EVERYBODY, LINE_ADMINS, WATCHERS
from ivr.web.switchboard import Asked, Refusal

Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
Version = Annotated[int, msgspec.Meta(ge=1, le=999_999)]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    alive: bool


class Ready(msgspec.Struct, frozen=True):
    """Calls are being served."""

    ready: bool


class JournalNow(msgspec.Struct, frozen=True):
    """The number of the last entry, bytes on the disk, entries that the disk has refused so far."""

    seq: int
    bytes: int
    held: int


class AuditNow(msgspec.Struct, frozen=True):
    """The number of the last entry, entries that the disk has not taken yet, entries that it never will."""

    count: int
    held: int
    lost: int


class Status(msgspec.Struct, frozen=True):
    """The switch now; calls by stage, agents by state; `alarms`: what must not be, and is."""

    node: str
    version: int
    mode: str
    at: str
    rehearsal: str
    connected: bool
    lines: int
    calls: Mapping[str, int]
    agents: Mapping[str, int]
    waiting: int
    journal: JournalNow
    audit: AuditNow
    ari: Counts
    alarms: list[Alarm] = []


class Draining(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long calls in progress may take."""

    within: Seconds = 30


class Drained(msgspec.Struct, frozen=True):
    """Calls that are still in progress."""

    left: int


class Reloading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version that must have been applied; none: whichever it is."""

    version: Version | None = None


class Followed(msgspec.Struct, frozen=True):
    """The version that new calls follow, its lines, and the calls that keep what they began with."""

    version: int
    lines: int
    calls: int


async def health(asked: Asked) -> Alive:  # noqa: ARG001 - every operation is given it
    """Whether the process answers."""
    return Alive(alive=True)


async def ready(asked: Asked) -> Ready:
    """Whether calls are being served; 503 when not."""
    if asked.board.controller.ari is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not connected to Asterisk")
    return Ready(ready=True)


async def status(asked: Asked) -> Status:
    """The switch now: calls by stage, agents by state, journal, connection."""
    controller, service = asked.board.controller, asked.board.service
    stages = Counter(views.stage(ledger) for ledger in controller.register.ledgers.values())
    return Status(
        node=service.config.site.node,
        version=service.version,
        mode=service.config.site.mode,
        at=service.clock.civil().isoformat(timespec="seconds"),
        rehearsal=controller.rehearsal,
        connected=controller.ari is not None,
        lines=len(service.config.lines),
        calls=dict(stages),
        agents=dict(Counter(str(view.state) for view in service.dispatcher.agents())),
        waiting=len(service.dispatcher.waiting()),
        journal=JournalNow(service.journal.seq, service.journal.size, service.journal.held),
        audit=AuditNow(asked.board.audit.count, asked.board.audit.held, asked.board.audit.lost),
        ari=controller.ari.counts if controller.ari else Counts(),
        alarms=[*asked.board.watch.standing.values()],
    )


async def trunks(asked: Asked) -> list[TrunkNow]:
    """The trunks now: reachable, logged in, channels in use by direction, reserves; 503 without Asterisk."""
    controller, service = asked.board.controller, asked.board.service
    seen = await service.trunks.look(controller.ari, service.config.site)
    if not seen and service.config.site.trunks:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Asterisk cannot be asked now")
    return [*seen]


async def drain(asked: Asked, body: Draining) -> Drained:
    """Take no new calls, and wait for those in progress."""
    return Drained(await asked.board.controller.drain(body.within))


async def reload(asked: Asked, body: Reloading) -> Followed:
    """Follow what `hotline reload` has checked and applied; calls in progress keep what they began with."""
    try:
        applied = await asked.board.applied()
    except DiskError as error:
        raise Refusal(HTTPStatus.CONFLICT, str(error)) from error
    if body.version not in {None, applied.version}:
        sentence = f"version {applied.version} has been applied, not {body.version}"
        raise Refusal(HTTPStatus.CONFLICT, sentence)
    controller = asked.board.controller
    controller.follow(applied.config, applied.audio, applied.version)
    return Followed(applied.version, len(applied.config.lines), len(controller.register.ledgers))


OPERATIONS = (
    Operation("GET", "/health", health),
    Operation("GET", "/ready", ready),
    Operation("GET", "/status", status, EVERYBODY),
    Operation("GET", "/trunks", trunks, WATCHERS | ADMINS | LINE_ADMINS),
    Operation("POST", "/drain", drain, ADMINS),
    Operation("POST", "/reload", reload, ADMINS | LINE_ADMINS),
)
