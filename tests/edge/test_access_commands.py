"""`hotline accounts`, `tokens`, `audit`, typed: behind them a server with real sockets and files."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self, cast

import msgspec
import pytest
from click.testing import CliRunner, Result

from ivr.app import Controller
from ivr.audit import Audit
from ivr.browsers import Browsers
from ivr.dispatcher import Dispatcher
from ivr.edge.clock import SystemClock
from ivr.edge.disk import FileDisk
from ivr.edge.http import ask, serving
from ivr.edge.locksmith import Argon2Locksmith
from ivr.edge.recordings import RecordingsFolder
from ivr.edge.secrets import Secrets
from ivr.errors import DiskError, Trouble
from ivr.journal import Journal
from ivr.lockout import Lockout
from ivr.main import main
from ivr.pins import Pins
from ivr.register import Register
from ivr.service import Audio, Service
from ivr.watch import Watch
from ivr.web.access import Access
from ivr.web.api import Api
from ivr.web.hub import Hub
from ivr.web.meters import Meters
from ivr.web.switchboard import Applied, Switchboard
from routing.floor import Floor
from tests.calls.desk import Records, reads
from tests.calls.simulated import CONFIG, STAFF
from tests.fake.disk import MemoryDisk
from tests.fake.wire import Life


async def _nothing() -> Applied:
    raise DiskError("nothing has been applied here")


class House:
    """A controller's API in a thread of its own, without calls."""

    def __init__(self, state: Path) -> None:
        self.state = state
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        (state / "house.json").write_bytes(msgspec.json.encode({"ports": {"web": self.port}}))
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._lives(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._loop.close()

    async def _lives(self) -> None:
        clock, secrets = SystemClock(), Secrets(self.state / "secrets")
        journal = Journal(MemoryDisk(), CONFIG.site.node, clock)
        register = Register(journal, list(journal.replay()))
        few = msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, agents=STAFF))
        service = Service(few, journal, Dispatcher(Floor(), journal, clock), clock, Audio("/prompts", {}))
        lockout = Lockout(MemoryDisk())
        pins = Pins(MemoryDisk(), clock, Argon2Locksmith(), lockout)
        controller = Controller(
            service, cast("Life", None), register, pins, browsers=Browsers(MemoryDisk(), Argon2Locksmith())
        )
        with FileDisk(self.state / "access" / "access") as kept, FileDisk(self.state / "audit" / "audit") as log:
            access = Access(kept, clock, Argon2Locksmith(), secrets.get("api-token"), lockout)
            store = Records(MemoryDisk())
            find, hub = RecordingsFolder(self.state / "recordings").find, Hub(controller, access, Watch(clock, {}))
            audit, watch, meters = Audit(log, clock), Watch(clock, {}), cast("Meters", None)
            board = Switchboard(controller, store, _nothing, access, audit, find, hub, watch, meters, reads)
            async with serving(Api(board, access.identify).answer, self.port):
                self._ready.set()
                await self._over.wait()

    def asks(self, method: str, path: str, token: str, **given: object) -> object:
        """As a desk would."""
        return asyncio.run(ask(f"http://127.0.0.1:{self.port}{path}", method, token, given))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("HOTLINE_STATE", str(tmp_path))
    with House(tmp_path) as house:
        yield house


def typed(*words: str, into: str = "") -> Result:
    return CliRunner().invoke(main, words, input=into)


def test_an_account_is_made_changed_and_taken_out_of_use(house: House) -> None:
    made = typed("accounts", "add", "wang", "--role", "operator", "--agent", "1016")
    assert made.exit_code == 0, made.output
    assert "wang: operator, agent 1016" in made.output
    password = re.search(r"Password, not to be seen again: (\S+)", made.output)
    assert password
    signed_in = cast("dict[str, str]", house.asks("POST", "/login", "", name="wang", password=password[1]))
    assert (
        "wang: supervisor, auditor, agent 1016"
        in typed("accounts", "role", "wang", "--role", "auditor", "--role", "supervisor").output
    )
    assert "a sign-in" in typed("tokens").output
    typed("accounts", "password", "wang", "--type-it", into="出租屋里的密码 123\n出租屋里的密码 123\n")
    with pytest.raises(Trouble, match="needs a token"):
        house.asks("GET", "/me", signed_in["token"])
    assert house.asks("POST", "/login", "", name="wang", password="出租屋里的密码 123")
    issued = typed("tokens", "add", "wang", "wallboard", "--role", "auditor").output
    token, secret = re.findall(r"Token (\w+) of|^(\S{43,})$", issued, re.MULTILINE)
    assert "wallboard" in typed("tokens").output
    assert house.asks("GET", "/me", secret[1])
    assert typed("tokens", "revoke", token[0]).exit_code == 0
    assert "disabled" in typed("accounts", "disable", "wang").output
    assert "disabled" in typed("accounts").output
    assert "disabled" not in typed("accounts", "enable", "wang").output
    refused = typed("accounts", "add", "li", "--role", "operator", "--agent", "1016")
    assert refused.exit_code == 1
    assert "agent 1016 is wang" in refused.output
    shown = typed("audit", "--json").stdout
    assert [entry["deed"]["what"] for entry in msgspec.json.decode(shown)] == [
        "open-account", "login", "set-roles", "reset-password", "me", "login",
        "issue-token", "revoke-token", "disable", "disable", "open-account",
    ]  # fmt: skip
    assert "(house)" in shown
    assert password[1] not in shown
    assert "出租屋" not in shown


