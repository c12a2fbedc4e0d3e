"""What hold, consultation and three-way are made of: moving between bridges, and what each hears meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ivr.ari.client import Ari
from ivr.ari.handles import Bridge, Channel
from ivr.errors import Conflict, Refused
from routing.ids import BridgeId, ChannelId
from tests.contract.conftest import Plays
from tests.contract.scene import LISTEN, agent_up, citizen_in
from tests.contract.worlds import World


@asynccontextmanager
async def talking(world: World) -> AsyncIterator[tuple[Ari, Channel, Channel, str, tuple[Bridge, Bridge]]]:
    """Citizen and agent 9001 in a bridge, another one beside it."""
    async with citizen_in(world) as (ari, citizen, name), agent_up(world, ari) as agent:
        rooms = Bridge(ari, BridgeId("b")), Bridge(ari, BridgeId("side"))
        for room in rooms:
            room.create()
        await rooms[0].add(citizen, agent)
        await asyncio.sleep(LISTEN)
        yield ari, citizen, agent, name, rooms


async def heard(world: World, citizen: str, *phones: str) -> list[list[str]]:
    """By everybody, once all have hung up."""
    await world.hangs_up(citizen)
    return [await world.heard(each) for each in (citizen, *phones)]


def test_who_is_moved_to_another_bridge_leaves_the_first_and_comes_back(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with talking(world) as (_, citizen, agent, name, (call, side)):
            await side.add(agent)
            citizen.music()
            agent.silence()
            await asyncio.sleep(2 * LISTEN)
            citizen.music_off()
            agent.silence_off()
            await call.add(agent)
            await asyncio.sleep(LISTEN)
        assert await heard(world, name, "9001") == [["voice", "music", "voice"], ["voice"]]

    plays(scenario)


def test_ringing_is_heard_alone_in_a_bridge_and_ends_when_it_is_told_to(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with talking(world) as (ari, citizen, agent, name, (_, side)):
            await side.add(agent)
            citizen.music()
            agent.ringing()
            await asyncio.sleep(2 * LISTEN)
            async with agent_up(world, ari, "9002") as other:
                agent.ringing_off()
                await side.add(other)
                await asyncio.sleep(LISTEN)
        told = await heard(world, name, "9001", "9002")
        assert told == [["voice", "music"], ["voice", "ringback", "voice"], ["voice"]]

    plays(scenario)


def test_three_hear_each_other_and_two_go_on_without_the_third(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with talking(world) as (ari, _, agent, name, (call, __)), agent_up(world, ari, "9002") as other:
            await call.add(other)
            await asyncio.sleep(LISTEN)
            agent.hang_up()
            await asyncio.sleep(2 * LISTEN)
        assert await heard(world, name, "9001", "9002") == [["voice"], ["voice"], ["voice"]]

    plays(scenario)


def test_a_silent_third_member_is_heard_by_nobody_and_lets_who_is_alone_hear_ringing_once_it_is_gone(
    plays: Plays,
) -> None:
    async def scenario(world: World) -> None:
        async with talking(world) as (_, citizen, agent, name, (call, side)):
            call.mix()
            call.mix()
            await asyncio.sleep(2 * LISTEN)
            call.mix_no_more()
            await side.add(citizen)
            await asyncio.sleep(LISTEN)
            agent.ringing()
            await asyncio.sleep(2 * LISTEN)
        assert await heard(world, name, "9001") == [["voice"], ["voice", "ringback"]]

    plays(scenario)


def test_nobody_is_let_go_whom_a_bridge_has_not(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with talking(world) as (ari, _, __, name, (call, ___)):
            with pytest.raises(Conflict):
                await ari.request("DELETE", f"bridges/{call.id}/moh")
            await world.hangs_up(name)

    plays(scenario)


@pytest.mark.parametrize("again", [False, True])
def test_who_is_muted_hears_and_is_not_heard(plays: Plays, *, again: bool) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, citizen, name), agent_up(world, ari) as agent:
            call, side = Bridge(ari, BridgeId("b")), Bridge(ari, BridgeId("side"))
            call.create()
            side.create()
            agent.mute()
            await side.add(agent)  # it stays, wherever they go
            if again:
                agent.unmute()
            await call.add(citizen, agent)
            await asyncio.sleep(2 * LISTEN)
        assert await heard(world, name, "9001") == [["voice"] if again else [], ["voice"]]

    plays(scenario)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_mute_without_a_direction_is_refused(plays: Plays, method: str) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            with pytest.raises(Refused) as refused:
                await ari.request(method, f"channels/{channel.id}/mute")
            assert refused.value.status == 400

    plays(scenario)


def test_what_is_off_can_be_turned_off(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with citizen_in(world) as (ari, channel, _):
            for what, query in (("moh", None), ("silence", None), ("ring", None), ("mute", {"direction": "in"})):
                await ari.request("DELETE", f"channels/{channel.id}/{what}", query=query)

    plays(scenario)


@asynccontextmanager
async def supervised(world: World) -> AsyncIterator[tuple[Channel, Channel, Channel, str, Bridge]]:
    """Citizen and agent 9001, who says nothing, in a bridge; supervisor 9002 at the agent's ear."""
    async with (
        citizen_in(world) as (ari, citizen, name),
        agent_up(world, ari) as agent,
        agent_up(world, ari, "9002") as supervisor,
    ):
        call, ear = Bridge(ari, BridgeId("b")), Bridge(ari, BridgeId("ear"))
        call.create()
        ear.create()
        agent.mute()
        supervisor.mute()
        await call.add(agent)
        await ear.add(supervisor, await agent.snoop(ChannelId("snoop")))
        yield citizen, agent, supervisor, name, call
        await world.hangs_up(name)


def test_a_supervisor_who_is_muted_hears_and_is_not_heard(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with supervised(world) as (citizen, _, __, name, call):
            await asyncio.sleep(2 * LISTEN)
            await call.add(citizen)
            await asyncio.sleep(2 * LISTEN)
        assert [await world.heard(each) for each in (name, "9001", "9002")] == [[], ["voice"], ["voice"]]

    plays(scenario)


def test_a_whisper_is_heard_by_the_agent_and_by_nobody_else(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with supervised(world) as (citizen, agent, supervisor, name, call):
            agent.silence()  # as on hold: a whisper is mixed into what is sent anyway, and alone that is nothing
            supervisor.unmute()
            await asyncio.sleep(2 * LISTEN)
            citizen.mute()
            await call.add(citizen)
            await asyncio.sleep(2 * LISTEN)
        assert [await world.heard(each) for each in (name, "9001", "9002")] == [[], ["voice"], []]

    plays(scenario)


def test_an_ear_ends_with_the_channel_it_is_at(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with supervised(world) as (_, agent, supervisor, __, ___):
            ear = Channel(agent.ari, ChannelId("snoop"))
            agent.hang_up()
            await ear.gone()  # Asterisk may have it for a moment more: how it ended cannot be told from that
            assert supervisor.ended is None

    plays(scenario)


def test_an_ear_whose_name_is_in_use_is_refused(plays: Plays) -> None:
    async def scenario(world: World) -> None:
        async with supervised(world) as (_, agent, __, ___, ____):
            with pytest.raises(Refused):
                await agent.snoop(ChannelId("snoop"))

    plays(scenario)
