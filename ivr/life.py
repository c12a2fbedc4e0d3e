"""One life of the controller's process: everything real is put together here, and runs until it is asked to end.

Crash-only: SIGTERM closes the door, syncs the journal and vanishes; calls are never cancelled, the next life goes on.
"""

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvloop

from ivr.acquaintances import Acquaintances
from ivr.app import CURRENT, Controller
from ivr.audit import ANCHOR, Audit
from ivr.broadcasts import Broadcasts
from ivr.browsers import Browsers
from ivr.callbacks import Callbacks
from ivr.census import Census, meant, place_in
from ivr.dispatcher import Dispatcher, replay
from ivr.edge import console, snapshots, voice
from ivr.edge.clock import SystemClock
from ivr.edge.database import Database
from ivr.edge.disk import FileDisk
from ivr.edge.ending import asked_to_end, vanish
from ivr.edge.following import FollowedFile
from ivr.edge.http import serving
from ivr.edge.locksmith import Argon2Locksmith
from ivr.edge.places import socket_folder
from ivr.edge.provisional import ProvisionalFolder
from ivr.edge.recordings import RecordingsFolder
from ivr.edge.secrets import Secrets
from ivr.edge.wire import AsteriskWire
from ivr.errors import DiskError, Replaced
from ivr.facts import CallRecord
from ivr.house import settings
from ivr.house.house import CONTROL_SOCKET
from ivr.house.settings import FIRST_LOGIN
from ivr.journal import Journal
from ivr.lockout import Lockout
from ivr.nuisance import Nuisances
from ivr.pins import Pins
from ivr.recorder import Recorder
from ivr.register import Register
from ivr.service import Audio, Service
from ivr.store import DayCloser, Drainer, PostgresStore
from ivr.trunks import Trunks, away, full, logged_out
from ivr.turns import Turns
from ivr.watch import (
    DATABASE_AWAY,
    IDLE_AGENTS,
    TALK_TOO_LONG,
    UNREACHED,
    Check,
    Watch,
    idle_agents,
    too_long,
    unreached,
)
from ivr.web.access import FIRST, Access
from ivr.web.api import Api
from ivr.web.hub import Hub
from ivr.web.meters import Meters, Sources
from ivr.web.rights import Role
from ivr.web.supervision import Supervision
from ivr.web.switchboard import Applied, Refusal, Switchboard
from routing.config import Config
from routing.hours import parse_moment
from routing.ids import Instant, PromptId
from routing.numbers import spoken

log = logging.getLogger(__name__)

REPLACED = 3
"""Exit code: another controller has taken our application."""

Work = Mapping[str, Callable[[], Coroutine[Any, Any, None]]]


@dataclass(frozen=True)
class Surroundings:
    """What the house tells its controller: by the environment, and by what lies in the state directory."""

    state: Path
    config: Config
    ari_port: int
    web_port: int
    database: str
    clock: SystemClock
    rehearsal: str
    version: int

    @property
    def console(self) -> Path:
        """Where Asterisk's command line is."""
        return socket_folder(self.state / "asterisk" / "run", CONTROL_SOCKET) / CONTROL_SOCKET

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Surroundings":
        """Raises `Trouble` or `ConfigFaults`."""
        state = settings.state_directory(None, environ)
        version, config = settings.applied(state)
        ports = settings.ports(config.site.ports, environ)
        at, since = environ.get("HOTLINE_AT", ""), environ.get("HOTLINE_SINCE", "")
        clock = SystemClock(parse_moment(at), Instant(int(since))) if at and since else SystemClock()
        return cls(
            state,
            config,
            ports["ari"],
            ports["web"],
            environ.get("DATABASE_URL", ""),
            clock,
            f"rehearsal-{since}" if at else "",
            version,
        )


