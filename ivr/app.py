"""The controller: one era a connection to Asterisk, in which every call that is alive has its coroutine.

A lost socket, a killed process and a first start are one case: connect, look, enter every call at the top.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import partial

import msgspec

from ivr import outgoing, seating
from ivr.acquaintances import Acquaintances
from ivr.adopt import (
    Findings,
    args_of,
    arrived,
    call_of,
    concerned,
    is_called,
    is_ours,
    legs,
    orphans,
    survey,
    tickets,
)
from ivr.ari import models
from ivr.ari.client import Ari, Lists, connect
from ivr.ari.handles import Channel
from ivr.ari.vitals import Ended
from ivr.browsers import Browsers
from ivr.call import SURVIVAL, serve
from ivr.callbacks import Callbacks
from ivr.edge.protocols import Wire
from ivr.errors import AriError, ConnectionLost, Deaf, Replaced
from ivr.facts import Arrived, Direction
from ivr.ledger import ARRIVED, DIALLING
from ivr.nuisance import Nuisances
from ivr.pins import Pins
from ivr.presence import Presence, elsewhere, endpoints, registered
from ivr.register import Register, Witness
from ivr.seating import Desk, called_from
from ivr.service import Audio, Service
from ivr.visit import Call, Conversing
from routing.config import Config
from routing.ids import AgentId, CallId, ChannelId, Instant, SeatId, TicketId
from routing.talk import Room

log = logging.getLogger(__name__)

APP = "hotline"
"""Our application's name in Asterisk."""

RETRY_S = 0.2
"""Between two attempts to connect: callers ring meanwhile."""

LOOK_EVERY_S = 2.0
"""How often desks, phones, and who is on a call that is not ours, are looked at."""

SWEEP_EVERY_S = 30.0

ECHO_EVERY_S = 3.0
"""How often Asterisk has to prove that it tells us what happens."""

CALL_BACK_EVERY_S = 1.0
"""How often it is looked whose try to call back is due."""

PATIENCE = 2
"""Connections that one call may cost, one after another, by requests of which Asterisk answers none."""

CURRENT: ContextVar[str] = ContextVar("call", default="-")
"""The call whose task is running, for the log."""


