"""What `hotline calls` shows of a call, from what the controller answers."""

import io
from typing import Any

import msgspec
from rich.console import Console

from ivr.commands import switch
from ivr.facts import CallRecord, Outcome
from ivr.web.views import ended
from routing.ids import AgentId, CallId, Instant, PoolId, TargetId


def shown(*records: CallRecord) -> str:
    """The tables as they are printed on a wide screen."""
    now: Any = {"living": [], "ended": msgspec.to_builtins([ended(record) for record in records])}
    paper = io.StringIO()
    Console(file=paper, width=200).print(switch._calls(now))
    return paper.getvalue()


def test_a_call_that_overflowed_says_so_beside_whom_it_came_to() -> None:
    call = CallRecord(CallId("handan1-1-0"), "handan1", Outcome.TRANSFERRED, Instant(0), Instant(1))
    overflowed = msgspec.structs.replace(call, target=TargetId("agriculture"), overflowed=(PoolId("safety"),))
    assert "agriculture (after safety)" in shown(overflowed)
    answered = msgspec.structs.replace(call, outcome=Outcome.ANSWERED, agent=AgentId("1016"))
    assert "(after" not in shown(answered)
    assert "1016" in shown(answered)