@pytest.mark.parametrize("words", [("agents", "--json"), ("queues",)])
def test_what_is_watched_without_a_screen_is_said_again_and_again(house: House, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "ivr", *words, "--watch"]
    state = {**os.environ, "HOTLINE_STATE": str(house.state)}
    with subprocess.Popen(command, env=state, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as watching:
        limit = threading.Timer(30, watching.kill)
        limit.start()
        assert watching.stdout is not None
        first = watching.stdout.readline()
        again = next(line for line in watching.stdout if line == first)
        watching.send_signal(signal.SIGINT)
        limit.cancel()
    assert again
    assert watching.returncode in {0, 1}


def test_every_agent_is_given_an_account_and_none_is_given_two(house: House) -> None:
    typed("accounts", "add", "wang", "--role", "supervisor", "--agent", "1016")
    made: dict[str, str] = dict(line.split("\t")[::2] for line in typed("accounts", "add-agents").output.splitlines())
    assert made.keys() == STAFF.keys() - {"1016"}
    assert house.asks("POST", "/login", "", name="1001", password=made["1001"])
    assert not typed("accounts", "add-agents").output


def test_a_log_that_somebody_has_changed_is_said_with_its_line(house: House) -> None:
    for name in ("li", "wang", "zhao"):
        typed("accounts", "add", name, "--role", "auditor")
    path = house.state / "audit" / "audit"
    whole = typed("audit")
    assert whole.exit_code == 0
    assert "Entries 1 to 3:" in whole.output
    older = typed("audit", "--json", "--last", "1", "--before", "3").stdout
    assert [entry["n"] for entry in msgspec.json.decode(older)] == [2]
    path.write_bytes(path.read_bytes().replace(b'\\"wang\\"', b'\\"nobody\\"'))
    broken = typed("audit", "--last", "1")
    assert broken.exit_code == 1
    assert f"{path}:2: does not match its checksum" in broken.output
    assert f"{path}:3: does not carry the digest" in broken.output


def test_a_log_that_nobody_has_begun_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_STATE", str(tmp_path))
    assert "No entry is there." in typed("audit").output


def test_a_recording_is_saved_and_who_took_it_is_in_the_audit_log(house: House, tmp_path: Path) -> None:
    (house.state / "recordings").mkdir()
    content = bytes(range(256)) * 1000
    (house.state / "recordings" / "handan1-17-0.flac").write_bytes(content)
    saved = typed("recording", "handan1-17-0", "--out", str(tmp_path / "it.flac"))
    assert saved.exit_code == 0, saved.output
    assert "250 KiB" in saved.output
    assert (tmp_path / "it.flac").read_bytes() == content
    (log,) = (house.state / "audit").iterdir()
    assert "handan1-17-0" in log.read_text().splitlines()[-1]
    assert "recording" in log.read_text().splitlines()[-1]


@pytest.mark.parametrize(("call", "why"), [("handan1-18-0", "there is no recording"), ("../secrets", "call")])
def test_a_recording_that_is_not_there_or_is_none_is_refused(house: House, tmp_path: Path, call: str, why: str) -> None:
    told = typed("recording", call, "--out", str(tmp_path / "it.flac"))
    assert told.exit_code == 1
    assert why in told.output
    assert not (tmp_path / "it.flac").exists()


def test_a_place_that_cannot_be_written_is_named(house: House, tmp_path: Path) -> None:
    (house.state / "recordings").mkdir()
    (house.state / "recordings" / "handan1-17-0.flac").write_bytes(b"fLaC")
    told = typed("recording", "handan1-17-0", "--out", str(tmp_path / "nowhere" / "it.flac"))
    assert "it.flac cannot be written: No such file or directory" in told.output


def test_an_account_s_own_token_may_do_what_the_account_may(house: House, tmp_path: Path) -> None:
    typed("accounts", "add", "wang", "--role", "operator", "--agent", "1016")
    kept = tmp_path / "token"
    kept.write_text(typed("tokens", "add", "wang", "shell", "--role", "operator").stdout)
    kept.chmod(0o640)
    refused = typed("--token-file", str(kept), "agents", "sign-in", "1016")
    assert refused.exit_code == 1
    assert f"can be read by others: chmod 600 {kept}" in refused.output
    kept.chmod(0o600)
    own = ("--token-file", str(kept))
    assert typed(*own, "agents", "sign-in", "1016").exit_code == 0
    assert "only to what is their own" in typed(*own, "agents", "sign-in", "1001").output
    assert typed(*own, "tokens").exit_code == 1
    assert typed("tokens").exit_code == 0, "the house itself may"
    runner = CliRunner(env={"HOTLINE_TOKEN_FILE": str(kept)})
    assert runner.invoke(main, ["tokens"]).exit_code == 1
    assert runner.invoke(main, ["agents", "sign-out", "1016"]).exit_code == 0
    deeds = [entry["deed"] for entry in msgspec.json.decode(typed("audit", "--json").stdout)]
    theirs = [(deed["what"], deed["status"]) for deed in deeds if deed["who"] == "wang"]
    assert theirs == [("sign-in", 200), ("sign-in", 403), ("tokens", 403), ("tokens", 403), ("sign-out", 200)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "there is no token in"), ("two words\nof it", "there is no token in"), (None, "No such file")],
)
def test_what_is_no_token_is_said_in_one_sentence(
    house: House, tmp_path: Path, text: str | None, sentence: str
) -> None:
    assert house.state == tmp_path
    kept = tmp_path / "token"
    if text is not None:
        kept.touch(0o600)
        kept.write_text(text)
    said = typed("--token-file", str(kept), "agents")
    assert said.exit_code == 1
    assert sentence in said.output
    assert said.output.count("\n") == 1
