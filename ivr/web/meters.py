"""What Prometheus is told: amounts, states and times of the house as a whole; no caller's number, no name, no call.

Most is read from its owner when somebody asks.  Counters begin with each life, as Prometheus expects; the figures of
the last 24 hours come from the store once a minute, and are left out while it is away.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import msgspec
import prometheus_client as prometheus
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from ivr.app import Controller
from ivr.ari.client import Counts
from ivr.errors import DiskError, StoreError
from ivr.facts import CallRecord, Direction, Outcome, Stage
from ivr.figures import TERMS, Figures
from ivr.service import Service
from ivr.store import Cells, PostgresStore
from ivr.watch import DATABASE_AWAY, Watch
from ivr.web import views
from routing.callbacks import Result
from routing.numbers import EMERGENCY
from routing.talk import Aim
from routing.tickets import AgentState
from routing.windows import ROLLING

log = logging.getLogger(__name__)

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # all begin with this life

LOOK_EVERY_S = 60.0
WITHDRAWN = Outcome.WITHDRAWN.value
WAITS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
TALKS_S = (10, 30, 60, 120, 180, 300, 600, 1200, 3600)

LINKED = ("answered", "unreached", "given-up")
"""What can become of an emergency desk that is asked for."""

RATIOS = tuple(name for name in Figures.__struct_fields__ if "_rate" in name or name.startswith("service_level"))
TIMES = tuple(f.name for f in msgspec.structs.fields(Figures) if f.type == float | None and f.name not in RATIOS)


@dataclass(frozen=True)
class Sources:
    """Everybody who knows something.

    `found`: what became of the calls that the census has found since this was asked last; `room`: bytes that the disk
    has left, raises `DiskError`.
    """

    controller: Controller
    store: PostgresStore
    watch: Watch
    found: Callable[[], Counter[Outcome]]
    room: Callable[[], Awaitable[int]]

    @property
    def service(self) -> Service:
        """The present one."""
        return self.controller.service


class Meters:
    """A witness of every call that ends, and whoever tells Prometheus of everything."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._day: Figures | None = None
        self._lines: list[Figures] = []
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Now(sources, lambda: self._day, lambda: self._lines))
        self._ended = prometheus.Counter(
            "hotline_calls_ended", "Calls that have their record.", ["outcome", "stage"], registry=registry
        )
        self._tries = prometheus.Counter(
            "hotline_tries", "Calls of our own, by what came of each.", ["direction", "result"], registry=registry
        )
        self._waits = prometheus.Histogram(
            "hotline_call_wait_seconds",
            "From the answer, or the end of the prompts, to the agent.",
            ["clock"],
            buckets=WAITS_S,
            registry=registry,
        )
        self._talks = prometheus.Histogram(
            "hotline_call_talk_seconds", "How long agents talked, each of them.", buckets=TALKS_S, registry=registry
        )
        self._room = prometheus.Gauge(
            "hotline_disk_free_bytes", "What the disk of the state has left.", registry=registry
        )
        self._links = prometheus.Counter(
            "hotline_emergency_links",
            "Emergency desks that agents asked for.",
            ["number", "outcome"],
            registry=registry,
        )
        self._linked_after = prometheus.Histogram(
            "hotline_emergency_answer_seconds",
            "From asking for an emergency desk to its answer.",
            ["number"],
            buckets=WAITS_S,
            registry=registry,
        )
        for number in EMERGENCY:
            self._linked_after.labels(number)
            for outcome in LINKED:
                self._links.labels(number, outcome)
        for outcome in Outcome:
            for stage in Stage if outcome is Outcome.ABANDONED else [""]:
                self._ended.labels(outcome, stage)
        for clock in ("since_answer", "since_prompt_end"):
            self._waits.labels(clock)
        for direction, result in product((Direction.CALLBACK, Direction.OUT), (*Result, WITHDRAWN)):
            self._tries.labels(direction, result)

    def connected(self) -> None:
        """Nothing: who is connected is asked when it is told."""

    def ended(self, record: CallRecord) -> None:
        """A call of ours has its record."""
        if record.direction is not Direction.IN:
            self._tries.labels(record.direction, record.result or WITHDRAWN).inc()
            return
        self._ended.labels(record.outcome, record.stage or "").inc()
        self._count_links(record)
        if record.outcome is not Outcome.ANSWERED:
            return
        for clock, wait_ms in (
            ("since_answer", record.since_answer_ms),
            ("since_prompt_end", record.since_prompt_end_ms),
        ):
            self._waits.labels(clock).observe((wait_ms or 0) / 1000)
        for talk in record.talks:
            self._talks.observe((talk.until - talk.since) / 1000)

    def _count_links(self, record: CallRecord) -> None:
        for desk in record.brought:
            if desk.aim != Aim.LINK or desk.name not in EMERGENCY:
                continue
            if desk.joined is not None:
                self._linked_after.labels(desk.name).observe((desk.joined - desk.asked) / 1000)
            outcome = "answered" if desk.joined is not None else "unreached" if desk.cause else "given-up"
            self._links.labels(desk.name, outcome).inc()

    async def run(self) -> None:
        """Count the last 24 hours once a minute, for ever."""
        while True:
            await self.count()
            await asyncio.sleep(LOOK_EVERY_S)

    async def count(self) -> None:
        """Count them now; nothing is known of them while the store is away."""
        now = self._sources.service.clock.real()
        cells, within = Cells([now - ROLLING], now), self._sources.service.config.site.timing.answer_within
        try:
            (self._day,) = await self._sources.store.figures(cells, "", within)
            self._lines = await self._sources.store.figures(cells, "line", within)
        except StoreError as fault:
            log.info("no figures of the last 24 hours: %s", fault)
            self._day, self._lines = None, []

    async def told(self) -> bytes:
        """Everything, in Prometheus' text."""
        for outcome, amount in self._sources.found().items():
            self._ended.labels(outcome, "").inc(amount)
        try:
            self._room.set(await self._sources.room())
        except DiskError as fault:
            log.warning("metrics: %s", fault)
            self._room.set(float("nan"))
        return prometheus.generate_latest(self._registry)


