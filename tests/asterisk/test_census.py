"""What the real Asterisk leaves behind of a call: a line in the census, and a recording in two channels."""

from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from ivr.callbacks import Callbacks
from ivr.census import Census, meant, place_in
from ivr.edge import asterisk
from ivr.edge.clock import SystemClock
from ivr.edge.following import FollowedFile
from ivr.edge.provisional import ProvisionalFolder
from ivr.edge.recordings import RecordingsFolder
from ivr.entries import Entry
from ivr.facts import CallRecord, Outcome, Reached
from ivr.journal import MISSED, Journal
from ivr.ledger import fold
from routing.callbacks import Why
from routing.ids import Instant
from tests.asterisk import switch as house
from tests.asterisk.phones import Phones
from tests.asterisk.switch import Switch
from tests.asterisk.waiting import eventually
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]


class Life:
    """A controller's life that begins after the call, on the same journal as the one before."""

    def __init__(self, switch: Switch, platter: Platter, began: Instant | None = None) -> None:
        """`began`: when Asterisk was started."""
        clock = ManualClock(Instant(SystemClock().instant() + 120_000))
        self.platter = platter
        self.journal = Journal(MemoryDisk(platter), "handan1", clock)
        self.entries = list(self.journal.replay())
        known = fold(self.entries).ended
        file = FollowedFile(switch.state / "census" / "calls.csv")
        self.census = Census(
            file,
            self.journal,
            clock,
            lambda _: False,
            lambda call: call in known,
            lambda line: meant(switch.config, line, clock.civil()),
            place_in(self.entries),
            provisional=ProvisionalFolder(switch.state / "census" / "provisional"),
            began=lambda: began,
        )

    def written(self, topic: str) -> list[Entry]:
        return entries_of(self.platter, topic)


def entries_of(platter: Platter, topic: str) -> list[Entry]:
    copy = Journal(MemoryDisk(Platter(bytearray(platter.content))), "handan1", ManualClock())
    return [entry for entry in copy.replay() if entry.topic == topic]


async def a_call_without_us(switch: Switch, diverted_from: str = "") -> str:
    """A citizen who calls while there is no controller, talks to the hall, and hangs up; their number."""
    switch.snapshot()
    async with Phones(switch) as phones:
        agent = await phones.agent("8001")
        citizen = await (await phones.citizen()).dials("031012345", diverted_from=diverted_from)
        (await agent.rings()).answers()
        await citizen.hears_person(agent)
        await agent.hears_person(citizen)
        await citizen.hangs_up()
        await agent.is_hung_up()
        await eventually(lambda: any(line[2] == citizen.name for line in switch.census()), 5)
        return citizen.name


async def test_whom_survival_brings_to_a_person_or_tells_all_there_is_has_had_it_and_who_leaves_before_is_called_back(
    tmp_path: Path,
) -> None:
    async with house.running(tmp_path, tries=1) as switch:
        switch.snapshot()
        async with Phones(switch) as phones:
            agent = await phones.agent("8001")
            people = {name: await phones.citizen() for name in ("talks", "leaves", "is transferred", "is told")}
            told = await people["is told"].dials("8000002", at="2030-03-01T10:00")
            transferred = await people["is transferred"].dials("12316")
            talks = await people["talks"].dials("12345")
            (await agent.rings()).answers()
            await talks.hears_person(agent)
            await talks.hangs_up()
            await agent.is_hung_up()
            leaves = await people["leaves"].dials("12345")
            await agent.rings()
            await leaves.hangs_up()
            await transferred.hears("town-agriculture")
            await transferred.hangs_up()
            await told.is_hung_up(within=20)
            await eventually(lambda: len(switch.census()) == len(people), 5)
        life = Life(switch, Platter())
        callbacks = Callbacks(life.journal, ManualClock(), switch.config.site)
        life.census.tell = callbacks.ended
        while life.census.reconcile():
            pass
        records = [msgspec.json.decode(each.body, type=CallRecord) for each in life.written(MISSED)]
        assert {each.caller: each.reached for each in records} == {
            talks.name: Reached.PERSON,
            leaves.name: Reached.NOBODY,
            transferred.name: Reached.PERSON,
            told.name: Reached.TOLD,
        }
        assert {each.outcome for each in records} == {Outcome.SURVIVAL}
        assert [(task.caller, task.why) for task in callbacks.open()] == [(leaves.name, Why.MISSED)]


