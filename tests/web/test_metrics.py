"""What Prometheus is told: well formed, of the house as a whole, the same as what is so; and the alarms."""

import asyncio
import io
import re
from http import HTTPStatus

import msgspec
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from ivr.commands.switch import _status
from ivr.edge.protocols import Flow
from ivr.errors import DiskError
from ivr.facts import Outcome
from ivr.trunks import Registration
from ivr.watch import IDLE_AGENTS, Watch
from routing.ids import AgentId, Instant, TicketId
from routing.tickets import Alternative, Entered, Requirement, Rung, SignedIn
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG
from tests.fake.clock import ManualClock
from tests.fake.loop import simulate
from tests.reading import ROOT


async def scraped(desk: Desk) -> dict[str, Metric]:
    answer = await desk.ask("GET", "/metrics")
    assert answer.status == HTTPStatus.OK
    assert isinstance(answer.value, Flow)
    text = b"".join([piece async for piece in answer.value.pieces]).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    family = families[name.removesuffix("_total").removesuffix("_count").removesuffix("_sum")]
    (found,) = [each.value for each in family.samples if each.name == name and labels.items() <= each.labels.items()]
    return found


def test_a_call_is_counted_where_it_is_and_then_by_what_became_of_it() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.seat("8016", answers_after=1.5, talks=20)
        desk.fake.dials("12345", after=0.5, caller="13831234567")
        gone = desk.fake.dials("12345", after=1.0, hangs_up=4.0)
        desk.found[Outcome.REFUSED] += 2
        await asyncio.sleep(0.4)
        before = await scraped(desk)
        assert value(before, "hotline_calls", stage="talk") == 0
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(12)
        assert gone.ended
        during = await scraped(desk)
        assert value(during, "hotline_calls", stage="talk") == 1
        assert value(during, "hotline_agents", state="talking") == 1
        assert value(during, "hotline_asterisk_connected") == 1
        assert value(during, "hotline_ari_requests_total") > 3
        assert (
            value(during, "hotline_calls_ended_total", outcome="abandoned", stage="greeting")
            + value(during, "hotline_calls_ended_total", outcome="abandoned", stage="queue")
            == 1
        )
        await asyncio.sleep(30)
        await desk.meters.count()
        after = await scraped(desk)
        assert value(after, "hotline_calls_ended_total", outcome="answered") == 1
        assert value(after, "hotline_calls_ended_total", outcome="refused") == 2
        assert value(after, "hotline_call_wait_seconds_count", clock="since_answer") == 1
        assert 1 < value(after, "hotline_call_wait_seconds_sum", clock="since_answer") < 15
        assert value(after, "hotline_call_wait_seconds_count", clock="since_prompt_end") == 1
        since_answer, since_prompt_end = (
            value(after, "hotline_call_wait_seconds_sum", clock=clock) for clock in ("since_answer", "since_prompt_end")
        )
        assert 1 < since_prompt_end < since_answer - 1, "the greeting is between them"
        assert 19 < value(after, "hotline_call_talk_seconds_sum") < 22
        assert value(after, "hotline_rolling_day_calls", fate="answered") == 2
        assert value(after, "hotline_rolling_day_ratio", figure="connection_rate") == 1
        assert value(after, "hotline_disk_free_bytes") == 1 << 40
        await desk.closes()

    simulate(scene)


def test_who_waits_is_counted_and_for_how_long_the_first_of_them_does() -> None:
    async def scene() -> None:
        desk = Desk()
        for after in (1.0, 4.0):
            desk.fake.dials("12345", after=after)
        await asyncio.sleep(21)
        families = await scraped(desk)
        assert value(families, "hotline_calls_waiting") == value(families, "hotline_calls", stage="queue") == 2
        assert value(families, "hotline_longest_wait_seconds") == pytest.approx(20, abs=0.5)
        await desk.closes()

    simulate(scene)


def test_names_are_prometheus_own_way_and_nobody_is_named() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.dials("12345", after=0.5, caller="13831234567")
        await asyncio.sleep(5)
        families = await scraped(desk)
        ours = {name: family for name, family in families.items() if name.startswith("hotline_")}
        assert len(ours) > 15
        for name, family in ours.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert family.documentation.endswith(".")
            assert not name.endswith(("_ms", "_percent", "_count")), name
            assert all(sample.name.endswith("_total") for sample in family.samples) or family.type != "counter"
        told = str(families)
        assert "13831234567" not in told
        assert not [agent.name for agent in CONFIG.site.agents.values() if agent.name in told]
        labels = {label for family in ours.values() for sample in family.samples for label in sample.labels}
        assert labels <= {
            "node", "mode", "version", "alarm", "stage", "state", "outcome", "clock", "le", "fate", "figure", "line",
            "number", "trunk", "direction", "result",
        }  # fmt: skip
        await desk.closes()

    simulate(scene)


