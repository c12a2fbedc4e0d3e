"""Citizen and person in one bridge, until fewer than two are left."""

from ivr.errors import CallerHungUp
from ivr.facts import Party, Released, Returned
from ivr.ledger import RELEASED, RETURNED
from ivr.reach import Person
from ivr.visit import Call
from routing.plan import Destination


async def over(call: Call, person: Person) -> Released:
    """Wait until one of the two leaves; says who, and with which cause."""
    known = call.ledger.get(RELEASED)
    if known is not None:
        return known
    try:
        async with call.citizen.alive():
            ended = await person.leg.gone()
        return Released(call.now(), person.party, ended.cause)
    except CallerHungUp as left:
        return Released(call.now(), Party.CITIZEN, left.cause)


def came_back(call: Call, n: int, place: Destination, person: Person, released: Released) -> bool:
    """Whether the `n`-th destination let go so soon after its answer that it counts as no answer at all."""
    is_early = released.at - person.since < place.return_within_ms
    if released.who is not Party.TARGET or not is_early:
        return False
    call.citizen.music()
    call.ledger.write(RETURNED.of(n), Returned(released.at, "released", released.cause))
    return True
