"""What commands show of the switch, from what the controller answers, on narrow screens and wide ones."""

import io
from datetime import datetime
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console, RenderableType

from ivr.commands import switch
from ivr.commands.fitted import Fitted, seconds, short, since
from ivr.facts import CallRecord, Outcome
from ivr.trunks import Registration, TrunkNow
from ivr.web.calls import Calls
from ivr.web.views import LivingCall, ended
from routing.hours import SHANGHAI
from routing.ids import AgentId, CallId, Instant, PoolId, TargetId

NARROW, WIDE = 80, 200
CALL = CallRecord(CallId("handan1-1795863937-25"), "handan1", Outcome.TRANSFERRED, Instant(0), Instant(1))
OUT = msgspec.structs.replace(CALL, call=CallId("handan1-1795864109851-out-1001"), line="13900000310")


def printed(what: RenderableType, width: int = WIDE) -> str:
    paper = io.StringIO()
    Console(file=paper, width=width).print(what)
    return paper.getvalue()


def shown(*records: CallRecord, width: int = WIDE, **others: Any) -> str:
    """The tables as they are printed."""
    now: Any = msgspec.to_builtins(Calls([], [ended(record) for record in records], **others))
    return printed(switch._calls(now), width)


def test_a_call_that_overflowed_says_so_beside_whom_it_came_to() -> None:
    overflowed = msgspec.structs.replace(CALL, target=TargetId("agriculture"), overflowed=(PoolId("safety"),))
    assert "agriculture (after safety)" in shown(overflowed)
    answered = msgspec.structs.replace(CALL, outcome=Outcome.ANSWERED, agent=AgentId("1016"))
    assert "(after" not in shown(answered)
    assert "1016" in shown(answered)


def test_a_call_is_one_line_on_a_narrow_screen_and_a_wide_one_shows_more() -> None:
    """Cells broke over up to seventeen lines."""
    said = shown(CALL, OUT, width=NARROW).splitlines()
    assert max(cell_len(line) for line in said) <= NARROW
    assert [sum(each in line for line in said) for each in ("1795863937-25", "1795864109851-out-1001")] == [1, 1]
    assert "a wider screen shows: dialled, caller, waited" in said
    assert said[4].split()[:2] == ["1795863937-25", "01-01"], "the moment stands beside the call"
    assert "caller" in shown(CALL, OUT).splitlines()[2]
    assert "a wider screen" not in shown(CALL, OUT)


def test_in_a_rehearsal_it_is_said_whose_times_these_are() -> None:
    """The moment of the demo and the day of the machine stood side by side, and nobody said why."""
    said = shown(CALL, rehearsed="2021-09-15T09:07:33+08:00")
    assert said.splitlines()[-1].rstrip() == "times are this machine's; callers live at 2021-09-15 09:07:33"
    assert "times are" not in shown(CALL)


def test_who_calls_now_is_shown_above() -> None:
    assert shown().splitlines()[0] == "No call is in progress."
    living = LivingCall(
        OUT.call, "13900000310", "", "transition", "13900000310", "139****0000", None, "transfer", Instant(0), 6500,
        "immigration",
    )  # fmt: skip
    said = printed(switch._calls(msgspec.to_builtins(Calls([living], []))), NARROW).splitlines()
    assert said[0].rstrip() == "in progress"
    assert said[3].split() == [
        "1795864109851-out-1001",
        "13900000310",
        "139****0000",
        "transfer",
        "6.5",
        "s",
        "immigration",
    ]


def test_trunks_fit_a_narrow_screen() -> None:
    trunk = TrunkNow(
        "town", "演示城镇", is_reachable=True, channels=200, arrived=12, dialled=3, reserved_out=30,
        reserved_emergency=4, passed_over=0, registration=Registration.UNREGISTERED,
    )  # fmt: skip
    now = [msgspec.to_builtins(trunk)]
    said = printed(switch._trunks(now), NARROW).splitlines()
    assert said[2].split() == ["town", "演示城镇", "yes", "unregistered", "12", "3", "185", "200"]
    assert said[3] == "a wider screen shows: reserves, passed over"
    assert "30 out, 4 emergency" in printed(switch._trunks(now))


def test_a_screen_that_is_too_narrow_for_all_of_it_does_without_what_matters_less() -> None:
    table = Fitted("id", "name", "words", "n", drops=("words", "n"), least={"name": 6})
    table.add_row("1", "[x]\n长沙市长沙县", "one two three four five six", "12")
    rows = {width: printed(table, width).splitlines()[2].rstrip() for width in (60, 40, 14, 10)}
    assert rows == {
        60: "1   [x] 长沙市长沙县  one two three four five six  12",
        40: "1   [x] 长沙市长沙县  12",
        14: "1   [x]  …  12",
        10: "1   [x]  …",
    }
    assert printed(table, 40).splitlines()[3] == "a wider screen shows: words"


def test_moments_and_durations_are_short() -> None:
    now = datetime(2026, 11, 28, 1, 0, tzinfo=SHANGHAI)
    ms = round(now.timestamp() * 1000)
    assert [since(ms - ago, now) for ago in (1_000, 3_601_000)] == ["00:59:59", "11-27 23:59"]
    assert [seconds(each) for each in (None, 6_500, 599_900, 3_723_000)] == ["", "6.5 s", "599.9 s", "1:02:03"]
    assert [short(each) for each in ("handan1-1795863937-25", "-", "abc")] == ["1795863937-25", "-", "abc"]


def test_the_status_of_a_rehearsal_has_both_clocks() -> None:
    counts: dict[str, Any] = {"calls": {}, "agents": {}, "ari": {}, "waiting": 0, "alarms": []}
    logs = {"journal": {"seq": 1, "bytes": 2, "held": 0}, "audit": {"count": 1, "held": 0, "lost": 0}}
    now = counts | logs | {"node": "handan1", "mode": "demo", "connected": True, "at": "2021-09-15T09:01:13+08:00"}
    rehearsed = printed(switch._status(now | {"rehearsal": "rehearsal-1"}), NARROW).splitlines()
    assert rehearsed[1].split() == ["civil", "time", "2021-09-15", "09:01:13,", "rehearsed"]
    assert rehearsed[2].startswith("own clock   20")
    assert "own clock" not in printed(switch._status(now | {"rehearsal": ""}), NARROW)
