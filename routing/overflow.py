"""When a queue is too long, or a wait is: another pool's agents may take the ticket too.

Three thresholds, each by itself: how many wait on entry, the wait that is expected on entry, the own wait so far.  The
ticket keeps its place and its rank; who could take it before still can, and is asked first.  And, of somebody whom one
agent knows, that this one is asked before everybody.
"""

from datetime import timedelta

import msgspec

from routing.ids import AgentId, PoolId
from routing.tickets import Alternative, Ladder, Requirement, Rung


class Overflow(msgspec.Struct, frozen=True):
    """From which length, expected wait and own wait on the agents of `to` are asked too; 0: never for that reason."""

    to: PoolId
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


def preferring(ladder: Ladder, agent: AgentId) -> Ladder:
    """The same ladder; whoever may take the ticket, this agent is asked first, if ready; nobody waits for it."""
    rungs = []
    for rung in ladder:
        good = rung.requirement.alternatives
        rungs.append(Rung(Requirement((Alternative(good[0].pool, agent=agent), *good)), rung.after_ms))
    return tuple(rungs)


def overflowing(ladder: Ladder, to: PoolId, after_ms: int) -> Ladder:
    """The same ladder; from `after_ms` on anybody in `to` may take the ticket too."""
    other = Alternative(to)
    moments = sorted({after_ms, *(rung.after_ms for rung in ladder)})
    rungs = []
    for moment in moments:
        known = [rung.requirement.alternatives for rung in ladder if rung.after_ms <= moment]
        good = known[-1] if known else ()
        if moment >= after_ms and other not in good:
            good = (*good, other)
        rungs.append(Rung(Requirement(good), moment))
    return tuple(rungs)
