"""Back to an earlier version: what it cannot read of the journal is left out, and said; it begins all the same."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from ivr.acquaintances import Acquaintances
from ivr.adopt import tickets
from ivr.broadcasts import Broadcasts
from ivr.callbacks import Callbacks
from ivr.census import place_in
from ivr.dispatcher import replay
from ivr.edge.recordings import RecordingsFolder
from ivr.entries import Entry
from ivr.facts import Arrived, Connected
from ivr.journal import (
    CALL,
    CALLBACK,
    CALLED_BACK,
    CENSUS,
    FLOOR,
    LATEST,
    MISSED,
    NUISANCE,
    NUISANCE_OVER,
    RECORD,
    RECORDING,
    Journal,
)
from ivr.ledger import fold
from ivr.nuisance import Nuisances
from ivr.recorder import Recorder
from ivr.register import Register
from ivr.turns import Turns
from routing import outgoing
from routing.hours import parse_moment
from routing.ids import AgentId, ChannelId, Instant, SeatId
from routing.plan import plan
from routing.talk import Asked, Dialled, Do, Kind, Whom
from tests.calls.simulated import CONFIG
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk

CLOCK = ManualClock(Instant(1_631_667_600_000))

OWNERS: dict[str, Callable[[Journal, list[Entry]], object]] = {
    "register": Register,
    "floor": lambda _journal, entries: replay(entries),
    "broadcasts": lambda journal, entries: Broadcasts(journal, CLOCK, entries),
    "callbacks": lambda journal, entries: Callbacks(journal, CLOCK, CONFIG.site, entries),
    "acquaintances": lambda journal, entries: Acquaintances(journal, CLOCK, CONFIG.site.numbering, entries),
    "nuisances": lambda journal, entries: Nuisances(journal, CLOCK, entries),
    "turns": lambda _journal, entries: Turns(entries),
    "recorder": lambda journal, entries: Recorder(
        RecordingsFolder(Path("/nowhere")), journal, CLOCK, lambda _call: False
    ).remember(entries),
    "census": lambda _journal, entries: place_in(entries),
}


@pytest.mark.parametrize("owner", OWNERS)
def test_what_a_later_version_wrote_keeps_an_earlier_one_from_nothing(
    owner: str, caplog: pytest.LogCaptureFixture
) -> None:
    topics = (CALL, FLOOR, RECORD, MISSED, RECORDING, CENSUS, CALLBACK, CALLED_BACK, NUISANCE, NUISANCE_OVER)
    later = msgspec.Raw(b'{"of":"tomorrow","outcome":"beamed-up"}')
    entries = [Entry(n, Instant(n), topic, f"handan1-{n}", later) for n, topic in enumerate((*topics, *LATEST))]
    journal = Journal(MemoryDisk(), "handan1", CLOCK)
    list(journal.replay())
    OWNERS[owner](journal, entries)
    assert "cannot be read" in caplog.text


def test_a_call_that_ended_in_a_way_only_a_later_version_knows_has_ended() -> None:
    entries = [
        Entry(1, Instant(1), CALL, "handan1-1", msgspec.Raw(b'{"step":"answered","outcome":1}')),
        Entry(2, Instant(2), RECORD, "handan1-1", msgspec.Raw(b'{"outcome":"beamed-up"}')),
    ]
    found = fold(entries)
    assert not found.calls
    assert list(found.ended) == ["handan1-1"]


STEPS: dict[str, object] = {
    "arrived": Arrived(CLOCK.instant(), outgoing.arrival("12345", "139"), "2021-09-15T09:00:00+08:00", ""),
    "routed": plan(CONFIG, outgoing.arrival("12345", "139"), parse_moment("2021-09-15T09:00")),
    "connected": Connected(CLOCK.instant(), AgentId("1001"), SeatId("8001"), ChannelId("leg"), CONFIG.site.hall),
    "talk:1": Asked(at=CLOCK.instant(), by="1001", do=Do.CONSULT, whom=Whom(Kind.AGENT, "1002")),
    "talk:2": Dialled(at=CLOCK.instant(), party=2, leg=ChannelId("another")),
}


def left(changed: Mapping[str, object]) -> list[Entry]:
    """What a life has left of a call: these steps, but for those that are None."""
    bodies = [{"step": name, "outcome": outcome} for name, outcome in {**STEPS, **changed}.items() if outcome]
    return [
        Entry(n, CLOCK.instant(), CALL, "handan1-1", msgspec.Raw(msgspec.json.encode(body)))
        for n, body in enumerate(bodies, 1)
    ]


@pytest.mark.parametrize(
    ("changed", "is_kept"),
    [
        ({}, True),
        ({"talk:1": {"fact": "asked", "at": 1, "by": "1001", "do": "beam"}}, False),  # a later version's word
        ({"talk:1": None}, False),  # its line was damaged: nobody knows who was dialled then
        ({"routed": None}, False),
    ],
)
def test_a_call_that_cannot_be_gone_on_from_keeps_no_other_from_it(
    changed: Mapping[str, object], is_kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(MemoryDisk(), "handan1", CLOCK)
    list(journal.replay())
    register = Register(journal, left(changed))
    assert (list(register.ledgers) == ["handan1-1"]) is is_kept
    assert ("begins anew" in caplog.text) is not is_kept
    assert all(tickets(ledger) for ledger in register.ledgers.values())
