"""A phone: registers, dials, rings, answers, refuses, falls silent, dies; several calls at a time, each with its sound.

Everything that a test or a demo wants to happen at a chosen moment is a method here.  `call.py` holds the calls.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final, Self

from ivr.town import sip
from ivr.town.calls import Call, Incoming, Outgoing
from ivr.town.rtp import Media, Pacer
from ivr.town.transactions import Address, NoAnswer, Transactions, fresh

log = logging.getLogger(__name__)

CHALLENGED: Final = (401, 407)
OK: Final = 200
LIFETIME: Final = 3600  # seconds a registration is asked for
ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, INFO, UPDATE"


class NotRegistered(Exception):
    """The server did not take our registration."""


class Phone:
    """One SIP address with one socket.  Use `async with await Phone.open():`, or close it."""

    def __init__(self, pacer: Pacer, *, rings: bool) -> None:
        self.pacer = pacer
        self.rings_at_once = rings
        self.has_keys = True  # offers telephone-event, RFC 4733
        self.user = "phone"
        self.credentials: sip.Credentials | None = None
        self.calls: list[Call] = []
        self.requests: list[str] = []
        self._incoming: asyncio.Queue[Incoming] = asyncio.Queue()
        self._dialogs: dict[str, Call] = {}
        self._transactions: Transactions | None = None
        self._server: Address | None = None
        self._registrations = 0
        self._registration = fresh()

    @classmethod
    async def open(
        cls, ip: str = "127.0.0.1", *, port: int = 0, pacer: Pacer | None = None, rings: bool = True
    ) -> Self:
        """A phone at `ip`.  Phones that share a `pacer` share its timer; one that does not ring says nothing."""
        phone = cls(pacer or Pacer(), rings=rings)
        phone._transactions = await Transactions.open(ip, phone._requested, phone._strayed, port)
        return phone

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def transactions(self) -> Transactions:
        """The socket.  Raises `RuntimeError` on a phone that is dead."""
        if self._transactions is None:
            raise RuntimeError(f"phone {self.user} is dead")
        return self._transactions

    @property
    def is_alive(self) -> bool:
        """Neither closed nor dead."""
        return self._transactions is not None

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.transactions.address

    async def close(self) -> None:
        """Hang up every call, leave the registrar, drop the socket.  A phone that is dead already has nothing to do."""
        if not self.is_alive:
            return
        with suppress(NoAnswer, NotRegistered, TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.gather(*(call.hang_up() for call in self.calls if not call.has_ended))
                await self.unregister()
        self.die()

    def die(self) -> None:
        """Drop everything without a word, as a phone whose plug is pulled."""
        for call in self.calls:
            call.drop()
        if self._transactions:
            self._transactions.close()
            self._transactions = None

    # --- registering

    async def register(self, server: Address, user: str, secret: str, *, lifetime: int = LIFETIME) -> None:
        """Tell `server` that `user` is here.  Raises `NotRegistered`."""
        self.user, self.credentials = user, sip.Credentials(user, secret)
        await self._register(server, lifetime)
        self._server = server

    async def unregister(self) -> None:
        """Tell the server that we are gone; nothing when we never were there."""
        server, self._server = self._server, None
        if server:
            await self._register(server, 0)

    async def _register(self, server: Address, lifetime: int) -> None:
        user, uri = self.user, f"sip:{server[0]}:{server[1]}"
        self._registrations += 2  # room for the answer to a challenge
        identity = f"<sip:{user}@{server[0]}:{server[1]}>"
        lines = [("To", identity), ("Contact", f"<{self.contact}>"), ("Expires", str(lifetime))]
        request = self.request(
            "REGISTER", uri, self._registrations, f"{identity};tag={fresh()}", self._registration, lines
        )
        response = await self.ask(request, server)
        if response.status != OK:
            raise NotRegistered(f"{user} at {server[0]}:{server[1]}: {response.status} {response.reason}")

    # --- calling

    async def dial(
        self,
        number: str,
        via: Address,
        *,
        caller: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> Outgoing:
        """Call `number` at the server `via`, as `caller` (else as ourselves), with `headers`; returns once sent."""
        lines = list(headers.items() if isinstance(headers, Mapping) else headers)
        call = Outgoing(self, Media.open(self.address[0], self.pacer), number, via, caller or self.user)
        self.took(call)
        call.invite(lines)
        return call

    async def rung(self, within: float = 10.0) -> Incoming:
        """The next call that comes in.  Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            return await self._incoming.get()

    @property
    def is_ringing(self) -> bool:
        """Somebody calls and nobody has done anything about it."""
        return any(isinstance(call, Incoming) and call.is_pending for call in self.calls)

    # --- what calls need of their phone

    @property
    def contact(self) -> str:
        """Our own address as a URI."""
        return f"sip:{self.user}@{self.address[0]}:{self.address[1]}"

    def took(self, call: Call) -> None:
        """A call begins."""
        self.calls.append(call)
        self._dialogs[call.call_id] = call

    def request(
        self,
        method: str,
        uri: str,
        number: int,
        sender: str,
        call_id: str,
        lines: Iterable[tuple[str, str]],
        body: str = "",
    ) -> sip.Request:
        """A request of ours with a fresh branch; `lines` begin with To."""
        top = [("Via", self.transactions.via()), ("Max-Forwards", "70"), ("From", sender), ("Call-ID", call_id)]
        rest = [("CSeq", f"{number} {method}"), ("User-Agent", "hotline-town"), *lines]
        if body:
            rest.append(("Content-Type", "application/sdp"))
        return sip.Request(method, uri, sip.Headers([*top, *rest]), body)

    async def ask(self, request: sip.Request, to: Address) -> sip.Response:
        """Send and, when challenged, send again with our digest."""
        response = await self.transactions.ask(request, to)
        if response.status in CHALLENGED and self.credentials:
            response = await self.transactions.ask(self.authorised(request, response, self.credentials), to)
        return response

    def authorised(self, request: sip.Request, response: sip.Response, credentials: sip.Credentials) -> sip.Request:
        """`request` with our answer to the challenge."""
        return sip.authorised(request, response, credentials, branch=f"z9hG4bK{fresh()}", cnonce=fresh())

    # --- what comes in

    def _strayed(self, response: sip.Response, _: Address) -> None:
        """A 2xx to INVITE that comes again wants its ACK again."""
        if call := self._dialogs.get(response.headers.get("call-id")):
            call.strayed(response)

    def _requested(self, request: sip.Request, source: Address) -> None:
        self.requests.append(request.method)
        call = self._dialogs.get(request.headers.get("call-id"))
        if request.method == "INVITE" and call is None:
            self._invited(request, source)
        elif call is not None:
            call.requested(request, source)
        elif request.method in {"OPTIONS", "NOTIFY"}:
            self.transactions.answer(request, sip.reply(request, OK, tag=fresh(), headers=[("Allow", ALLOW)]), source)
        elif request.method != "ACK":
            self.transactions.answer(request, sip.reply(request, 481, tag=fresh()), source)

    def _invited(self, request: sip.Request, source: Address) -> None:
        offer = sip.sound_of(request.body)
        if offer is None:
            self.transactions.answer(request, sip.reply(request, 488, tag=fresh()), source)
            return
        call = Incoming(self, Media.open(self.address[0], self.pacer), request, source, offer)
        self.took(call)
        if self.rings_at_once:
            call.ring()
        self._incoming.put_nowait(call)
