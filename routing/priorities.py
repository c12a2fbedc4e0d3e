"""Who waits as if they had come earlier: a head start in the queue, by line, by caller, by what has happened.

A ticket's rank is its first entry less its priority, so that a head start of two minutes passes whoever has come in the
two minutes before, and nobody else: who waits longer than that is never passed.  Of several the greatest counts; they
are not added up, or the next citizen would wait for ever.
"""

from bisect import bisect_left
from datetime import timedelta

import msgspec


class Priorities(msgspec.Struct, frozen=True, kw_only=True):
    """Head starts; a line's own is its `priority`.

    `emergency`: an emergency number was dialled, or a desk sends the call.  `listed`: the caller is one of `numbers`
    (older people, people with disabilities; canonical, sorted).  `callback`: somebody whom we were to call back calls
    by themselves.  `returned`: a target came to nothing, and the call comes to our own people after it.
    """

    emergency: timedelta = timedelta(minutes=10)
    listed: timedelta = timedelta(minutes=2)
    callback: timedelta = timedelta(0)
    returned: timedelta = timedelta(minutes=1)
    numbers: tuple[str, ...] = ()

    def at_arrival(self, caller: str | None, line: timedelta, *, is_urgent: bool) -> timedelta:
        """The head start of a call as it comes; `caller` is canonical, `line` is what its line says."""
        own = self.emergency if is_urgent else timedelta(0)
        return max(own, line, self.listed if self.has(caller) else timedelta(0))

    def later(self, before: timedelta, *, is_callback: bool, has_returned: bool) -> timedelta:
        """The same when it comes to a queue, after what has happened to it since."""
        callback = self.callback if is_callback else timedelta(0)
        return max(before, callback, self.returned if has_returned else timedelta(0))

    def has(self, caller: str | None) -> bool:
        """Whether this number is listed."""
        if caller is None:
            return False
        at = bisect_left(self.numbers, caller)
        return self.numbers[at : at + 1] == (caller,)
