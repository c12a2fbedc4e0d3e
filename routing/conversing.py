"""What may be done in a conversation, and what follows from what was asked for and what happened.

Pure: a `Talk` and facts in, a `Talk` out; or a sentence why something may not be done now.
"""

from collections.abc import Iterable
from typing import assert_never

import msgspec

from routing.ids import AgentId, Instant, TicketId
from routing.talk import (
    ANYBODYS,
    BRINGING,
    SUPERVISORS,
    Aim,
    AnyFact,
    Asked,
    Dialled,
    Do,
    Joined,
    Kind,
    Parted,
    Party,
    Role,
    Room,
    Talk,
    Whom,
)

_replace = msgspec.structs.replace

UNAWARE_MS = 1_000
"""Who hangs up so soon after whom they wanted for the citizen has left did not know it: a signal's way and a hand's."""


def follow(talk: Talk, facts: Iterable[AnyFact]) -> Talk:
    """The talk after these facts."""
    for fact in facts:
        match fact:
            case Asked():
                talk = _asked(talk, fact)
            case Dialled():
                party = talk.parties[fact.party]
                whom = _replace(party.whom, detail=fact.expert) if party.whom and fact.expert else party.whom
                agent, dialled = fact.agent or party.agent, party.dialled or fact.at
                talk = talk.put(_replace(party, leg=fact.leg, dialled=dialled, agent=agent, seat=fact.seat, whom=whom))
            case Joined():
                talk = _joined(talk, fact)
            case Parted():
                talk = _parted(talk, fact)
            case _:
                assert_never(fact)
    return talk


# --- what may be done


def refusal(talk: Talk, by: str, do: Do, whom: Whom | None = None) -> str:
    """Why this may not be done now, in one sentence; empty when it may."""
    if do in SUPERVISORS:
        return _supervisors_refusal(talk, by, do, whom)
    me, owner = talk.agent(by), talk.owner
    if me is None or owner is None:
        return f"agent {by} is not in this talk"
    if me is not owner and do not in ANYBODYS:
        return f"agent {by} was brought in by {owner.name}, who alone can do this"
    if (do in BRINGING) != (whom is not None):
        return f"{do} takes somebody to be named" if do in BRINGING else f"{do} takes nobody to be named"
    return _refusal(talk, owner, do, whom)


def _supervisors_refusal(talk: Talk, by: str, do: Do, whom: Whom | None) -> str:  # noqa: PLR0911 - a sentence for each
    me = talk.supervisor(by)
    if me is not None and me.role is Role.AGENT and do is not Do.STOP:
        return f"{by} has taken the conversation over"
    if me is not None and me.is_sought and do is not Do.STOP:
        return f"{by} is being rung"
    if me is None and any(each.by == by and each.left is None for each in talk.parties):
        return f"{by} is leaving this conversation"
    if me is None and do is Do.STOP:
        return f"{by} does not supervise this conversation"
    if do is Do.TAKE_OVER and (first := _taker(talk, me, whom)) is not None:
        return f"{first.by} takes this conversation over already"
    if me is None and (whom is None or talk.agent(whom.detail) is None):
        return "name the seat of the supervisor, and an agent who is in this conversation"
    return ""


def _taker(talk: Talk, me: Party | None, whom: Whom | None) -> Party | None:
    """Another supervisor who was first: their phone rings for it, or they are the agent already."""
    watched = {me.asker} if me else {each.n for each in talk.parties if whom and each.agent == whom.detail}
    above = [each for each in talk.parties if each.by and each is not me and each.is_alive and each.asker in watched]
    return next((each for each in above if each.aim is Aim.TAKE_OVER or each.role is Role.AGENT), None)


def _refusal(talk: Talk, owner: Party, do: Do, whom: Whom | None) -> str:  # noqa: C901, PLR0911, PLR0912 - a sentence for each
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
        case Do.PAUSE_RECORDING if talk.is_paused:
            return "the recording is paused already"
        case Do.RESUME_RECORDING if not talk.is_paused:
            return "the recording is not paused"
        case Do.SILENT if guest is not None:
            return f"{guest.name} was brought in: a call is silent only where nobody else talks"
        case Do.NUISANCE if talk.has_emergency:
            return "an emergency desk was called in: nobody is warned now"
        case Do.NUISANCE if talk.is_warned:
            return "the citizen has been warned already"
        case Do.LINK if any(each.whom == whom and each.is_alive for each in talk.parties):
            return "they are there, or being rung, already"
        case _:
            return ""


