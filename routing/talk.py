"""What goes on inside a conversation: who is in it, where each belongs, and what may be done now.

A `Talk` is folded from facts: what was asked, who was dialled, answered and left.  It says where everybody should be;
bringing that about, and finding out who is still there, is `ivr.conversation`'s.  Nothing here knows of bridges.

The owner of a talk is the first agent in it.  Whoever is alone in a room hears music, the owner silence; so a held
citizen is a citizen left alone, and whoever comes to them ends it.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import assert_never

import msgspec

from routing.ids import AgentId, CallId, ChannelId, Instant, PoolId, SeatId, TicketId


class Role(StrEnum):
    """What somebody is in a talk; a target is whoever is not ours: a centre, a utility, a desk, a number."""

    CITIZEN = "citizen"
    AGENT = "agent"
    TARGET = "target"


class Room(StrEnum):
    """Who is in a room hears who else is there; only the first is recorded."""

    CALL = "call"  # where the citizen is
    SIDE = "side"  # beside it: an agent who holds, a consultation that the citizen does not hear


class Sound(StrEnum):
    """What somebody hears."""

    VOICES = "voices"
    MUSIC = "music"
    SILENCE = "silence"
    RINGING = "ringing"


class Doing(StrEnum):
    """What somebody in a talk does; an agent who hears the phone of whom they asked for ring consults already."""

    RINGING = "ringing"
    TALKING = "talking"
    CONSULTING = "consulting"
    HOLDING = "holding"
    HELD = "held"


class Kind(StrEnum):
    """What can be brought into a talk."""

    AGENT = "agent"
    POOL = "pool"
    TARGET = "target"
    NUMBER = "number"
    EMERGENCY = "emergency"


class Whom(msgspec.Struct, frozen=True):
    """Somebody to be brought in: an agent's 工号, a pool or target of the config, a number, an emergency number.

    `detail`: the skill for a pool, the county for an emergency number.
    """

    kind: Kind
    name: str
    detail: str = ""

    @property
    def is_ours(self) -> bool:
        """Through the Floor, to a seat; all others over a trunk."""
        return self.kind in {Kind.AGENT, Kind.POOL}


class Aim(StrEnum):
    """What somebody was brought in for."""

    TALK = "talk"  # with them it began
    CONSULT = "consult"
    TRANSFER = "transfer"
    LINK = "link"  # straight into the call, the agent staying: emergency desks, utilities
    RETURN = "return"  # the agent whose transfer came to nothing, and who had hung up meanwhile
    QUEUE = "queue"  # and when that agent does not answer either: whoever is free


class Do(StrEnum):
    """What can be asked for in a talk."""

    HANG_UP = "hang-up"
    HOLD = "hold"
    RETRIEVE = "retrieve"
    MUTE = "mute"
    UNMUTE = "unmute"
    CONSULT = "consult"
    SWITCH = "switch"
    THREE_WAY = "three-way"
    COMPLETE = "complete"
    CANCEL = "cancel"
    TRANSFER = "transfer"
    LINK = "link"


ANYBODYS = frozenset({Do.HANG_UP, Do.MUTE, Do.UNMUTE})
"""What every agent in a talk may do; the rest is the owner's."""

BRINGING = {Do.CONSULT: Aim.CONSULT, Do.TRANSFER: Aim.TRANSFER, Do.LINK: Aim.LINK}
"""What needs somebody to be named."""


class Fact(msgspec.Struct, frozen=True, tag_field="fact", kw_only=True):
    """Something that happened in a talk."""

    at: Instant


class Asked(Fact, frozen=True, tag="asked", kw_only=True):
    """`by`, an agent in the talk, asked for it, and it was legal."""

    by: AgentId
    do: Do
    whom: Whom | None = None


