"""Key 1 while somebody waits: they would rather be called back, and go with our promise.

The key counts from the moment in which it is offered.  An agent whose phone rings then, and who answers, comes first:
whoever has been answered is called back by nobody.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ivr.ari.events import Mailbox
from ivr.ari.models import ChannelDtmfReceived
from ivr.dispatcher import Place
from ivr.facts import Asked, Direction, Party, Released
from ivr.ledger import ANNOUNCED, ARRIVED, ASKED, MESSAGE, QUEUED, RELEASED, ROUTED
from ivr.scopes import alongside
from ivr.speech import say
from ivr.visit import Call
from routing.callbacks import may_be_promised
from routing.causes import NORMAL_CLEARING
from routing.estimate import Estimate
from routing.offering import KEY
from routing.plan import MISROUTED, SpokenPrompt
from routing.prompts import CALLBACK_OFFER, CALLBACK_PROMISE


@asynccontextmanager
async def asking(call: Call, place: Place) -> AsyncIterator[None]:
    """Let the key count while the block lasts: it is written down, and the place given up."""
    with call.ari.mailbox(call.citizen.id) as keys:
        async with alongside(_listen(call, place, keys), f"keys:{call.id}"):
            yield


async def _listen(call: Call, place: Place, keys: Mailbox) -> None:
    while True:
        pressed = await keys.next(ChannelDtmfReceived)
        if pressed.digit == KEY and ASKED not in call.ledger and is_offered(call):
            call.ledger.write(ASKED, Asked(call.now()))
            place.give_up()


def is_offered(call: Call) -> bool:
    """Whether they have been told of the key."""
    return any(CALLBACK_OFFER in each.prompts for each in call.ledger.which(ANNOUNCED).values())


def may_be_called_back(call: Call) -> bool:
    """Whether they can be: by their number, not by us who have called them, nor while they want an emergency desk."""
    arrived = call.ledger[ARRIVED]
    if arrived.direction is not Direction.IN or call.ledger[ROUTED].marked == MISROUTED:
        return False
    return may_be_promised(call.service.config.site, arrived.arrival.caller)


def offer_at(call: Call) -> int | None:
    """When they are told of the key, whatever is expected: by their wait, or because a pool overflows to it."""
    offer, places = call.service.config.site.callback_offer, call.ledger.which(QUEUED).values()
    moments = [place.at + place.offer_ms for place in places if place.offer_ms is not None]
    if offer.on and offer.waited_ms:
        moments.append(min(place.at for place in places) + offer.waited_ms)
    return min(moments, default=None) if may_be_called_back(call) else None


def is_due(call: Call, estimate: Estimate) -> bool:
    """Whether they are to be told of the key now, or again."""
    site, at = call.service.config.site, offer_at(call)
    is_slow = site.callback_offer.is_slow(estimate.of(site.announcements.wait.decides))
    return may_be_called_back(call) and (is_offered(call) or is_slow or (at is not None and at <= call.now()))


def is_promised(call: Call) -> bool:
    """Whether they go with a promise: they have asked for it, or have left a message."""
    message = call.ledger.get(MESSAGE)
    return ASKED in call.ledger or (message is not None and message.until is not None)


async def promise(call: Call) -> None:
    """Tell them that we shall call, and let them go."""
    known = call.service.config.prompts[CALLBACK_PROMISE]
    async with call.leased():
        await say(call, SpokenPrompt(CALLBACK_PROMISE, known.must_hear, known.text))
    if RELEASED not in call.ledger:
        call.ledger.write(RELEASED, Released(call.now(), Party.ENGINE, NORMAL_CLEARING))
