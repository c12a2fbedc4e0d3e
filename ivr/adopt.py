"""What a controller finds when it comes to an Asterisk: calls that live on, people who share a bridge, and leftovers.

Pure but for the ledgers it writes: Asterisk's lists and our ledgers in, a `Findings` out.  Where they disagree about
who is with whom, Asterisk wins.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr import parties
from ivr.ari import models
from ivr.ari.client import Lists
from ivr.ari.handles import STASIS
from ivr.ari.vitals import Ended
from ivr.facts import Arrived, Connected, Direction
from ivr.ledger import ARRIVED, CONNECTED, OFFERED, TRANSFERRED, TRANSFERRING, Ledger
from ivr.reach import pool_of
from ivr.register import Register
from ivr.seating import called_from
from ivr.visit import BRIDGES
from routing.arrival import recognise
from routing.causes import TEMPORARY_FAILURE
from routing.config import Config, Mode
from routing.hours import parse_moment
from routing.ids import BridgeId, CallId, ChannelId, Instant, TicketId
from routing.talk import Room

_LEG = re.compile(
    r"(?P<call>.+)-(agent-(?P<offer>\d+)(-again)?|transfer-(?P<place>[\d.]+)-\d+|talk-\d+-\d+|ear-\d+-\d+)"
)
_CALLED = re.compile(r"(?P<call>.+)-citizen-\d+")  # whom we have dialled: the citizen's leg of a call of our own
_BRIDGE = re.compile(rf"(?P<call>.+)-(?P<room>{'|'.join(BRIDGES.values())})(-\d+)?")
_ROOMS = {name: room for room, name in BRIDGES.items()}


@dataclass(slots=True)
class Findings:
    """What is to be done after a connect.

    `everyone`: all channels there are.  `living`: the citizen's channel of each call that is ours now.  `taken`: calls
    whose citizen is in the dialplan.  `bridged`: calls whose citizen is in their bridge.  `strays`: channels to hang
    up.  `unserved`: citizens for the survival path: their record says that nobody was there for them, and yet they are
    here.  `empty`: bridges to delete.  `desks`: seats' phones that have dialled a feature code.  `began`: when this
    Asterisk was started.  `causes`: why calls that are over have ended, as the census has it.
    """

    everyone: tuple[str, ...]
    began: Instant | None = None
    living: dict[CallId, models.Channel] = field(default_factory=dict)
    taken: set[CallId] = field(default_factory=set)
    rooms: dict[CallId, dict[ChannelId, Room]] = field(default_factory=dict)
    strays: list[ChannelId] = field(default_factory=list)
    unserved: list[ChannelId] = field(default_factory=list)
    empty: list[BridgeId] = field(default_factory=list)
    desks: list[models.Channel] = field(default_factory=list)
    causes: Mapping[CallId, int] = field(default_factory=dict)

    def end(self, ledger: Ledger) -> Ended:
        """How whoever is not here any more has left a call: an Asterisk that has died has cut it."""
        is_cut = self.began is not None and ARRIVED in ledger and ledger[ARRIVED].at < self.began
        cause = TEMPORARY_FAILURE if is_cut else self.causes.get(ledger.call, 0)
        return Ended(hung_up=ledger.call not in self.taken, cause=cause)


def orphans(lists: Lists, register: Register) -> Findings:
    """Legs, citizens and bridges of calls that are over: what a lost request has left behind."""
    found = Findings(tuple(channel.id for channel in lists.channels))
    for channel in lists.channels:
        call = call_of(channel)
        ours = _LEG.fullmatch(channel.id) or _CALLED.fullmatch(channel.id)
        if ours and _is_over(ours, register):
            found.strays.append(ChannelId(channel.id))
        elif call is not None and channel.dialplan.app_name == STASIS and register.is_ended(call):
            _stays(found, channel, call, register)
    for bridge in lists.bridges:
        if (match := _BRIDGE.fullmatch(bridge.id)) and _is_over(match, register):
            found.empty.append(BridgeId(bridge.id))
    return found


def _stays(found: Findings, channel: models.Channel, call: CallId, register: Register) -> None:
    """A citizen who is here though their call has its record: our last word to Asterisk was lost."""
    (found.strays if register.was_served(call) else found.unserved).append(ChannelId(channel.id))


def concerned(request: str, register: Register) -> CallId | None:
    """The call whose channel, bridge or playback a request (method and path) was about."""
    name = request.partition("/")[2].partition("/")[0]
    for call, ledger in register.ledgers.items():
        if name.startswith(f"{call}-") or (ARRIVED in ledger and ledger[ARRIVED].channel == name):
            return call
    return None


def _is_over(match: re.Match[str], register: Register) -> bool:
    return not register.is_open(CallId(match["call"]))


def is_called(channel: models.Channel) -> bool:
    """Whether this is somebody whom we have dialled in a call of our own."""
    return _CALLED.fullmatch(channel.id) is not None


def call_of(channel: models.Channel) -> CallId | None:
    """The call whose citizen this channel is; None for a leg of ours, or a channel that the dialplan did not stamp."""
    if _LEG.fullmatch(channel.id):
        return None
    stamp = (channel.channelvars or {}).get("HOTLINE_CALL")
    return CallId(stamp) if stamp else None


def args_of(channel: models.Channel) -> list[str]:
    """With what a channel that is in an application entered it."""
    return channel.dialplan.app_data.split(",")[1:]


def survey(config: Config, lists: Lists, register: Register, now: Instant, began: Instant) -> Findings:
    """Go through the lists; write into the ledgers who is found connected."""
    found = Findings(tuple(channel.id for channel in lists.channels), began)
    _citizens(found, lists, register)
    ledgers = register.ledgers
    together = {bridge.id: frozenset(bridge.channels) for bridge in lists.bridges}
    for bridge, members in together.items():
        if match := _BRIDGE.fullmatch(bridge):
            call = CallId(match["call"])
            if call not in found.living or call not in ledgers:
                found.empty.append(BridgeId(bridge))
            else:
                room = _ROOMS[match["room"]]
                found.rooms.setdefault(call, {}).update((ChannelId(each), room) for each in sorted(members))
    for channel in found.everyone:
        if match := _LEG.fullmatch(channel):
            call = CallId(match["call"])
            citizen, members = found.living.get(call), together.get(f"{call}-bridge", frozenset())
            if citizen and call in ledgers and {citizen.id, channel} <= members:
                _note(config, ledgers[call], match, ChannelId(channel), now)
            elif citizen is None or call not in ledgers or channel not in legs(ledgers[call]):
                found.strays.append(ChannelId(channel))
    return found


def _citizens(found: Findings, lists: Lists, register: Register) -> None:
    for channel in lists.channels:
        call = call_of(channel)
        if call is None:
            if channel.dialplan.app_name == STASIS and called_from(args_of(channel)):
                found.desks.append(channel)
            continue
        if is_called(channel) and not register.is_open(call):
            found.strays.append(ChannelId(channel.id))
        elif channel.dialplan.app_name != STASIS:
            found.taken.add(call)
        elif register.is_ended(call):
            _stays(found, channel, call, register)
        else:
            found.living[call] = channel


def _note(config: Config, ledger: Ledger, leg: re.Match[str], channel: ChannelId, now: Instant) -> None:
    """They hear each other: the ledger says so from now on, if we died before it could."""
    n = leg["offer"] or leg["place"]
    if leg["offer"] and CONNECTED not in ledger and OFFERED.of(n) in ledger:
        offered, pool = ledger[OFFERED.of(n)], pool_of(config, ledger, ledger[OFFERED.of(n)].agent)
        ledger.write(CONNECTED, Connected(now, offered.agent, offered.seat, channel, pool))
    elif leg["place"] and TRANSFERRED.of(n) not in ledger and TRANSFERRING.of(n) in ledger:
        ledger.write(TRANSFERRED.of(n), now)


def legs(ledger: Ledger) -> list[ChannelId]:
    """The legs that a ledger says have answered, of those who have talked with the citizen or beside them."""
    talk = parties.talk(ledger)
    return [each.leg for each in talk.parties[1:] if each.since is not None] if talk else []


def is_ours(ledger: Ledger) -> bool:
    """Whether it is a call of our own, which lives without a citizen too."""
    return ARRIVED in ledger and ledger[ARRIVED].direction is not Direction.IN


def tickets(ledger: Ledger) -> tuple[list[TicketId], list[TicketId]]:
    """The Floor's tickets that a call needs, and those of them whose agent is there."""
    talk = parties.talk(ledger)
    if talk is None:
        return [TicketId(ledger.call)], []
    there = [each.ticket for each in talk.parties if each.since is not None and each.ticket]
    return list(talk.tickets()), there


def arrived(channel: models.Channel, config: Config, civil: str, now: Instant, rehearsal: str) -> Arrived:
    """The dialplan's stamps, read.  `civil` is the moment for calls that do not bring their own (demo only)."""
    stamps = {name: str(value) for name, value in (channel.channelvars or {}).items()}
    arrival = recognise(
        config,
        stamps.get("HOTLINE_DIALLED", ""),
        stamps.get("HOTLINE_DIVERSION", ""),
        stamps.get("HOTLINE_HISTORY", ""),
        stamps.get("HOTLINE_TRUNK", ""),
        stamps.get("HOTLINE_CALLER", ""),
    )
    at = stamps.get("HOTLINE_ARRIVED", "")
    moment = _moment(stamps.get("HOTLINE_AT", "")) if config.site.mode is Mode.DEMO else None
    return Arrived(
        Instant(int(at)) if at.isdigit() else now, arrival, moment or civil, rehearsal, ChannelId(channel.id)
    )


def _moment(text: str) -> str | None:
    """The moment that a demo call brings with it; None when it brings none that can be read."""
    try:
        return parse_moment(text).isoformat()
    except ValueError:
        return None
