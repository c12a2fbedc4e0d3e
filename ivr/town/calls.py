"""A phone's calls, dialled and received: their states, from the first INVITE to the last BYE.

A call knows when each thing happened (the loop's clock), what was said to it, and all that it heard.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ivr.town import sip
from ivr.town.rtp import Clip, Heard, Media
from ivr.town.transactions import Address, NoAnswer, fresh

if TYPE_CHECKING:
    from ivr.town.phone import Phone

OK: Final = 200
REFUSED: Final = 300
CANCELLED: Final = 487


class By(StrEnum):
    """Who ended a call."""

    US = "us"
    THEM = "them"


@dataclass(frozen=True)
class End:
    """How a call ended: by whom, the SIP status of a refusal (0: it was answered), Q.850 cause (0: unsaid)."""

    by: By
    status: int = 0
    cause: int = 0


class Refused(Exception):
    """The call was not answered."""

    def __init__(self, end: End) -> None:
        super().__init__(f"not answered: {end.status or 'dropped'}, by {end.by.value}, cause {end.cause}")
        self.end = end


class Call(ABC):
    """One call of a phone.  `began`, `rang_at`, `answered_at`, `ended_at`: moments of the loop's clock."""

    def __init__(self, phone: "Phone", media: Media, call_id: str) -> None:
        self.phone = phone
        self.media = media
        self.call_id = call_id
        self.tag = fresh()
        self.end: End | None = None
        self._loop = asyncio.get_running_loop()
        self.began = self._loop.time()
        self.rang_at: float | None = None
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.cseq = 0
        self.holds = False
        self._offers = 1
        self._news: asyncio.Event = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- states

    @property
    def has_ended(self) -> bool:
        """Nothing more will happen."""
        return self.end is not None

    @property
    def is_up(self) -> bool:
        """Answered and not ended."""
        return self.answered_at is not None and self.end is None

    @property
    def is_pending(self) -> bool:
        """Neither answered nor ended."""
        return self.answered_at is None and self.end is None

    def _note(self) -> None:
        """Wake those who wait for something to have happened."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def until(self, condition: Callable[[], bool], within: float) -> None:
        """Wait until `condition`, looked at after each thing that happens to this call.  Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while not condition():
                await self._news.wait()

    async def answered(self, within: float = 15.0) -> None:
        """Wait for the answer.  Raises `Refused`, `TimeoutError`."""
        await self.until(lambda: self.answered_at is not None or self.end is not None, within)
        if self.answered_at is None and self.end:
            raise Refused(self.end)

    async def ended(self, within: float = 15.0) -> End:
        """Wait for the end.  Raises `TimeoutError`."""
        await self.until(lambda: self.end is not None, within)
        if self.end is None:
            raise TimeoutError
        return self.end

    def _end(self, end: End) -> None:
        if self.end is None:
            self.end, self.ended_at = end, self._loop.time()
            self.media.close()
            self._note()

    def drop(self) -> None:
        """The phone dies: no word to anybody."""
        for task in self._tasks:
            task.cancel()
        self._end(End(By.US))

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run `work` beside the call; it is cancelled with the phone."""

        async def run() -> None:
            with suppress(NoAnswer):
                await work

        task = self._loop.create_task(run(), name=f"{name}:{self.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- sound

    def say(self, clip: Clip) -> None:
        """Say this from now on."""
        self.media.say(clip)

    def press(self, digits: str) -> None:
        """Press keys."""
        self.media.press(digits)

    @property
    def pressed(self) -> str:
        """The keys that the other side pressed."""
        return self.media.pressed()

    def heard(self) -> Heard:
        """What was heard from the answer (before it: from the first sound) until now or the end."""
        heard = self.media.heard()
        end = self.ended_at or self._loop.time()
        if self.answered_at is not None:
            return heard.between(self.answered_at, end)
        return heard

    # --- within the dialog

    @abstractmethod
    def dialog(self) -> tuple[str, str, str, Address]:
        """Our From, their To, their contact, and where to send."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End the call, whatever its state; returns when the other side knows."""

    def strayed(self, response: sip.Response) -> None:  # noqa: B027 - only whoever dialled has something to do
        """A response that nobody waits for."""

    async def hold(self) -> None:
        """Press the phone's own hold button: nothing of the other side is to be heard here."""
        await self._offer(holds=True)

    async def retrieve(self) -> None:
        """Press it once more."""
        await self._offer(holds=False)

    async def _offer(self, *, holds: bool) -> None:
        """A re-INVITE, and its ACK.  Raises `NoAnswer`, `Refused`."""
        self.holds, self._offers = holds, self._offers + 1
        response = await self._ask_within("INVITE", (), self._sdp())
        ours, theirs, contact, to = self.dialog()
        ack = self.phone.request("ACK", contact, sip.cseq(response)[0], ours, self.call_id, [("To", theirs)])
        self.phone.transactions.send(ack, to)
        if response.status != OK:
            raise Refused(End(By.THEM, response.status))

    async def refer(self, to: str) -> int:
        """Press the phone's own transfer button, for `to`; the status with which that is answered."""
        refer = [("Refer-To", f"<{to}>"), ("Referred-By", f"<{self.phone.contact}>")]
        return (await self._ask_within("REFER", refer)).status

    async def _ask_within(self, method: str, more: Iterable[tuple[str, str]], body: str = "") -> sip.Response:
        ours, theirs, contact, to = self.dialog()
        self.cseq += 2  # room for the answer to a challenge
        lines = [("To", theirs), ("Contact", f"<{self.phone.contact}>"), *more]
        return await self.phone.ask(
            self.phone.request(method, contact, self.cseq - 1, ours, self.call_id, lines, body), to
        )

    async def _bye(self) -> None:
        if self.end:
            return
        ours, theirs, contact, to = self.dialog()
        self.cseq += 1
        request = self.phone.request("BYE", contact, self.cseq, ours, self.call_id, [("To", theirs)])
        self._end(End(By.US))
        with suppress(NoAnswer):
            await self.phone.ask(request, to)

    def requested(self, request: sip.Request, source: Address) -> None:
        """A request within this call."""
        transactions = self.phone.transactions
        match request.method:
            case "ACK":
                self._note()
            case "BYE":
                transactions.answer(request, sip.reply(request, OK), source)
                self._end(End(By.THEM, cause=sip.q850(request)))
            case "INVITE" | "UPDATE":
                self._changed_by(request, source)
            case "OPTIONS" | "INFO" | "NOTIFY":
                transactions.answer(request, sip.reply(request, OK), source)
            case _:
                transactions.answer(request, sip.reply(request, 405), source)

    def _changed_by(self, request: sip.Request, source: Address) -> None:
        """A re-INVITE or UPDATE: perhaps another address for our sound."""
        if offer := sip.sound_of(request.body):
            self.media.towards(offer.host, offer.port, offer.digits)
        body = self._sdp() if request.body or request.method == "INVITE" else ""
        self.phone.transactions.answer(request, sip.reply(request, OK, headers=self._as_sdp(body), body=body), source)

    def _sdp(self) -> str:
        host, port, digits = self.phone.address[0], self.media.port, self.phone.has_keys
        return sip.sdp(host, port, 1, version=self._offers, digits=digits, holds=self.holds)

    def _as_sdp(self, body: str) -> list[tuple[str, str]]:
        contact = [("Contact", f"<{self.phone.contact}>")]
        return [*contact, ("Content-Type", "application/sdp")] if body else contact


