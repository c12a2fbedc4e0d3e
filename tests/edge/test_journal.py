"""The journal under damage: torn tails, flipped bytes, full disks, and death in the middle of a write."""

import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ivr import journal as ivr_journal
from ivr.edge.disk import FileDisk
from ivr.entries import Entry
from ivr.errors import JournalError
from ivr.journal import Journal
from routing.ids import Instant
from tests.asterisk.waiting import eventually
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter

START = Instant(1_631_667_600_000)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def platter() -> Platter:
    return Platter()


Live = Callable[..., tuple[Journal, list[Entry]]]


@pytest.fixture
def live(platter: Platter, clock: ManualClock) -> Live:
    """Another life of the process on the same platter."""

    def begin(**more: Any) -> tuple[Journal, list[Entry]]:
        journal = Journal(MemoryDisk(platter, room=more.pop("room", None)), "handan1", clock, **more)
        return journal, list(journal.replay())

    return begin


def seen(entries: list[Entry]) -> list[tuple[str, str, Any]]:
    return [(entry.topic, entry.key, msgspec.json.decode(entry.body)) for entry in entries]


async def drain(journal: Journal, after: int = 0) -> list[Entry]:
    """What the tail gives until it would wait."""
    got: list[Entry] = []

    async def take() -> None:
        async for batch in journal.tail(after):
            got.extend(msgspec.json.decode(line, type=Entry) for _, line in batch)

    task = asyncio.ensure_future(take())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return got


def test_what_was_written_is_replayed_with_its_number_and_moment(live: Live, clock: ManualClock) -> None:
    journal, before = live()
    assert before == []
    first = journal.write("call", "c1", {"step": "answered", "outcome": 5})
    clock.passes(1500)
    second = journal.write("floor", "", ["entered", "c1"])
    _, entries = live()
    assert seen(entries) == [("call", "c1", {"step": "answered", "outcome": 5}), ("floor", "", ["entered", "c1"])]
    assert [(entry.seq, entry.at) for entry in entries] == [(first, START), (second, START + 1500)]


def test_numbers_go_on_where_an_earlier_life_stopped(live: Live) -> None:
    journal, _ = live()
    last = journal.write("call", "c1", 1)
    journal, _ = live()
    assert journal.write("call", "c1", 2) > last


def test_a_journal_begun_anew_stands_above_the_one_before(clock: ManualClock) -> None:
    lost = Journal(MemoryDisk(), "handan1", clock)
    list(lost.replay())
    numbers = [lost.write("call", "c", n) for n in range(50)]
    clock.passes(60_000)
    anew = Journal(MemoryDisk(), "handan1", clock)
    list(anew.replay())
    assert anew.write("call", "c", 0) > max(numbers)


