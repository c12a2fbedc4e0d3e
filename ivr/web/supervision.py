"""Whoever listens, whispers or barges in does so for as long as they may: no longer than their token and role count.

Whoever is the agent of a citizen is let be, whatever they may: a citizen is not lost.

It looks, and is not told: a token is over at its time without anybody's doing, and may be taken back between the moment
in which it was looked at for a request and the one in which that is done.  A look at a hundred talks takes 0.1 ms.
"""

import asyncio
import logging

import msgspec

from ivr.app import Controller
from ivr.audit import Audit, Deed
from ivr.visit import Conversing
from ivr.web.access import Access
from ivr.web.rights import HOUSE, Role
from routing import talk
from routing.talk import Do, Party

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
"""How long somebody may hear what they may hear no more."""


class Supervision:
    """Ends it."""

    def __init__(self, controller: Controller, access: Access, audit: Audit) -> None:
        self._controller, self._access, self._audit = controller, access, audit

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            for conversation in self._controller.conversations():
                try:
                    self._look(conversation)
                except Exception:  # whatever cannot be looked at, calls go on
                    log.exception("who supervises cannot be looked at")
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, conversation: Conversing) -> None:
        """Asked for anew of each: who goes may make somebody else the agent."""
        for n in range(len(conversation.talk.parties)):
            party = conversation.talk.parties[n]
            if _may_go(conversation, party):
                why = self._access.lacks(party.token, Role.SUPERVISOR)
                if why and not conversation.ask(party.by, Do.STOP):
                    self._tell(conversation.talk.parties[party.asker].name, party, why)

    def _tell(self, watched: str, party: Party, why: str) -> None:
        given = msgspec.json.encode({"by": party.by}).decode()
        source = f"token {party.token}"
        self._audit.write(Deed(HOUSE.name, Do.STOP, f"/agents/{watched}/talk/stop", given, source, 200, why))
        log.warning("%s supervises agent %s no more: %s", party.by, watched, why)


def _may_go(conversation: Conversing, party: Party) -> bool:
    """Whether a supervisor leaves nobody alone: whose agent is on their way out is about to be the citizen's."""
    if party.role is not talk.Role.SUPERVISOR or not party.is_alive:
        return False
    return conversation.talk.parties[party.asker].is_alive
