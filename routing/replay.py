"""Whether the Floor, told once more what it was told, answers the same: bit for bit, or from where it does not.

Pure: what the journal keeps of it comes in as values, and `ivr.commands.replay` reads them from the file.
"""

from collections.abc import Iterable
from hashlib import sha256
from zlib import crc32

import msgspec

from routing.floor import Floor
from routing.ids import Instant
from routing.standing import FloorState
from routing.tickets import Action, AnyEvent, Changed


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as the journal keeps it: with the moment that the Floor was given.

    `changed`: whose state the Floor changed for it; a replay finds that out by itself, the store does not.  `said`: the
    seal (`sealed`) of all that the Floor has answered since it was last written down whole; None: the entry is of an
    older version.
    """

    at: Instant
    event: AnyEvent
    changed: tuple[Changed, ...] = ()
    said: int | None = None


class Difference(msgspec.Struct, frozen=True):
    """The first place at which the journal and the Floor disagree: the entry's number, and what now comes of it.

    `told` None: the entry is a snapshot, and the Floor stands otherwise than it says.
    """

    seq: int
    told: Told | None = None
    said: tuple[Action, ...] = ()


class Replayed(msgspec.Struct, frozen=True):
    """What a replay has shown.

    `skipped`: events before the first snapshot, of which nothing can be said.  `unsealed`: events of an older version,
    of which only the changes of agents' states can be compared.  `digest`: SHA-256 of all actions, the same on any
    machine.
    """

    events: int
    actions: int
    snapshots: int
    skipped: int
    unsealed: int
    since: Instant | None
    until: Instant | None
    digest: str
    difference: Difference | None


def sealed(said: tuple[Action, ...], before: int) -> int:
    """The seal of what the Floor answers, `before` being that of all its answers until then; 0 begins."""
    return crc32(msgspec.json.encode(said), before)


class _Replay:
    """A replay under way: `take` each entry in the order of the journal."""

    def __init__(self) -> None:
        self._floor: Floor | None = None
        self._seal = 0
        self._digest = sha256()
        self._events = self._actions = self._snapshots = self._skipped = self._unsealed = 0
        self._since: Instant | None = None
        self._until: Instant | None = None

    def take(self, seq: int, entry: Told | FloorState) -> Difference | None:
        """One entry more; the difference that it shows."""
        if isinstance(entry, Told):
            return self._told(seq, entry)
        self._snapshots += 1
        self._seal = 0
        if self._floor is None:
            self._floor = Floor.load(entry)
        return None if self._floor.dump() == entry else Difference(seq)

    def _told(self, seq: int, told: Told) -> Difference | None:
        if self._floor is None:
            self._skipped += 1
            return None
        said = self._floor.apply(told.event, told.at)
        self._seal = sealed(said, self._seal)
        self._digest.update(msgspec.json.encode(said))
        self._events += 1
        self._actions += len(said)
        self._since = told.at if self._since is None else self._since
        self._until = told.at
        self._unsealed += told.said is None
        changed = tuple(action for action in said if isinstance(action, Changed))
        is_same = changed == told.changed if told.said is None else told.said == self._seal
        return None if is_same else Difference(seq, told, said)

    def over(self, difference: Difference | None) -> Replayed:
        """What it has shown up to here."""
        return Replayed(
            self._events, self._actions, self._snapshots, self._skipped, self._unsealed,
            self._since, self._until, self._digest.hexdigest(), difference,
        )  # fmt: skip


def replayed(entries: Iterable[tuple[int, Told | FloorState]]) -> Replayed:
    """Apply what a journal tells, each entry with its number, up to the first difference.

    Every snapshot is compared with the Floor as it then stands, so an end of one life and the beginning of the next are
    held to each other; the first one is what everything begins with.
    """
    replay = _Replay()
    for seq, entry in entries:
        difference = replay.take(seq, entry)
        if difference is not None:
            return replay.over(difference)
    return replay.over(None)