class Dialled(Fact, frozen=True, tag="dialled", kw_only=True):
    """Before a party's phone is dialled; `agent` and `seat` where the Floor has chosen them."""

    party: int
    leg: ChannelId
    agent: AgentId | None = None
    seat: SeatId | None = None


class Joined(Fact, frozen=True, tag="joined", kw_only=True):
    """That phone was answered."""

    party: int


class Parted(Fact, frozen=True, tag="parted", kw_only=True):
    """A party has left, or could not be had; `cause` is Q.850."""

    party: int
    cause: int = 0


AnyFact = Asked | Dialled | Joined | Parted


class Party(msgspec.Struct, frozen=True):
    """Somebody in a talk, or on the way into it or out of it.  `n` is the place in `Talk.parties`."""

    n: int
    role: Role
    aim: Aim
    asked: Instant
    whom: Whom | None = None
    asker: int = 0
    ticket: TicketId | None = None
    leg: ChannelId = ChannelId("")
    agent: AgentId | None = None
    seat: SeatId | None = None
    since: Instant | None = None
    left: Instant | None = None
    cause: int = 0
    room: Room = Room.CALL
    is_muted: bool = False
    is_leaving: bool = False

    @property
    def is_alive(self) -> bool:
        """There, or sought."""
        return self.left is None and not self.is_leaving

    @property
    def is_there(self) -> bool:
        """Has answered, and is to stay."""
        return self.is_alive and self.since is not None

    @property
    def is_sought(self) -> bool:
        """Being rung, or waited for."""
        return self.is_alive and self.since is None

    @property
    def name(self) -> str:
        """What they are called in a sentence."""
        return self.agent or (self.whom.name if self.whom else str(self.role))


class Talk(msgspec.Struct, frozen=True):
    """A conversation: the citizen, the one with whom it began, and all who came later, in that order."""

    call: CallId
    hall: PoolId
    parties: tuple[Party, ...]

    @property
    def owner(self) -> Party | None:
        """The agent who conducts it; None when the citizen talks with somebody who is not ours."""
        return next((each for each in self.parties if each.role is Role.AGENT and each.is_there), None)

    @property
    def guest(self) -> Party | None:
        """Whoever the owner brought in last and is still there, or sought."""
        owner = self.owner
        others = [each for each in self.parties[1:] if each.is_alive and each is not owner]
        return others[-1] if others and owner else None

    @property
    def is_over(self) -> bool:
        """Fewer than two are left, and nobody is on the way."""
        return all(each.left is not None for each in self.parties[1:])

    def agent(self, agent: AgentId) -> Party | None:
        """The agent of that 工号, if in the talk."""
        return next((each for each in self.parties if each.agent == agent and each.is_there), None)

    def sound(self, party: Party) -> Sound:
        """What somebody who is there should hear."""
        if any(each.is_there and each.room is party.room and each.n != party.n for each in self.parties):
            return Sound.VOICES
        if party is not self.owner:
            return Sound.MUSIC
        awaited = any(each.is_sought and each.asker == party.n for each in self.parties)
        return Sound.RINGING if awaited else Sound.SILENCE

    def doing(self, party: Party) -> Doing:
        """What somebody who has not left does now."""
        if party.is_sought:
            return Doing.RINGING
        sound = self.sound(party)
        if sound is Sound.VOICES:
            return Doing.TALKING if party.room is Room.CALL else Doing.CONSULTING
        return {Sound.MUSIC: Doing.HELD, Sound.SILENCE: Doing.HOLDING}.get(sound, Doing.CONSULTING)

    def tickets(self) -> tuple[TicketId, ...]:
        """The Floor's tickets that this talk needs.

        An agent who hung up while their transfer rings keeps theirs: it may come back to them.
        """
        waiting = [each.asker for each in self.parties if each.is_sought and each.aim is not Aim.QUEUE]
        held = (each for each in self.parties if each.left is None or each.n in waiting)
        return tuple(each.ticket for each in held if each.ticket)

    def freed(self) -> tuple[TicketId, ...]:
        """Those that it needs no longer."""
        kept = self.tickets()
        return tuple(each.ticket for each in self.parties if each.ticket and each.ticket not in kept)

    def put(self, *changed: Party) -> "Talk":
        """The same with these parties as they are now; a new one comes last."""
        parties = list(self.parties)
        for party in changed:
            parties[party.n : party.n + 1] = [party]
        return msgspec.structs.replace(self, parties=tuple(parties))

    def gathered(self) -> "Talk":
        """The same with everybody in the citizen's room."""
        return self.put(*(_in(each, Room.CALL) for each in self.parties if each.is_alive))