# --- what follows


def _asked(talk: Talk, fact: Asked) -> Talk:
    if fact.do in SUPERVISORS:
        return _supervised(talk, fact)
    me = talk.agent(fact.by)
    return _done(talk, me, fact) if me is not None else talk  # it was legal: they are there


def _done(talk: Talk, me: Party, fact: Asked) -> Talk:  # noqa: PLR0911 - a line for each
    """The talk, `me` having done what an agent asks for."""
    match fact.do:
        case Do.CONSULT | Do.TRANSFER | Do.LINK:
            return _brought(talk, me, fact)
        case Do.MUTE | Do.UNMUTE:
            return talk.put(_replace(me, is_muted=fact.do is Do.MUTE))
        case Do.PAUSE_RECORDING | Do.RESUME_RECORDING:
            return _replace(talk, is_paused=fact.do is Do.PAUSE_RECORDING)
        case Do.NUISANCE:
            return _replace(talk, is_warned=True)
        case Do.THREE_WAY:
            return talk.gathered()
        case Do.SILENT:
            return talk.put(*(_leaving(each) for each in talk.parties[1:] if each.is_alive))
        case Do.HANG_UP | Do.COMPLETE if me is talk.owner:
            others = _others(talk, me)
            rest = others if fact.do is Do.COMPLETE else [each for each in others if _is_new(each)]
            return _kept(_handed(talk.put(_leaving(me)), me, rest, fact.at), me, fact.at)
        case Do.HANG_UP | Do.COMPLETE:
            return _rejoined(talk.put(_leaving(me)), me)
        case Do.CANCEL:
            return talk.put(_in(me, Room.CALL), *(_leaving(each) for each in (talk.guest,) if each))
        case _:  # hold, retrieve, switch
            return talk.put(_in(me, Room.SIDE if me.room is Room.CALL else Room.CALL))


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
        ticket=TicketId(f"{talk.call}-talk-{n}") if is_ours else None,
        room=Room.SIDE if aim is Aim.CONSULT else Room.CALL,
        handed=fact.at if aim is Aim.TRANSFER else None,
        return_within_ms=fact.return_within_ms,
    )
    return talk.put(party)


def _supervised(talk: Talk, fact: Asked) -> Talk:
    """A supervisor comes, turns to somebody else, takes over, or goes."""
    me = talk.supervisor(fact.by)
    if fact.do is Do.STOP and me is not None and me.role is Role.AGENT:
        return _done(talk, me, _replace(fact, do=Do.HANG_UP))
    if fact.do is Do.STOP:
        return talk.put(*(_leaving(each) for each in (me,) if each))
    if me is None:
        watched = talk.agent(fact.whom.detail) if fact.whom else None
        aim = Aim.TAKE_OVER if fact.do is Do.TAKE_OVER else Aim.SUPERVISE
        n = len(talk.parties)
        me = Party(n, Role.SUPERVISOR, aim, fact.at, fact.whom, watched.n if watched else 0, fact.by)
    me = _replace(me, token=fact.token)
    if fact.do is Do.TAKE_OVER:
        return _taken_over(talk, me) if me.is_there else talk.put(_in(me, Room.CALL))
    room = Room.CALL if fact.do is Do.BARGE else Room.EAR
    return talk.put(_replace(me, room=room, is_muted=fact.do is Do.LISTEN))


def _taken_over(talk: Talk, me: Party) -> Talk:
    """The supervisor is the agent from now on, and whoever was supervised leaves."""
    watched = talk.parties[me.asker]
    me = _replace(me, role=Role.AGENT, room=Room.CALL, agent=AgentId(me.by), is_muted=False)
    return talk.put(me, *(_leaving(each) for each in (watched,) if each.is_alive)).gathered()


def _joined(talk: Talk, fact: Joined) -> Talk:
    party = talk.parties[fact.party]
    talk = talk.put(_replace(party, since=fact.at))
    if party.aim is Aim.TAKE_OVER:
        return _taken_over(talk, talk.parties[party.n])
    asker = talk.parties[party.asker]
    return talk.put(_leaving(asker)) if party.aim is Aim.TRANSFER and asker.is_alive else talk


