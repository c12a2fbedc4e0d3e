"""SIP over UDP: what is sent again until it is answered, and what is answered again when asked again (RFC 3261, 17).

Owns the socket of one phone and the timers of its messages; knows nothing of calls.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from ivr.town import sip

Address = tuple[str, int]

T1: Final = 0.5  # seconds, RFC 3261: estimate of a round trip
T2: Final = 4.0  # longest pause between two sendings
LIMIT: Final = 64 * T1  # after this nobody answers any more
PROVISIONAL: Final = 200  # statuses below are not final
REFUSALS: Final = 300  # statuses from here on refuse
KEPT: Final = 64  # answers remembered for requests that come again


class NoAnswer(TimeoutError):
    """A request was sent for 32 s and nobody answered."""


def fresh() -> str:
    """Chance for a tag, a branch, a Call-ID."""
    return secrets.token_hex(8)


class Again:
    """Sends a datagram at once and then again after T1, 2 T1, ... until stopped or given up."""

    def __init__(self, send: Callable[[], None], give_up: Callable[[], None]) -> None:
        self._send = send
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + LIMIT
        self._pause = T1
        send()
        self._timer = self._loop.call_later(T1, self._due)

    def _due(self) -> None:
        if self._loop.time() >= self._ends:
            self._give_up()
            return
        self._send()
        self._pause = min(self._pause * 2, T2)
        self._timer = self._loop.call_later(self._pause, self._due)

    def stop(self) -> None:
        """No more of it."""
        self._timer.cancel()


class Asked:
    """A request of ours under way; `provisional` is told of 1xx answers."""

    def __init__(self, request: sip.Request, provisional: Callable[[sip.Response], None]) -> None:
        self.request = request
        self.provisional = provisional
        self.final: asyncio.Future[sip.Response] = asyncio.get_running_loop().create_future()
        self.again: Again | None = None

    def give_up(self) -> None:
        """Nobody answered."""
        if not self.final.done():
            self.final.set_exception(NoAnswer(f"{self.request.method} {self.request.uri}: no answer"))


def _ignored(_: sip.Response) -> None: ...


class Transactions(asyncio.DatagramProtocol):
    """One UDP socket: `ask` and `send` outwards, `heard` for what comes in and is new."""

    def __init__(
        self,
        heard: Callable[[sip.Request, Address], None],
        strayed: Callable[[sip.Response, Address], None],
    ) -> None:
        self._heard = heard
        self._strayed = strayed
        self._transport: asyncio.DatagramTransport | None = None
        self._asked: dict[tuple[str, str], Asked] = {}
        self._answers: dict[tuple[str, str], tuple[bytes, Address]] = {}
        self._again: dict[tuple[str, int], Again] = {}
        self.address: Address = ("", 0)

    @classmethod
    async def open(
        cls,
        ip: str,
        heard: Callable[[sip.Request, Address], None],
        strayed: Callable[[sip.Response, Address], None],
        port: int = 0,
    ) -> "Transactions":
        """Bind to `ip` (and `port`, 0: any free one)."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)  # noqa: FBT003 - the name of the method says what
        sock.bind((ip, port))
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(lambda: cls(heard, strayed), sock=sock)
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")

    def close(self) -> None:
        """Drop the socket and all that was under way, without a word to anybody."""
        for again in self._again.values():
            again.stop()
        self._again.clear()
        for asked in self._asked.values():
            if asked.again:
                asked.again.stop()
            asked.final.cancel()
        self._asked.clear()
        if self._transport:
            self._transport.abort()
            self._transport = None

    def _send(self, datagram: bytes, to: Address) -> None:
        if self._transport:
            self._transport.sendto(datagram, to)

    # --- outwards

    def via(self) -> str:
        """A Via value with a fresh branch."""
        return f"{sip.VERSION}/UDP {self.address[0]}:{self.address[1]};rport;branch=z9hG4bK{fresh()}"

    async def ask(
        self,
        request: sip.Request,
        to: Address,
        provisional: Callable[[sip.Response], None] = _ignored,
    ) -> sip.Response:
        """Send `request` until it is answered; its final response.  Raises `NoAnswer`."""
        asked = Asked(request, provisional)
        key = sip.branch(request), request.method
        self._asked[key] = asked
        datagram = bytes(request)
        asked.again = Again(lambda: self._send(datagram, to), asked.give_up)
        try:
            return await asked.final
        finally:
            asked.again.stop()
            self._asked.pop(key, None)

    def send(self, message: sip.Request | sip.Response, to: Address) -> None:
        """Send once: ACK, and responses outside of `answer`."""
        self._send(bytes(message), to)

    def answer(self, request: sip.Request, response: sip.Response, to: Address) -> None:
        """Respond, now and each time `request` comes again; a final one to INVITE again until its ACK."""
        datagram = bytes(response)
        self._answers[sip.branch(request), request.method] = datagram, to
        while len(self._answers) > KEPT:
            del self._answers[next(iter(self._answers))]
        if request.method == "INVITE" and response.status >= PROVISIONAL:
            key = request.headers.get("call-id"), sip.cseq(request)[0]
            self.acknowledged(*key)
            self._again[key] = Again(lambda: self._send(datagram, to), lambda: self.acknowledged(*key))
        else:
            self._send(datagram, to)

    def acknowledged(self, call_id: str, number: int) -> None:
        """The ACK to our final answer is here: no need to repeat it."""
        if again := self._again.pop((call_id, number), None):
            again.stop()

    # --- inwards

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Match what comes with what is under way."""
        with suppress(sip.Malformed):
            message = sip.parse(data)
            if isinstance(message, sip.Response):
                self._responded(message, addr)
            else:
                self._requested(message, addr)

    def _responded(self, response: sip.Response, addr: Address) -> None:
        method = sip.cseq(response)[1]
        asked = self._asked.get((sip.branch(response), method))
        if method == "INVITE" and response.status >= REFUSALS:
            self._acknowledge_refusal(response, addr)
        if asked is None or asked.final.done():
            self._strayed(response, addr)
            return
        if response.status >= PROVISIONAL:
            asked.final.set_result(response)
        else:
            if method == "INVITE" and asked.again:
                asked.again.stop()
            asked.provisional(response)

    def _acknowledge_refusal(self, response: sip.Response, addr: Address) -> None:
        number, _ = sip.cseq(response)
        to = response.headers.get("to")
        lines = [("Via", response.headers.get("via")), ("Max-Forwards", "70"), ("From", response.headers.get("from"))]
        lines += [("To", to), ("Call-ID", response.headers.get("call-id")), ("CSeq", f"{number} ACK")]
        self.send(sip.Request("ACK", sip.uri_of(to), sip.Headers(lines)), addr)

    def _requested(self, request: sip.Request, addr: Address) -> None:
        if request.method == "ACK":
            self.acknowledged(request.headers.get("call-id"), sip.cseq(request)[0])
        elif known := self._answers.get((sip.branch(request), request.method)):
            self._send(*known)
            return
        self._heard(request, addr)

    def error_received(self, exc: Exception) -> None:
        """ICMP says that nobody listens there: the timers will find out."""
