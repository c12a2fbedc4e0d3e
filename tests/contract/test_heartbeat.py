"""The heartbeat against Asterisk itself: it answers pings, and one that has stopped is noticed."""

import asyncio
import signal
from functools import partial

import pytest

from ivr.ari.client import connect
from ivr.edge.wire import AsteriskWire
from ivr.errors import ConnectionLost
from tests.asterisk.waiting import eventually, passes
from tests.contract.real import PASSWORD, Running
from tests.contract.worlds import APP

pytestmark = pytest.mark.asterisk


async def test_an_idle_connection_stays(real_asterisk: Running) -> None:
    async with (
        AsteriskWire(real_asterisk.address, "hotline", PASSWORD, heartbeat_s=1.0) as wire,
        connect(wire, APP) as ari,
    ):
        await passes(3)  # two rounds of ping and pong
        await ari.echo()


async def test_a_stopped_asterisk_is_noticed(real_asterisk: Running) -> None:
    async def stay() -> None:
        async with connect(wire, APP):
            real_asterisk.child.send_signal(signal.SIGSTOP)
            await asyncio.Event().wait()

    async with AsteriskWire(real_asterisk.address, "hotline", PASSWORD, heartbeat_s=1.0) as wire:
        try:
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(stay(), 20)
        finally:
            real_asterisk.child.send_signal(signal.SIGCONT)
        await eventually(partial(_is_heard, wire), 60, "a connection is to be had again")


async def _is_heard(wire: AsteriskWire) -> bool:
    """As the controller does it: what Asterisk, just awake, does not answer on one socket is asked on another."""
    try:
        async with connect(wire, APP):
            return True
    except ConnectionLost:
        return False
