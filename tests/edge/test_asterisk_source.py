"""An Asterisk is found where it may be, and refused with a sentence where it is not good."""

import asyncio
import os
from pathlib import Path

import pytest

from ivr.edge import asterisk, packages
from ivr.errors import Trouble
from tests.asterisk.waiting import eventually


def quiet(_doing: str, _share: float | None) -> None:
    """Nobody looks."""


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("22.10.0", False),
        ("22.11.0-rc1", False),
        ("22.11.0", True),
        ("20.20.1", True),
        ("20.20.0", False),
        ("21.12.0", False),
        ("23.4.0", False),
        ("23.4.1", True),
        ("24.0.0", True),
        ("16.28.0~dfsg-0+deb11u4", False),
        ("certified/20.7-cert2", False),
        ("GIT-master-abc", False),
    ],
)
def test_versions_with_known_holes_are_refused(version: str, is_safe: bool) -> None:
    assert asterisk.safe(version) is is_safe


async def test_a_folder_without_an_asterisk_is_named_in_the_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_ASTERISK", str(tmp_path))
    with pytest.raises(Trouble, match=f"HOTLINE_ASTERISK names {tmp_path}, which holds no Asterisk"):
        await asterisk.find(tmp_path, quiet)


async def test_a_full_disk_is_told_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asterisk, "NEEDED_MIB", 1 << 40)
    with pytest.raises(Trouble, match="make room, then start again"):
        await asterisk.download(tmp_path, "asterisk", quiet)
    assert list(tmp_path.iterdir()) == []


async def test_without_a_mirror_the_remedy_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = tmp_path / "bin"
    fakes.mkdir()
    for tool in ("apt-get", "dpkg"):  # a machine whose apt knows no mirror
        (fakes / tool).write_text("#!/bin/sh\nexit 0\n")
        (fakes / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{fakes}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(packages, "APT", tmp_path / "etc")
    cache = tmp_path / "cache"
    cache.mkdir()
    with pytest.raises(Trouble, match=r"no Debian mirror.*HOTLINE_ASTERISK"):
        await asterisk.download(cache, "asterisk", quiet)
    assert list(cache.iterdir()) == []


async def test_a_failing_command_tells_its_complaint() -> None:
    with pytest.raises(packages.Failed) as failed:
        await packages.run("sh", "-c", "echo reading; echo 'E: no room'; exit 100")
    assert failed.value.reason() == "E: no room"


async def test_a_cancelled_command_is_gone_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    running = asyncio.create_task(packages.run("sh", "-c", f"sleep 63 & echo $! > '{pid}'; echo on; wait", heard=print))
    await eventually(lambda: pid.exists() and pid.read_text().endswith("\n"), 20, "it has a child")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: not Path(f"/proc/{pid.read_text().strip()}/exe").exists(), 20, "the child is gone")


@pytest.mark.asterisk
async def test_two_who_want_it_at_once_get_the_same_one(tmp_path: Path) -> None:
    first, second = await asyncio.gather(asterisk.find(tmp_path, quiet), asterisk.find(tmp_path, quiet))
    assert first == second
    assert asterisk.safe(first.version)
    assert (first.data / "rest-api").is_dir() or first.origin == "installed"


def test_apts_own_files_name_the_mirrors_of_a_machine_whose_lists_were_never_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://commented.example/debian bookworm main\n"
        "deb http://mirror.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] https://other.example/debian/ bookworm-updates main\n"
        "deb-src http://sources.example/debian bookworm main\n"
        "deb http://mirror.example/debian-security bookworm-security main\n"
    )
    (tmp_path / "sources.list.d" / "debian.sources").write_text(
        "Types: deb\nURIs: http://third.example/debian\nSuites: trixie\nComponents: main\n"
    )
    assert packages.written(tmp_path) == [
        "http://mirror.example/debian",
        "https://other.example/debian/",
        "http://third.example/debian",
    ]
    assert packages.written(tmp_path / "nothing") == []