class Outgoing(Call):
    """A call that this phone has dialled."""

    def __init__(self, phone: "Phone", media: Media, number: str, via: Address, caller: str) -> None:
        super().__init__(phone, media, fresh())
        self.via = via
        self.uri = f"sip:{quote(number, safe='+*-._~!')}@{via[0]}:{via[1]}"
        self._from = f"<sip:{caller}@{phone.address[0]}>;tag={self.tag}"
        self._to = f"<{self.uri}>"
        self._contact = self.uri
        self._invite: sip.Request | None = None
        self._ack: sip.Request | None = None
        self._has_progress = False
        self._cancel_wanted = False

    async def ringing(self, within: float = 10.0) -> None:
        """Wait for 180 (or 183, or the answer).  Raises `Refused`, `TimeoutError`."""
        await self.until(lambda: bool(self.rang_at or self.answered_at or self.end), within)
        if self.rang_at is None and self.answered_at is None and self.end:
            raise Refused(self.end)

    def invite(self, headers: list[tuple[str, str]]) -> None:
        """Send INVITE and see to what follows."""
        self._start(self._run(headers), "dial")

    async def _run(self, headers: list[tuple[str, str]]) -> None:
        phone, self.cseq = self.phone, self.cseq + 1
        lines = [
            ("To", self._to),
            ("Contact", f"<{phone.contact}>"),
            ("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE"),
            *headers,
        ]
        request = phone.request("INVITE", self.uri, self.cseq, self._from, self.call_id, lines, self._sdp())
        try:
            response = await self._ask(request)
            if response.status in {401, 407} and phone.credentials and not self._cancel_wanted:
                self.cseq += 1
                response = await self._ask(phone.authorised(request, response, phone.credentials))
        except NoAnswer:
            self._end(End(By.THEM, 408))
            return
        if response.status >= REFUSED:
            by = By.US if self._cancel_wanted and response.status == CANCELLED else By.THEM
            self._end(End(by, response.status, sip.q850(response)))
            return
        await self._established(response)

    async def _ask(self, request: sip.Request) -> sip.Response:
        self._invite, self._has_progress = request, False
        return await self.phone.transactions.ask(request, self.via, self._progress)

    def _progress(self, response: sip.Response) -> None:
        self._has_progress = True
        self._to = response.headers.get("to")
        if offer := sip.sound_of(response.body):
            self.media.towards(offer.host, offer.port, offer.digits)
        if response.status > 100 and self.rang_at is None:  # noqa: PLR2004 - 100 Trying says nothing of the callee
            self.rang_at = self._loop.time()
        self._note()

    async def _established(self, response: sip.Response) -> None:
        self._to = response.headers.get("to")
        self._contact = sip.uri_of(response.headers.get("contact")) or self.uri
        lines = [("To", self._to)]
        self._ack = self.phone.request("ACK", self._contact, self.cseq, self._from, self.call_id, lines)
        self.phone.transactions.send(self._ack, self.via)
        self.answered_at = self._loop.time()
        if offer := sip.sound_of(response.body):
            self.media.towards(offer.host, offer.port, offer.digits)
        self._note()
        if self._cancel_wanted:  # the answer crossed our CANCEL
            await self._bye()

    def strayed(self, response: sip.Response) -> None:
        """The 2xx again: our ACK was lost."""
        if self._ack and OK <= response.status < REFUSED and sip.cseq(response)[1] == "INVITE":
            self.phone.transactions.send(self._ack, self.via)

    async def hang_up(self) -> None:
        """CANCEL before the answer, BYE after it; returns when the call has ended on both sides, or after 5 s."""
        if self.end:
            return
        if self.answered_at is not None:
            await self._bye()
            return
        self._cancel_wanted = True
        with suppress(TimeoutError):
            await self.until(lambda: self._has_progress or not self.is_pending, 5.0)
            if self._invite is not None and self.is_pending:
                await self._cancel(self._invite)
            await self.ended(5.0)

    async def _cancel(self, invite: sip.Request) -> None:
        copied = ("Via", "Max-Forwards", "From", "To", "Call-ID")
        lines = [(name, invite.headers.get(name)) for name in copied]
        number = sip.cseq(invite)[0]
        request = sip.Request("CANCEL", invite.uri, sip.Headers([*lines, ("CSeq", f"{number} CANCEL")]))
        with suppress(NoAnswer):
            await self.phone.transactions.ask(request, self.via)

    def dialog(self) -> tuple[str, str, str, Address]:
        """As the one who dialled."""
        return self._from, self._to, self._contact, self.via


