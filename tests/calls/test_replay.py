"""What the Floor did in a morning, it does again: its journal, replayed, across every death of the controller."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ivr.dispatcher import kept
from ivr.edge.disk import FileDisk
from ivr.entries import Draft, Entry, signed, trusted
from ivr.journal import FLOOR, SNAPSHOT
from ivr.main import main
from routing.ids import AgentId
from routing.replay import Told, replayed
from routing.tickets import Accepted
from tests.calls.busy import BusyMorning
from tests.calls.mornings import a_morning
from tests.calls.scenes import thorough
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate

MORNINGS, AT_ONCE = 100, 20
LIVES = 3

Doctor = Callable[[list[Entry]], list[Entry]]


def lines(platter: Platter) -> list[bytes]:
    return list(MemoryDisk(Platter(bytearray(platter.content))).read())


@cache
def three_lives() -> tuple[bytes, ...]:
    """The journal of a morning in which the controller was killed twice."""
    house = simulate(lambda: a_morning(30))
    assert len(house.wires) == LIVES
    return tuple(lines(house.platter))


@pytest.mark.parametrize("first", thorough(range(0, MORNINGS, AT_ONCE), sample=None))
def test_whatever_happens_in_a_morning_it_happens_again(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        house = simulate(lambda: a_morning(seed))  # noqa: B023 - simulated at once
        found = replayed(kept(trusted(lines(house.platter))))
        assert found.difference is None, f"scripts/seed {seed}"
        assert found.snapshots >= len(house.wires)  # one at least for each life
        assert (found.skipped, found.unsealed) == (0, 0)
        assert found.events > 0


@pytest.mark.slow
def test_a_busy_morning_with_a_kill_happens_again() -> None:
    async def scene() -> BusyMorning:
        busy = BusyMorning(seed=4)
        await busy.happens()
        return busy

    journal = lines(simulate(scene).house.platter)
    found = replayed(kept(trusted(journal)))
    assert found.difference is None
    assert found.snapshots == 2
    assert found.events > 1_800  # most of the calls enter, are accepted, and leave
    assert found.digest == replayed(kept(trusted(journal))).digest


# --- the command


@pytest.fixture
def replay(tmp_path: Path) -> Callable[..., Result]:
    """`hotline replay` of that morning's journal, which somebody may have had in hand before."""

    def run(doctor: Doctor = list, *more: str) -> Result:
        entries = [msgspec.json.decode(line[9:], type=Entry) for line in three_lives()]
        path = tmp_path / "copy" / "journal"
        with FileDisk(path) as disk:
            for e in doctor(entries):
                disk.append(signed(Draft(e.seq, e.at, e.topic, e.key, e.body)) + b"\n")
            return CliRunner().invoke(main, ["replay", str(path), *more])  # the journal is in use: nothing is locked

    return run


def test_the_command_says_that_nothing_differs(replay: Callable[..., Result]) -> None:
    result = replay()
    assert result.exit_code == 0
    assert f"{LIVES} snapshots" in result.output
    assert f"digest {replayed(kept(trusted(three_lives()))).digest}" in result.output
    assert result.output.endswith("The Floor does the same again, bit for bit.\n")


def test_the_command_answers_in_json_too(replay: Callable[..., Result]) -> None:
    found = msgspec.json.decode(replay(list, "--json").output)
    assert found["difference"] is None
    assert found["events"] == replayed(kept(trusted(three_lives()))).events


def an_acceptance(entries: list[Entry]) -> int:
    """The first entry that says that an agent has answered."""
    return next(
        n
        for n, entry in enumerate(entries)
        if (entry.topic, entry.key) == (FLOOR, "")
        and isinstance(msgspec.json.decode(entry.body, type=Told).event, Accepted)
    )


def taken_out(entries: list[Entry]) -> list[Entry]:
    n = an_acceptance(entries)
    return entries[:n] + entries[n + 1 :]


def by_another(entries: list[Entry]) -> list[Entry]:
    """It was another agent who answered."""
    n = an_acceptance(entries)
    told = msgspec.json.decode(entries[n].body, type=Told)
    assert isinstance(told.event, Accepted)
    false = msgspec.structs.replace(told, event=Accepted(told.event.ticket, AgentId("9999")))
    return [*entries[:n], with_body(entries[n], false), *entries[n + 1 :]]


def another_floor(entries: list[Entry]) -> list[Entry]:
    """What the second life began with is not what the first one left."""
    n = next(n for n, e in reversed(list(enumerate(entries))) if (e.topic, e.key) == (FLOOR, SNAPSHOT))
    state = msgspec.json.decode(entries[n].body)
    state["agents"] = state["agents"][1:]
    return [*entries[:n], with_body(entries[n], state), *entries[n + 1 :]]


def with_body(entry: Entry, body: object) -> Entry:
    return msgspec.structs.replace(entry, body=msgspec.Raw(msgspec.json.encode(body)))


@pytest.mark.parametrize(
    ("doctor", "says"),
    [
        (taken_out, "the Floor did something else then; now it does"),
        (by_another, "the Floor did something else then; now it does []."),
        (another_floor, "the Floor stands otherwise than this snapshot says."),
    ],
)
def test_a_doctored_journal_is_found_out(replay: Callable[..., Result], doctor: Doctor, says: str) -> None:
    result = replay(doctor)
    assert result.exit_code == 1
    assert says in result.output
    assert "bit for bit" not in result.output


def test_where_there_is_no_journal_nothing_was_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["replay"], env={"HOTLINE_STATE": str(tmp_path)})
    assert result.exit_code == 0
    assert "was told nothing that could be told again" in result.output