async def test_whom_the_death_of_asterisk_cuts_off_while_we_are_away_is_called_back(tmp_path: Path) -> None:
    """Asterisk writes a call's line when it is over: of these there was none, and nobody called them back."""
    async with house.running(tmp_path, tries=1) as switch:
        switch.snapshot()
        async with Phones(switch) as phones:
            agent = await phones.agent("8001")
            gone, talks = await phones.citizen(), await phones.citizen()
            await gone.dials("12345")
            (await agent.rings()).answers()
            await gone.hears_person(agent)
            await gone.hangs_up()
            await agent.is_hung_up()
            await talks.dials("12345", diverted_from="12329")
            (await agent.rings()).answers()
            await talks.hears_person(agent)
            await eventually(lambda: len(switch.census()) == 1, 5)
            switch.dies("asterisk")
        with switch.started(await asterisk.find(tmp_path, lambda _said, _share: None), "asterisk"):
            await switch.answers("asterisk")
            async with switch.ari() as session, session.get("asterisk/info", params={"only": "status"}) as reply:
                began = datetime.fromisoformat((await reply.json())["status"]["startup_time"])
        platter, told = Platter(), []
        for _ in range(2):
            life = Life(switch, platter, Instant(round(began.timestamp() * 1000)))
            callbacks = Callbacks(life.journal, ManualClock(), switch.config.site, life.entries)
            life.census.tell = callbacks.ended
            while life.census.reconcile():
                pass
            told.append([(task.caller, task.line, task.why) for task in callbacks.open()])
        assert told == [[(talks.name, "12329", Why.MISSED)]] * 2
        records = [msgspec.json.decode(each.body, type=CallRecord) for each in entries_of(platter, MISSED)]
        assert [(each.caller, each.outcome, each.cause) for each in records] == [
            (gone.name, Outcome.SURVIVAL, 16), (talks.name, Outcome.SURVIVAL, 41),
        ]  # fmt: skip
        assert not list((tmp_path / "census/provisional").iterdir())


async def test_a_call_that_came_while_we_were_away_is_known_and_its_recording_is_whole(tmp_path: Path) -> None:
    async with house.running(tmp_path, tries=1) as switch:
        caller = await a_call_without_us(switch)
        (switch.state / "recordings/closed").touch()  # the disk is nearly full: the next one goes on, unrecorded
        await a_call_without_us(switch, diverted_from="12329")
    platter = Platter()
    for _ in range(2):
        census = Life(switch, platter).census
        while census.reconcile():
            pass
    entry, forwarded = entries_of(platter, MISSED)
    assert msgspec.json.decode(forwarded.body, type=CallRecord).line == "12329", "the first number that was dialled"
    record = msgspec.json.decode(entry.body, type=CallRecord)
    assert (record.outcome, record.dialled, record.caller) == (Outcome.SURVIVAL, "031012345", caller)
    assert record.line == "12345"
    assert record.trunk in switch.config.site.trunks
    assert record.answered is not None
    assert record.arrived <= record.answered < record.ended
    (raw,) = (switch.state / "recordings").glob("*.raw")
    assert raw.stem == record.call
    finished = await RecordingsFolder(raw.parent).finish(record.call, 0)
    samples, _ = soundfile.read(raw.parent / finished.file)
    samples *= 1 << 15
    talked_ms = record.ended - record.answered
    assert abs(finished.length_ms - talked_ms) < 300, "it keeps the call's time"
    citizen, heard = (float(np.sqrt(np.mean(samples[:, side] ** 2))) for side in (0, 1))
    assert citizen > 100
    assert heard > 100
