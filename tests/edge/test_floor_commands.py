"""What agents and supervisors do, typed: one command an operation, and of each an entry of its own in both logs.

Behind them a simulated switch with real sockets, in real time; what people hear of it all, `tests/asterisk` tells.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner, Result

from ivr.edge.applied import user
from ivr.entries import Entry
from ivr.main import main
from ivr.web import agents, broadcasts, calling, nuisance, pools, talks
from ivr.web.operations import Operation
from routing.config import build
from tests.asterisk.switch import amended
from tests.asterisk.waiting import holds
from tests.calls.desk import Desk
from tests.fake.world import Phone
from tests.web.served import Served

WITHIN_S = 20.0
OWNER, COLLEAGUE, BOSS_AT = "1016", "1017", "8020"
WATER, CALLED = "03108095001", "13800138000"
OUTSIDE = (WATER, CALLED, "110", "03108092901", "03108092902", "03108092903")

TABLES = agents, broadcasts, calling, nuisance, pools, talks
NO_COMMAND = {"heartbeat", "give-phone"}
"""What a browser does by itself: says that it is there, which leaves no entry, and asks for its phone's secret."""
DONE = [
    operation
    for table in TABLES
    for operation in table.OPERATIONS
    if operation.method != "GET" and operation.name not in NO_COMMAND
]

JOURNAL = {
    "give-pin": "",  # in a file of its own
    "sign-in": '"event":"signed-in"',
    "sign-out": '"event":"signed-out"',
    "make-ready": '"event":"readied"',
    "pause": '"event":"paused"',
    "answer": '"step":"answering:1"',
    "wrap-up": '"matter":"help"',
    "announce": '"prompt":"pool-closed"',
    "call-out": '"direction":"out"',
    "confirm-nuisance": '"fact":"confirmed"',
    "dismiss-nuisance": '"fact":"closed"',
    "lift-nuisance": '"fact":"closed"',
    "close-pool": '"event":"closed"',
    "open-pool": '"event":"opened"',
    "move-call": '"event":"directed"',
    "emergency": '"kind":"emergency"',
    "utility": '"name":"water"',
    "expert": '"kind":"expert"',
}
"""What stands in an operation's entry in the journal; of all others, which are done in a talk, what is asked for."""


class Typed(NamedTuple):
    """A command that was typed, for an operation, and how much there was in the audit log and the journal before."""

    operation: str
    audited: int
    written: int


class Shift:
    """Somebody at the command line, and the calls that they are about."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._typed: list[Typed] = []

    def types(self, operation: str, *words: str) -> None:
        """A command that is to do this."""
        self._typed.append(Typed(operation, len(self._audited()), len(self._journal())))
        ran = typed(*words)
        assert ran.exit_code == 0, f"hotline {' '.join(words)}: {ran.output}"

    def left(self, operation: str) -> tuple[list[str], list[str]]:
        """What the log has of a command, the first for this operation, and what was written until the next one."""
        n = next(n for n, each in enumerate(self._typed) if each.operation == operation)
        since, until = self._typed[n], self._typed[n + 1] if n + 1 < len(self._typed) else None
        audited, journal = self._audited(), self._journal()
        return (
            audited[since.audited : until.audited if until else None],
            journal[since.written : until.written if until else None],
        )

    def has(self, happen: Callable[[Desk], object]) -> None:
        """Something happens at the other phones."""
        self._served.has(happen)

    def _audited(self) -> list[str]:
        return [each.deed.what for each in self._served.desk.audit.latest(1000)]

    def _journal(self) -> list[str]:
        entries = [msgspec.json.decode(line[9:], type=Entry) for line in self._served.desk.entries.read()]
        return [f"{each.topic} {bytes(each.body).decode()}" for each in entries]

    def comes(self, name: str) -> None:
        """A citizen dials, and talks with the owner."""
        self.has(lambda desk: desk.fake.dials("12345", label=name))
        does("citizen", "talking")

    def leaves(self, name: str) -> None:
        """A citizen hangs up, and the owner is ready again."""
        self.has(lambda desk: desk.fake.hangs_up(desk.fake.parties[name]))
        is_(OWNER, "ready")


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def shown(*words: str) -> Any:
    """What a command shows, as values."""
    return json.loads(typed(*words, "--json").output)


def is_(agent: str, state: str) -> None:
    """Wait until an agent is in this state."""

    def so() -> bool:
        return [each["state"] for each in shown("agents") if each["agent"] == agent] == [state]

    assert holds(so, WITHIN_S), f"{agent} is {state}"


def does(party: str, doing: str) -> None:
    """Wait until somebody in the owner's talk does that."""
    assert holds(lambda: f"{party}: {doing} for" in typed("talk", "show", OWNER).output, WITHIN_S), (party, doing)


def marked() -> str:
    """The call in which a number was marked."""
    (case,) = shown("nuisance")
    return str(case["call"])


