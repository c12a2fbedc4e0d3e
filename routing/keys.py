"""What agents ask for by the keys of their phone, in a talk: which sequence stands for what.

A sequence begins with * or #, so that no menu into which an agent types takes it for an answer, or the other way round.
"""

import re
from datetime import timedelta

import msgspec

from routing.ids import Instant
from routing.talk import Do

SEQUENCE = re.compile(r"[*#][0-9*#]{1,3}")
"""Two to four keys."""

GAP = timedelta(seconds=3)
"""A key that comes later than this after the one before it begins anew."""


class Keys(msgspec.Struct, frozen=True):
    """The sequence for each thing that can be asked for; empty: none."""

    silent: str = ""


class Typed(msgspec.Struct, frozen=True):
    """What has been pressed so far, and when the last of it."""

    keys: str = ""
    at: Instant = Instant(0)

    def then(self, key: str, at: Instant) -> "Typed":
        """And one key more."""
        is_new = at - self.at > GAP / timedelta(milliseconds=1)
        return Typed(key if is_new else self.keys + key, at)

    def means(self, keys: Keys) -> Do | None:
        """What is asked for by it, if anything."""
        return Do.SILENT if keys.silent and self.keys.endswith(keys.silent) else None
