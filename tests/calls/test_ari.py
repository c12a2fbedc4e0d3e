"""The ARI client where only a fake can bring it: overflow, silence, unknown frames, ends that cross."""

import asyncio
import contextlib
import logging
from datetime import timedelta

import pytest

from ivr.ari import models
from ivr.ari.client import Ari, connect
from ivr.ari.events import LIMIT
from ivr.ari.handles import Bridge, Channel, Leg
from ivr.ari.scope import Scope
from ivr.ari.vitals import Ended
from ivr.errors import CallerHungUp, ConnectionLost, Deaf, MailboxFull, TakenBack
from routing.ids import BridgeId, ChannelId, PlaybackId
from tests.fake.asterisk import FakeAsterisk
from tests.fake.loop import simulate


async def arrival(ari: Ari) -> Channel:
    start = await anext(ari.arrivals())
    return Channel(ari, ChannelId(start.channel.id))


async def sleeps_while_alive(channel: Channel, seconds: float = 1e6) -> None:
    async with channel.alive():
        await asyncio.sleep(seconds)


def test_a_full_mailbox_is_told_to_its_reader_and_not_to_others() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        citizen = fake.dials("12345", after=1)
        async with connect(fake.life()) as ari:
            channel = await arrival(ari)
            with ari.mailbox(channel.id) as full, ari.mailbox(channel.id) as read:
                for _ in range(LIMIT + 1):
                    fake.presses(citizen, "1")
                    await read.next(models.ChannelDtmfReceived)
                with pytest.raises(MailboxFull):
                    await full.next()
            fake.hangs_up(citizen)
            await channel.gone()

    simulate(main)


def test_a_request_without_a_reply_ends_its_connection_after_the_deadline() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        fake.refuse = lambda _method, path: 0 if path == "bridges/deaf" else None
        began = asyncio.get_running_loop().time()
        with pytest.raises(Deaf, match="GET bridges/deaf"):  # noqa: PT012 - the block is what ends
            async with connect(fake.life()) as ari:
                ari.send("GET", "bridges/deaf")
                await asyncio.sleep(60)
        assert 4.9 < asyncio.get_running_loop().time() - began < 5.1
        with pytest.raises(ConnectionLost):
            await ari.request("GET", "bridges/other")


def test_a_leg_whose_refusal_nobody_waited_for_is_not_remembered_for_ever() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        fake.seat("8001", registered=False)
        async with connect(fake.life()) as ari:
            name = ChannelId("call-agent-1")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0), Leg(ari, name, "PJSIP/8001") as leg:
                    await leg.answered()
            await asyncio.sleep(0.1)
            assert leg.channel.ended is not None
            assert name not in ari._vitals

    simulate(main)


def test_unknown_events_are_counted_without_anybodys_number_in_the_log_and_known_ones_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        fake = FakeAsterisk()
        life = fake.life()
        async with connect(life) as ari:
            life.links[0].deliver("x", {"type": "SomethingNew", "application": "hotline"})
            caller = {"name": "", "number": "13831234567"}
            life.links[0].deliver("x", {"type": "StasisStart", "args": "no list", "channel": {"caller": caller}})
            fake.dials("12345")
            assert (await arrival(ari)).ended is None
            await asyncio.sleep(0.1)
            assert ari.counts.unknown == 2

    simulate(main)
    assert "'StasisStart'" in caplog.text
    assert "13831234567" not in caplog.text


