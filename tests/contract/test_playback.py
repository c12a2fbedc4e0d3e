"""Playbacks: what waits for them, how they end, what happens to their ids."""

import asyncio
import contextlib
from typing import Any

import pytest

from ivr.ari import models
from ivr.ari.client import EVENTS, connect
from ivr.ari.handles import Bridge, Channel, Playback
from ivr.ari.vitals import Heard
from ivr.errors import AriError, CallerHungUp, Conflict, Gone
from routing.ids import BridgeId, ChannelId, PlaybackId
from tests.asterisk.waiting import passes
from tests.contract.conftest import Plays
from tests.contract.scene import LISTEN, citizen_in, now, took
from tests.contract.worlds import APP, World

BLOCKED = {
    "answer": ("POST", "channels/{c}/answer", None),
    "variable": ("POST", "channels/{c}/variable", {"variable": "A", "value": "1"}),
    "variables": ("POST", "channels/{c}/variables", {"variables": {"A": "1"}}),
    "addChannel": ("POST", "bridges/b/addChannel", {"channel": "{c}"}),
}
FREE = {
    "music": ("POST", "channels/{c}/moh", None),
    "music off": ("DELETE", "channels/{c}/moh", None),
    "silence": ("POST", "channels/{c}/silence", None),
    "look": ("GET", "channels/{c}", None),
    "playback": ("GET", "playbacks/p", None),
}
Asked = tuple[str, str, dict[str, Any] | None]
"""Method, path, and the query; or the body, where a value is no text."""


async def ask(channel: Channel, asked: Asked) -> None:
    method, path, given = asked
    query = {name: value.format(c=channel.id) for name, value in (given or {}).items() if isinstance(value, str)}
    body = None if given is None or query else given
    await channel.ari.request(method, path.format(c=channel.id), query=query, body=body)


@pytest.mark.parametrize("what", BLOCKED)
def test_a_running_playback_holds_up_the_channel_and_all_that_is_behind_it_on_the_socket(
    plays: Plays, what: str
) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            Bridge(ari, BridgeId("b")).create()
            ari.send("POST", f"channels/{channel.id}/play/p", query={"media": world.long})
            since = now()
            waits = asyncio.ensure_future(ask(channel, BLOCKED[what]))
            await asyncio.sleep(0)
            with pytest.raises(Gone):
                await ari.request("GET", "bridges/nobody")
            took(world, 2.0, since)
            await waits

    plays(scenario)


@pytest.mark.parametrize("what", FREE)
def test_some_requests_do_not_wait_for_a_playback(plays: Plays, what: str) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (_, channel, __), channel.play([world.long] * 5, PlaybackId("p")):
            await ask(channel, FREE[what])
            assert channel.vitals.playing

    plays(scenario)


