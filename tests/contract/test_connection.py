"""The connection: order, filters, what happens when it ends; bridges and who is in them."""

import asyncio

import msgspec
import pytest

from ivr.ari import models
from ivr.ari.client import ECHO, EVENTS, connect
from ivr.ari.handles import Bridge, Channel, Leg, Up
from ivr.ari.vitals import Ended
from ivr.errors import Conflict, Gone, Replaced
from routing.ids import BridgeId, ChannelId
from tests.asterisk.waiting import eventually, passes
from tests.contract.conftest import Plays
from tests.contract.scene import LISTEN, SECOND, agent_up, citizen_in, connected_again, is_forgotten, now, took
from tests.contract.worlds import APP, World


def test_pipelined_requests_are_answered_in_their_order(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        order: list[int] = []
        async with citizen_in(world) as (ari, channel, _):

            async def ask(serial: int) -> None:
                await ari.request("GET", f"channels/{channel.id}")
                order.append(serial)

            async with asyncio.TaskGroup() as tasks:
                for serial in range(50):
                    tasks.create_task(ask(serial))
        assert order == list(range(50))

    plays(scenario)


def test_the_filter_lets_only_the_events_through_that_we_use(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            channel.music()
            channel.put({"A": "1"})
            await ari.request("GET", f"channels/{channel.id}")
            assert ari.counts.events == 1  # StasisStart
            await world.hangs_up(citizen)
            await channel.gone()
            assert ari.counts.events == 3  # ChannelHangupRequest, StasisEnd
            assert ari.counts.unknown == 0

    plays(scenario)


def test_a_filter_without_replies_swallows_them(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with world.wire.open("deaf") as link:

            def send(serial: int, method: str, uri: str, body: str) -> None:
                frame = {"type": "RESTRequest", "request_id": str(serial), "method": method, "uri": uri}
                if body:
                    frame |= {"content_type": "application/json", "message_body": body}
                link.send(msgspec.json.encode(frame).decode())

            send(1, "PUT", "applications/deaf/eventFilter", '{"allowed":[{"type":"StasisStart"}]}')
            send(2, "GET", "channels/nobody", "")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await link.receive()

    plays(scenario)


def test_calls_outlive_the_connection_and_go_on_with_the_next_one(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen), agent_up(world, ari) as agent:
            bridge = Bridge(ari, BridgeId("b"))
            bridge.create()
            await bridge.add(channel, agent)
            names = {channel.id, agent.id}
            began = await ari.began()
            ari.send = lambda *_, **__: None  # type: ignore[method-assign]  # as a process that is killed leaves
        async with connected_again(world) as ari:
            assert await ari.began() == began
            lists = await ari.lists()
            assert names <= {each.id for each in lists.channels}
            assert [set(each.channels) for each in lists.bridges] == [names]
            citizens = Channel(ari, ChannelId(channel.id))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await anext(ari.arrivals())
            await world.hangs_up(citizen)
            assert await citizens.gone() == Ended(hung_up=True, cause=16)
            Channel(ari, ChannelId(agent.id)).hang_up()

    plays(scenario)


def test_whoever_connects_again_and_again_hears_in_the_end_who_hangs_up(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen):
            ari.send = lambda *_, **__: None  # type: ignore[method-assign]  # as a process that is killed leaves
        for _ in range(20):
            async with world.wire.open(APP):
                pass
        async with connected_again(world) as ari:
            await world.hangs_up(citizen)
            assert (await Channel(ari, ChannelId(channel.id)).gone()).hung_up

    plays(scenario)


def test_an_application_is_listed_as_long_as_it_has_a_call_though_nobody_listens(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, _, _):
            ari.send = lambda *_, **__: None  # type: ignore[method-assign]  # as a process that is killed leaves
        async with connect(world.wire, "another") as ari:
            await passes(LISTEN)
            assert {each["name"] for each in await world.wire.fetch("applications")} == {APP, "another"}
            await ari.request("POST", ECHO, query={"application": APP})  # 204, and nobody is told
            with pytest.raises(Gone):
                await ari.request("POST", ECHO, query={"application": "nobody"})

    plays(scenario)


def test_a_call_that_comes_while_nobody_is_connected_goes_on_in_the_dialplan(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        await world.dials()
        async with connect(world.wire, "another") as ari:

            async def waiting() -> list[models.Channel]:
                channels = (await ari.lists()).channels
                return [each for each in channels if (each.channelvars or {}).get("HOTLINE_DIALLED")]

            async def has_come() -> bool:
                return bool(await waiting())

            await eventually(has_come, 10, "the call is in the dialplan")
            [channel] = await waiting()
            assert await world.after(ari, channel.id) == "FAILED"
            [channel] = await waiting()
            assert channel.dialplan.app_name != "Stasis"

    plays(scenario)


def test_a_leg_that_answers_while_nobody_is_connected_is_hung_up(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with connect(world.wire, APP) as ari:
            await ari.request("POST", "channels/leg", query={"endpoint": world.endpoint("answers"), "app": APP})
        async with connect(world.wire, "another") as ari:
            await is_forgotten(ari, "channels/leg")

    plays(scenario)


def test_a_second_controller_takes_the_application_and_ends_the_first(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async def first() -> None:
            async with connect(world.wire, APP):
                connected.set()
                await asyncio.Event().wait()

        connected = asyncio.Event()
        running = asyncio.ensure_future(first())
        await connected.wait()
        async with connect(world.wire, APP) as ari:
            with pytest.raises(Replaced):
                await running
            await world.dials()
            assert (await anext(ari.arrivals())).args == ["citizen"]
            await ari.echo()

    plays(scenario)


def test_a_bridge_exists_once_and_its_id_is_refused_the_second_time(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            bridge = Bridge(ari, BridgeId("b"))
            bridge.create()
            with pytest.raises(Conflict):
                await ari.request("POST", "bridges/b", query={"type": "mixing"})
            await bridge.add(channel)
            bridge.delete()
            await is_forgotten(ari, "bridges/b")
            assert channel.ended is None

    plays(scenario)


def test_members_hear_each_other_and_one_who_moves_leaves_the_other_bridge(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, citizen), agent_up(world, ari) as agent:
            main, aside = Bridge(ari, BridgeId("main")), Bridge(ari, BridgeId("aside"))
            main.create()
            aside.create()
            await main.add(channel, agent)
            assert (await ari.request("GET", "bridges/main"))["channels"] == [channel.id, agent.id]
            await passes(LISTEN)
            await aside.add(agent)
            assert (await ari.request("GET", "bridges/main"))["channels"] == [channel.id]
            assert (await ari.request("GET", "bridges/aside"))["channels"] == [agent.id]
            channel.music()
            await passes(LISTEN)
            await world.hangs_up(citizen)
            await channel.gone()
            assert await world.heard(citizen) == ["voice", "music"]
            assert agent.ended is None
            agent.hang_up()
            await agent.gone()
            assert await world.heard("9001") == ["voice"]

    plays(scenario)


def test_entering_a_bridge_and_leaving_it_is_told(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        more = (*EVENTS, "ChannelEnteredBridge", "ChannelLeftBridge")
        async with citizen_in(world, events=more) as (ari, channel, citizen):
            bridge = Bridge(ari, BridgeId("b"))
            with ari.mailbox(bridge.id) as box:
                bridge.create()
                await bridge.add(channel)
                entered = await box.next(models.ChannelEnteredBridge)
                assert entered.bridge.channels == [channel.id]
                await bridge.add(channel)  # again: out and in
                assert (await box.next(models.ChannelLeftBridge)).bridge.channels == []
                await box.next(models.ChannelEnteredBridge)
                await world.hangs_up(citizen)
                assert (await box.next(models.ChannelLeftBridge)).bridge.channels == []
            await channel.gone()

    plays(scenario)


def test_a_reply_and_an_event_may_come_in_any_order(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            since = now()
            leg = Leg(ari, ChannelId("leg"), world.endpoint("answers"), ring_for=5 * SECOND)
            async with leg:
                assert await leg.answered() == Up()
                took(world, 0.2, since)
            assert (await leg.channel.gone()).hung_up
            channel.hang_up()
            await channel.gone()

    plays(scenario)