async def opens(desk: Desk) -> None:
    """Phones at the seats, and whoever can be dialled; prompts that take no time."""
    desk.fake.lengths = dict.fromkeys(desk.fake.lengths, 50)
    desk.fake.seat("8016", Phone(), Phone(answers_after=0.1, talks=None))
    for seat in ("8017", BOSS_AT):
        desk.fake.seat(seat, answers_after=0.1, talks=None)
    for number in OUTSIDE:
        desk.fake.target(number, answers_after=0.1, talks=None)


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    """All that there is to do, in an order in which it can be done."""
    state = tmp_path_factory.mktemp("a floor at the command line")
    config = build(amended({'"Mo-Fr 17:30-21:00; Sa,Su 09:00-17:00"': "always"}))  # one expert is always on duty
    with pytest.MonkeyPatch.context() as environment, Served(opens, config) as served:
        environment.setenv("HOTLINE_STATE", str(state))
        (state / "house.json").write_bytes(msgspec.json.encode({"ports": {"web": served.port}}))
        (state / "secrets").mkdir()
        (state / "secrets" / "api-token").write_text("house")
        shift = Shift(served)
        begin(shift)
        bring_others_in(shift)
        let_go(shift)
        supervise(shift)
        direct(shift)
        yield shift


def begin(shift: Shift) -> None:
    """An agent sits down and has the phone answer; then what two can do who talk."""
    shift.types("give-pin", "agents", "pin", OWNER)
    shift.types("sign-in", "agents", "sign-in", OWNER, "--not-ready")
    shift.types("make-ready", "agents", "ready", OWNER)
    shift.has(lambda desk: desk.fake.dials("12345", label="first"))
    is_(OWNER, "ringing")
    shift.types("answer", "agents", "answer", OWNER)
    does("citizen", "talking")
    for operation in ("hold", "retrieve", "mute", "unmute", "pause-recording", "resume-recording"):
        shift.types(operation, "talk", operation, OWNER)


def bring_others_in(shift: Shift) -> None:
    """A colleague, who keeps the citizen; and whoever is outside, one after the other."""
    shift.types("sign-in", "agents", "sign-in", COLLEAGUE)
    shift.types("consult", "talk", "consult", OWNER, "--agent", COLLEAGUE)
    does(COLLEAGUE, "consulting")
    is_(OWNER, "consulting")
    for operation in ("switch", "three-way", "complete"):
        shift.types(operation, "talk", operation, OWNER)
    shift.types("pause", "agents", "pause", COLLEAGUE, "--reason", "会议")
    shift.types("wrap-up", "wrap-up", OWNER, "help")
    shift.leaves("first")
    shift.comes("second")
    for operation, *whom in (
        ("link", "--target", "water"),
        ("emergency", "110"),
        ("utility", "water"),
        ("expert", "housing-fund"),
    ):
        shift.types(operation, "talk", operation, OWNER, *whom)
        shift.types("cancel", "talk", "cancel", OWNER)
    shift.types("transfer", "talk", "transfer", OWNER, "--target", "water")
    is_(OWNER, "ready")
    shift.leaves("second")


def let_go(shift: Shift) -> None:
    """Calls that are ended, and one of our own."""
    shift.comes("third")
    shift.types("nuisance", "talk", "nuisance", OWNER)
    shift.types("silent", "talk", "silent", OWNER)
    is_(OWNER, "ready")
    shift.types("call-out", "call-out", OWNER, CALLED)
    does("citizen", "talking")
    shift.types("hang-up", "talk", "hang-up", OWNER)
    is_(OWNER, "ready")


def supervise(shift: Shift) -> None:
    """A talk that somebody hears, and then has."""
    shift.comes("fourth")
    shift.types("listen", "talk", "listen", OWNER, "--seat", BOSS_AT)
    does(f"{user()} (house)", "listening")
    for operation in ("whisper", "barge", "take-over", "stop"):
        shift.types(operation, "talk", operation, OWNER)
    is_(OWNER, "ready")


def direct(shift: Shift) -> None:
    """Numbers that were marked, a pool, and somebody who waits."""
    shift.types("confirm-nuisance", "nuisance", "confirm", marked())
    shift.types("lift-nuisance", "nuisance", "lift", marked())
    shift.comes("fifth")
    shift.types("nuisance", "talk", "nuisance", OWNER)
    shift.types("dismiss-nuisance", "nuisance", "dismiss", marked())
    shift.leaves("fifth")
    shift.types("pause", "agents", "pause", OWNER, "--reason", "会议")
    shift.has(lambda desk: desk.fake.dials("12345", label="sixth"))
    assert holds(lambda: len(shown("queues")) == 1, WITHIN_S), "the sixth waits"
    shift.types("announce", "announce", "pool-closed")
    shift.types("move-call", "move", shown("queues")[0]["call"], "law")
    shift.types("close-pool", "close", "law")
    shift.types("open-pool", "open", "law")
    shift.types("sign-out", "agents", "sign-out", OWNER)


@pytest.mark.parametrize("operation", DONE, ids=lambda operation: operation.name)
def test_an_operation_is_one_command_and_leaves_an_entry_of_its_own_in_both_logs(
    shift: Shift, operation: Operation
) -> None:
    audited, journal = shift.left(operation.name)
    assert audited == [operation.name]
    says = JOURNAL.get(operation.name, f'"do":"{operation.name}"')
    assert any(says in entry for entry in journal) or not says, journal


def test_what_is_named_here_is_an_operation() -> None:
    assert {*JOURNAL, *NO_COMMAND} <= {operation.name for table in TABLES for operation in table.OPERATIONS}
