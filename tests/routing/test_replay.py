"""A replay finds out every difference that there is, and none where there is none."""

from dataclasses import dataclass, field

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from routing.floor import Floor
from routing.ids import AgentId
from routing.replay import Replayed, Told, replayed, sealed
from routing.standing import FloorState
from routing.tickets import Changed, Readied
from tests.routing.floor_worlds import AGENTS, random_events

seeds = st.integers(0, 10_000)
EVENTS = 120


@dataclass
class Written:
    """A journal of the Floor, as the dispatcher writes it."""

    entries: list[Told | FloorState] = field(default_factory=list)

    def again(self) -> Replayed:
        read = [msgspec.json.decode(msgspec.json.encode(entry), type=type(entry)) for entry in self.entries]
        return replayed(enumerate(read, 1))


def written(seed: int, lives: tuple[int, ...] = (), is_sealed: bool = True) -> Written:
    """A day; before each event of `lives` the process dies, and another one begins with a snapshot of what it read."""
    journal, floor, seal = Written([Floor().dump()]), Floor(), 0
    for n, (event, now) in enumerate(random_events(seed, EVENTS)):
        if n in lives:
            floor, seal = Floor.load(floor.dump()), 0
            journal.entries.append(floor.dump())
        said = floor.apply(event, now)
        seal = sealed(said, seal)
        changed = tuple(action for action in said if isinstance(action, Changed))
        journal.entries.append(Told(now, event, changed, seal if is_sealed else None))
    return journal


@given(seeds, st.lists(st.integers(0, EVENTS - 1), max_size=4), st.booleans())
def test_what_happened_happens_again(seed: int, lives: list[int], is_sealed: bool) -> None:
    journal = written(seed, tuple(lives), is_sealed)
    found = journal.again()
    assert found.difference is None
    assert (found.events, found.snapshots) == (EVENTS, 1 + len(set(lives)))
    assert found.unsealed == (0 if is_sealed else EVENTS)
    assert found.digest == written(seed).again().digest
    told = [entry.at for entry in journal.entries if isinstance(entry, Told)]
    assert (found.since, found.until) == (told[0], told[-1])


@given(seeds, st.integers(1, EVENTS - 1))
def test_an_event_that_was_taken_out_is_found_out_at_the_next_one(seed: int, n: int) -> None:
    journal = written(seed)
    del journal.entries[n]
    difference = journal.again().difference
    assert difference is not None
    assert difference.seq <= n + 1
    assert difference.told in journal.entries


@given(seeds, st.integers(1, EVENTS), st.data())
def test_another_event_in_its_place_is_found_out_as_soon_as_something_else_comes_of_it(
    seed: int, n: int, data: st.DataObject
) -> None:
    journal = written(seed)
    told = journal.entries[n]
    assert isinstance(told, Told)
    false = Readied(data.draw(st.sampled_from(AGENTS)), "doctored")
    floor = Floor()
    for entry in journal.entries[1:n]:
        assert isinstance(entry, Told)
        floor.apply(entry.event, entry.at)
    before = floor.dump()
    honest = floor.apply(told.event, told.at)
    assume(Floor.load(before).apply(false, told.at) != honest)
    journal.entries[n] = msgspec.structs.replace(told, event=false)
    difference = journal.again().difference
    assert difference is not None
    assert difference.seq == n + 1
    assert difference.said == Floor.load(before).apply(false, told.at)


def test_another_seal_is_found_out() -> None:
    journal = written(3)
    told = journal.entries[50]
    assert isinstance(told, Told)
    assert told.said is not None
    journal.entries[50] = msgspec.structs.replace(told, said=told.said ^ 1)
    difference = journal.again().difference
    assert difference is not None
    assert difference.seq == 51


def test_a_snapshot_that_says_something_else_is_found_out() -> None:
    journal = written(3, lives=(60,))
    state = journal.entries[61]
    assert isinstance(state, FloorState)
    journal.entries[61] = msgspec.structs.replace(state, turn=state.turn + 1)
    difference = journal.again().difference
    assert difference is not None
    assert (difference.seq, difference.told) == (62, None)


def test_of_an_older_version_the_agents_states_are_compared() -> None:
    journal = written(3, is_sealed=False)
    n = next(n for n, entry in enumerate(journal.entries) if isinstance(entry, Told) and entry.changed)
    told = journal.entries[n]
    assert isinstance(told, Told)
    somebody = (Changed(AgentId("nobody"), told.changed[0].state),)
    journal.entries[n] = msgspec.structs.replace(told, changed=somebody)
    difference = journal.again().difference
    assert difference is not None
    assert difference.seq == n + 1


def test_what_an_older_version_wrote_is_read_without_a_seal() -> None:
    line = b'{"at":5,"event":{"event":"tick"}}'
    assert msgspec.json.decode(line, type=Told).said is None


def test_events_before_the_first_snapshot_are_left_out() -> None:
    whole, rest = written(3, lives=(60,)), Written(written(3, lives=(60,)).entries[31:])
    found = rest.again()
    assert found.difference is None
    assert (found.skipped, found.events, found.snapshots) == (30, EVENTS - 60, 1)
    assert found.digest != whole.again().digest


def test_of_an_empty_journal_there_is_nothing_to_say() -> None:
    found = replayed([])
    assert (found.events, found.since, found.until, found.difference) == (0, None, None, None)


def test_the_seal_of_nothing_is_not_the_one_before() -> None:
    assert sealed((), 7) != 7
    assert sealed((), sealed((), 0)) != sealed((), 0)