class _Now(Collector):
    """What is so at this moment."""

    def __init__(self, sources: Sources, day: Callable[[], Figures | None], lines: Callable[[], list[Figures]]) -> None:
        self._sources = sources
        self._day = day
        self._lines = lines

    def collect(self) -> Iterator[Metric]:
        """Every family that is no counter of ours."""
        yield from self._house()
        yield from self._trunks()
        yield from self._floor()
        yield from self._machinery()
        yield from self._rolling_day()

    def _house(self) -> Iterator[Metric]:
        controller, site = self._sources.controller, self._sources.service.config.site
        about = {"node": site.node, "mode": str(site.mode), "version": str(self._sources.service.version)}
        info = GaugeMetricFamily(
            "hotline_info", "The node, its mode, the version of its configuration.", labels=[*about]
        )
        info.add_metric([*about.values()], 1)
        yield info
        yield _gauge("hotline_asterisk_connected", "1 while calls are served.", controller.ari is not None)
        counts = controller.ari.counts if controller.ari else Counts()
        yield _counter("hotline_ari_requests", "Requests to Asterisk over this connection.", counts.requests)
        yield _counter("hotline_ari_events", "Events from Asterisk over this connection.", counts.events)
        yield _counter("hotline_ari_unknown_events", "Of these, of a type that nobody knows.", counts.unknown)
        watch = self._sources.watch
        is_up = DATABASE_AWAY not in watch.standing
        yield _gauge("hotline_database_up", "1 while the database takes what the journal has.", is_up)
        alarms = {name: int(name in watch.standing) for name in watch.raised}
        yield _by("hotline_alarm", "1 while the alarm stands.", "alarm", alarms)
        yield _by(
            "hotline_alarms_raised", "How often each alarm was raised.", "alarm", watch.raised, CounterMetricFamily
        )

    def _trunks(self) -> Iterator[Metric]:
        trunks = self._sources.service.trunks
        channels = GaugeMetricFamily(
            "hotline_trunk_channels", "Channels of a trunk in use, by who has called.", labels=["trunk", "direction"]
        )
        for each in trunks.seen:
            channels.add_metric([each.trunk, "arrived"], each.arrived)
            channels.add_metric([each.trunk, "dialled"], each.dialled)
        yield channels
        free = {each.trunk: each.channels - each.arrived - each.dialled for each in trunks.seen}
        yield _by("hotline_trunk_channels_free", "Those that are not, the reserves among them.", "trunk", free)
        reachable = {each.trunk: int(each.is_reachable) for each in trunks.seen}
        yield _by("hotline_trunk_reachable", "1 while an SBC of it answers OPTIONS.", "trunk", reachable)
        logged_in = {each.trunk: int(each.is_logged_in) for each in trunks.seen if each.is_logged_in is not None}
        yield _by("hotline_trunk_registered", "1 while we are logged in at its carrier.", "trunk", logged_in)
        passed = {trunk: trunks.passed_over[trunk] for trunk in self._sources.service.config.site.trunks}
        about = "How often a trunk had no channel for a leg of ours."
        yield _by("hotline_trunk_passed_over", about, "trunk", passed, CounterMetricFamily)

    def _floor(self) -> Iterator[Metric]:
        controller, dispatcher = self._sources.controller, self._sources.service.dispatcher
        now = self._sources.service.clock.instant()
        stages = Counter(views.stage(ledger) for ledger in controller.register.ledgers.values())
        yield _by("hotline_calls", "Calls in progress.", "stage", {stage: stages[stage] for stage in views.STAGES})
        waiting = dispatcher.waiting()
        yield _gauge("hotline_calls_waiting", "Calls that no agent has taken yet.", len(waiting))
        longest = max((now - view.first_entry for view in waiting), default=0) / 1000
        yield _gauge("hotline_longest_wait_seconds", "Since the first of those who wait arrived.", longest)
        states = Counter(view.state for view in dispatcher.agents())
        present = {str(state): states[state] for state in AgentState if state is not AgentState.SIGNED_OUT}
        yield _by("hotline_agents", "Agents who are signed in.", "state", present)

    def _machinery(self) -> Iterator[Metric]:
        journal = self._sources.service.journal
        yield _gauge("hotline_journal_bytes", "The journal on the disk.", journal.size)
        yield _gauge("hotline_journal_held_entries", "Entries that the disk has refused so far.", journal.held)
        yield _gauge(
            "hotline_journal_lag_seconds", "How far the database is behind the journal.", journal.lag_ms / 1000
        )

    def _rolling_day(self) -> Iterator[Metric]:
        day, lines = self._day(), self._lines()
        found: Mapping[str, Mapping[str, float | None]] = {
            "calls": {term: getattr(day, term) for term in TERMS} if day else {},
            "ratio": {name: getattr(day, name) for name in RATIOS} if day else {},
            "seconds": {name: getattr(day, name) for name in TIMES} if day else {},
        }
        yield _by(
            "hotline_rolling_day_calls", "Calls of the last 24 hours, by what became of them.", "fate", found["calls"]
        )
        yield _by("hotline_rolling_day_ratio", "Rates of the last 24 hours.", "figure", found["ratio"])
        yield _by("hotline_rolling_day_seconds", "Times of the last 24 hours.", "figure", found["seconds"])
        offered = {row.key: row.offered for row in lines}
        yield _by("hotline_rolling_day_line_calls", "Calls of the last 24 hours, by line.", "line", offered)
        rates = {row.key: row.connection_rate for row in lines}
        yield _by("hotline_rolling_day_line_connection_ratio", "connection_rate of each line.", "line", rates)


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, value=value)


def _counter(name: str, help_: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, help_, value=value)


def _by(
    name: str,
    help_: str,
    label: str,
    values: Mapping[str, float | None],
    family: type[GaugeMetricFamily | CounterMetricFamily] = GaugeMetricFamily,
) -> Metric:
    """One family, told apart by one label; what is not known is left out."""
    made = family(name, help_, labels=[label])
    for value, amount in values.items():
        if amount is not None:
            made.add_metric([value], amount)
    return made