def test_a_number_known_to_the_store_is_not_used_again(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    journal, _ = live()
    journal.stand_above(journal.seq + 1000)
    assert "going on above" in caplog.text
    above = journal.seq
    assert journal.write("call", "c", 0) == above + 1
    journal.stand_above(5)
    assert journal.seq == above + 1


def test_another_nodes_journal_is_refused(platter: Platter, live: Live, clock: ManualClock) -> None:
    live()
    with pytest.raises(JournalError, match="journal of 'handan1', and this node is 'xingtai1'"):
        list(Journal(MemoryDisk(platter), "xingtai1", clock).replay())


def test_it_must_be_replayed_before_it_is_written(clock: ManualClock) -> None:
    with pytest.raises(JournalError, match="must be replayed"):
        Journal(MemoryDisk(), "handan1", clock).write("call", "c", 0)


@pytest.mark.parametrize("where", [0, 3, 8, 12, 40, -3])
def test_a_flipped_byte_is_reported_with_file_and_line_and_kept(
    where: int, live: Live, platter: Platter, caplog: pytest.LogCaptureFixture
) -> None:
    journal, _ = live()
    for n in range(5):
        journal.write("call", f"c{n}", {"step": "answered", "outcome": n})
    lines = bytes(platter.content).splitlines(keepends=True)
    start = sum(len(line) for line in lines[:3])
    at = start + where if where >= 0 else start + len(lines[3]) + where
    broken = bytearray(platter.content)
    broken[at] ^= 0x01
    platter.content[:] = broken
    journal, entries = live()
    assert [entry.key for entry in entries] == ["c0", "c1", "c3", "c4"]
    assert "memory line 4 does not match its checksum" in caplog.text
    assert journal.damage[0].line == 4
    assert journal.damage[0].content == bytes(broken).splitlines()[3]
    journal, entries = live()
    assert journal.damage == [], "it has been moved out of the way"
    aside = [entry for entry in entries if entry.topic == "damage"]
    assert [msgspec.json.decode(entry.body, type=ivr_journal.Damage).line for entry in aside] == [4]


def test_a_flipped_newline_costs_two_lines_at_most(live: Live, platter: Platter) -> None:
    journal, _ = live()
    for n in range(5):
        journal.write("call", f"c{n}", n)
    content = bytearray(platter.content)
    content[content.index(b"\n", content.index(b'"c1"'))] ^= 0x01
    platter.content[:] = content
    _, entries = live()
    assert [entry.key for entry in entries] == ["c0", "c3", "c4"]


def test_a_line_that_appears_twice_counts_once(live: Live, platter: Platter) -> None:
    journal, _ = live()
    journal.write("call", "c", 1)
    platter.content += bytes(platter.content).splitlines(keepends=True)[1]
    journal, entries = live()
    assert len(entries) == 1
    assert "is out of order" in journal.damage[0].why


async def test_a_power_cut_takes_only_what_was_not_synced(live: Live, platter: Platter) -> None:
    journal, _ = live()
    journal.write("call", "kept", 1)
    await journal.sync()
    journal.write("call", "lost", 2)
    platter.power_cut(torn=10)
    _, entries = live()
    assert [entry.key for entry in entries] == ["kept"]


async def test_run_sees_that_the_disk_has_what_is_written(tmp_path: Path, clock: ManualClock) -> None:
    platter = Platter()
    journal = Journal(MemoryDisk(platter), "handan1", clock)
    list(journal.replay())
    running = asyncio.ensure_future(journal.run())
    journal.write("call", "c", 1)
    await eventually(lambda: platter.synced == len(platter.content), 20, "the disk has it", every=0.005)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert b'"c"' in platter.content[: platter.synced]


async def test_a_full_disk_does_not_stop_calls_and_nothing_is_lost(
    platter: Platter, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    disk = MemoryDisk(platter, room=150)
    journal = Journal(disk, "handan1", clock)
    list(journal.replay())
    for n in range(10):
        journal.write("call", f"c{n}", n)
    journal.note("call", "c9", "a detail")
    assert journal.held > 0
    assert journal.thinned == 1
    assert "no space is left" in caplog.text
    disk.room = None
    await journal.sync()
    assert journal.held == 0
    journal.write("call", "c10", 10)
    assert [entry.key for entry in Journal(MemoryDisk(platter), "handan1", clock).replay()] == [
        f"c{n}" for n in range(11)
    ]


def test_beyond_its_bound_details_are_thinned_and_counted(live: Live) -> None:
    journal, _ = live(bound=300)
    for n in range(10):
        journal.note("call", "c", {"detail": n})
        journal.write("call", "c", {"needed": n})
    _, entries = live()
    bodies = [msgspec.json.decode(entry.body) for entry in entries]
    assert [body for body in bodies if "needed" in body] == [{"needed": n} for n in range(10)]
    assert journal.thinned == 10 - len([body for body in bodies if "detail" in body]) > 0


async def test_the_tail_gives_every_entry_once_and_waits_for_more(live: Live) -> None:
    journal, _ = live()
    numbers = [journal.write("call", f"c{n}", n) for n in range(1200)]
    got: list[int] = []

    async def take() -> None:
        async for batch in journal.tail(numbers[99]):
            assert len(batch) <= 500
            got.extend(seq for seq, _ in batch)
            journal.drained(got[-1])
            if got[-1] > numbers[-1] + 10:
                return

    task = asyncio.ensure_future(take())
    for _ in range(10):
        await asyncio.sleep(0)
    journal.stand_above(numbers[-1] + 100)
    last = journal.write("call", "late", 0)
    await asyncio.wait_for(task, 5)
    assert got == [*numbers[100:], last]


async def test_compaction_keeps_open_calls_the_undrained_and_the_last_snapshot(live: Live, clock: ManualClock) -> None:
    journal, _ = live()
    journal.write("call", "open", "kept: the call is under way")
    journal.write("call", "ended", "gone: its record stands for it")
    journal.write("floor", "", "gone: a snapshot follows")
    journal.write("floor", "snapshot", "kept: the snapshot")
    journal.write("floor", "", "kept: after the snapshot")
    journal.write("record", "old", "gone: hours ago")
    clock.passes(7 * 3_600_000)
    journal.write("record", "ended", "kept: for a while")
    journal.write("agent", "1001", "gone: drained")
    journal.write("census", "handan1", "gone: an older place")
    journal.write("census", "handan1", "kept: the last place")
    everything = await drain(journal)
    assert len(everything) == 8, "the store has no use for the census's place"
    journal.drained(everything[-1].seq)
    journal.write("agent", "1001", "kept: not drained")
    _, entries = live()
    assert len(entries) == 11, "nothing was dropped before a compaction"
    _, entries = live()
    assert [msgspec.json.decode(entry.body).split(":")[0] for entry in entries] == ["kept"] * 6
    assert [entry.seq for entry in entries] == sorted(entry.seq for entry in entries)


async def test_a_word_after_the_record_does_not_bring_a_call_back_to_life(live: Live, clock: ManualClock) -> None:
    journal, _ = live()
    journal.write("record", "c", "its end")
    last = journal.write("call", "c", {"step": "left", "outcome": "late"})
    journal.drained(last)
    clock.passes(7 * 3_600_000)
    live()
    _, entries = live()
    assert entries == []


async def test_the_tail_goes_on_through_a_compaction(live: Live) -> None:
    journal, _ = live()
    numbers = [journal.write("agent", f"m{n}", n) for n in range(10)]
    got: list[int] = []

    async def take() -> None:
        async for batch in journal.tail(0):
            got.extend(seq for seq, _ in batch)
            journal.drained(got[-1])
            journal.compact()

    task = asyncio.ensure_future(take())
    for _ in range(10):
        await asyncio.sleep(0)
    size = journal.size
    numbers.append(journal.write("agent", "later", 0))
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert got == numbers
    assert size < 200


async def test_a_journal_that_has_grown_and_been_drained_is_compacted_while_it_runs(live: Live) -> None:
    journal, _ = live()
    journal._compact_at = 20_000
    journal.write("call", "open", "under way")
    running = [asyncio.ensure_future(journal.run()), asyncio.ensure_future(_drain_for_ever(journal))]
    last = 0
    for n in range(400):
        last = journal.write("agent", f"{n}", "x" * 100)
    await eventually(lambda: journal.size <= 1000, 20, "it is compacted", every=0.01)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    journal, entries = live()
    assert [entry.key for entry in entries] == ["open"]
    assert journal.seq >= last


async def _drain_for_ever(journal: Journal) -> None:
    async for batch in journal.tail(0):
        journal.drained(batch[-1][0])


def test_a_disk_too_full_to_compact_keeps_everything(live: Live, platter: Platter) -> None:
    journal, _ = live()
    journal.write("call", "c", 1)
    before = bytes(platter.content)
    journal, entries = live(room=20)
    assert [entry.key for entry in entries] == ["c"]
    assert bytes(platter.content) == before


def test_a_life_that_was_killed_writes_no_more(platter: Platter, clock: ManualClock) -> None:
    disk = MemoryDisk(platter)
    journal = Journal(disk, "handan1", clock)
    list(journal.replay())
    disk.dies()
    journal.write("call", "zombie", 1)
    assert list(Journal(MemoryDisk(platter), "handan1", clock).replay()) == []


WRITER = """
import sys
from pathlib import Path
from ivr.edge.clock import SystemClock
from ivr.edge.disk import FileDisk
from ivr.journal import Journal
journal = Journal(FileDisk(Path(sys.argv[1])), "handan1", SystemClock())
n = sum(1 for _ in journal.replay())
while True:
    journal.write("call", f"c{n}", {"n": n, "text": "字" * (n % 700)})
    n += 1
    if n % 50 == 0:
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()
"""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    logging.getLogger("ivr.journal").setLevel(logging.CRITICAL)
    yield tmp_path / "journal"
    logging.getLogger("ivr.journal").setLevel(logging.NOTSET)


def test_four_lives_each_killed_in_mid_write_lose_nothing(path: Path, clock: ManualClock) -> None:
    root = Path(__file__).parents[2]
    written = 0
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=root)
        assert child.stdout is not None
        goal = written + 1000
        deadline = time.monotonic() + 20
        while written < goal and time.monotonic() < deadline:
            written = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        child.wait()
        written = max([written, *(int(line) for line in child.stdout.read().split())])
        child.stdout.close()
        assert written >= goal
    with FileDisk(path) as disk:
        journal = Journal(disk, "handan1", clock)
        entries = list(journal.replay())
    assert len(entries) >= written
    assert [entry.key for entry in entries] == [f"c{n}" for n in range(len(entries))]
    assert journal.damage == []
