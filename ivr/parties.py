"""Who is in a call's conversation, read from its ledger: the facts of `routing.talk`, folded.  Pure."""

from collections import Counter
from collections.abc import Iterator

from ivr.facts import Brought, Talked
from ivr.ledger import ARRIVED, CONNECTED, DIALLING, RELEASED, RETURNED, ROUTED, TALK, TRANSFERRED, TRANSFERRING, Ledger
from routing.conversing import follow
from routing.ids import CallId, ChannelId, Instant, LanguageId, PoolId, SkillId, TicketId
from routing.talk import Aim, Asked, Do, Doing, Kind, Party, Role, Talk, Whom, begun


def talk(ledger: Ledger) -> Talk | None:
    """The conversation as far as it is written down; None while the citizen has been with nobody."""
    first = _begun(ledger)
    return follow(first, ledger.which(TALK).values()) if first else None


def call_of(ticket: TicketId) -> CallId:
    """Whose ticket it is: the call's own, or that of somebody who was brought into its conversation."""
    return CallId(ticket.partition("-talk-")[0])


def tickets(ledger: Ledger) -> tuple[TicketId, ...]:
    """Every ticket in the Floor that the conversation has ever had."""
    known = talk(ledger)
    return tuple(each.ticket for each in known.parties if each.ticket) if known else ()


def asked_for(ledger: Ledger, ticket: TicketId) -> tuple[SkillId | None, LanguageId | None]:
    """The skill and the language that a ticket of this call asks for: as the agent said who wants somebody of a pool,
    else as the call's route has it, wherever in it.
    """
    known = talk(ledger)
    wanted = [each.whom for each in known.parties if each.ticket == ticket and each.whom is not None] if known else []
    if any(whom.detail or whom.language for whom in wanted):
        return SkillId(wanted[0].detail) or None, LanguageId(wanted[0].language) or None
    places = ledger[ROUTED].destinations
    return (
        next((place.skill for place in places if place.skill is not None), None),
        next((place.language for place in places if place.language is not None), None),
    )


def is_silent(ledger: Ledger) -> bool:
    """Whether an agent has said that nobody is to be heard there."""
    return any(isinstance(fact, Asked) and fact.do is Do.SILENT for fact in ledger.which(TALK).values())


def supervisors(ledger: Ledger) -> tuple[int, ...]:
    """Which of the parties have ever supervised."""
    known = talk(ledger)
    return tuple(each.n for each in known.parties if each.by) if known else ()


def brought(ledger: Ledger) -> tuple[Brought, ...]:
    """Who came later, or should have come."""
    known = talk(ledger)
    return tuple(
        Brought(
            each.name, each.aim, each.asked, each.since, each.left, each.cause, each.dialled, _handed_over(known, each)
        )
        for each in (known.parties[2:] if known else ())
        if known
    )


def talks(ledger: Ledger, until: Instant) -> tuple[Talked, ...]:
    """Each agent's part; a supervisor's is from the moment on from which they are the citizen's agent."""
    began: dict[int, Instant] = {}
    held: Counter[int] = Counter()
    last, owner = None, 0
    for now, since, to in _stretches(ledger, until):
        last = now
        if now.owner is not None:  # who hung up over a transfer that rings has left the hold
            owner = now.owner.n
        held[owner] += to - since if _is_held(now) else 0
        for each in now.parties:
            if each.role is Role.AGENT and each.since is not None and (each.ticket or each.by):
                began.setdefault(each.n, since)
    parts = [
        Talked(each.agent, began[each.n], each.left or until, held[each.n])
        for each in (last.parties if last else ())
        if each.n in began and each.agent
    ]
    return tuple(sorted(parts, key=lambda part: part.since))


def unreached(ledger: Ledger) -> tuple[str, ...]:
    """Emergency numbers at which nobody answers, in the conversation that is going on."""
    known = talk(ledger) if RELEASED not in ledger else None
    return tuple(dict.fromkeys(each.name for each in known.unreached)) if known else ()


def _handed_over(talk: Talk, party: Party) -> Instant | None:
    """When the last agent left the citizen to somebody who is not ours."""
    if party.role is not Role.TARGET or party.since is None:
        return None
    left = [each.left for each in talk.parties if each.role is Role.AGENT and each.since is not None]
    moments = [at for at in left if at is not None]
    is_alone = len(moments) == len(left) > 0 and (party.left is None or max(moments) <= party.left)
    return max(moments) if is_alone else None


def held_ms(ledger: Ledger, until: Instant) -> int:
    """For how long the citizen heard music in the conversation."""
    return sum(to - since for now, since, to in _stretches(ledger, until) if _is_held(now))


def _stretches(ledger: Ledger, until: Instant) -> Iterator[tuple[Talk, Instant, Instant]]:
    """The conversation between one fact and the next, with since when and until when it was so."""
    now = _begun(ledger)
    if now is None:
        return
    since = now.parties[0].asked
    for fact in ledger.which(TALK).values():
        yield now, since, fact.at
        since, now = fact.at, follow(now, (fact,))
    yield now, since, until


def paused(ledger: Ledger, until: Instant) -> tuple[tuple[Instant, Instant], ...]:
    """When the recording was paused."""
    now, since = _begun(ledger), None
    found: list[tuple[Instant, Instant]] = []
    for fact in ledger.which(TALK).values() if now else ():
        now = follow(now, (fact,)) if now else None
        if now and now.is_paused:
            since = fact.at if since is None else since
        elif since is not None:
            found.append((since, fact.at))
            since = None
    return (*found, *(((since, until),) if since is not None else ()))


def _is_held(now: Talk) -> bool:
    return now.doing(now.parties[0]) is Doing.HELD


def _begun(ledger: Ledger) -> Talk | None:
    first = _agent(ledger) or _target(ledger)
    if first is None:
        return None
    hall = PoolId(ledger[ROUTED].destinations[-1].name)
    return begun(ledger.call, hall, citizen(ledger), first)


def citizen(ledger: Ledger) -> ChannelId:
    """The citizen's channel: whom we have called, or who has called us."""
    legs = [dialled.leg for dialled in ledger.which(DIALLING).values()]
    return legs[-1] if legs else ledger[ARRIVED].channel


def _agent(ledger: Ledger) -> Party | None:
    connected = ledger.get(CONNECTED)
    if connected is None:
        return None
    return Party(
        1, Role.AGENT, Aim.TALK, connected.at, ticket=TicketId(ledger.call),
        leg=connected.leg, agent=connected.agent, seat=connected.seat, since=connected.at,
    )  # fmt: skip


def _target(ledger: Ledger) -> Party | None:
    for n, since in ledger.which(TRANSFERRED).items():
        if RETURNED.of(n) not in ledger:
            dialled = ledger[TRANSFERRING.of(n)]
            whom = Whom(Kind.TARGET, dialled.target)
            return Party(1, Role.TARGET, Aim.TALK, since, whom, leg=dialled.leg, since=since)
    return None