def _parted(talk: Talk, fact: Parted) -> Talk:
    """Whoever is left: a consultation that ends brings the agent back, an agent who goes leaves the others together."""
    party, former = talk.parties[fact.party], talk.owner
    talk = talk.put(_replace(party, left=fact.at, cause=fact.cause))
    talk = talk.put(*(_without(each) for each in talk.parties if each.is_alive and each.by and each.asker == party.n))
    if party.role is Role.SUPERVISOR:
        return talk
    if party is former:  # whoever comes next does not know that it was paused
        new = [each for each in _others(talk, party) if _is_new(each)]
        return _kept(_replace(_handed(talk, party, new, fact.at), is_paused=False), party, fact.at)
    if party.is_leaving:
        return talk
    return _rejoined(talk, party) if talk.owner is not None else _kept(talk, party, fact.at)


def _others(talk: Talk, me: Party) -> list[Party]:
    """Who is there, or sought, besides the citizen, me and supervisors."""
    return [each for each in talk.parties[1:] if each.is_alive and each.n != me.n and each.role is not Role.SUPERVISOR]


def _is_new(party: Party) -> bool:
    """Who does not talk with the citizen yet."""
    return party.room is Room.SIDE or party.is_sought


def _handed(talk: Talk, me: Party, others: Iterable[Party], now: Instant) -> Talk:
    """The citizen is these others' from now on, as if I had transferred to them."""
    return talk.put(*(_replace(each, handed=now, asker=me.n) for each in others)).gathered()


def _kept(talk: Talk, left: Party, now: Instant) -> Talk:
    """The talk, the citizen, if now alone, given back where whoever was to have them was not reached."""
    barged = [
        each for each in talk.parties if each.role is Role.SUPERVISOR and each.is_there and each.room is Room.CALL
    ]
    if barged or _others(talk, left):
        return talk
    failed = left if _was_not_reached(left, now) else _missed(talk, left, now)
    return _called_back(talk, failed, now) if failed else talk


def _was_not_reached(party: Party, now: Instant) -> bool:
    """Whether nobody answered, or whoever was left the citizen lets go so soon that it counts as that."""
    if party.since is None:
        return True
    return party.handed is not None and now - max(party.handed, party.since) < party.return_within_ms


def _missed(talk: Talk, agent: Party, now: Instant) -> Party | None:
    """Whom an agent who hangs up believed to leave the citizen to, and who had just gone."""
    wanted = [each for each in talk.parties if each.asker == agent.n and not each.by and not each.is_leaving]
    gone = [each for each in wanted if each.room is Room.SIDE or each.aim is Aim.TRANSFER]
    return next((each for each in gone if each.left is not None and now - each.left < UNAWARE_MS), None)


def _rejoined(talk: Talk, left: Party) -> Talk:
    """The owner is back with the citizen if it was for the one who left that they had turned away."""
    owner = talk.owner
    return talk.put(_in(owner, Room.CALL)) if owner and _is_beside(left) else talk


def _called_back(talk: Talk, party: Party, now: Instant) -> Talk:
    """Nobody is left with the citizen: the agent who wanted this is rung, then whoever is free."""
    asker, n = talk.parties[party.asker], len(talk.parties)
    if party.aim is Aim.QUEUE:
        return talk
    anew = TicketId(f"{talk.call}-talk-{n}")
    if party.aim in {Aim.RETURN, Aim.AGAIN}:
        back = Party(n, Role.AGENT, Aim.QUEUE, now, Whom(Kind.POOL, talk.hall), asker.n, ticket=anew)
    elif party.since is not None or asker.left is None:
        back = Party(n, Role.AGENT, Aim.AGAIN, now, Whom(Kind.AGENT, asker.name), asker.n, ticket=anew)
    else:
        whom = Whom(Kind.AGENT, asker.name)
        back = Party(
            n, Role.AGENT, Aim.RETURN, now, whom, asker.n, ticket=asker.ticket, agent=asker.agent, seat=asker.seat
        )
    return talk.put(back)


def _without(supervisor: Party) -> Party:
    """A supervisor whose agent has left: whoever talks with the citizen goes on, the others have nobody to hear."""
    if supervisor.role is Role.AGENT:
        return supervisor
    if supervisor.is_there and supervisor.room is Room.CALL:
        return _replace(supervisor, role=Role.AGENT, agent=AgentId(supervisor.by))
    return _leaving(supervisor)


def _is_beside(party: Party) -> bool:
    """Whom the owner left the citizen for."""
    return party.room is Room.SIDE or (party.is_sought and party.aim is Aim.TRANSFER)


def _in(party: Party, room: Room) -> Party:
    return _replace(party, room=room)


def _leaving(party: Party) -> Party:
    return _replace(party, is_leaving=True)
