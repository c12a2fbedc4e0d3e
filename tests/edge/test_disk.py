"""The file under the journal: what survives, what is cut off, what is said when it cannot be done."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.edge import disk as edge_disk
from ivr.edge.disk import FileDisk
from ivr.errors import DiskError, DiskFull


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "journal"


@pytest.fixture
def disk(path: Path) -> Iterator[FileDisk]:
    with FileDisk(path) as disk:
        yield disk


def reopened(path: Path) -> list[bytes]:
    with FileDisk(path) as disk:
        return list(disk.read())


def test_lines_come_back_in_order(disk: FileDisk, path: Path) -> None:
    disk.append(b"one\n")
    disk.append(b"two\nthree\n")
    assert list(disk.read()) == [b"one", b"two", b"three"]
    assert list(disk.read(4)) == [b"two", b"three"]
    disk.close()
    assert reopened(path) == [b"one", b"two", b"three"]


def test_lines_longer_than_a_chunk_come_back_whole(disk: FileDisk) -> None:
    lines = [b"x" * n for n in (1, 300_000, 0, 262_143, 262_144)]
    disk.append(b"".join(line + b"\n" for line in lines))
    assert list(disk.read()) == lines


@pytest.mark.parametrize("torn", [b"t", b"torn" * 100_000])
def test_a_torn_tail_is_cut_off(path: Path, torn: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(b"whole\n" + torn)
    with FileDisk(path) as disk:
        assert disk.size == 6
        disk.append(b"next\n")
    assert path.read_bytes() == b"whole\nnext\n"


def test_a_file_without_one_whole_line_is_empty(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"never finished")
    assert reopened(path) == []


def test_a_second_process_is_told_that_the_file_is_in_use(disk: FileDisk, path: Path) -> None:
    with pytest.raises(DiskError, match="in use by another process"):
        FileDisk(path)


def test_a_replaced_file_holds_the_new_lines_only_and_can_be_appended_to(disk: FileDisk, path: Path) -> None:
    disk.append(b"old\n" * 1000)
    before = disk.read()
    next(before)
    disk.replace([b"new"])
    disk.append(b"newer\n")
    assert list(disk.read()) == [b"new", b"newer"]
    assert len(list(before)) == 999, "a reader under way goes on with the file that it began"
    assert os.listdir(path.parent) == ["journal"]  # noqa: PTH208 - names are what is compared


def test_what_a_dead_process_left_of_a_replacement_is_swept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"old\n")
    (path.parent / "journal.new").write_bytes(b"half of the ne")
    assert reopened(path) == [b"old"]
    assert not (path.parent / "journal.new").exists()


async def test_waiters_share_an_fsync(disk: FileDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    flush = edge_disk._flush

    def counted(file: int) -> None:
        flushed.append(file)
        flush(file)

    monkeypatch.setattr(edge_disk, "_flush", counted)
    disk.append(b"one\n")
    await asyncio.gather(*(disk.sync() for _ in range(50)))
    assert len(flushed) == 1
    await disk.sync()
    assert len(flushed) == 1, "nothing was appended since"
    disk.append(b"two\n")
    await disk.sync()
    assert len(flushed) == 2


async def test_what_is_appended_is_brought_to_the_disk_though_nobody_waits(
    disk: FileDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = threading.Event()

    def noted(file: int) -> None:
        os.close(file)
        brought.set()

    monkeypatch.setattr(edge_disk, "_flush", noted)
    disk.append(b"one\n")
    assert brought.wait(5), "the loop is not needed for it"


async def test_an_append_during_an_fsync_gets_one_of_its_own(disk: FileDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    under_way, goes_on = threading.Event(), threading.Event()

    def noted(file: int) -> None:
        flushed.append(os.fstat(file).st_size)
        os.close(file)
        under_way.set()
        goes_on.wait(5)

    monkeypatch.setattr(edge_disk, "_flush", noted)
    disk.append(b"one\n")
    assert under_way.wait(5)
    disk.append(b"two\n")
    goes_on.set()
    await disk.sync()
    assert flushed == [4, 8]


def test_a_full_disk_is_said_plainly_and_leaves_no_half_line(
    disk: FileDisk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.append(b"before\n")
    write = os.write

    def filling(file: int, content: bytes) -> int:
        if len(content) > 3:
            return write(file, content[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(DiskFull, match=r"journal could not be written: no space is left"):
        disk.append(b"during\n")
    monkeypatch.undo()
    disk.append(b"after\n")
    assert path.read_bytes() == b"before\nafter\n"


async def test_whoever_comes_at_the_end_of_an_fsync_does_not_spin(path: Path) -> None:
    with FileDisk(path, fsync_after=0) as disk:
        for _ in range(200):
            disk.append(b"one\n")
            begun = disk._round
            assert begun is not None
            while not begun.done():  # noqa: ASYNC110 - the moment just after is what is looked for
                await asyncio.sleep(0)
            disk.append(b"two\n")
            await asyncio.wait_for(disk.sync(), 5)


async def test_a_disk_that_fails_to_sync_says_so(disk: FileDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: int) -> None:
        os.close(file)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(edge_disk, "_flush", broken)
    disk.append(b"one\n")
    with pytest.raises(DiskError, match="could not be brought to the disk: Input/output error"):
        await disk.sync()
    monkeypatch.undo()
    await disk.sync()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match="file/journal could not be opened"):
        FileDisk(tmp_path / "file" / "journal")


WRITER = """
import sys
from pathlib import Path
from ivr.edge.disk import FileDisk
disk = FileDisk(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    disk.append(b"%d %s\\n" % (n, b"x" * (n % 5000)))
    if n % 100 == 0:
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()
"""


def test_every_append_that_returned_survives_kill_9(path: Path) -> None:
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=root)
    assert child.stdout is not None
    told = 0
    deadline = time.monotonic() + 20
    while told < 2000 and time.monotonic() < deadline:
        told = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    told = max([told, *(int(line) for line in child.stdout.read().split())])
    child.stdout.close()
    lines = reopened(path)
    assert told >= 2000
    assert len(lines) >= told
    assert lines == [b"%d %s" % (n, b"x" * (n % 5000)) for n in range(1, len(lines) + 1)]