def test_the_handle_stops_the_prompt_before_it_answers_or_bridges(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            bridge = Bridge(ari, BridgeId("b"))
            bridge.create()
            since = now()
            async with channel.play([world.long] * 5, PlaybackId("p")):
                await channel.answer()
            async with channel.play([world.long] * 5, PlaybackId("q")):
                await bridge.add(channel)
            took(world, 0.0, since)

    plays(scenario)


def test_a_variable_put_in_mid_prompt_is_set_after_it(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            async with channel.play([world.long], PlaybackId("p")) as playback:
                channel.put({"A": "1", "B": "1"})
                channel.put({"A": "2"})
                await ari.request("GET", f"channels/{channel.id}")
                assert channel.vitals.playing
                assert await playback.over() is Heard.DONE
            for name, value in (("A", "2"), ("B", "1")):
                reply = await ari.request("GET", f"channels/{channel.id}/variable", query={"variable": name})
                assert reply == {"value": value}

    plays(scenario)


def test_a_hang_up_ends_the_request_that_waits_and_the_block(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            media = ",".join([world.long] * 5)
            await ari.request("POST", f"channels/{channel.id}/play/p", query={"media": media})
            since = now()

            async def listen() -> None:
                async with channel.alive():
                    await channel.request("POST", "/answer")  # unlike the handle's own answer: waits

            waits = asyncio.ensure_future(listen())
            await passes(0.1)
            await world.hangs_up(citizen)
            with pytest.raises(CallerHungUp):
                await waits
            took(world, 0.1, since)

    plays(scenario)


def test_a_stopped_playback_says_done_as_well(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            with ari.mailbox("p") as box:
                async with channel.play([world.long, world.long], PlaybackId("p")) as playback:
                    playback.stop()
                    assert await playback.over() is Heard.STOPPED
                assert (await box.next(models.PlaybackFinished)).playback.state == "done"

    plays(scenario)


def test_a_missing_file_fails_and_in_a_list_only_the_last_one_counts(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (_, channel, __):
            for serial, (media, heard) in enumerate(
                [
                    ([world.missing], Heard.FAILED),
                    ([world.short, world.missing], Heard.FAILED),
                    ([world.missing, world.short], Heard.DONE),
                ]
            ):
                async with channel.play(media, PlaybackId(f"p{serial}")) as playback:
                    assert await playback.over() is heard

    plays(scenario)


def test_a_refusal_to_play_is_told_to_whoever_waits_for_the_end(plays: Plays) -> None:
    """Entering the block waits for nothing: what is asked for next is on its way in the same breath."""

    async def scenario(world: World) -> None:
        async with connect(world.wire, APP, (*EVENTS, "ChannelStateChange")) as ari:
            with ari.mailbox("leg") as box:
                query = {"endpoint": world.endpoint("rings"), "app": APP}
                await ari.request("POST", "channels/leg", query=query)
                assert (await box.next(models.ChannelStateChange)).channel.state == "Ringing"
            leg, awaited = Channel(ari, ChannelId("leg")), ari.counts.awaited
            async with leg.play([world.short], PlaybackId("p")) as playback:
                assert ari.counts.awaited == awaited
                with pytest.raises(Conflict):
                    await playback.over()
            assert not leg.vitals.playing
            leg.put({"A": "1"})  # waits for no playback
            assert not leg.vitals.waiting
            leg.hang_up()

    plays(scenario)


def test_a_playback_on_a_channel_that_has_gone_ends_the_block(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            gone = Channel(ari, ChannelId("nobody"))
            with pytest.raises(CallerHungUp):
                async with gone.alive(), gone.play([world.short], PlaybackId("p")) as playback:
                    await playback.over()

    plays(scenario)


def test_an_id_that_was_used_plays_again_so_look_before_you_play(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            with ari.mailbox("p") as box:
                for media in (world.short, world.long):
                    await ari.request("POST", f"channels/{channel.id}/play/p", query={"media": media})
                assert await Playback.adopt(channel, PlaybackId("p")) is not None
                for _ in range(2):
                    assert (await box.next(models.PlaybackFinished)).playback.state == "done"
            assert await Playback.adopt(channel, PlaybackId("p")) is None
            with pytest.raises(Gone):
                await ari.request("DELETE", "playbacks/p")
            await world.hangs_up(citizen)
            await channel.gone()

    plays(scenario)


def test_an_adopted_playback_is_waited_for_to_its_end(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            since = now()
            await ari.request("POST", f"channels/{channel.id}/play/p", query={"media": world.long})
            playback = await Playback.adopt(channel, PlaybackId("p"))
            assert playback is not None
            assert await playback.over() is Heard.DONE
            took(world, 2.0, since)

    plays(scenario)


def test_a_hang_up_fails_what_plays_and_what_waits_to_be_played(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            async with (
                channel.play([world.long], PlaybackId("p")) as first,
                channel.play([world.long], PlaybackId("q")) as second,
            ):
                await ari.request("GET", f"channels/{channel.id}")  # answered in order: both have been taken by then
                await world.hangs_up(citizen)
                assert await first.over() is Heard.FAILED
                assert await second.over() is Heard.FAILED
            with contextlib.suppress(AriError):  # refused, or taken in the moment before the channel is gone
                async with channel.play([world.long], PlaybackId("r")) as third:
                    assert await third.over() is Heard.FAILED
            await channel.gone()

    plays(scenario)


SCORES = {
    "a prompt ends music for good outside of a bridge": (["music", "prompt"], ["music", "short"]),
    "a prompt in a bridge only interrupts it": (["bridge", "music", "prompt"], ["music", "short", "music"]),
    "music asked for in mid-prompt follows it": (["music", "prompt+music"], ["music", "short", "music"]),
    "out of the bridge it goes on": (["bridge", "music", "out", "wait", "prompt"], ["music", "short"]),
    "silence ends it": (["music", "silence", "silence off"], ["music"]),
}


@pytest.mark.parametrize("score", SCORES)
def test_music_and_prompts(plays: Plays, score: str) -> None:
    actions, expected = SCORES[score]

    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            bridge = Bridge(ari, BridgeId("b"))
            for action in actions:
                match action:
                    case "bridge":
                        bridge.create()
                        await bridge.add(channel)
                    case "out":
                        await ari.request("POST", "bridges/b/removeChannel", query={"channel": channel.id})
                    case "music":
                        channel.music()
                    case "silence":
                        channel.silence()
                    case "silence off":
                        channel.silence_off()
                    case "prompt" | "prompt+music":
                        async with channel.play([world.short], PlaybackId("p")) as playback:
                            if action == "prompt+music":
                                channel.music()
                            await playback.over()
                await passes(LISTEN)
            await world.hangs_up(citizen)
            await channel.gone()
            assert await world.heard(citizen) == expected

    plays(scenario)


def test_music_comes_back_after_a_prompt_and_ends_where_it_is_told_to(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world, events=(*EVENTS, "PlaybackStarted")) as (ari, channel, citizen):
            bridge = Bridge(ari, BridgeId("b"))
            bridge.create()
            channel.music()
            await bridge.add(channel)
            await passes(LISTEN)
            async with channel.play([world.short], PlaybackId("p")) as playback:
                await playback.over()
            await passes(LISTEN)
            channel.music_off()
            await passes(LISTEN)
            await world.hangs_up(citizen)
            await channel.gone()
            assert await world.heard(citizen) == ["music", "short", "music"]

    plays(scenario)
