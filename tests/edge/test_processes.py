"""Children die with us, end in stages, and say why they ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ivr.edge.locks import Held, lock
from ivr.edge.processes import Child
from ivr.edge.secrets import Secrets
from ivr.errors import Trouble
from tests.asterisk.waiting import holds

ROOT = Path(__file__).resolve().parents[2]
SOON = 20.0


def alive(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid: int) -> bool:
    return holds(lambda: not alive(pid), SOON)


async def test_a_child_stops_at_the_first_signal_it_obeys(tmp_path: Path) -> None:
    child = Child.start("sleeper", ["sleep", "60"], tmp_path / "log")
    assert child.running
    assert await child.stop((signal.SIGTERM, SOON)) == -signal.SIGTERM
    assert not child.running


async def test_a_deaf_child_is_killed_with_its_group(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 61 & echo $! > grandchild; wait; wait"
    child = Child.start("deaf", ["sh", "-c", script], tmp_path / "log", cwd=tmp_path)
    pid_file = tmp_path / "grandchild"
    await child.ready(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"), SOON, "")
    assert await child.stop((signal.SIGTERM, 0.05)) == -signal.SIGKILL
    assert wait_until_gone(int(pid_file.read_text()))


def test_children_die_when_we_are_killed(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from ivr.edge.processes import Child
        child = Child.start("sleeper", ["sleep", "62"], Path({str(tmp_path / "log")!r}))
        print(child.pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert alive(child)
        process.kill()
    assert wait_until_gone(child)


async def test_readiness_tells_a_death_with_its_last_words(tmp_path: Path) -> None:
    child = Child.start("brief", ["sh", "-c", "echo no such thing; exit 3"], tmp_path / "log")
    with pytest.raises(Trouble, match=r"(?s)brief ended at once \(code 3\).*no such thing"):
        await child.ready(lambda: False, SOON, "look here.")
    assert await child.ended() == 3


async def test_a_program_that_is_not_there_is_a_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"ghost could not be started: there is no .*Install it"):
        Child.start("ghost", [tmp_path / "nothing"], tmp_path / "log")


async def test_everybody_who_waits_hears_of_the_end(tmp_path: Path) -> None:
    child = Child.start("sleeper", ["sleep", "60"], tmp_path / "log")
    waiting = [asyncio.create_task(child.ended()) for _ in range(3)]
    impatient = asyncio.create_task(child.ended())
    await asyncio.sleep(0)
    impatient.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await impatient
    child.kill()
    assert await asyncio.gather(*waiting) == [-signal.SIGKILL] * 3


def test_a_lock_is_held_once_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "house.lock"
    with lock(path):
        with pytest.raises(Held) as held, lock(path):
            pass
        assert held.value.holder == str(os.getpid())
    assert not path.exists()


def test_a_dead_holder_s_lock_file_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "house.lock"
    path.write_text("4194303\n")
    with lock(path):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


def test_secrets_are_made_once_and_are_ours_alone(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    first = secrets.get("ari-password")
    assert len(first) >= 32
    assert Secrets(tmp_path / "secrets").get("ari-password") == first
    assert secrets.get("api-token") != first
    assert [path.stat().st_mode & 0o777 for path in sorted(secrets.folder.iterdir())] == [0o600, 0o600]