@pytest.mark.parametrize("leaves", [True, False])
def test_variables_are_no_surprise_to_whoever_is_leaving(leaves: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        fake.refuse = lambda _method, path: 400 if path.endswith("/variables") else None
        fake.dials("12345", after=1, hangs_up=0.5 if leaves else None)
        async with connect(fake.life()) as ari:
            channel = await arrival(ari)
            await asyncio.sleep(0.497)
            channel.put({"A": "1"})
            await asyncio.sleep(2)
            assert (channel.ended is not None) is leaves

    simulate(main)
    assert [record.levelname for record in caplog.records if "/variables" in record.message] == ["WARNING"][leaves:]


def test_a_channel_that_ended_before_anybody_took_it_has_ended_for_whoever_takes_it() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        fake.dials("12345", after=0.2, hangs_up=0.5)
        async with connect(fake.life()) as ari:
            lists = await ari.lists()
            arrivals = ari.arrivals()
            await asyncio.sleep(1)
            start = await anext(arrivals)
            channel = Channel(ari, ChannelId(start.channel.id))
            assert channel.ended == Ended(hung_up=True, cause=16)
            with pytest.raises(CallerHungUp):
                await sleeps_while_alive(channel)
            assert [each.id for each in lists.channels] in ([], [channel.id])

    simulate(main)


def test_a_connection_that_ends_ends_every_wait_in_it() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        life = fake.life()
        ended: list[str] = []

        async def wait_for_events(ari: Ari) -> None:
            with ari.mailbox("nobody") as box, pytest.raises(ConnectionLost):
                await box.next()
            ended.append("mailbox")

        async def wait_for_a_reply(ari: Ari) -> None:
            fake.refuse = lambda _method, _path: 0
            with pytest.raises(ConnectionLost):
                await ari.request("GET", "bridges/b")
            ended.append("request")

        async def body() -> None:
            async with connect(life) as ari:
                waits = [asyncio.ensure_future(wait(ari)) for wait in (wait_for_events, wait_for_a_reply)]
                asyncio.get_running_loop().call_later(1, life.drop)
                try:
                    await asyncio.sleep(10)
                finally:
                    await asyncio.wait(waits)
                    ari.send("DELETE", "bridges/b")  # what a leaving scope does; without effect

        with pytest.raises(ConnectionLost):
            await body()
        assert sorted(ended) == ["mailbox", "request"]

    simulate(main)


def test_leaving_the_connection_by_cancellation_stays_a_cancellation() -> None:
    async def main() -> None:
        fake = FakeAsterisk()

        async def body() -> None:
            async with connect(fake.life()):
                await asyncio.sleep(10)

        task = asyncio.ensure_future(body())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not fake.applications.links

    simulate(main)


@pytest.mark.parametrize("ms", range(1990, 2020, 2))
def test_an_agent_who_answers_as_the_caller_leaves_is_let_go(ms: int) -> None:
    async def main() -> None:
        fake = FakeAsterisk(ms)
        fake.seat("8001", answers_after=1.0)
        fake.dials("12345", after=1, hangs_up=ms / 1000 - 1)
        async with connect(fake.life()) as ari:
            citizen = await arrival(ari)
            bridge = Bridge(ari, BridgeId("b"))
            with pytest.raises(CallerHungUp):
                await talk(ari, citizen, bridge)
            bridge.delete()
            await asyncio.sleep(1)
        assert not fake.leftovers()

    async def talk(ari: Ari, citizen: Channel, bridge: Bridge) -> None:
        leg = Leg(ari, ChannelId("leg"), "PJSIP/8001", ring_for=timedelta(seconds=6))
        async with citizen.alive():
            await citizen.answer()
            async with leg:
                await leg.answered()
                bridge.create()
                await bridge.add(citizen, leg.channel)
                await asyncio.sleep(10)

    simulate(main)


def test_a_cancelled_prompt_is_stopped_wherever_the_cancellation_comes() -> None:
    async def main() -> None:
        for ms in range(0, 30, 1):
            fake = FakeAsterisk(ms)
            fake.dials("12345", label="citizen")
            async with connect(fake.life()) as ari:
                citizen = await arrival(ari)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(ms / 1000):
                        await listen(citizen)
                await citizen.answer()
                await asyncio.sleep(0.1)
                assert not fake.playbacks
                citizen.hang_up()
                await citizen.gone()

    async def listen(citizen: Channel) -> None:
        async with citizen.play(["sound:/p/long"], PlaybackId("p")) as playback:
            await playback.over()

    simulate(main)


def test_a_lease_that_fires_while_the_caller_hangs_up_is_one_end_only() -> None:
    async def main() -> None:
        for ms in range(0, 12, 1):
            fake = FakeAsterisk(ms)
            fake.lease_s = 2.0
            fake.dials("12345", hangs_up=2.0 - 0.005 + ms / 1000)
            async with connect(fake.life()) as ari:
                channel = await arrival(ari)
                with pytest.raises((CallerHungUp, TakenBack)):
                    await sleeps_while_alive(channel)
            await asyncio.sleep(60)
            assert not fake.leftovers()

    simulate(main)


async def test_a_scope_that_is_ended_from_inside_its_own_task_ends_at_the_next_wait() -> None:
    async def body() -> None:
        scope = Scope()
        async with scope:
            scope.end(CallerHungUp("me"))
            await asyncio.sleep(10)

    with pytest.raises(CallerHungUp):
        await body()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_scope_that_was_left_is_not_ended_any_more() -> None:
    scope = Scope()
    async with scope:
        pass
    scope.end(CallerHungUp("me"))
    await asyncio.sleep(0)
    with pytest.raises(CallerHungUp):
        await scope.__aenter__()


async def test_the_outer_scope_wins_when_both_end() -> None:
    async def body() -> None:
        outer, inner = Scope(), Scope()
        async with outer, inner:
            asyncio.get_running_loop().call_soon(inner.end, CallerHungUp("inner"))
            asyncio.get_running_loop().call_soon(outer.end, ConnectionLost("outer"))
            await asyncio.sleep(10)

    with pytest.raises((CallerHungUp, ConnectionLost)):
        await body()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
