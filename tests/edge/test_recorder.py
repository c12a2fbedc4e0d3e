"""Recordings, from the raw file that Asterisk leaves to the finished one."""

import hashlib
import os
import shutil
import struct
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import soundfile

from ivr.edge.recordings import RecordingsFolder
from ivr.errors import DiskError
from ivr.facts import CallRecord, Direction, Outcome
from ivr.journal import RECORDING, Journal
from ivr.recorder import Recorded, Recorder
from ivr.watch import Watch
from routing.ids import CallId, Instant
from tests.fake.clock import SEPTEMBER, ManualClock
from tests.fake.disk import MemoryDisk, Platter

CALL = CallId("handan1-17-0")


class Usage(NamedTuple):
    """What `shutil.disk_usage` says."""

    total: int
    used: int
    free: int


class House:
    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        self.platter = Platter()
        self.journal = Journal(MemoryDisk(self.platter), "handan1", ManualClock())
        assert list(self.journal.replay()) == []
        self.open: set[CallId] = set()
        self.clock = ManualClock()
        self.recorder = Recorder(
            RecordingsFolder(folder), self.journal, self.clock, lambda call: call in self.open, **more
        )

    def raw(self, seconds: float, *, quiet_s: float = 10, call: str = CALL) -> Path:
        """Left counts milliseconds up, right down: every sample tells where it comes from."""
        path = self.folder / f"{call}.raw"
        path.write_bytes(b"".join(struct.pack("<hh", n // 8, -(n // 8)) for n in range(int(seconds * 8000))))
        moment = time.time() - quiet_s
        os.utime(path, (moment, moment))
        return path

    def facts(self) -> list[Recorded]:
        entries = Journal(MemoryDisk(Platter(bytearray(self.platter.content))), "handan1", ManualClock()).replay()
        return [msgspec.json.decode(entry.body, type=Recorded) for entry in entries if entry.topic == RECORDING]

    def erased(self) -> list[str]:
        entries = Journal(MemoryDisk(Platter(bytearray(self.platter.content))), "handan1", ManualClock()).replay()
        facts = [(entry.key, msgspec.json.decode(entry.body)) for entry in entries if entry.topic == RECORDING]
        return [call for call, fact in facts if fact["file"] == ""]

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


def a_record(**fields: Any) -> CallRecord:
    usual: dict[str, Any] = {"call": CALL, "node": "handan1", "outcome": Outcome.ANSWERED}
    return CallRecord(**(usual | {"arrived": SEPTEMBER, "ended": SEPTEMBER} | fields))


ANSWERED = a_record(answered=Instant(SEPTEMBER + 100), connected=Instant(SEPTEMBER + 1600))
ABANDONED = a_record(outcome=Outcome.ABANDONED, answered=SEPTEMBER)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_recording_begins_with_the_person_and_keeps_its_time(house: House, tmp_path: Path) -> None:
    house.raw(4)
    house.recorder.ended(ANSWERED)
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.flac"]
    samples, rate = soundfile.read(tmp_path / f"{CALL}.flac", dtype="int16")
    assert (rate, samples.shape) == (8000, (2500 * 8, 2))
    assert samples[0].tolist() == [1500, -1500]
    assert samples[1000 * 8].tolist() == [2500, -2500]
    content = (tmp_path / f"{CALL}.flac").read_bytes()
    (fact,) = house.facts()
    assert fact.sha256 == hashlib.sha256(content).hexdigest()
    assert (fact.length_ms, fact.size, fact.begins) == (2500, len(content), SEPTEMBER + 1600)


async def test_without_a_talk_nothing_is_kept(house: House) -> None:
    house.raw(2)
    house.recorder.ended(ABANDONED)
    await house.recorder.finish_all()
    assert house.names() == []
    assert house.facts() == []


async def test_a_message_is_kept_from_its_first_word_on(house: House, tmp_path: Path) -> None:
    house.raw(4)
    message = Instant(SEPTEMBER + 1500), Instant(SEPTEMBER + 3500)
    house.recorder.ended(a_record(outcome=Outcome.CALLED_BACK, answered=SEPTEMBER, message=message))
    await house.recorder.finish_all()
    samples, _ = soundfile.read(tmp_path / f"{CALL}.flac", dtype="int16")
    assert samples[0].tolist() == [1500, -1500]
    (fact,) = house.facts()
    assert fact.begins == SEPTEMBER + 1500


async def test_what_follows_a_centre_s_menu_is_kept_from_the_notice_on(house: House, tmp_path: Path) -> None:
    """The caller had been told of a recording, and there was none: nobody tells when a person follows a menu."""
    house.raw(4)
    at_menu = {"outcome": Outcome.TRANSFERRED, "machine": True, "prompts_ended": Instant(SEPTEMBER + 1500)}
    house.recorder.ended(a_record(answered=SEPTEMBER, **at_menu))
    await house.recorder.finish_all()
    samples, _ = soundfile.read(tmp_path / f"{CALL}.flac", dtype="int16")
    assert samples[0].tolist() == [1500, -1500]
    (fact,) = house.facts()
    assert (fact.length_ms, fact.begins) == (2500, SEPTEMBER + 1500)


async def test_a_city_may_keep_what_was_said_while_waiting(tmp_path: Path) -> None:
    house = House(tmp_path, keep_without_talk=True)
    house.raw(2)
    house.recorder.ended(ABANDONED)
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.flac"]
    assert house.facts()[0].length_ms == 2000


async def test_a_call_under_way_and_a_file_that_still_grows_are_left_alone(house: House) -> None:
    house.raw(1)
    house.open = {CALL}
    await house.recorder.finish_all()
    house.open = set()
    house.raw(1, quiet_s=0.5)
    house.recorder.ended(ANSWERED)
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.raw"]


async def test_in_survival_the_call_goes_on_after_its_record_and_is_kept_whole(house: House) -> None:
    house.recorder.ended(a_record(outcome=Outcome.SURVIVAL, answered=SEPTEMBER))
    house.raw(2, quiet_s=30)
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.raw"]
    house.raw(2, quiet_s=70)
    await house.recorder.finish_all()
    assert house.facts()[0].length_ms == 2000


async def test_what_an_earlier_life_left_is_found(house: House) -> None:
    house.raw(4)
    house.journal.write("record", CALL, ANSWERED)
    (house.folder / f"{CALL}.part").write_bytes(b"half")
    journal = Journal(MemoryDisk(Platter(bytearray(house.platter.content))), "handan1", ManualClock())
    house.recorder.remember(journal.replay())
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.flac"]
    assert house.facts()[0].length_ms == 2500


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (
            a_record(outcome=Outcome.TRANSFERRED, direction=Direction.SEAT, answered=SEPTEMBER, connected=SEPTEMBER),
            True,
        ),
        (a_record(outcome=Outcome.UNREACHED, direction=Direction.SEAT), False),
        (a_record(outcome=Outcome.MISSED, answered=SEPTEMBER), True),  # before our death
        (a_record(outcome=Outcome.MISSED), False),
    ],
)
async def test_what_only_the_census_knows_is_finished_as_other_recordings_are_in_a_later_life_too(
    house: House, found: CallRecord, *, kept: bool
) -> None:
    house.raw(4)
    house.journal.write("missed", CALL, found)
    journal = Journal(MemoryDisk(Platter(bytearray(house.platter.content))), "handan1", ManualClock())
    house.recorder.remember(journal.replay())
    await house.recorder.finish_all()
    assert house.names() == ([f"{CALL}.flac"] if kept else [])


async def test_a_recording_of_a_call_that_nobody_knows_is_kept_whole(house: House) -> None:
    house.raw(1, quiet_s=3600)
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.raw"]
    house.raw(1, quiet_s=7 * 3600)
    await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.flac"]
    assert house.facts()[0].begins is None


async def test_a_disk_that_refuses_leaves_the_raw_recording(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    house.raw(4)
    house.recorder.ended(ANSWERED)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match=r"handan1-17-0.raw could not be finished: No space left"):
        await house.recorder.finish_all()
    assert house.names() == [f"{CALL}.raw"]
    monkeypatch.undo()
    await house.recorder.finish_all()
    assert house.facts()[0].length_ms == 2500


@pytest.mark.parametrize("size", [0, 1, 3, 4, 4 * 8000 + 2])
async def test_a_torn_or_empty_raw_recording_becomes_a_valid_file(house: House, tmp_path: Path, size: int) -> None:
    path = house.raw(0, quiet_s=0)
    path.write_bytes(b"\1" * size)
    finished = await RecordingsFolder(tmp_path).finish(CALL, 0)
    assert soundfile.info(tmp_path / finished.file).frames == max(1, size // 4)
    assert finished.size == (tmp_path / finished.file).stat().st_size


async def test_a_cut_beyond_the_end_leaves_an_empty_recording(house: House, tmp_path: Path) -> None:
    house.raw(1)
    assert (await RecordingsFolder(tmp_path).finish(CALL, 5000)).length_ms == 0


async def test_a_recording_takes_less_room_than_its_samples(house: House, tmp_path: Path) -> None:
    raw = house.raw(10)
    finished = await RecordingsFolder(tmp_path).finish(CALL, 0)
    assert finished.size < raw.stat().st_size / 2


async def test_what_was_kept_long_enough_is_erased_and_its_record_says_so(house: House) -> None:
    await finished_ago(house, "handan1-17-0", days=24 * 31 + 1)
    await finished_ago(house, "handan1-18-0", days=24 * 31 - 1)
    await house.recorder.erase_old()
    assert house.names() == ["handan1-18-0.flac"]
    assert house.erased() == ["handan1-17-0"]


async def test_the_folder_is_looked_through_for_old_recordings_once_an_hour(house: House) -> None:
    await house.recorder.erase_old()
    await finished_ago(house, "handan1-17-0", days=24 * 31 + 1)
    await house.recorder.erase_old()
    assert house.erased() == []
    house.clock.passes(3_600_000)
    await house.recorder.erase_old()
    assert house.erased() == ["handan1-17-0"]


async def finished_ago(house: House, call: str, *, days: int) -> None:
    house.raw(1, call=call)
    await RecordingsFolder(house.folder).finish(CallId(call), 0)
    (house.folder / f"{call}.raw").unlink()
    moment = time.time() - days * 86_400
    os.utime(house.folder / f"{call}.flac", (moment, moment))


GIB = 1 << 30


async def test_a_disk_that_fills_up_is_warned_of_then_stops_the_recording_until_there_is_room_again(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = []
    for room, closed in ((20, False), (9, False), (8, False), (0, True), (5, True), (11, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder, room=room: Usage(100 * GIB, 0, room * GIB))
        await house.recorder.mind_the_room()
        assert house.recorder.is_closed is closed
        assert house.names() == (["closed"] if closed else [])
        said.append([record.message for record in caplog.records])
        caplog.clear()
    assert said == [
        [],
        ["recordings: 9216 MiB are left on the disk: erase what may go, or make room"],
        [],
        ["recordings: 0 MiB are left on the disk: calls go on and are not recorded"],
        [],
        ["recordings: there is room again, calls are recorded"],
    ]


async def test_a_low_disk_is_an_alarm_before_the_recording_stops_and_until_there_is_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(house.clock, house.recorder.alarms)
    standing = []
    for room in (20, 9, 0, 5, 11):
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder, room=room: Usage(100 * GIB, 0, room * GIB))
        await house.recorder.mind_the_room()
        watch.look()
        standing.append({name: alarm.sentence for name, alarm in watch.standing.items()})
    low = "%d MiB are left on the disk: erase what may go, or make room; below 1024 MiB new calls are not recorded"
    stopped = "new calls are not recorded: the disk is nearly full"
    assert standing == [
        {},
        {"disk-low": low % 9216},
        {"disk-low": low % 0, "recording-stopped": stopped},
        {"disk-low": low % 5120, "recording-stopped": stopped},
        {},
    ]
    assert watch.raised == {"disk-low": 1, "recording-stopped": 1}


@pytest.mark.parametrize(("lasted_s", "lacks_ms"), [(30, 26_000), (8, 0)])
async def test_a_recording_that_the_disk_did_not_take_to_its_end_says_what_it_lacks(
    house: House, caplog: pytest.LogCaptureFixture, lasted_s: int, lacks_ms: int
) -> None:
    house.raw(4)
    house.recorder.ended(msgspec.structs.replace(ANSWERED, ended=Instant(SEPTEMBER + 100 + lasted_s * 1000)))
    await house.recorder.finish_all()
    (fact,) = house.facts()
    assert (fact.length_ms, fact.lacks_ms) == (2_500, lacks_ms)
    said = f"recordings: {CALL} lacks 26.0 s of its call: was the disk full?"
    assert [record.message for record in caplog.records] == ([said] if lacks_ms else [])


async def test_what_an_earlier_life_has_closed_is_opened_when_there_is_room(house: House) -> None:
    (house.folder / "closed").touch()
    await house.recorder.mind_the_room()
    assert house.names() == []


async def test_what_was_said_while_the_recording_was_paused_is_silence_and_keeps_its_time(house: House) -> None:
    house.raw(30)  # more than is read at once
    pauses = ((SEPTEMBER + 5_100, SEPTEMBER + 12_100), (SEPTEMBER + 28_100, SEPTEMBER + 40_100))
    record = msgspec.structs.replace(
        ANSWERED, ended=Instant(SEPTEMBER + 30_100), paused=tuple((Instant(a), Instant(b)) for a, b in pauses)
    )
    house.recorder.ended(record)
    await house.recorder.finish_all()
    sound, _ = soundfile.read(house.folder / f"{CALL}.flac", dtype="int16")
    assert len(sound) == 28_500 * 8
    for ms, heard in ((2_900, 4_400), (3_100, 0), (8_000, 0), (10_900, 0), (11_100, 12_600), (26_500, 0)):
        assert list(sound[ms * 8]) == [heard, -heard], ms


async def test_a_recording_that_began_before_we_knew_of_it_is_silent_for_as_much_longer(house: House) -> None:
    house.raw(30)
    pauses = ((Instant(SEPTEMBER + 5_100), Instant(SEPTEMBER + 12_100)),)
    house.recorder.ended(msgspec.structs.replace(ANSWERED, ended=Instant(SEPTEMBER + 29_100), paused=pauses))
    await house.recorder.finish_all()
    sound, _ = soundfile.read(house.folder / f"{CALL}.flac", dtype="int16")
    for ms, heard in ((2_900, 4_400), (3_100, 0), (11_900, 0), (12_100, 13_600)):
        assert sound[ms * 8][0] == heard, ms