def begun(call: CallId, hall: PoolId, citizen: ChannelId, first: Party) -> Talk:
    """A talk of two."""
    return Talk(call, hall, (Party(0, Role.CITIZEN, Aim.TALK, first.asked, leg=citizen, since=first.since), first))


def follow(talk: Talk, facts: Iterable[AnyFact]) -> Talk:
    """The talk after these facts."""
    for fact in facts:
        match fact:
            case Asked():
                talk = _asked(talk, fact)
            case Dialled():
                party = talk.parties[fact.party]
                talk = talk.put(_replace(party, leg=fact.leg, agent=fact.agent or party.agent, seat=fact.seat))
            case Joined():
                talk = _joined(talk, fact)
            case Parted():
                talk = _parted(talk, fact)
            case _:  # pragma: no cover
                assert_never(fact)
    return talk


# --- what may be done


def refusal(talk: Talk, by: AgentId, do: Do, whom: Whom | None = None) -> str:
    """Why this may not be done now, in one sentence; empty when it may."""
    me, owner = talk.agent(by), talk.owner
    if me is None or owner is None:
        return f"agent {by} is not in this talk"
    if me is not owner and do not in ANYBODYS:
        return f"agent {by} was brought in by {owner.name}, who alone can do this"
    if (do in BRINGING) != (whom is not None):
        return f"{do} takes somebody to be named" if do in BRINGING else f"{do} takes nobody to be named"
    return _refusal(talk, owner, do, whom)


def _refusal(talk: Talk, owner: Party, do: Do, whom: Whom | None) -> str:  # noqa: PLR0911 - a sentence for each
    guest = talk.guest
    is_beside = guest is not None and _is_beside(guest)
    match do:
        case Do.HOLD | Do.CONSULT | Do.TRANSFER if is_beside and guest is not None:
            return f"{guest.name} is being asked in already: complete, cancel or make it three-way first"
        case Do.HOLD if owner.room is Room.SIDE:
            return "the citizen is on hold already"
        case Do.RETRIEVE if owner.room is Room.CALL:
            return "nobody is on hold"
        case Do.RETRIEVE if is_beside and guest is not None:
            return f"{guest.name} is being asked in: switch, or cancel"
        case Do.SWITCH | Do.THREE_WAY | Do.COMPLETE | Do.CANCEL if guest is None:
            return "nobody else was brought in"
        case Do.SWITCH | Do.THREE_WAY | Do.COMPLETE if guest is not None and guest.is_sought:
            return f"{guest.name} has not answered yet"
        case Do.SWITCH | Do.THREE_WAY if guest is not None and guest.room is Room.CALL:
            return f"{guest.name} talks with the citizen already"
        case Do.LINK if any(each.whom == whom and each.is_alive for each in talk.parties):
            return "they are there, or being rung, already"
        case _:
            return ""


# --- what follows


