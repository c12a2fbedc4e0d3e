"""The phone in a browser, as WebRTC has it: SIP over a websocket, ICE, DTLS-SRTP; and a voice of its own.

What a browser's own library does with sound (aiortc here), Asterisk's `webrtc=yes` answers; SIP is as any phone's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp
import aioice.ice
import numpy as np
import pytest
from aiortc import AudioStreamTrack, MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from ivr.town import audio, sip
from ivr.town.calls import By, End
from ivr.town.rtp import FRAME, RATE, Samples, decode, tone
from ivr.town.transactions import fresh
from tests.asterisk.phones import VOICE, Speaker
from tests.asterisk.waiting import eventually

HOST: Final = "browser.invalid"  # RFC 7118, 5: a browser does not know its own address
HERTZ: Final = 2000
"""Its voice: nobody else's."""
CHALLENGED: Final = 401
OK: Final = 200


class NotRegistered(Exception):
    """Asterisk did not take the registration."""


class Voice(AudioStreamTrack):
    """A tone, for as long as it is asked for: every 20 ms."""

    def __init__(self, hertz: int) -> None:
        super().__init__()
        self._samples = decode(tone(hertz).alaw)
        self._at = 0

    async def recv(self) -> AudioFrame:
        """The next 20 ms."""
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)
        frame.planes[0].update(np.take(self._samples, range(self._at, self._at + FRAME), mode="wrap").tobytes())
        self._at += FRAME
        return frame


class Browser:
    """One such phone, with one call.  Use `async with Browser.open(...)`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, seat: str, secret: str) -> None:
        self.name, self.hertz = seat, HERTZ
        self._socket = socket
        self._credentials = sip.Credentials(seat, secret)
        self._responses: asyncio.Queue[sip.Response] = asyncio.Queue()
        self._rings: asyncio.Queue[sip.Request] = asyncio.Queue()
        self._invite: sip.Request | None = None
        self._peer = RTCPeerConnection()
        self._peer.addTrack(Voice(HERTZ))
        self._peer.on("track", self._listens)
        self._tag, self._call, self._number = fresh(), fresh(), 0
        self._heard: list[Samples] = []
        self._ears: list[asyncio.Task[None]] = []
        self.end: End | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int, seat: str, secret: str) -> AsyncIterator["Browser"]:
        """A page that has asked for this seat's secret, at Asterisk's websocket; registered."""
        url = f"ws://127.0.0.1:{port}/ws"
        with pytest.MonkeyPatch.context() as there:  # where Asterisk is, and aioice has no candidate
            there.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
            async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=("sip",)) as socket:
                browser = cls(socket, seat, secret)
                reader = asyncio.create_task(browser._reads(), name=f"browser:{seat}")
                try:
                    await browser._registers()
                    yield browser
                finally:
                    await browser._peer.close()
                    for task in (tasks := (reader, *browser._ears)):
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    # --- its call

    async def rings(self, within: float = 20.0) -> None:
        """Wait until it rings."""
        async with asyncio.timeout(within):
            self._invite = await self._rings.get()
        await self._responds(180)

    async def answers(self) -> None:
        """Take the call, and speak."""
        assert self._invite is not None
        await self._peer.setRemoteDescription(RTCSessionDescription(self._invite.body, "offer"))
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        await self._responds(OK, self._peer.localDescription.sdp)

    async def hangs_up(self) -> None:
        """BYE."""
        invite = self._invite
        assert invite is not None
        self.end = End(By.US)
        ours, theirs = f"{invite.headers.get('to')};tag={self._tag}", invite.headers.get("from")
        contact = sip.uri_of(invite.headers.get("contact"))
        response = await self._asks("BYE", contact, ours, theirs, invite.headers.get("call-id"))
        assert response.status == OK

    # --- what it hears

    def heard(self) -> Samples:
        """All of it."""
        return np.concatenate(self._heard) if self._heard else np.zeros(0, dtype=np.int16)

    async def hears(self, sound: Samples, within: float = 10.0) -> None:
        """Wait until this has been heard."""
        await eventually(lambda: audio.hears(self.heard(), sound).correlation > 0.9, within, f"{self.name} hears it")

    async def hears_person(self, other: Speaker, within: float = 10.0) -> None:
        """Wait until that person is heard, now."""
        lately = RATE * 2 // 5
        await eventually(
            lambda: audio.level(self.heard()[-lately:], other.hertz) > VOICE, within, f"{self.name} hears {other.name}"
        )

    def _listens(self, track: MediaStreamTrack) -> None:
        async def listens() -> None:
            with suppress(MediaStreamError):
                while True:
                    frame = await track.recv()
                    assert isinstance(frame, AudioFrame)
                    self._heard.append(frame.to_ndarray().reshape(-1).astype(np.int16))

        self._ears.append(asyncio.create_task(listens(), name=f"ear:{self.name}"))

    # --- SIP over the websocket (RFC 7118)

    async def _registers(self) -> None:
        me = f"<sip:{self.name}@{HOST}>"
        response = await self._asks("REGISTER", f"sip:{HOST}", f"{me};tag={self._tag}", me, self._call)
        if response.status != OK:
            raise NotRegistered(f"{self.name}: {response.status}")

    async def _asks(self, method: str, uri: str, ours: str, theirs: str, call: str) -> sip.Response:
        """The final response, to the digest that was asked for if one was."""
        self._number += 2
        lines = [
            ("Via", f"{sip.VERSION}/WS {HOST};branch=z9hG4bK{fresh()}"),
            ("Max-Forwards", "70"),
            ("From", ours),
            ("To", theirs),
            ("Call-ID", call),
            ("CSeq", f"{self._number} {method}"),
            ("Contact", f"<sip:{self.name}@{HOST};transport=ws>"),
        ]
        request = sip.Request(method, uri, sip.Headers(lines))
        await self._sends(request)
        response = await self._final()
        if response.status == CHALLENGED:
            branch, cnonce = f"z9hG4bK{fresh()}", fresh()
            await self._sends(sip.authorised(request, response, self._credentials, branch=branch, cnonce=cnonce))
            response = await self._final()
        return response

    async def _final(self) -> sip.Response:
        async with asyncio.timeout(10):
            while (response := await self._responses.get()).status < OK:
                pass
        return response

    async def _responds(self, status: int, body: str = "") -> None:
        assert self._invite is not None
        lines = [("Contact", f"<sip:{self.name}@{HOST};transport=ws>")]
        lines += [("Content-Type", "application/sdp")] if body else []
        await self._sends(sip.reply(self._invite, status, tag=self._tag, headers=lines, body=body))

    async def _sends(self, message: sip.Request | sip.Response) -> None:
        await self._socket.send_str(bytes(message).decode())

    async def _reads(self) -> None:
        async for message in self._socket:
            read = sip.parse(message.data.encode() if isinstance(message.data, str) else message.data)
            if isinstance(read, sip.Response):
                self._responses.put_nowait(read)
            elif read.method == "INVITE":
                self._rings.put_nowait(read)
            elif read.method != "ACK":
                if read.method == "BYE":
                    self.end = End(By.THEM, cause=sip.q850(read))
                await self._sends(sip.reply(read, OK, tag=self._tag))
