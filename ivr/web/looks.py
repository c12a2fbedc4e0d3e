"""What the stream looks at, topic by topic: what was told of each, and what is other now.

Each topic remembers, by id, a mark that differs whenever there is something to tell; only what is other is made into
what is shown.  So a look costs a comparison for each agent and each who waits, and the rest by what has changed.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from ivr import parties
from ivr.app import Controller
from ivr.ledger import RELEASED, Ledger
from ivr.watch import Alarm, Watch
from ivr.web import lists, views
from ivr.web.lists import ShownCase, ShownPool, ShownTask
from ivr.web.views import LivingCall, ShownAgent, ShownTalk, ShownTicket, Waiting
from routing.callbacks import Task
from routing.config import Config
from routing.ids import AgentId, CallId, Instant, PoolId
from routing.nuisance import Case
from routing.standing import AgentView
from routing.talk import Talk

Shown = TypeVar("Shown")
Mark = TypeVar("Mark")
Id = TypeVar("Id", bound=str)

People = Mapping[CallId, tuple[AgentId, ...]]
"""Call -> the agents whom it concerns."""


class Everything(msgspec.Struct, frozen=True, tag_field="event", tag="snapshot"):
    """The floor now, by id; `at` is the instant to which `for_ms`, `ago_ms` and `waits_ms` refer."""

    at: Instant
    agents: Mapping[str, ShownAgent]
    queue: Mapping[str, ShownTicket]
    calls: Mapping[str, LivingCall]
    talks: Mapping[str, ShownTalk]
    alarms: Mapping[str, Alarm]
    pools: Mapping[str, ShownPool]
    callbacks: Mapping[str, ShownTask]
    nuisances: Mapping[str, ShownCase]


class Delta(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", tag="delta"):
    """What is other than before: each value takes the place of the one before; null: it is gone."""

    at: Instant
    agents: Mapping[str, ShownAgent | None] = {}
    queue: Mapping[str, ShownTicket | None] = {}
    calls: Mapping[str, LivingCall | None] = {}
    talks: Mapping[str, ShownTalk | None] = {}
    alarms: Mapping[str, Alarm | None] = {}
    pools: Mapping[str, ShownPool | None] = {}
    callbacks: Mapping[str, ShownTask | None] = {}
    nuisances: Mapping[str, ShownCase | None] = {}


class Looks:
    """Remembers what was told."""

    def __init__(self, controller: Controller, watch: Watch) -> None:
        self._controller = controller
        self._watch = watch
        self._seen: Any = None
        self._config: Config | None = None
        self._changes: tuple[int, int] = (-1, -1)
        self.agents: dict[AgentId, AgentView | None] = {}
        self._queue: dict[CallId, Waiting] = {}
        self.calls: dict[CallId, tuple[int, tuple[AgentId, ...]]] = {}
        self.talks: dict[CallId, Talk] = {}
        self._alarms: dict[str, Alarm] = {}
        self._pools: dict[PoolId, ShownPool] = {}
        self._callbacks: dict[CallId, Task] = {}
        self._nuisances: dict[CallId, Case] = {}
        self.people: dict[CallId, tuple[AgentId, ...]] = {}
        """Who is in a call, or rung for it."""
        self.talkers: dict[CallId, tuple[AgentId, ...]] = {}
        """Who is in a talk."""
        self.unsupervised: dict[CallId, Talk] = {}
        """Talks, as whoever is in them may see them."""

    def look(self, now: Instant) -> tuple[Delta, Mapping[str, ShownTalk | None]] | None:
        """What is other than at the last look, and the talks of it as agents may see them; None: nothing is."""
        controller, service = self._controller, self._controller.service
        alarms = dict(self._watch.standing)
        seen = (service.journal.seq, len(controller.register.ledgers), alarms)
        if seen == self._seen and service.config is self._config:
            return None
        agents, queue = self._look_at_agents(now), self._look_at_queue(now)
        calls, talks, own = self._look_at_calls(now)
        pools = lists.pools(service.config, service.dispatcher)
        delta = Delta(
            now,
            agents,
            queue,
            calls,
            talks,
            _other(self._alarms, alarms, lambda alarm: alarm),
            _other(self._pools, pools, lambda pool: pool),
            *self._look_at_lists(),
        )
        self._alarms, self._pools, self._seen, self._config = alarms, pools, seen, service.config
        return (delta, own) if any(map(bool, msgspec.structs.astuple(delta)[1:])) else None

    def everything(self, now: Instant) -> Everything:
        """All that was told so far."""
        config, ledgers = self._controller.service.config, self._controller.register.ledgers
        return Everything(
            now,
            {id_: views.agent(config, id_, view, now) for id_, view in self.agents.items()},
            {call: views.ticket(known, ledgers, now) for call, known in self._queue.items()},
            {call: views.living(ledgers[call], now) for call in self.calls},
            {call: views.talk(talk, now) for call, talk in self.talks.items()},
            {**self._alarms},
            dict[str, ShownPool](self._pools.items()),
            {id_: lists.task(task) for id_, task in self._callbacks.items()},
            {id_: lists.case(case) for id_, case in self._nuisances.items()},
        )

    def _look_at_agents(self, now: Instant) -> dict[str, ShownAgent | None]:
        service = self._controller.service
        there = {view.agent: view for view in service.dispatcher.agents()}
        present = {id_: there.get(id_) for id_ in {**service.config.site.agents, **there}}
        is_same = service.config is self._config  # else their names and pools may be others
        gone, other = _changed(self.agents, present)
        told: dict[str, ShownAgent | None] = dict.fromkeys(gone)
        for id_ in other if is_same else present:
            told[id_] = views.agent(service.config, id_, present[id_], now)
        self.agents = present
        return told

    def _look_at_queue(self, now: Instant) -> dict[str, ShownTicket | None]:
        service, ledgers = self._controller.service, self._controller.register.ledgers
        present = {CallId(each.view.ticket): each for each in views.waiting(service.config, service.dispatcher)}
        told = _other(self._queue, present, lambda known: views.ticket(known, ledgers, now))
        self._queue = present
        return told

    def _look_at_calls(
        self, now: Instant
    ) -> tuple[dict[str, LivingCall | None], dict[str, ShownTalk | None], dict[str, ShownTalk | None]]:
        ledgers = self._controller.register.begun
        held: dict[str, list[AgentId]] = {}
        for view in self._controller.service.dispatcher.agents():
            if view.ticket is not None:
                held.setdefault(view.ticket, []).append(view.agent)
        present = {call: (ledger.writes, tuple(held.get(call, ()))) for call, ledger in ledgers.items()}
        gone, other = _changed(self.calls, present)
        told: dict[str, LivingCall | None] = dict.fromkeys(gone)
        talks: dict[str, ShownTalk | None] = {}
        own: dict[str, ShownTalk | None] = {}
        for call in gone:
            self._look_at_talk(call, None, now, (talks, own))
            del self.people[call]
        for call in other:
            self._look_at_talk(call, ledgers[call], now, (talks, own))
            told[call] = views.living(ledgers[call], now)
            self.people[call] = (*present[call][1], *views.inside(ledgers[call]))
        self.calls = present
        return told, talks, own

    def _look_at_talk(
        self,
        call: CallId,
        ledger: Ledger | None,
        now: Instant,
        told: tuple[dict[str, ShownTalk | None], dict[str, ShownTalk | None]],
    ) -> None:
        """Both as supervisors see it and as whoever is in it may; `told` takes what is other."""
        talk = parties.talk(ledger) if ledger is not None and RELEASED not in ledger else None
        if talk is None:
            for known, of in ((self.talks, told[0]), (self.unsupervised, told[1])):
                if known.pop(call, None) is not None:
                    of[call] = None
            self.talkers.pop(call, None)
            return
        own = views.unwatched(talk)
        if self.talks.get(call) != talk:
            told[0][call] = views.talk(talk, now)
        if self.unsupervised.get(call) != own:
            told[1][call] = views.talk(own, now)
        self.talks[call], self.unsupervised[call] = talk, own
        self.talkers[call] = tuple(each.agent for each in talk.parties if each.agent and each.is_there)

    def _look_at_lists(self) -> tuple[dict[str, ShownTask | None], dict[str, ShownCase | None]]:
        """Long perhaps, and seldom other: looked through only when they are."""
        callbacks, nuisances = self._controller.callbacks, self._controller.nuisances
        changes = (callbacks.changes, nuisances.changes)
        if changes == self._changes:
            return {}, {}
        tasks = {task.id: task for task in callbacks.open()}
        cases = {case.id: case for case in nuisances.open(self._controller.service.config.site)}
        told = _other(self._callbacks, tasks, lists.task), _other(self._nuisances, cases, lists.case)
        self._callbacks, self._nuisances, self._changes = tasks, cases, (callbacks.changes, nuisances.changes)
        return told


def _changed(before: Mapping[Id, Mark], now: Mapping[Id, Mark]) -> tuple[list[Id], list[Id]]:
    """Which are gone, and which are new or other than before."""
    nothing = object()
    other = [id_ for id_, mark in now.items() if (known := before.get(id_, nothing)) is not mark and known != mark]
    return [id_ for id_ in before if id_ not in now], other


def _other(
    before: Mapping[Id, Mark], now: Mapping[Id, Mark], shown: Callable[[Mark], Shown]
) -> dict[str, Shown | None]:
    """What is other than before, as it is shown; None: it is gone."""
    gone, other = _changed(before, now)
    return {**dict.fromkeys(map(str, gone)), **{id_: shown(now[id_]) for id_ in other}}
