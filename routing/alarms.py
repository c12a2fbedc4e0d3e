"""Who is to be woken when.

Most alarms are turned off before they ring, so that setting one and turning it off must cost next to nothing.
"""

from bisect import bisect_left, insort
from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Generic, TypeVar

from routing.ids import Instant

SLOT_BITS = 7
"""Alarms are kept in slots of 128 ms, unsorted; only the slot that comes next is sorted."""

Name = TypeVar("Name", bound=Hashable)
"""Also ordered: at the same moment the first by name comes first."""


class Alarms(Generic[Name]):
    """One alarm a name.  Setting and turning off are O(1) but for the next slot, whatever the number of alarms."""

    __slots__ = ("_later", "_next", "_slot", "_slots", "first")

    def __init__(self) -> None:
        self._next: list[tuple[Instant, Name]] = []  # the alarms of `_slot`, sorted; empty only if there is none at all
        self._slot = 0
        self._later: dict[int, dict[Name, Instant]] = {}
        self._slots: list[int] = []  # a heap of the keys of `_later`
        self.first: tuple[Instant, Name] | None = None
        """The alarm that rings next; of several at the same moment the first by name."""

    def set(self, name: Name, at: Instant) -> None:
        """Sets the alarm of a name that has none."""
        slot = at >> SLOT_BITS
        if slot > self._slot and self._next:
            self._keep(slot, name, at)
            return
        if slot < self._slot:
            for moment, other in self._next:
                self._keep(self._slot, other, moment)
            self._next = []
        self._slot = slot
        insort(self._next, (at, name))
        self.first = self._next[0]

    def turn_off(self, name: Name, at: Instant) -> None:
        """Takes back the alarm that was set for this moment, rung or not."""
        slot = at >> SLOT_BITS
        if slot != self._slot:
            del self._later[slot][name]
            return
        del self._next[bisect_left(self._next, (at, name))]
        while not self._next and self._slots:
            self._slot = heappop(self._slots)
            self._next = sorted((at, name) for name, at in self._later.pop(self._slot).items())
        self.first = self._next[0] if self._next else None

    def _keep(self, slot: int, name: Name, at: Instant) -> None:
        kept = self._later.get(slot)
        if kept is None:
            self._later[slot] = {name: at}
            heappush(self._slots, slot)
        else:
            kept[name] = at