def test_the_documents_name_every_metric_and_its_labels() -> None:
    async def scene() -> dict[str, set[str]]:
        desk = Desk()
        await asyncio.sleep(1)
        await desk.meters.count()
        trunks = desk.board.service.trunks
        (town,) = await trunks.look(desk.controller.ari, CONFIG.site)
        trunks.seen = (msgspec.structs.replace(town, registration=Registration.REGISTERED),)
        families = await scraped(desk)
        await desk.closes()
        return {
            name + ("_total" if family.type == "counter" else ""): {
                label for sample in family.samples for label in sample.labels if label != "le"
            }
            for name, family in families.items()
            if name.startswith("hotline_")
        }

    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(hotline_\w+)(?:\{([\w,]+)\})?` \|", text, re.MULTILINE)
    told = simulate(scene)
    by_line = {"hotline_rolling_day_line_calls", "hotline_rolling_day_line_connection_ratio"}
    assert {name: set(labels.split(",")) - {""} for name, labels in rows if name not in by_line} == {
        name: labels for name, labels in told.items() if name not in by_line
    }
    assert by_line <= told.keys() & {name for name, _ in rows}


def test_what_is_not_known_is_left_out() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.store.away = True
        desk.watch.look()
        await desk.meters.count()

        async def gone() -> int:
            raise DiskError("it is gone")

        object.__setattr__(desk.meters._sources, "room", gone)
        families = await scraped(desk)
        assert families["hotline_rolling_day_calls"].samples == []
        assert value(families, "hotline_database_up") == 0
        assert value(families, "hotline_alarm", alarm="database-away") == 1
        assert str(value(families, "hotline_disk_free_bytes")) == "nan"
        await desk.closes()

    simulate(scene)


# --- alarms


def test_a_caller_who_waits_beside_an_idle_agent_is_told_of_at_once_once_and_until_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        dispatcher = desk.controller.service.dispatcher
        agent = CONFIG.site.agents[AgentId("1016")]
        assert agent.seat is not None
        dispatcher.apply(SignedIn(agent.id, agent.seat, agent.competences))
        floor = dispatcher._floor
        idle = floor._standing.agents[agent.id]
        floor._standing.leave_idle(idle)  # an index loses somebody
        hall = (Rung(Requirement((Alternative(CONFIG.site.hall),))),)
        dispatcher.apply(Entered(TicketId("forgotten"), hall, dispatcher._clock.instant()))
        desk.watch.look()
        assert not desk.watch.standing
        await asyncio.sleep(6)
        for _ in range(3):
            desk.watch.look()
            await asyncio.sleep(1)
        status = await desk.get("/status")
        (alarm,) = status["alarms"]
        assert alarm["name"] == IDLE_AGENTS
        assert "forgotten for 8 s beside 1016" in alarm["sentence"]
        printed = io.StringIO()
        Console(file=printed, width=120).print(_status(status))
        assert "ALARM" in printed.getvalue()
        assert "beside 1016, since 09-15 09:00" in printed.getvalue()
        assert value(await scraped(desk), "hotline_alarm", alarm=IDLE_AGENTS) == 1
        dispatcher.leave(TicketId("forgotten"))
        desk.watch.look()
        assert (await desk.get("/status"))["alarms"] == []
        assert value(await scraped(desk), "hotline_alarms_raised_total", alarm=IDLE_AGENTS) == 1
        await desk.closes()

    simulate(scene)
    assert [record.levelname for record in caplog.records if "alarm" in record.message] == ["ERROR", "WARNING"]


def test_a_morning_of_calls_raises_no_alarm() -> None:
    async def scene() -> None:
        desk = Desk()
        watching = asyncio.create_task(desk.watch.run())
        for seat, agent in (("8016", "1016"), ("8017", "1017")):
            desk.fake.seat(seat, answers_after=1.5, talks=20)
            await desk.post_when_ready(f"/agents/{agent}/sign-in")
        for n in range(12):
            desk.fake.dials("12345", after=0.5 + 3 * n)
        await asyncio.sleep(200)
        assert desk.watch.raised[IDLE_AGENTS] == 0
        watching.cancel()
        await desk.closes()

    simulate(scene)


def test_an_alarm_keeps_its_beginning_and_says_what_is_so_now() -> None:
    clock, wrong = ManualClock(), ["the disk is full"]
    watch = Watch(clock, {"disk": lambda: wrong[0]})
    watch.look()
    clock.passes(5_000)
    wrong[0] = "the disk is still full"
    watch.look()
    (alarm,) = watch.standing.values()
    assert (alarm.since, alarm.sentence) == (Instant(clock.now - 5_000), "the disk is still full")