class Incoming(Call):
    """A call that rings at this phone."""

    def __init__(self, phone: "Phone", media: Media, invite: sip.Request, source: Address, offer: sip.Sound) -> None:
        super().__init__(phone, media, invite.headers.get("call-id"))
        self.invite = invite
        self.source = source
        self.offer = offer

    @property
    def caller(self) -> str:
        """The number that calls, as shown on the phone."""
        return sip.user_of(self.invite.headers.get("from"))

    def _respond(self, status: int, body: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        lines = (*headers, *self._as_sdp(body))
        response = sip.reply(self.invite, status, tag=self.tag, headers=lines, body=body)
        self.phone.transactions.answer(self.invite, response, self.source)

    def ring(self) -> None:
        """180."""
        self.rang_at = self._loop.time()
        self._respond(180)

    def answer(self, clip: Clip | None = None) -> None:
        """200, and say `clip` (else silence).  Raises `Refused` when the caller has gone."""
        if self.end:
            raise Refused(self.end)
        if clip:
            self.say(clip)
        self._respond(OK, self._sdp())
        self.answered_at = self._loop.time()
        self.media.towards(self.offer.host, self.offer.port, self.offer.digits)
        self._note()

    def reject(self, status: int = 486, cause: int = 0) -> None:
        """Refuse with a SIP status: 486 busy, 603 decline, 480; `cause` (Q.850) says why, RFC 3326."""
        if self.is_pending:
            self._respond(status, headers=(("Reason", f"Q.850;cause={cause}"),) if cause else ())
            self._end(End(By.US, status))

    def ignore(self) -> None:
        """Let it ring: nothing is done, on purpose."""

    async def hang_up(self) -> None:
        """BYE after the answer, 603 before it."""
        if self.answered_at is None:
            self.reject(603)
        else:
            await self._bye()

    def requested(self, request: sip.Request, source: Address) -> None:
        """CANCEL, and all that any call is asked."""
        if sip.branch(request) == sip.branch(self.invite) and request.method == "INVITE":
            return  # it comes again, as we have said nothing yet
        if request.method != "CANCEL":
            super().requested(request, source)
            return
        self.phone.transactions.answer(request, sip.reply(request, OK, tag=self.tag), source)
        if self.is_pending:
            self._respond(CANCELLED)
            self._end(End(By.THEM, CANCELLED, sip.q850(request)))

    def dialog(self) -> tuple[str, str, str, Address]:
        """As the one who was called."""
        to = self.invite.headers.get("to")
        ours = to if sip.parameter(to, "tag") else f"{to};tag={self.tag}"
        contact = sip.uri_of(self.invite.headers.get("contact"))
        return ours, self.invite.headers.get("from"), contact, self.source
