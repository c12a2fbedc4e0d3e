"""The whole house on a real Asterisk and a real PostgreSQL, with a stand-in for the controller."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from dialplans.render import DIRECTORIES
from ivr.edge.processes import dies_with_us
from tests.asterisk.house import chosen_ports, written_city
from tests.asterisk.prompts import keep, lend
from tests.asterisk.switch import PRODUCTION, amended
from tests.asterisk.waiting import holds

ROOT = Path(__file__).resolve().parents[2]
START = """
import contextlib, os, socket, sys
from ivr.house import commands, house, ladder

@contextlib.asynccontextmanager
async def somebody_takes_a_port(house, say):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", int(os.environ["TAKEN_ON_THE_WAY"])))
        yield

if "TAKEN_ON_THE_WAY" in os.environ:
    steps = (*ladder.LADDER[:3], ("Somebody else", somebody_takes_a_port), *ladder.LADDER[3:])
    commands.open_house = lambda house: ladder.open_house(house, steps)
house.CONTROLLER = (sys.executable, "-m", "tests.house.controller")
ladder.NEEDED_MIB = int(os.environ.get("NEEDED_MIB", ladder.NEEDED_MIB))
commands.up(sys.argv[1:])
"""
WITHIN = 60.0
Ports = Mapping[str, str]


@dataclass
class Started:
    """`hotline up` in a process of its own."""

    process: subprocess.Popen[str]
    state: Path

    def says(self) -> Mapping[str, Any]:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return dict(msgspec.json.decode((self.state / "house.json").read_bytes()))
        return {}

    def wait_for(self, what: str) -> str:
        """Everything it prints up to a line that holds `what`."""
        heard = ""
        too_late = threading.Timer(WITHIN, self.process.kill)
        too_late.start()
        assert self.process.stdout
        while what not in heard and (line := self.process.stdout.readline()):
            heard += line
        too_late.cancel()
        assert what in heard, heard
        return heard

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=WITHIN)
        return self.process.returncode, said


@contextlib.contextmanager
def house(
    state: Path, ports: Ports, *arguments: str, under: Sequence[str | Path] = (), **more: str
) -> Iterator[Started]:
    """Started as `hotline up ARGUMENTS`, `under` another command, with `more` variables."""
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("HOTLINE_", "DATABASE_")) or k == "HOTLINE_ASTERISK"
    }
    env |= dict(ports) | {"COLUMNS": "200"} | more
    argv = [*under, sys.executable, "-c", START, "--state", str(state), *arguments]
    process = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=env,
        preexec_fn=dies_with_us(signal.SIGKILL),  # noqa: PLW1509 - it calls one function, resolved beforehand
    )
    try:
        yield Started(process, state)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def left(state: Path, pids: Mapping[str, int]) -> list[str]:
    """Processes, sockets and locks that should be gone; waits a little for processes that were told to end."""
    holds(lambda: not any(map(_runs, pids.values())), 15)
    alive = [name for name, pid in pids.items() if _runs(pid)]
    return alive + [str(p) for p in state.rglob("*") if p.is_socket() or p.name in {"house.lock", "house.json"}]


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    return False


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("a house") / "状态"
    lend(state)
    return state


@pytest.fixture(scope="module")
def ports() -> Ports:
    return chosen_ports()


def is_stopped_on_its_way(state: Path, ports: Ports, after: str, number: signal.Signals) -> None:
    """A house that is told to stop as soon as it has said `after` does so, and nothing of it is left."""
    with house(state, ports) as started:
        started.wait_for(after)
        begun = psutil.Process(started.process.pid).children(recursive=True)
        code, said = started.end(number)
    assert (code, "all is stopped" in said, "is open" in said) == (0, True, False), said
    assert left(state, {str(each.pid): each.pid for each in begun}) == []
    assert not [each for each in psutil.process_iter() if is_of(each, state)]


def is_of(process: psutil.Process, state: Path) -> bool:
    """Whether its command line names the state directory."""
    with contextlib.suppress(psutil.Error):
        return any(str(state) in each for each in process.cmdline())
    return False


@pytest.mark.asterisk
def test_a_house_opens_after_three_that_were_stopped_on_their_way_keeps_its_servers_and_leaves_nothing(
    state: Path, ports: Ports
) -> None:
    is_stopped_on_its_way(state, ports, "looking after its data …", signal.SIGINT)
    is_stopped_on_its_way(state, ports, "starting it …", signal.SIGHUP)
    is_stopped_on_its_way(state, ports, "✓ Asterisk's settings", signal.SIGTERM)
    with house(state, ports) as started:
        said = started.wait_for("Ctrl-C")
        keep(state)
        assert "hotline call 12345" in said
        assert f"127.0.0.1:{ports['HOTLINE_TOWN_SIP_PORT']}" in said
        assert "rehearsed 2021-09-15 09:00" in said
        pids = dict(started.says()["pids"])
        assert sorted(pids) == ["asterisk", "controller", "postgres", "town"]
        os.kill(pids["controller"], signal.SIGKILL)
        started.wait_for("the controller is ready again")
        after = dict(started.says()["pids"])
        assert {name for name in pids if pids[name] != after[name]} == {"controller"}
        with house(state, ports) as second:
            code, said = second.process.wait(WITHIN), second.process.communicate()[0]
            assert code == 1
            assert re.search(rf"a house is running in .*\(process {started.says()['pid']}\): stop it", said)
        os.kill(after["asterisk"], signal.SIGKILL)
        started.wait_for("Asterisk is ready again")
        os.kill(after["controller"], signal.SIGSTOP)
        assert "the controller has not answered for " in started.wait_for("the controller is ready again")
        pids = dict(started.says()["pids"])
        code, said = started.end(signal.SIGTERM)
        assert code == 0, said
        assert "all is stopped" in said
    assert left(state, pids) == []


@pytest.mark.asterisk
def test_a_killed_supervisor_takes_all_with_it_and_the_next_house_makes_nothing_anew(state: Path, ports: Ports) -> None:
    with house(state, ports) as first:
        first.wait_for("Ctrl-C")
        pids = dict(first.says()["pids"])
        first.process.kill()
        assert not [name for name in left(state, pids) if name in pids]
    made = [state / "postgres/data/PG_VERSION", *(state / "prompts").glob("*.wav")]
    before = [path.stat().st_mtime_ns for path in made]
    with house(state, ports) as again:
        again.wait_for("Ctrl-C")
        assert [path.stat().st_mtime_ns for path in made] == before  # so it opens within seconds
        pids = dict(again.says()["pids"])
        assert again.end()[0] == 0
    assert left(state, pids) == []


@pytest.mark.asterisk
def test_a_failure_on_the_way_up_undoes_what_was_done(state: Path, ports: Ports) -> None:
    with house(state, ports, HOTLINE_ASTERISK="/nonexistent") as started:
        said, _ = started.process.communicate(timeout=WITHIN)
        assert started.process.returncode == 1
        assert "HOTLINE_ASTERISK names /nonexistent, which holds no Asterisk" in said
        assert "PostgreSQL stopped" in said
    assert left(state, {}) == []


def on_a_disk(state: Path, size: str) -> Sequence[str | Path]:
    """A command that runs another one, for which `state` is an empty disk of that size."""
    prefix = ("unshare", "--mount")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us mount nothing")
    state.mkdir()
    return *prefix, "sh", "-c", 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"', "sh", size, state


@pytest.mark.parametrize(
    ("size", "needed", "words"),
    [
        ("size=100m", {}, "only 100 MiB are free in {state}, and 300 are needed: make room, then start again."),
        ("nr_inodes={folders}", {}, "the disk is full ({state}/house.lock): make room, then start again."),
        (
            "size=20m",
            {"NEEDED_MIB": "0"},
            "the database could not be made in {state}/postgres; often the disk is full.",
        ),
    ],
)
def test_a_full_disk_is_a_sentence_with_its_remedy(
    tmp_path: Path, ports: Ports, size: str, needed: Mapping[str, str], words: str
) -> None:
    state = tmp_path / "state"
    folders = {state / each for name in (*DIRECTORIES, "log", "journal") for each in (Path(name), *Path(name).parents)}
    with house(state, ports, under=on_a_disk(state, size.format(folders=len(folders))), **needed) as started:
        said, _ = started.process.communicate(timeout=WITHIN)
    assert started.process.returncode == 1
    assert words.format(state=state) in said
    assert "Traceback" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only what root starts has to become another user")
def test_a_tool_that_is_missing_is_a_sentence_with_its_remedy(tmp_path: Path, ports: Ports) -> None:
    with house(tmp_path / "state", ports, PATH=str(tmp_path)) as started:
        said, _ = started.process.communicate(timeout=WITHIN)
    assert started.process.returncode == 1
    assert "initdb could not be started: there is no setpriv.  Install it, then start again." in said
    assert left(tmp_path / "state", {}) == []


def test_a_house_in_production_refuses_to_live_at_another_moment(tmp_path: Path, ports: Ports) -> None:
    city = written_city(tmp_path / "city", amended(PRODUCTION))
    with house(tmp_path / "state", ports, "--at", "2021-09-15T09:00", HOTLINE_CONFIG=str(city)) as started:
        said, _ = started.process.communicate(timeout=WITHIN)
    assert started.process.returncode == 1
    assert said.strip().endswith(
        "this house is in production (site.yaml: mode), and production lives today: leave --at out."
    )


def test_a_port_in_use_is_a_sentence_with_its_remedy(tmp_path: Path, ports: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with house(tmp_path / "state", dict(ports) | {"HOTLINE_WEB_PORT": str(port)}) as started:
            said, _ = started.process.communicate(timeout=WITHIN)
    assert started.process.returncode == 1
    assert re.search(rf"TCP port {port} is in use.*choose another port with HOTLINE_WEB_PORT=", said)
    assert left(tmp_path / "state", {}) == []


@pytest.mark.asterisk
def test_a_port_of_sip_that_is_taken_while_the_house_opens_is_a_sentence_too(state: Path, ports: Ports) -> None:
    """Asterisk runs without the transport whose port it could not have, and answers everything but calls."""
    with house(state, ports, TAKEN_ON_THE_WAY=ports["HOTLINE_SIP_PORT"]) as started:
        said, _ = started.process.communicate(timeout=WITHIN)
    assert started.process.returncode == 1
    sip, pid = ports["HOTLINE_SIP_PORT"], started.process.pid
    told = rf"Asterisk has no SIP: UDP port {sip} is in use by .* \(process {pid}\)"
    assert re.search(rf"{told}: stop that, or choose another port with HOTLINE_SIP_PORT=…", said), said
    assert left(state, {}) == []


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (("--at", "yesterday"), {}, "--at yesterday is no moment"),
        ((), {"HOTLINE_SIP_PORT": "sip"}, "HOTLINE_SIP_PORT is 'sip'"),
        ((), {"HOTLINE_SIP_BIND": "everywhere"}, "HOTLINE_SIP_BIND is 'everywhere'"),
        ((), {"HOTLINE_SIP_BIND": "192.0.2.1"}, "192.0.2.1 is no address of this machine: choose one that is with"),
        ((), {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "DATABASE_URL cannot be used"),
        ((), {"HOTLINE_DEMO_AGENTS": "some"}, "HOTLINE_DEMO_AGENTS is 'some': it must be yes or no."),
        ((), {"HOTLINE_POSTGRES": "/nowhere"}, "HOTLINE_POSTGRES names /nowhere, which holds no PostgreSQL"),
        (("--state", "/proc/nothing"), {}, "choose another"),
        (("--state", "/tmp/a,b"), {}, "has a ',' in its name"),
    ],
)
def test_what_cannot_work_is_told_in_a_sentence(
    tmp_path: Path, ports: Ports, arguments: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    with house(tmp_path / "state", ports, *arguments, **variables) as started:
        said, _ = started.process.communicate(timeout=WITHIN)
    assert started.process.returncode == 1
    assert words in said
    assert "Traceback" not in said