class Controller:
    """Owns the connection, the calls' tasks, and the configuration that the next call will begin with."""

    def __init__(  # noqa: PLR0913 - one for each that remembers
        self,
        service: Service,
        wire: Wire,
        register: Register,
        pins: Pins,
        rehearsal: str = "",
        callbacks: Callbacks | None = None,
        acquaintances: Acquaintances | None = None,
        *,
        browsers: Browsers,
        nuisances: Nuisances | None = None,
        causes: Callable[[], Mapping[CallId, int]] = dict,
    ) -> None:
        """`causes`: why calls have ended that nobody of us saw end."""
        self.service = service
        self.register = register
        self.pins = pins
        self.browsers = browsers
        self.presence = Presence(service.dispatcher, service.clock)
        self.ari: Ari | None = None
        self.began: Instant | None = None
        """When the Asterisk to which we are connected, or were last, was started."""
        self._group: asyncio.TaskGroup | None = None
        self.rehearsal = rehearsal
        self.callbacks = callbacks or Callbacks(service.journal, service.clock, service.config.site)
        self._acquaintances = acquaintances or Acquaintances(
            service.journal, service.clock, service.config.site.numbering
        )
        self.nuisances = nuisances or Nuisances(service.journal, service.clock)
        self._witnesses: tuple[Witness, ...] = (self.callbacks, self._acquaintances)
        self._causes = causes
        self._wire = wire
        self._door_is_open = True
        self._quiet = asyncio.Event()
        self._suspects: list[CallId] = []
        self._calls: dict[CallId, Call] = {}

    def conversations(self) -> list[Conversing]:
        """Of all calls in which somebody talks."""
        return [call.conversation for call in self._calls.values() if call.conversation is not None]

    async def run(self) -> None:
        """Be the controller, for ever; raises `Replaced` when another one has taken our place."""
        while True:
            try:
                async with connect(self._wire, APP) as ari:
                    await self._era(ari)
            except (ConnectionLost, AriError) as error:
                log.warning("no connection: %s", error)
                self._suspect(error)
            self.ari = self._group = None
            await asyncio.sleep(RETRY_S)

    def attend(self, witness: Witness) -> None:
        """One more is told of what happens, before those who are told already."""
        self._witnesses = (witness, *self._witnesses)

    def follow(self, config: Config, audio: Audio, version: int) -> None:
        """Calls that begin from now on follow this; those that have begun keep the service that they hold."""
        self.service = replace(self.service, config=config, audio=audio, version=version)
        self.service.dispatcher.configure(config.site)
        self.callbacks.follow(config.site)
        log.info("follows version %d: %d lines", version, len(config.lines))

    def close_door(self) -> None:
        """Take no new calls: the dialplan's survival path has them."""
        self._door_is_open = False

    async def drain(self, within: float) -> int:
        """Take no new calls, and wait up to `within` seconds for those in progress; how many are left."""
        self.close_door()
        self._settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._quiet.wait()
        return len(self.register.ledgers)

    async def _era(self, ari: Ari) -> None:
        register, service = self.register, self.service
        register.forget_empty()
        self.began = began = await ari.began()
        found = survey(service.config, await ari.lists(), register, service.clock.instant(), began)
        if not found.living.keys() >= register.ledgers.keys():
            found.causes = self._causes()
        self._sweep(ari, found)
        alive = [ledger for call, ledger in register.ledgers.items() if call in found.living or is_ours(ledger)]
        held = [tickets(ledger) for ledger in alive]
        new = [TicketId(call) for call in found.living if not register.is_open(call)]
        kept = [ticket for needed, _ in held for ticket in needed]
        service.dispatcher.reconcile(new + kept, [ticket for _, there in held for ticket in there])
        try:
            async with asyncio.TaskGroup() as group:
                for call in list(register.ledgers):
                    group.create_task(self._serve(call, partial(self._resumed, ari, found)), name=f"call:{call}")
                for call, channel in found.living.items():
                    self._take(ari, group, call, channel)
                for phone in found.desks:
                    self._attend(ari, group, phone, args_of(phone))
                group.create_task(self._look_for_phones(ari), name="phones")
                group.create_task(self._look_around(ari), name="sweep")
                group.create_task(self._listen(ari), name="echo")
                group.create_task(self._call_back(), name="callbacks")
                self.ari, self._group = ari, group
                log.info("connected: %d calls", len(register.ledgers))
                for witness in self._witnesses:
                    witness.connected()
                await self._welcome(ari, group)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures  # a call's own failures end with it: this is the connection's

    def _suspect(self, error: ConnectionLost | AriError) -> None:
        """One channel that hangs in Asterisk must not take the socket from all others, again and again."""
        call = concerned(error.request, self.register) if isinstance(error, Deaf) else None
        self._suspects = [*self._suspects, call] if call is not None else []

    async def _welcome(self, ari: Ari, group: asyncio.TaskGroup) -> None:
        async for start in ari.arrivals():
            call = call_of(start.channel)
            if call is None and called_from(start.args):
                self._attend(ari, group, start.channel, start.args)
                continue
            if call is not None and self._door_is_open and not self.register.is_ended(call):
                self._take(ari, group, call, start.channel)
                continue
            channel = Channel(ari, ChannelId(start.channel.id))
            # a leg of a life before, or of a call that is over
            if call is None or is_called(start.channel) or self.register.was_served(call):
                channel.hang_up()
            else:
                _survive(ari, channel.id)

    def _take(self, ari: Ari, group: asyncio.TaskGroup, call: CallId, channel: models.Channel) -> None:
        """A call that nobody has taken yet."""
        if not self.register.is_open(call):
            self.register.open(call)
            group.create_task(self._serve(call, partial(self._begun, ari, channel)), name=f"call:{call}")

    def _attend(self, ari: Ari, group: asyncio.TaskGroup, phone: models.Channel, args: Sequence[str]) -> None:
        """A seat's phone has dialled a feature code."""
        called = called_from(args)
        if called is not None:
            seat, code = called
            is_up = phone.state == "Up"
            desk = Desk(self.service, self.pins, Channel(ari, ChannelId(phone.id)), seat, code, is_up)
            group.create_task(_seated(desk), name=f"seat:{seat}")

    async def _serve(self, call: CallId, begin: Callable[[CallId], Call]) -> None:
        CURRENT.set(call)
        try:
            self._calls[call] = mine = begin(call)
            await (outgoing.serve if is_ours(mine.ledger) else serve)(mine)
        except (ConnectionLost, Replaced):
            raise
        except Exception:
            log.exception("the call could not be ended properly; the lease gives the caller to the survival path")
        finally:
            self._calls.pop(call, None)
        record = self.register.close(call)
        if record is not None:
            for witness in self._witnesses:
                witness.ended(record)
            self._settle()

    def _begun(self, ari: Ari, channel: models.Channel, call: CallId) -> Call:
        """A new call: one with an empty ledger."""
        ledger, clock = self.register.open(call), self.service.clock
        civil = clock.civil().isoformat(timespec="milliseconds")
        now = arrived(channel, self.service.config, civil, clock.instant(), self.rehearsal)
        task = self.callbacks.comes(call, now.arrival.caller)
        known = self._acquaintances.of(now.arrival.caller, self.service.config.site.timing.same_agent_for)
        first_entry, agent = (task.first_entry, task.agent) if task is not None else (None, None)
        slower_ms = self.nuisances.slower_ms(self.service.config.site, now.arrival.caller)
        now = msgspec.structs.replace(now, first_entry=first_entry, agent=agent or known, slower_ms=slower_ms)
        if task is not None and task.calling in self._calls:
            self._calls[task.calling].give_up("the citizen calls by themselves")
        ledger.write(ARRIVED, now)
        return Call(self.service, ari, call, Channel(ari, ChannelId(channel.id)), ledger, resumed=False)

    def _resumed(self, ari: Ari, found: Findings, call: CallId) -> Call:
        """A call that an earlier life has begun; its people may have left meanwhile."""
        ledger, living = self.register.ledgers[call], found.living.get(call)
        if is_ours(ledger):
            channel = outgoing.called(ari, ledger, found.everyone, found.end(ledger))
        else:
            channel = Channel(ari, ChannelId(living.id) if living else ledger[ARRIVED].channel)
        if is_ours(ledger):
            log.info("a call of our own goes on")
        elif living is None:
            channel.vitals.end(found.end(ledger))
        if self._suspects.count(call) >= PATIENCE and not legs(ledger):  # with a person nothing is asked of it
            log.error("no request about this call is answered: its lease gives the caller to the survival path")
            channel.vitals.end(Ended(hung_up=False))
        for leg in legs(ledger):
            if leg not in found.everyone:
                ari.vitals(leg).end(Ended(hung_up=True, cause=found.end(ledger).cause))
        rooms = found.rooms.get(call, {})
        is_bridged = rooms.get(channel.id) is Room.CALL
        return Call(self.service, ari, call, channel, ledger, resumed=True, is_bridged=is_bridged, rooms=rooms)

    @staticmethod
    def _sweep(ari: Ari, found: Findings) -> None:
        for channel in found.strays:
            ari.send("DELETE", f"channels/{channel}")
        for channel in found.unserved:
            _survive(ari, channel)
        for bridge in found.empty:
            ari.send("DELETE", f"bridges/{bridge}")

    async def _look_around(self, ari: Ari) -> None:
        """Sweep, now and then, what a lost request has left behind; at once when an agent's state is at its limit."""
        overdue = self.service.dispatcher.overdue
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_EVERY_S):
                    await overdue.wait()
            talking = [leg for ledger in self.register.ledgers.values() for leg in legs(ledger)]
            with contextlib.suppress(AriError):
                lists = await ari.lists()
                self._sweep(ari, orphans(lists, self.register))
                if overdue.is_set():
                    self._compare(ari, lists, talking)
            overdue.clear()

    def _compare(self, ari: Ari, lists: Lists, talking: list[ChannelId]) -> None:
        """An agent talks for too long: does Asterisk say so too?  Nobody is hung up who is there."""
        present = {channel.id for channel in lists.channels}
        for leg in talking:
            if leg not in present:
                ari.vitals(leg).end(Ended(hung_up=True))
        calls = list(self.register.ledgers)
        for view in self.service.dispatcher.accepted():
            if not any(f"{view.ticket}-".startswith(f"{call}-") for call in calls):
                log.warning("ticket %s belongs to no call any longer: its agent is free", view.ticket)
                self.service.dispatcher.leave(view.ticket)

    async def _call_back(self) -> None:
        """Begin the tries that are due, now and then, while somebody is there to talk; late in the day give them up."""
        self.callbacks.forget(self.register.ledgers)
        while True:
            await asyncio.sleep(CALL_BACK_EVERY_S)
            for call in self._calls.values():
                if call.ledger[ARRIVED].direction is Direction.CALLBACK and (why := self._needless(call)):
                    call.give_up(why)
            if self._door_is_open and self.service.dispatcher.agents():
                engaged = [ledger[ARRIVED].arrival.caller for ledger in self.register.begun.values()]
                for task in self.callbacks.to_call(engaged):
                    self.begin(self.callbacks.begin(task), outgoing.back(self.service, self.rehearsal, task))

    def _needless(self, call: Call) -> str:
        """Why a try need not go on, if so: at a planned stop, only while it seeks an agent."""
        is_sought = DIALLING.of(1) not in call.ledger
        return "we are about to end" if is_sought and not self._door_is_open else self.callbacks.needless(call.id)

    def begin(self, call: CallId, begun: Arrived) -> bool:
        """Begin a call of our own; false when Asterisk is away."""
        ari, group = self.ari, self._group
        if ari is None or group is None:
            return False
        ledger = self.register.open(call)
        ledger.write(ARRIVED, begun)
        nobody = outgoing.nobody(ari, call)
        made = Call(self.service, ari, call, nobody, ledger, resumed=False)
        self._calls[call] = made
        group.create_task(self._serve(call, lambda _: made), name=f"call:{call}")
        return True

    def call_out(self, agent: AgentId, number: str) -> CallId | None:
        """An agent calls a number (canonical); what the call is called, None when Asterisk is away."""
        site = self.service.config.site
        begun = outgoing.begun(self.service, self.rehearsal, Direction.OUT, site.number, number, agent)
        call = CallId(f"{site.node}-{begun.at}-out-{agent}")
        return call if self.begin(call, begun) else None

    async def _look_for_phones(self, ari: Ari) -> None:
        """Who has lost their phone or their desk is unreachable, and who has them again is what they were."""
        await self.browsers.make(ari)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            found = await endpoints(ari) if self.service.dispatcher.agents() else None
            self.presence.look(self.service.config.site, registered(found or ()))
            self.presence.look_elsewhere(elsewhere(found or ()))
            await self.browsers.tend(ari, self.service.dispatcher.agents())

    async def phones(self) -> dict[SeatId, bool] | None:
        """Whether a phone is registered at each seat, as Asterisk has it; None when it cannot be asked."""
        found = await endpoints(self.ari)
        return None if found is None else registered(found)

    @staticmethod
    async def _listen(ari: Ari) -> None:
        """Make sure, now and then, that events come; one who is deaf connects anew."""
        while True:
            await asyncio.sleep(ECHO_EVERY_S)
            await ari.echo()

    def _settle(self) -> None:
        if not self.register.ledgers:
            self._quiet.set()


async def _seated(desk: Desk) -> None:
    try:
        await seating.serve(desk)
    except (ConnectionLost, Replaced):
        raise
    except Exception:
        log.exception("seat %s: %s could not be done", desk.seat, desk.code)
        desk.phone.hang_up()


def _survive(ari: Ari, channel: ChannelId) -> None:
    """The dialplan's survival path takes a citizen whom we do not."""
    ari.send("POST", f"channels/{channel}/continue", query={"context": SURVIVAL, "extension": "s", "priority": 1})
