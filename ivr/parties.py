"""Who is in a call's conversation, read from its ledger: the facts of `routing.talk`, folded.  Pure."""

from ivr.ledger import ARRIVED, CONNECTED, RETURNED, ROUTED, TALK, TRANSFERRED, TRANSFERRING, Ledger
from routing.ids import PoolId, TicketId
from routing.talk import Aim, Kind, Party, Role, Talk, Whom, begun, follow


def talk(ledger: Ledger) -> Talk | None:
    """The conversation as far as it is written down; None while the citizen has been with nobody."""
    first = _agent(ledger) or _target(ledger)
    if first is None:
        return None
    hall = PoolId(ledger[ROUTED].destinations[-1].name)
    return follow(begun(ledger.call, hall, ledger[ARRIVED].channel, first), ledger.which(TALK).values())


def tickets(ledger: Ledger) -> tuple[TicketId, ...]:
    """Every ticket in the Floor that the conversation has ever had."""
    known = talk(ledger)
    return tuple(each.ticket for each in known.parties if each.ticket) if known else ()


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
            return Party(1, Role.TARGET, Aim.TALK, dialled.at, whom, leg=dialled.leg, since=since)
    return None
