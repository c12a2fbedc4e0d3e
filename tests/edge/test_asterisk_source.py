"""An Asterisk is found where it may be, and refused with a sentence where it is not good."""

import asyncio
import io
import os
import platform
from pathlib import Path

import pytest
from rich.console import Console

from ivr.edge import asterisk, packages
from ivr.errors import Trouble
from ivr.house import ladder
from ivr.house.house import House
from ivr.house.report import Report
from ivr.house.settings import read
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


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine whose PATH is `usr/local/sbin:usr/sbin`, and where nothing is installed yet."""
    monkeypatch.delenv("HOTLINE_ASTERISK", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/usr/local/sbin:{tmp_path}/usr/sbin:/usr/bin:/bin")
    return tmp_path


def install(version: str, program: Path, modules: Path, data: Path) -> None:
    """An Asterisk that only says its version."""
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho Asterisk {version}\n")
    program.chmod(0o755)
    (data / "documentation").mkdir(parents=True)
    modules.mkdir(parents=True)
    for name in asterisk.NEEDED_MODULES:
        (modules / f"{name}.so").touch()


def install_debian_s(version: str, machine: Path) -> Path:
    """As Debian's package does; the folder of its modules."""
    usr = machine / "usr"
    modules = usr / "lib" / f"{platform.machine()}-linux-gnu" / "asterisk/modules"
    install(version, usr / "sbin/asterisk", modules, usr / "share/asterisk")
    return modules


@pytest.mark.parametrize("data", ["usr/share/asterisk", "var/lib/asterisk"])
@pytest.mark.parametrize("library", [f"lib/{platform.machine()}-linux-gnu", "lib", "lib64"])
async def test_one_that_is_installed_and_new_enough_is_used(machine: Path, library: str, data: str) -> None:
    modules = machine / "usr" / library / "asterisk/modules"
    install("22.10.1", machine / "usr/sbin/asterisk", modules, machine / data)
    found = await asterisk.find(machine / "state", quiet)
    assert (found.origin, found.version) == ("installed", "22.10.1")
    assert found.program == (f"{machine}/usr/sbin/asterisk",)
    assert (found.modules, found.data.resolve()) == (modules, machine / data)
    assert asterisk.passed_over() == ""


async def test_one_that_was_built_here_is_used_with_its_own_modules(machine: Path) -> None:
    """Beside Debian's old one, whose modules would not fit."""
    install_debian_s("16.28.0~dfsg-0+deb11u4", machine)
    local = machine / "usr/local"
    install("22.10.1", local / "sbin/asterisk", local / "lib/asterisk/modules", local / "var/lib/asterisk")
    found = await asterisk.find(machine / "state", quiet)
    assert (found.version, found.modules) == ("22.10.1", local / "lib/asterisk/modules")


def test_one_that_is_installed_and_too_old_or_not_whole_is_passed_over_and_that_is_said(machine: Path) -> None:
    modules = install_debian_s("16.28.0~dfsg-0+deb11u4", machine)
    said = f"the Asterisk of this machine, {machine}/usr/sbin/asterisk, is not used: "
    assert asterisk.installed() is None
    assert asterisk.passed_over() == f"{said}version 16.28.0~dfsg-0+deb11u4 is too old, or has known holes."
    program = machine / "usr/sbin/asterisk"
    program.write_text("#!/bin/sh\necho Asterisk 22.10.1\n")
    assert asterisk.installed() is not None
    (modules / "app_queue.so").unlink()
    assert asterisk.installed() is None
    assert asterisk.passed_over() == f"{said}parts of it are missing."


@pytest.mark.asterisk
async def test_a_house_on_a_machine_with_an_old_one_says_so_and_has_another(machine: Path) -> None:
    install_debian_s("16.28.0", machine)
    said = io.StringIO()
    report = Report(Console(file=said, width=400))
    house = House(read(machine / "state", None, {}), report)
    with report.step("Asterisk's programs") as step:
        async with ladder.telephony(house, step):
            assert house.asterisk
            assert asterisk.safe(house.asterisk.version)
    assert "usr/sbin/asterisk, is not used: version 16.28.0 is too old" in said.getvalue()


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


async def test_a_machine_without_debian_s_tools_is_told_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Trouble, match=r"apt-get is not on this machine, so .*Install Asterisk 22.10.1 or newer, or"):
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
