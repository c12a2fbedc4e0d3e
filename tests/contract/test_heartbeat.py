"""The heartbeat against Asterisk itself: it answers pings, and one that has stopped is noticed."""

import asyncio
import signal

import pytest

from ivr.ari.client import connect
from ivr.edge.wire import AsteriskWire
from ivr.errors import ConnectionLost
from tests.contract.real import PASSWORD, Running
from tests.contract.worlds import APP

pytestmark = pytest.mark.asterisk


async def test_an_idle_connection_stays(real_asterisk: Running) -> None:
    async with (
        AsteriskWire(real_asterisk.address, "hotline", PASSWORD, heartbeat_s=0.1) as wire,
        connect(wire, APP) as ari,
    ):
        await asyncio.sleep(1)
        assert await ari.is_registered()


async def test_a_stopped_asterisk_is_noticed(real_asterisk: Running) -> None:
    async def stay() -> None:
        async with connect(wire, APP):
            real_asterisk.child.send_signal(signal.SIGSTOP)
            await asyncio.sleep(10)

    async with AsteriskWire(real_asterisk.address, "hotline", PASSWORD, heartbeat_s=0.2) as wire:
        try:
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(stay(), 5)
        finally:
            real_asterisk.child.send_signal(signal.SIGCONT)
        async with connect(wire, APP) as ari:
            assert await ari.is_registered()