def live(surroundings: Surroundings) -> None:
    """Live, until asked to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(call)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_with_call)
    uvloop.run(_live(surroundings))


def _with_call(record: logging.LogRecord) -> bool:
    record.call = CURRENT.get()
    return True


@dataclass(frozen=True)
class _Engine:
    """What has to do with calls, put together from what earlier lives have left."""

    controller: Controller
    journal: Journal
    census: Census
    recorder: Recorder
    recordings: RecordingsFolder
    store: PostgresStore


async def _live(given: Surroundings) -> None:
    secrets = Secrets(given.state / "secrets")
    wire = AsteriskWire(f"127.0.0.1:{given.ari_port}", "hotline", secrets.get("ari-password"))
    lockout = Lockout(FileDisk(given.state / "lockout" / "lockout"))
    engine = _engine(given, wire, lockout)
    gc.freeze()  # what is loaded stays; a full collection of it takes 36 ms, in which no call goes on
    async with wire:
        access = await _access(given, secrets, lockout)
        api, work = _served(given, engine, access)
        async with (
            serving(api.answer, given.web_port),
            asyncio.TaskGroup() as group,
        ):
            for name, run in work.items():
                group.create_task(run(), name=name)
            await asked_to_end()
            await _end(engine.controller, engine.journal)


def _engine(given: Surroundings, wire: AsteriskWire, lockout: Lockout) -> _Engine:
    site = given.config.site
    disk = FileDisk(given.state / "journal" / "journal")
    journal = Journal(disk, site.node, given.clock, site.limits.journal_bytes)
    entries = list(journal.replay())
    register = Register(journal, entries)
    dispatcher = Dispatcher(replay(entries), journal, given.clock, Broadcasts(journal, given.clock, entries))
    dispatcher.configure(site)
    service = Service(
        given.config,
        journal,
        dispatcher,
        given.clock,
        Audio(str(given.state / "prompts"), voice.lengths(given.state / "prompts"), given.config.prompts),
        given.version,
        trunks=Trunks(partial(console.ask, given.console)),
        turns=Turns(entries),
    )
    callbacks = Callbacks(journal, given.clock, site, entries)
    census = Census(
        FollowedFile(given.state / "census" / "calls.csv"),
        journal,
        given.clock,
        register.is_open,
        register.is_ended,
        lambda line: meant(controller.service.config, line, given.clock.civil()),
        place_in(entries),
        provisional=ProvisionalFolder(given.state / "census" / "provisional"),
        began=lambda: controller.began,
    )
    recordings = RecordingsFolder(given.state / "recordings")
    recorder = Recorder(
        recordings,
        journal,
        given.clock,
        register.is_open,
        lambda: controller.service.config.site.recording,
    )
    recorder.remember(entries)
    census.survived, census.rescued, census.tell = (
        callbacks.ended,
        callbacks.rescued,
        partial(_found, recorder, callbacks),
    )
    controller = Controller(
        service,
        wire,
        register,
        Pins(FileDisk(given.state / "pins" / "pins"), given.clock, Argon2Locksmith(), lockout),
        given.rehearsal,
        callbacks,
        Acquaintances(journal, given.clock, site.numbering, entries),
        browsers=Browsers(FileDisk(given.state / "browsers" / "browsers"), Argon2Locksmith()),
        nuisances=Nuisances(journal, given.clock, entries),
        causes=census.causes,
    )
    for witness in (recorder, census):
        controller.attend(witness)
    return _Engine(controller, journal, census, recorder, recordings, PostgresStore(Database(given.database)))


def _served(given: Surroundings, engine: _Engine, access: Access) -> tuple[Api, Work]:
    """What answers over HTTP, and everything that runs for as long as we live, by name."""
    controller, journal, store, recorder = engine.controller, engine.journal, engine.store, engine.recorder
    service = controller.service
    audit = Audit(FileDisk(given.state / "audit" / "audit"), given.clock, partial(journal.write, ANCHOR, ANCHOR))
    drainer = Drainer(journal, store)
    closer = DayCloser(store, given.clock, lambda: controller.service.config.site.timing.answer_within)
    watch = Watch(given.clock, _checks(controller, drainer, store, recorder))
    hub = Hub(controller, access, watch)
    meters = Meters(Sources(controller, store, watch, engine.census.take_found, engine.recordings.room))
    controller.attend(meters)
    board = Switchboard(
        controller,
        store,
        partial(_applied, given.state),
        access,
        audit,
        engine.recordings.find,
        hub,
        watch,
        meters,
        partial(_speak, given.state, controller),
    )
    return Api(board, access.identify), {
        "journal": journal.run,
        "drainer": drainer.run,
        "closer": closer.run,
        "dispatcher": service.dispatcher.run,
        "census": engine.census.run,
        "recorder": recorder.run,
        "stream": hub.run,
        "watch": watch.run,
        "trunks": partial(service.trunks.run, lambda: controller.ari, lambda: controller.service.config.site),
        "meters": meters.run,
        "supervision": Supervision(controller, access, audit).run,
        "controller": partial(_control, controller),
    }


def _found(recorder: Recorder, callbacks: Callbacks, record: CallRecord) -> None:
    """A call that was never ours has its record."""
    recorder.ended(record)
    callbacks.ended(record)


def _checks(controller: Controller, drainer: Drainer, store: PostgresStore, recorder: Recorder) -> dict[str, Check]:
    """Whatever somebody should look at, and why."""
    service, clock = controller.service, controller.service.clock
    held = "%d entries of the journal wait in memory: the disk refuses them"
    aside = "%d entries are set aside, as the database refuses them: the log of the controller names each"
    return {
        IDLE_AGENTS: partial(idle_agents, service.dispatcher),
        TALK_TOO_LONG: lambda: too_long(service.dispatcher, controller.service.config.site.timing, clock.instant()),
        "trunk-full": lambda: full(service.trunks.seen),
        "trunk-away": lambda: away(service.trunks.seen),
        "trunk-logged-out": lambda: logged_out(service.trunks),
        UNREACHED: lambda: unreached(each.talk for each in controller.conversations()),
        "asterisk-away": lambda: "" if controller.ari else "not connected to Asterisk: the dialplan serves callers",
        DATABASE_AWAY: lambda: "the database is away: the journal keeps what calls leave" if drainer.away else "",
        "entries-set-aside": lambda: aside % store.set_aside if store.set_aside else "",
        "journal-held": lambda: held % service.journal.held if service.journal.held else "",
        **recorder.alarms,
    }


async def _access(given: Surroundings, secrets: Secrets, lockout: Lockout) -> Access:
    """Accounts and tokens; at the very first start a system admin, whose password lies beside the other secrets."""
    disk = FileDisk(given.state / "access" / "access")
    spent = partial(_spent, secrets)
    access = Access(disk, given.clock, Argon2Locksmith(), secrets.get("api-token"), lockout, spent)
    if not access.accounts:
        await access.open(FIRST, (Role.SYSTEM_ADMIN,), password=secrets.get(FIRST_LOGIN))
    return access


def _spent(secrets: Secrets, name: str) -> None:
    """The first password is kept no longer than it holds."""
    if name == FIRST:
        secrets.drop(FIRST_LOGIN)


async def _applied(state: Path) -> Applied:
    """What has been applied since this life began."""
    version, config, lengths = await snapshots.follow(state)
    return Applied(version, config, Audio(str(state / "prompts"), lengths, config.prompts))


async def _speak(state: Path, controller: Controller, name: PromptId, text: str) -> int:
    """The city's voice reads a text beside its prompts."""
    try:
        return await voice.speak(name, spoken(text), state / "prompts", controller.service.config.site.voice.command)
    except voice.VoiceFailed as failed:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"the voice has failed: {failed}") from failed


async def _control(controller: Controller) -> None:
    try:
        await controller.run()
    except Replaced as replaced:
        log.critical("%s: this one ends", replaced)
        vanish(REPLACED)


async def _end(controller: Controller, journal: Journal) -> None:
    controller.close_door()
    try:
        await journal.sync()
    except DiskError as error:
        log.error("journal: %s", error)  # noqa: TRY400 - says all
    vanish()
