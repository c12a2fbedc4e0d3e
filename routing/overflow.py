"""When a queue is too long, or a wait is: who may take the ticket too, or where its call is tried meanwhile.

Three thresholds, each by itself: how many wait on entry, the wait that is expected on entry, the own wait so far.
Another pool's agents stand in the ladder, behind who could take it before: place and rank stay.  A target is dialled,
and brings the call back to its place; a call back is offered; a message ends the wait.  And, of somebody whom one agent
knows, that this one is asked before everybody.
"""

from datetime import timedelta

import msgspec

from routing.ids import AgentId, PoolId
from routing.tickets import Alternative, Ladder, Requirement, Rung

CALLBACK, VOICEMAIL = "callback", "voicemail"
"""What a pool may overflow to beside pools and targets: to be called back is offered at once, a message is taken."""


class Overflow(msgspec.Struct, frozen=True):
    """From which length, expected wait and own wait on a call goes `to` another pool, a target, or what is above.

    0: never for that reason.
    """

    to: str
    length: int = 0
    expected: timedelta = timedelta(0)
    waited: timedelta = timedelta(0)

    def after_ms(self, length: int, expected_ms: int | None) -> int | None:
        """How long after its entry a ticket overflows, when so many wait and so much is expected; None: never."""
        is_long = 0 < self.length <= length
        is_slow = expected_ms is not None and timedelta(0) < self.expected <= timedelta(milliseconds=expected_ms)
        if is_long or is_slow:
            return 0
        return self.waited // timedelta(milliseconds=1) or None


def begun(ladder: Ladder, waited_ms: int) -> Ladder:
    """The same ladder for a ticket that has been on it for so long already: the rung that holds then is its first."""
    last = max((n for n, rung in enumerate(ladder) if rung.after_ms <= waited_ms), default=0)
    return tuple(Rung(rung.requirement, max(0, rung.after_ms - waited_ms)) for rung in ladder[last:])


def preferring(ladder: Ladder, agent: AgentId) -> Ladder:
    """The same ladder; whoever may take the ticket, this agent is asked first, if ready; nobody waits for it."""
    rungs = []
    for rung in ladder:
        good = rung.requirement.alternatives
        rungs.append(Rung(Requirement((Alternative(good[0].pool, agent=agent), *good)), rung.after_ms))
    return tuple(rungs)


def overflowing(ladder: Ladder, to: PoolId, after_ms: int) -> Ladder:
    """The same ladder; from `after_ms` on anybody in `to` may take the ticket too.

    Those who have the skill or the language that it asks for are asked first there; nobody waits for them.
    """
    asked = (each for rung in ladder for each in rung.requirement.alternatives if each.agent is None)
    others = dict.fromkeys(msgspec.structs.replace(each, pool=to) for each in asked if each.skill or each.language)
    others[Alternative(to)] = None
    moments = sorted({after_ms, *(rung.after_ms for rung in ladder)})
    rungs = []
    for moment in moments:
        known = [rung.requirement.alternatives for rung in ladder if rung.after_ms <= moment]
        good = known[-1] if known else ()
        if moment >= after_ms:
            good += tuple(each for each in others if each not in good)
        rungs.append(Rung(Requirement(good), moment))
    return tuple(rungs)
