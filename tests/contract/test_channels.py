"""Channels: how they come, go, are taken back; legs; what a request on one that is not there is told."""

import asyncio
from datetime import timedelta

import pytest

from ivr.ari import models
from ivr.ari.client import EVENTS, Ari, Query, connect
from ivr.ari.handles import Bridge, Channel, Leg, Up
from ivr.ari.vitals import Ended, Heard
from ivr.browsers import WHERE, Browsers
from ivr.errors import CallerHungUp, Conflict, Gone, Precondition, Refused, TakenBack, Unprocessable
from ivr.outside import GROUP
from routing.ids import AgentId, BridgeId, ChannelId, PlaybackId, SeatId
from tests.asterisk.waiting import eventually, passes
from tests.contract.conftest import Plays
from tests.contract.scene import SECOND, agent_up, arrives, citizen_in, is_forgotten, is_refused, now, took
from tests.contract.worlds import APP, World
from tests.fake.disk import MemoryDisk
from tests.fake.locksmith import PlainLocksmith


def test_a_caller_who_hangs_up_is_told_from_one_whom_the_dialplan_took_back(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            await world.hangs_up(citizen)
            assert await channel.gone() == Ended(hung_up=True, cause=16)
            await is_forgotten(ari, f"channels/{channel.id}")
            with pytest.raises(Gone):
                await channel.answer()

    plays(scenario)


@pytest.mark.parametrize(("phone", "cause"), [("busy", 17), ("rejects", 21)])
def test_one_that_is_dialled_into_the_dialplan_says_how_it_ended(plays: Plays, phone: str, cause: int) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP, EVENTS) as ari:
            leg = Leg(ari, ChannelId(f"into-{phone}"), world.endpoint(phone), ring_for=5 * SECOND, context="enter")
            async with leg:
                ended = await leg.answered()
            assert isinstance(ended, Ended)
            assert ended.cause == cause

    plays(scenario)


def test_one_that_is_dialled_into_the_dialplan_comes_to_us_once_it_has_answered(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP, EVENTS) as ari:
            stamps = {"HOTLINE_CALL": "ours-1"}
            leg = Leg(
                ari,
                ChannelId("into"),
                world.endpoint("answers"),
                ring_for=5 * SECOND,
                variables=stamps,
                context="enter",
            )
            async with leg:
                assert await leg.answered() == Up()
                shown = await ari.request("GET", f"channels/{leg.channel.id}")
                assert (shown["state"], shown["dialplan"]["app_name"]) == ("Up", "Stasis")
                (there,) = [each for each in (await ari.lists()).channels if each.id == leg.channel.id]
                assert (there.channelvars or {})["HOTLINE_CALL"] == "ours-1"
            assert (await leg.channel.gone()).hung_up

    plays(scenario)


async def stay(channel: Channel) -> None:
    async with channel.alive():
        await asyncio.Event().wait()


def test_the_lease_takes_a_caller_back_alive(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world, "12346") as (ari, channel, _):
            channel.music()
            with pytest.raises(TakenBack):
                await stay(channel)
            assert channel.ended == Ended(hung_up=False)
            assert (await ari.request("GET", f"channels/{channel.id}"))["state"] == "Up"
            for action in ("/answer", "/moh", "/play/p"):
                await is_refused(ari, f"channels/{channel.id}{action}", {"media": world.short})
            with pytest.raises(Gone):
                await Bridge(ari, BridgeId("nobody")).add(channel)

    plays(scenario)


def test_the_lease_fires_in_mid_prompt_and_not_when_it_was_renewed(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world, "12346") as (_, channel, __):
            since = now()
            await channel.set("TIMEOUT(absolute)", "4")
            await passes(2.5)  # the first lease is over
            assert channel.ended is None
            async with channel.play([world.long] * 5, PlaybackId("p")) as playback:
                assert await playback.over() is Heard.FAILED
            assert await channel.gone() == Ended(hung_up=False)
            took(world, 4.0, since)

    plays(scenario)


def test_a_lease_of_nothing_never_fires(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world, "12346") as (_, channel, __):
            await channel.set("TIMEOUT(absolute)", "0")
            await passes(2.5)
            assert channel.ended is None

    plays(scenario)


