"""Back to an earlier version: what it cannot read of the journal is left out, and said; it begins all the same."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ivr.acquaintances import Acquaintances
from ivr.broadcasts import Broadcasts
from ivr.callbacks import Callbacks
from ivr.census import place_in
from ivr.dispatcher import replay
from ivr.edge.recordings import RecordingsFolder
from ivr.entries import Entry
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
from routing.ids import Instant
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
