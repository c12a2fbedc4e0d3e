"""Key 1 while somebody waits: they would rather be called back, and go with our promise.

The key counts from the moment in which it is offered.  An agent whose phone rings then, and who answers, comes first:
whoever has been answered is called back by nobody.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ivr.ari.events import Mailbox
from ivr.ari.models import ChannelDtmfReceived
from ivr.dispatcher import Place
from ivr.facts import Asked, Party, Released
from ivr.ledger import ANNOUNCED, ARRIVED, ASKED, QUEUED, RELEASED, ROUTED
from ivr.scopes import alongside
from ivr.speech import say
from ivr.visit import Call
from routing.callbacks import number
from routing.estimate import Estimate
from routing.offering import KEY
from routing.plan import MISROUTED, SpokenPrompt
from routing.prompts import CALLBACK_OFFER, CALLBACK_PROMISE

NORMAL_CLEARING = 16  # Q.850


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


def may_be_offered(call: Call) -> bool:
    """Whether they can be called back at all: by their number, and not while they want an emergency desk."""
    site = call.service.config.site
    is_urgent = call.ledger[ROUTED].marked == MISROUTED
    return not is_urgent and number(site.numbering, call.ledger[ARRIVED].arrival.caller) is not None


def is_due(call: Call, estimate: Estimate | None) -> bool:
    """Whether they are to be told of the key now, or again."""
    site = call.service.config.site
    waited_ms = call.now() - min(place.at for place in call.ledger.which(QUEUED).values())
    expected_ms = estimate.of(site.announcements.wait) if estimate is not None else None
    return may_be_offered(call) and (is_offered(call) or site.callback_offer.is_due(waited_ms, expected_ms))


async def promise(call: Call) -> None:
    """Tell them that we shall call, and let them go."""
    known = call.service.config.prompts[CALLBACK_PROMISE]
    async with call.leased():
        await say(call, SpokenPrompt(CALLBACK_PROMISE, known.must_hear, known.text))
    if RELEASED not in call.ledger:
        call.ledger.write(RELEASED, Released(call.now(), Party.ENGINE, NORMAL_CLEARING))
