"""The controller's operations, as the command line calls them: a method and a path in, a status and a value out."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from ivr.app import Controller
from ivr.ari.client import Counts
from ivr.errors import DiskError, StoreError
from ivr.service import Audio, Service
from ivr.store import PostgresStore
from ivr.web import views
from routing.config import Config
from routing.ids import AgentId, SeatId
from routing.tickets import AnyEvent, Paused, Readied, SignedIn, SignedOut


class Answer(NamedTuple):
    """What goes back."""

    status: HTTPStatus
    value: Any


class Refusal(Exception):
    """The operation cannot be done: one plain sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Applied(NamedTuple):
    """A configuration that has been checked and applied, with its audio."""

    version: int
    config: Config
    audio: Audio


Operation = Callable[[Mapping[str, str]], Awaitable[Any]]

DIGITS = 6
"""What a number in a query may have: as a limit or in seconds, more has no sense, and the database no room for it."""

OPEN = frozenset({"/health", "/ready"})
"""Paths that need no token."""


class Api:
    """Everything that can be asked of a controller."""

    def __init__(self, controller: Controller, store: PostgresStore, applied: Callable[[], Applied]) -> None:
        """`applied` reads what has been applied last; it raises `DiskError`."""
        self._controller = controller
        self._store = store
        self._applied = applied
        self._operations: tuple[tuple[str, re.Pattern[str], Operation], ...] = tuple(
            (method, re.compile(path), operation)
            for method, path, operation in (
                ("GET", r"/health", self._health),
                ("GET", r"/ready", self._ready),
                ("GET", r"/status", self._status),
                ("GET", r"/calls", self._calls),
                ("GET", r"/calls/(?P<call>[\w-]+)", self._call),
                ("GET", r"/agents", self._agents),
                ("GET", r"/queues", self._queues),
                ("POST", r"/agents/(?P<agent>\w+)/sign-in", self._sign_in),
                ("POST", r"/agents/(?P<agent>\w+)/sign-out", self._sign_out),
                ("POST", r"/agents/(?P<agent>\w+)/ready", self._make_ready),
                ("POST", r"/agents/(?P<agent>\w+)/pause", self._pause),
                ("POST", r"/drain", self._drain),
                ("POST", r"/reload", self._reload),
            )
        )

    @property
    def _service(self) -> Service:
        """The present one."""
        return self._controller.service

    async def answer(self, method: str, path: str, query: Mapping[str, str]) -> Answer:
        """Do what is asked; a refusal is an answer too."""
        allowed = False
        for verb, pattern, operation in self._operations:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            allowed = True
            if verb == method:
                try:
                    return Answer(HTTPStatus.OK, await operation({**query, **match.groupdict()}))
                except Refusal as refusal:
                    return Answer(refusal.status, {"error": str(refusal)})
        status = HTTPStatus.METHOD_NOT_ALLOWED if allowed else HTTPStatus.NOT_FOUND
        return Answer(status, {"error": f"{method} {path}: {status.phrase.lower()}"})

    async def _health(self, _: Mapping[str, str]) -> Any:
        return {"alive": True}

    async def _ready(self, _: Mapping[str, str]) -> Any:
        if self._controller.ari is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not connected to Asterisk")
        return {"ready": True}

    async def _status(self, _: Mapping[str, str]) -> Any:
        controller, service = self._controller, self._service
        stages = Counter(views.stage(ledger) for ledger in controller.register.ledgers.values())
        counts = controller.ari.counts if controller.ari else Counts()
        return {
            "node": service.config.site.node,
            "version": service.version,
            "mode": service.config.site.mode,
            "at": service.clock.civil().isoformat(timespec="seconds"),
            "rehearsal": controller.rehearsal,
            "connected": controller.ari is not None,
            "lines": len(service.config.lines),
            "calls": dict(stages),
            "agents": dict(Counter(str(view.state) for view in service.dispatcher.agents())),
            "waiting": len(service.dispatcher.waiting()),
            "journal": {"seq": service.journal.seq, "bytes": service.journal.size, "held": service.journal.held},
            "ari": counts,
        }

    async def _calls(self, query: Mapping[str, str]) -> Any:
        now = self._service.clock.instant()
        living = [views.living(ledger, now) for ledger in self._controller.register.ledgers.values()]
        try:
            records = await self._store.calls(_whole(query, "limit", 20))
            return {"living": living, "ended": [views.ended(record) for record in records]}
        except StoreError as error:
            return {"living": living, "ended": [], "error": str(error)}

    async def _call(self, query: Mapping[str, str]) -> Any:
        try:
            record, facts = await self._store.call(query["call"]), await self._store.facts_of(query["call"])  # type: ignore[arg-type]
        except StoreError as error:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        if not facts:
            raise Refusal(HTTPStatus.NOT_FOUND, f"no call {query['call']!r} is known")
        return {"record": views.ended(record) if record else None, "facts": [views.happened(fact) for fact in facts]}

    async def _agents(self, _: Mapping[str, str]) -> Any:
        service = self._service
        return views.agents(service.config, service.dispatcher.agents(), service.clock.instant())

    async def _queues(self, _: Mapping[str, str]) -> Any:
        service = self._service
        return views.queue(service.dispatcher.waiting(), self._controller.register.ledgers, service.clock.instant())

    async def _sign_in(self, query: Mapping[str, str]) -> Any:
        site = self._service.config.site
        known = site.agents.get(AgentId(query["agent"]))
        if known is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"no agent {query['agent']!r} is in site.yaml")
        seat = SeatId(query.get("seat") or known.seat or "")
        if seat not in site.seats:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no seat {seat!r} is in site.yaml: name one with --seat")
        for view in self._service.dispatcher.agents():
            if view.seat == seat and view.agent != known.id:
                sentence = f"agent {view.agent} sits at {seat}: sign them out first, or name another seat with --seat"
                raise Refusal(HTTPStatus.CONFLICT, sentence)
        is_ready = query.get("ready", "yes") != "no"
        return self._told(known.id, SignedIn(known.id, seat, known.competences, is_ready))

    async def _sign_out(self, query: Mapping[str, str]) -> Any:
        return self._told(self._present(query), SignedOut(self._present(query)))

    async def _make_ready(self, query: Mapping[str, str]) -> Any:
        return self._told(self._present(query), Readied(self._present(query)))

    async def _pause(self, query: Mapping[str, str]) -> Any:
        return self._told(self._present(query), Paused(self._present(query), query.get("reason", "")))

    def _present(self, query: Mapping[str, str]) -> AgentId:
        agent = AgentId(query["agent"])
        if all(view.agent != agent for view in self._service.dispatcher.agents()):
            raise Refusal(HTTPStatus.CONFLICT, f"agent {agent!r} is not signed in")
        return agent

    def _told(self, agent: AgentId, event: AnyEvent) -> Any:
        service = self._service
        service.dispatcher.apply(event)
        shown = views.agents(service.config, service.dispatcher.agents(), service.clock.instant())
        return next(each for each in shown if each.agent == agent)

    async def _drain(self, query: Mapping[str, str]) -> Any:
        return {"left": await self._controller.drain(_whole(query, "within", 30))}

    async def _reload(self, query: Mapping[str, str]) -> Any:
        """Follow what `hotline reload` has checked and applied; calls in progress keep what they began with."""
        try:
            applied = self._applied()
        except DiskError as error:
            raise Refusal(HTTPStatus.CONFLICT, str(error)) from error
        wanted = _whole(query, "version", applied.version)
        if wanted != applied.version:
            raise Refusal(HTTPStatus.CONFLICT, f"version {applied.version} has been applied, not {wanted}")
        self._controller.follow(applied.config, applied.audio, applied.version)
        return {
            "version": applied.version,
            "lines": len(applied.config.lines),
            "calls": len(self._controller.register.ledgers),
        }


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{name}={text[:20]!r} is not a whole number of at most {DIGITS} digits")
    return int(text)