def test_continue_gives_the_caller_to_another_place_of_the_dialplan(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            await channel.continue_to("survival")
            assert await channel.gone() == Ended(hung_up=False)
            assert await world.after(ari, channel.id) == "survival"

    plays(scenario)


def test_continue_happens_only_when_the_prompt_is_over(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            async with channel.play([world.short], PlaybackId("p")) as playback:
                await ari.request("POST", f"channels/{channel.id}/continue", query={"context": "survival"})
                assert await playback.over() is Heard.DONE
            assert await channel.gone() == Ended(hung_up=False)

    plays(scenario)


def test_we_can_hang_up_before_and_after_the_answer(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            for answers in (False, True):
                channel, _ = await arrives(world, ari)
                if answers:
                    await channel.answer()
                channel.hang_up(17)
                assert (await channel.gone()).hung_up

    plays(scenario)


@pytest.mark.parametrize(
    ("phone", "ended"),
    [
        ("busy", Ended(hung_up=True, cause=17, sip=486)),
        ("off", Ended(hung_up=True, cause=19, sip=480)),
        ("rejects", Ended(hung_up=True, cause=21, sip=403, rang=True)),
        ("unregistered", Ended(hung_up=True, cause=20)),
        ("rings", Ended(hung_up=True, cause=19)),
    ],
)
def test_a_leg_that_does_not_answer_ends_with_its_causes(plays: Plays, phone: str, ended: Ended) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            ring_for = SECOND if phone == "rings" else 10 * SECOND
            async with Leg(ari, ChannelId("leg"), world.endpoint(phone), ring_for=ring_for) as leg:
                assert await leg.answered() == ended
            await leg.channel.gone()
            await is_forgotten(ari, "channels/leg")

    plays(scenario)


def test_who_vanishes_without_a_word_has_ended_as_nobody_asked_for(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with (
            connect(world.wire, APP) as ari,
            Leg(ari, ChannelId("leg"), world.endpoint("vanishes"), ring_for=5 * SECOND) as leg,
        ):
            assert await leg.answered() == Up()
            assert await leg.channel.gone() == Ended(hung_up=True, cause=44)

    plays(scenario)


def test_asterisk_itself_gives_up_ringing_after_the_timeout(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            leg = Channel(ari, ChannelId("leg"))
            await leg.request("POST", query={"endpoint": world.endpoint("rings"), "app": APP, "timeout": 1})
            assert await leg.gone() == Ended(hung_up=True, cause=19, sip=480, rang=True)

    plays(scenario)


def test_the_answer_of_a_leg_is_never_missed(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari, asyncio.TaskGroup() as tasks:
            for serial in range(5):
                tasks.create_task(answer_once(world, ari, serial))

    async def answer_once(world: World, ari: Ari, serial: int) -> None:
        async with agent_up(world, ari, f"900{serial}") as leg:
            assert leg.ended is None
        assert (await leg.gone()).hung_up

    plays(scenario)


def test_a_leg_that_still_rings_takes_no_commands(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP, (*EVENTS, "ChannelStateChange")) as ari:
            query = {"endpoint": world.endpoint("rings"), "app": APP}
            with ari.mailbox("leg") as box:
                await ari.request("POST", "channels/leg", query=query)
                assert (await box.next(models.ChannelStateChange)).channel.state == "Ringing"
            with pytest.raises(Conflict):
                await ari.request("POST", "channels/leg/play/p", query={"media": world.short})
            Bridge(ari, BridgeId("b")).create()
            with pytest.raises(Unprocessable):
                await ari.request("POST", "bridges/b/addChannel", query={"channel": "leg"})
            with pytest.raises(Conflict):
                await ari.request("POST", "channels/leg", query=query)

    plays(scenario)


COMMANDS = ("POST play/p", "POST moh", "DELETE moh", "POST silence", "DELETE ring", "POST mute", "POST answer")


def test_a_leg_that_is_ours_before_it_is_answered_is_in_no_state_for_a_command(plays: Plays) -> None:
    """Made first and dialled later, it is in Stasis while it rings; a variable and a bridge it may be given."""

    async def scenario(world: World) -> None:
        async with connect(world.wire, APP, (*EVENTS, "ChannelStateChange")) as ari:
            with ari.mailbox("leg") as box:
                query: Query = {"endpoint": world.endpoint("rings"), "app": APP, "channelId": "leg"}
                await ari.request("POST", "channels/create", query=query)
                assert (await box.next(models.StasisStart)).channel.state == "Down"
                await takes_no_command(ari, world)
                await ari.request("POST", "channels/leg/dial", query={"timeout": 20})
                assert (await box.next(models.ChannelStateChange)).channel.state == "Ringing"
                await takes_no_command(ari, world)
                with pytest.raises(Conflict):
                    await ari.request("POST", "channels/leg/dial", query={"timeout": 20})
            leg = Channel(ari, ChannelId("leg"))
            await leg.set("HOTLINE_CALL", "one")
            bridge = Bridge(ari, BridgeId("b"))
            bridge.create()
            await bridge.add(leg)
            leg.hang_up()
            await is_forgotten(ari, "channels/leg")

    async def takes_no_command(ari: Ari, world: World) -> None:
        for command in COMMANDS:
            method, _, action = command.partition(" ")
            with pytest.raises(Precondition) as refused:
                await ari.request(method, f"channels/leg/{action}", query={"media": world.short, "direction": "in"})
            assert refused.value.status == 412
            assert "Channel in invalid state" in refused.value.reason

    plays(scenario)


def test_a_leg_dropped_in_the_breath_that_dialled_it_leaves_nothing(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            leg = Channel(ari, ChannelId("leg"))
            ari.send("POST", "channels/leg", query={"endpoint": world.endpoint("answers"), "app": APP})
            leg.hang_up()
            assert (await leg.gone()).hung_up
            await is_forgotten(ari, "channels/leg")

    plays(scenario)


def test_what_does_not_exist_is_not_found(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            for method, path in (
                ("GET", "channels/nobody"),
                ("DELETE", "channels/nobody"),
                ("POST", "channels/nobody/answer"),
                ("GET", "playbacks/nobody"),
                ("GET", "bridges/nobody"),
                ("DELETE", "bridges/nobody"),
                ("POST", "bridges/nobody/addChannel"),
                ("POST", f"channels/{channel.id}/nothing"),
            ):
                with pytest.raises(Gone):
                    await ari.request(method, path, query={"channel": channel.id})
            Bridge(ari, BridgeId("b")).create()
            with pytest.raises(Refused) as refused:
                await ari.request("POST", "bridges/b/addChannel", query={"channel": f"{channel.id},nobody"})
            assert refused.value.status == 400
            assert (await ari.request("GET", "bridges/b"))["channels"] == []

    plays(scenario)


def test_the_dialplans_stamps_come_with_every_channel(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            await world.dials()
            start = await anext(ari.arrivals())
            channel = Channel(ari, ChannelId(start.channel.id))
            assert start.args == ["citizen"]
            assert start.channel.channelvars is not None
            assert start.channel.channelvars["HOTLINE_DIALLED"] == "12345"
            assert start.channel.channelvars["HOTLINE_CALL"] == channel.id.replace(".", "-")
            listed = {each.id: each for each in (await ari.lists()).channels}
            assert listed[channel.id].channelvars == start.channel.channelvars
            assert listed[channel.id].dialplan.app_name == "Stasis"

    plays(scenario)


def test_hanging_up_while_a_request_is_under_way_leaves_as_a_hang_up(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (_, channel, citizen):

            async def talk() -> None:
                async with channel.alive():
                    while True:
                        await channel.request("GET")
                        begun.set()

            begun = asyncio.Event()
            talking = asyncio.ensure_future(talk())
            await begun.wait()
            await world.hangs_up(citizen)
            with pytest.raises(CallerHungUp):
                await talking

    plays(scenario)


def test_the_events_of_an_agents_hang_up_come_in_this_order(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        more = (*EVENTS, "ChannelLeftBridge")
        async with citizen_in(world, events=more) as (ari, channel, _), agent_up(world, ari) as agent:
            bridge = Bridge(ari, BridgeId("b"))
            bridge.create()
            await bridge.add(channel, agent)
            with ari.mailbox(agent.id) as box:
                agent.hang_up()
                kinds: list[type[models.Event]] = [type(await box.next()) for _ in range(4)]
            kinds.remove(models.ChannelLeftBridge)
            assert kinds == [models.ChannelHangupRequest, models.StasisEnd, models.ChannelDestroyed]
            assert channel.ended is None

    plays(scenario)


def test_timeouts_of_our_own_stop_the_ringing(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            ring_for = timedelta(seconds=0.3)
            async with Leg(ari, ChannelId("leg"), world.endpoint("rings"), ring_for=ring_for) as leg:
                assert await leg.answered() == Ended(hung_up=True, cause=19)
            assert (await leg.channel.gone()).hung_up
            await is_forgotten(ari, "channels/leg")

    plays(scenario)


def test_a_trunk_tells_which_legs_it_carries_from_the_moment_of_dialling_until_their_end(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            endpoint = world.endpoint("rings")
            trunk = f"endpoints/PJSIP/{endpoint.removeprefix('PJSIP/').rpartition('@')[2]}"
            leg = Leg(ari, ChannelId("out-1"), endpoint, ring_for=SECOND, variables={GROUP: "loop"})
            dialling = asyncio.create_task(leg.answered())

            async def is_there() -> bool:
                return leg.channel.id in (await ari.request("GET", trunk))["channel_ids"]

            await eventually(is_there, 1, "the trunk carries the leg", every=0.01)
            group = await ari.request("GET", f"channels/{leg.channel.id}/variable", query={"variable": GROUP})
            assert group["value"] == "loop"
            assert await dialling == Ended(hung_up=True, cause=19)

            async def is_gone() -> bool:
                return not await is_there()

            await eventually(is_gone, 10, "the trunk carries it no longer", every=0.01)
            with pytest.raises(Gone):
                await ari.request("GET", "endpoints/PJSIP/nowhere")

    plays(scenario)


def test_a_browsers_phone_is_made_made_again_and_taken_away_for_good(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            seat, browsers = SeatId("8095"), Browsers(MemoryDisk(), PlainLocksmith())
            await browsers.give(ari, seat, AgentId("1295"))
            await browsers.make(ari)
            await browsers.tend(ari, ())
            for kind in ("endpoint", "aor", "auth"):
                with pytest.raises(Gone):
                    await ari.request("DELETE", f"{WHERE}/{kind}/{seat}")
            await browsers.tend(ari, ())

    plays(scenario)