def _asked(talk: Talk, fact: Asked) -> Talk:  # noqa: PLR0911 - a line for each
    me = talk.agent(fact.by)
    if me is None:  # cannot be: it was legal
        return talk
    match fact.do:
        case Do.CONSULT | Do.TRANSFER | Do.LINK:
            return _brought(talk, me, fact)
        case Do.MUTE | Do.UNMUTE:
            return talk.put(_replace(me, is_muted=fact.do is Do.MUTE))
        case Do.THREE_WAY:
            return talk.gathered()
        case Do.HANG_UP | Do.COMPLETE:
            after = talk.put(_leaving(me))
            return after.gathered() if me is talk.owner else _rejoined(after, me)
        case Do.CANCEL:
            return talk.put(_in(me, Room.CALL), *(_leaving(each) for each in (talk.guest,) if each))
        case Do.HOLD | Do.RETRIEVE | Do.SWITCH:
            return talk.put(_in(me, Room.SIDE if me.room is Room.CALL else Room.CALL))
        case _:  # pragma: no cover
            assert_never(fact.do)


def _brought(talk: Talk, me: Party, fact: Asked) -> Talk:
    aim, n = BRINGING[fact.do], len(talk.parties)
    if aim is Aim.LINK:  # an emergency waits for nothing: hold ends, and so does whatever else was begun
        others = (each for each in talk.parties if each is not me)
        talk = talk.put(_in(me, Room.CALL), *(_leaving(each) for each in others if each.is_alive and _is_beside(each)))
    else:
        talk = talk.put(_in(me, Room.SIDE))
    whom = fact.whom
    is_ours = whom is not None and whom.is_ours
    party = Party(
        n,
        Role.AGENT if is_ours else Role.TARGET,
        aim,
        fact.at,
        whom,
        me.n,
        TicketId(f"{talk.call}-talk-{n}") if is_ours else None,
        room=Room.SIDE if aim is Aim.CONSULT else Room.CALL,
    )
    return talk.put(party)


def _joined(talk: Talk, fact: Joined) -> Talk:
    party = talk.parties[fact.party]
    talk = talk.put(_replace(party, since=fact.at))
    asker = talk.parties[party.asker]
    return talk.put(_leaving(asker)) if party.aim is Aim.TRANSFER and asker.is_alive else talk


def _parted(talk: Talk, fact: Parted) -> Talk:
    """Whoever is left: a consultation that ends brings the agent back, an agent who goes leaves the others together."""
    party, former = talk.parties[fact.party], talk.owner
    talk = talk.put(_replace(party, left=fact.at, cause=fact.cause))
    if party is former:
        return talk.gathered()
    if party.is_leaving:
        return talk
    if talk.owner is not None:
        return _rejoined(talk, party)
    return _called_back(talk, party, fact.at) if talk.is_over and party.since is None else talk


def _rejoined(talk: Talk, left: Party) -> Talk:
    """The owner is back with the citizen if it was for the one who left that they had turned away."""
    owner = talk.owner
    return talk.put(_in(owner, Room.CALL)) if owner and _is_beside(left) else talk


def _called_back(talk: Talk, party: Party, now: Instant) -> Talk:
    """Nobody is left with the citizen: the agent who wanted this is rung, then whoever is free."""
    asker, n = talk.parties[party.asker], len(talk.parties)
    if party.aim is Aim.QUEUE:
        return talk
    if party.aim is not Aim.RETURN:
        whom = Whom(Kind.AGENT, asker.name)
        back = Party(n, Role.AGENT, Aim.RETURN, now, whom, asker.n, asker.ticket, agent=asker.agent, seat=asker.seat)
    else:
        whom = Whom(Kind.POOL, talk.hall)
        back = Party(n, Role.AGENT, Aim.QUEUE, now, whom, asker.n, TicketId(f"{talk.call}-talk-{n}"))
    return talk.put(back)


def _is_beside(party: Party) -> bool:
    """Whom the owner left the citizen for."""
    return party.room is Room.SIDE or (party.is_sought and party.aim is Aim.TRANSFER)


def _in(party: Party, room: Room) -> Party:
    return _replace(party, room=room)


def _leaving(party: Party) -> Party:
    return _replace(party, is_leaving=True)


_replace = msgspec.structs.replace
