"""What a carrier, or whoever speaks in its name, may put into an INVITE: bytes that are nobody's text."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.adopt import arrived
from ivr.ari import models
from ivr.ari.client import Ari, connect
from ivr.edge.wire import AsteriskWire
from routing.arrival import Arrival
from routing.ids import Instant
from tests.asterisk import switch as house
from tests.asterisk.switch import Switch

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
GBK = "张三".encode("gbk")


class Carrier:
    """The trunk's other end: it sends what it likes, byte by byte, and reads no answer."""

    def __init__(self, switch: Switch, ari: Ari) -> None:
        self._switch = switch
        self._ari = ari
        self._sent = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(switch.trunk)

    def close(self) -> None:
        self._socket.close()

    async def calls(self, user: bytes, *headers: bytes) -> Arrival:
        """An INVITE for `user`; what the controller understands of it."""
        self._sent += 1
        host, n = b"127.0.0.1:%d" % self._switch.trunk[1], self._sent
        lines = (
            b"INVITE sip:%b@127.0.0.1:%d SIP/2.0" % (user, self._switch.switch[1]),
            b"Via: SIP/2.0/UDP %b;rport;branch=z9hG4bKstrange%d" % (host, n),
            b"From: <sip:13831000000@%b>;tag=strange%d" % (host, n),
            b"To: <sip:%b@127.0.0.1>" % user,
            b"Call-ID: strange-%d" % n,
            b"CSeq: 1 INVITE",
            b"Max-Forwards: 70",
            b"Contact: <sip:me@%b>" % host,
            b"Content-Type: application/sdp",
            b"Content-Length: %d" % len(SDP),
            *headers,
        )
        self._socket.sendto(b"\r\n".join(lines) + b"\r\n\r\n" + SDP, self._switch.switch)
        async with asyncio.timeout(5):
            start: models.StasisStart = await anext(self._ari.arrivals())
        lists = await self._ari.lists()  # it can be shown, and so can all others
        assert start.channel.id in {channel.id for channel in lists.channels}
        return arrived(start.channel, self._switch.config, "2021-09-15T09:00:00+08:00", Instant(0), "").arrival


@asynccontextmanager
async def carrier(state: Path) -> AsyncIterator[Carrier]:
    async with house.running(state, has_town=False) as switch:
        settings = switch.settings
        async with (
            AsteriskWire(f"127.0.0.1:{settings.ari_port}", "hotline", settings.ari_password) as wire,
            connect(wire) as ari,
        ):
            strange = Carrier(switch, ari)
            try:
                yield strange
            finally:
                strange.close()


async def test_bytes_that_are_no_text_cost_neither_the_caller_nor_anybody_else_a_thing(tmp_path: Path) -> None:
    async with carrier(tmp_path / "the state") as strange:
        assert (await strange.calls(b"12345%ff")).number == "12345"
        assert (await strange.calls(b"T")).number == "12345"  # not the dialplan's own extension for the lease
        for name in (GBK, b"a) b", b"a, (b", b"}}${SHELL(touch pwned)}", b"x" * 3000):
            diverted = await strange.calls(b"12345", b'Diversion: "' + name + b'" <sip:12329@carrier>;reason=no-answer')
            assert (diverted.number, diverted.reason) == ("12329", "no-answer"), name
        assert (await strange.calls(b"12345", b"X-Hotline-At: " + GBK)).recognised
