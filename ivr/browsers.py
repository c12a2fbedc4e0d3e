"""Browser seats: who signs in there is given a secret for their phone, for as long as they stay.

Asterisk holds such a phone in memory alone; it is made when the agent asks for it, made again after Asterisk has
restarted, and gone once they are signed out.  The secrets lie in a file of their own, as those of desk phones do.
"""

import logging
from collections.abc import Iterable

import msgspec

from ivr import kept
from ivr.ari.client import Ari
from ivr.edge.protocols import Disk, Locksmith
from ivr.errors import AriError, DiskError, Gone
from routing.ids import AgentId, SeatId
from routing.standing import AgentView

log = logging.getLogger(__name__)

TRANSPORT = "ws"
"""Of pjsip.conf: the websocket over which browsers speak SIP."""

WHERE = "asterisk/config/dynamic/res_pjsip"

AOR = {"max_contacts": "1", "remove_existing": "yes", "minimum_expiration": "10", "default_expiration": "120"}

ENDPOINT = {
    "webrtc": "yes",
    "transport": TRANSPORT,
    "context": "from-seats",
    "identify_by": "auth_username",
    "disallow": "all",
    "allow": "alaw",
    "dtmf_mode": "rfc4733",
    "rtp_timeout": "10",  # a browser that is killed says nothing
    "rtp_timeout_hold": "3600",  # one that holds neither; that is an alarm, and ends no talk
    "direct_media": "no",
    "send_connected_line": "no",
    "allow_subscribe": "no",
    "allow_transfer": "no",
    "device_state_busy_at": "1",
}


class Phone(msgspec.Struct, frozen=True):
    """The phone of an agent at a browser seat; without a secret there is none any more."""

    seat: SeatId
    agent: AgentId
    secret: str


class Browsers:
    """Owns the phones at browser seats."""

    def __init__(self, disk: Disk, locksmith: Locksmith) -> None:
        self._disk, self._locksmith = disk, locksmith
        self._phones: dict[SeatId, Phone] = {}
        for each in kept.values(disk, Phone, "browser seats"):
            self._know(each)
        try:
            disk.replace([kept.line(each) for each in self._phones.values()])
        except DiskError as fault:
            log.error("browser seats: %s; the file stays as it is", fault)  # noqa: TRY400 - says all

    async def give(self, ari: Ari, seat: SeatId, agent: AgentId) -> str:
        """Another secret for whoever sits there, told this once.  Raises `DiskError`, `AriError`."""
        phone = Phone(seat, agent, self._locksmith.token())
        self._keep(phone)
        await self._disk.sync()
        await _make(ari, phone)
        return phone.secret

    async def make(self, ari: Ari) -> None:
        """All of them once more: Asterisk may have restarted."""
        for phone in self._phones.values():
            try:
                await _make(ari, phone)
            except AriError as fault:  # of one phone: calls go on
                log.error("browser seat %s: its phone was not made: %s", phone.seat, fault)  # noqa: TRY400 - says all

    async def tend(self, ari: Ari, there: Iterable[AgentView]) -> None:
        """Take away the phones of those who do not sit there any more."""
        sitting = {view.seat: view.agent for view in there}
        for phone in [each for each in self._phones.values() if sitting.get(each.seat) != each.agent]:
            try:
                await _unmake(ari, phone.seat)
            except AriError as fault:  # tried again at the next look
                log.warning("browser seat %s: its phone was not taken away: %s", phone.seat, fault)
                continue
            self._forget(phone)
            log.info("browser seat %s: the phone of agent %s is none any more", phone.seat, phone.agent)

    def _forget(self, phone: Phone) -> None:
        """On a full disk until the next start: then it is made, and taken away, once more."""
        none = Phone(phone.seat, phone.agent, "")
        try:
            self._keep(none)
        except DiskError as fault:
            log.error("browser seats: %s; the file stays as it is", fault)  # noqa: TRY400 - says all
            self._know(none)

    def _keep(self, phone: Phone) -> None:
        self._disk.append(kept.line(phone) + b"\n")
        self._know(phone)

    def _know(self, phone: Phone) -> None:
        self._phones.pop(phone.seat, None)
        if phone.secret:
            self._phones[phone.seat] = phone


async def _make(ari: Ari, phone: Phone) -> None:
    """In this order: the endpoint names the other two."""
    login = {"auth_type": "digest", "username": phone.seat, "password": phone.secret}
    await _put(ari, "auth", phone.seat, login)
    await _put(ari, "aor", phone.seat, AOR)
    await _put(ari, "endpoint", phone.seat, {**ENDPOINT, "auth": phone.seat, "aors": phone.seat})


async def _put(ari: Ari, kind: str, name: str, fields: dict[str, str]) -> None:
    body = {"fields": [{"attribute": attribute, "value": value} for attribute, value in fields.items()]}
    await ari.request("PUT", f"{WHERE}/{kind}/{name}", body=body)


async def _unmake(ari: Ari, name: str) -> None:
    for kind in ("endpoint", "aor", "auth"):
        try:
            await ari.request("DELETE", f"{WHERE}/{kind}/{name}")
        except Gone:  # with an Asterisk that has restarted
            continue
