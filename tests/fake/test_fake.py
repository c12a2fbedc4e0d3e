"""The fake itself: a call over the real client, deaths of the controller, and that a seed replays."""

import asyncio
from datetime import timedelta

import pytest

from ivr.ari.client import Ari, connect
from ivr.ari.handles import Bridge, Channel, Leg, Up
from ivr.errors import CallerHungUp, ConnectionLost, TakenBack
from routing.ids import BridgeId, ChannelId, PlaybackId
from tests.fake.asterisk import FakeAsterisk
from tests.fake.loop import simulate
from tests.fake.world import Interval


async def serve(ari: Ari, number: str) -> None:
    """A call such as the engine carries: greeting, music, an agent, talk."""
    citizen = Channel(ari, ChannelId(number))
    bridge = Bridge(ari, BridgeId(f"{number}-bridge"))
    try:
        async with citizen.alive():
            await citizen.answer()
            async with citizen.play(["sound:/prompts/greeting"], PlaybackId(f"{number}-greeting")) as playback:
                await playback.over()
            citizen.music()
            leg = Leg(ari, ChannelId(f"{number}-agent-1"), "PJSIP/8001", ring_for=timedelta(seconds=6))
            async with leg:
                assert await leg.answered() == Up()
                citizen.music_off()
                bridge.create()
                await bridge.add(citizen, leg.channel)
                await leg.channel.gone()
            citizen.hang_up()
            await citizen.gone()
    except CallerHungUp:
        pass
    finally:
        bridge.delete()


async def one_call(seed: int, hangs_up: float | None = None) -> tuple[list[Interval], list[str]]:
    fake = FakeAsterisk(seed)
    fake.seat("8001", answers_after=2, talks=10)
    citizen = fake.dials("12345", hangs_up=hangs_up, after=0.5)
    async with connect(fake.life()) as ari:
        start = await anext(ari.arrivals())
        await serve(ari, start.channel.id)
        await asyncio.sleep(1)
    assert citizen.ended
    return fake.heard("citizen"), fake.leftovers() + fake.faults


def test_a_call_is_heard_from_greeting_to_talk() -> None:
    heard, left = simulate(lambda: one_call(1))
    spoken = [what for since, to, what in heard if to - since > 50]
    assert spoken == ["greeting", "music", "voice:8001"]
    assert not left


@pytest.mark.parametrize("tenths", range(1, 160, 7))
def test_nothing_is_left_whenever_the_citizen_hangs_up(tenths: int) -> None:
    _, left = simulate(lambda: one_call(tenths, hangs_up=tenths / 10))
    assert not left


def test_a_seed_replays_and_another_differs() -> None:
    assert simulate(lambda: one_call(5)) == simulate(lambda: one_call(5))
    assert simulate(lambda: one_call(5)) != simulate(lambda: one_call(6))


def test_a_call_without_a_controller_rings_and_survives() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        citizen = fake.dials("12345")
        await asyncio.sleep(60)
        assert citizen.ended == "survived"
        assert [what for _, _, what in fake.heard("citizen")] == ["ringing", "survival"]
        assert not fake.leftovers()

    simulate(main)


def test_the_lease_takes_a_caller_back_from_a_frozen_controller() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        citizen = fake.dials("12345", after=1)
        life = fake.life()
        async with connect(life) as ari:
            start = await anext(ari.arrivals())
            channel = Channel(ari, ChannelId(start.channel.id))
            life.freeze()
            await asyncio.sleep(31)
            assert citizen.survived
            life.thaw()
            with pytest.raises(TakenBack):
                async with channel.alive():
                    await asyncio.sleep(3)

    simulate(main)


def test_a_killed_life_does_nothing_more_and_the_next_one_finds_the_call() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        citizen = fake.dials("12345", after=1)
        life = fake.life(kill_at=3)  # after the filter, before the answer

        async def live() -> None:
            async with connect(life) as ari:
                async for start in ari.arrivals():
                    await serve(ari, start.channel.id)

        zombie = asyncio.create_task(live())
        await life.killed.wait()
        assert citizen.channel is not None
        assert citizen.channel.state == "Ring"
        async with connect(fake.life()) as ari:
            lists = await ari.lists()
            assert [channel.id for channel in lists.channels] == [citizen.channel.id]
            assert lists.channels[0].channelvars
            assert lists.channels[0].channelvars["HOTLINE_DIALLED"] == "12345"
        zombie.cancel()

    simulate(main)


def test_a_dropped_link_ends_the_connection_with_its_body() -> None:
    async def main() -> None:
        fake = FakeAsterisk()
        life = fake.life()

        async def stay() -> None:
            async with connect(life):
                asyncio.get_running_loop().call_later(1, life.drop)
                await asyncio.sleep(10)

        with pytest.raises(ConnectionLost):
            await stay()

    simulate(main)
