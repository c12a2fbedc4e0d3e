"""The census on a real file: who came while we were away is known, once, however the file is rotated."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ivr import census
from ivr.census import Census, Fate, meant, parse, place_in
from ivr.edge.following import FollowedFile
from ivr.edge.provisional import ProvisionalFolder
from ivr.entries import Entry
from ivr.facts import CallRecord, Direction, Outcome, Reached, Survived
from ivr.journal import MISSED, SURVIVED, Journal
from ivr.ledger import fold
from routing.ids import CallId, Instant
from tests.calls.simulated import CONFIG
from tests.fake.clock import SEPTEMBER, ManualClock
from tests.fake.disk import MemoryDisk, Platter


class House:
    """A census file, and one life after another of the controller beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "calls.csv"
        self.folder = folder / "provisional"
        self.began: Instant | None = None
        self.clock = ManualClock()
        self.platter = Platter()
        self.ours: set[CallId] = set()
        self.open: set[CallId] = set()
        self.starts()

    def starts(self) -> None:
        self.journal = Journal(MemoryDisk(self.platter), "handan1", self.clock)
        self.entries = list(self.journal.replay())
        self.ended = fold(self.entries).ended
        self.census = Census(
            FollowedFile(self.path),
            self.journal,
            self.clock,
            is_open=lambda call: call in self.open,
            is_known=lambda call: call in self.ours or call in self.ended,
            route=lambda line: meant(CONFIG, line, self.clock.civil()),
            place=place_in(self.entries),
            provisional=ProvisionalFolder(self.folder),
            began=lambda: self.began,
        )

    def call(
        self,
        name: str,
        fate: Fate = Fate.ENTERED,
        *,
        end: str = "\n",
        ago_ms: int = 20_000,
        dialled: str = "12345",
        more: str = "",
        answered_ms: int | None = None,
        is_provisional: bool = False,
    ) -> None:
        ended = (self.clock.now - ago_ms) / 1000
        answered = 0 if answered_ms is None else ended - answered_ms / 1000
        moments = f'"{ended - 9:.6f}","{answered:.6f}","{ended:.6f}"'
        line = f'"{name}","{dialled}","13900000001",{moments},"NO ANSWER","{fate}","town"{more}'
        if is_provisional:
            self.folder.mkdir(exist_ok=True)
            (self.folder / name).write_text(line)
        else:
            self.append(line + end)

    def append(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def reconciles(self) -> list[str]:
        """The calls found missed, in the order of their entries, of this journal's whole life."""
        while self.census.reconcile():
            pass
        return [entry.key for entry in self.written() if entry.topic == MISSED]

    def written(self, topic: str = "") -> list[Entry]:
        copy = Journal(MemoryDisk(Platter(bytearray(self.platter.content))), "handan1", self.clock)
        return [entry for entry in copy.replay() if topic in {"", entry.topic}]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_line_says_what_asterisk_knows() -> None:
    line = parse('"h1-17-0","031012345","139","1631667600.123456","0.000000","1631667609.5","BUSY","refused","town"')
    assert line.call == "h1-17-0"
    assert (line.start, line.answer, line.end) == (SEPTEMBER + 123, None, SEPTEMBER + 9500)
    assert line.fate is Fate.REFUSED


@pytest.mark.parametrize(
    ("trunk", "forwarded", "line"),
    [
        ("town", ',"""A, B"" <sip:12329@town>;reason=unconditional",""', "12329"),
        ("town", ',"","<sip:12350@town>;index=1|<sip:12345@town>;index=1.1"', "12350"),
        ("town", ',"<sip:12333@town>|<sip:12329@town>",""', "12329"),
        ("town", "", "12345"),
        ("unheard-of", ',"<sip:12329@town>",""', "12345"),
    ],
)
def test_a_missed_call_is_of_the_line_that_was_dialled_first_where_its_trunk_is_believed(
    trunk: str, forwarded: str, line: str
) -> None:
    said = f'"h1-17-0","12345","139","1631667600.1","0.000000","1631667609.5","BUSY","refused","{trunk}"'
    assert meant(CONFIG, parse(said + forwarded), ManualClock().civil()).line == line


def test_a_caller_who_was_never_ours_is_missed_once(house: House) -> None:
    house.call("ours")
    house.call("theirs")
    house.ours = {CallId("ours")}
    assert house.reconciles() == ["theirs"]
    assert house.reconciles() == ["theirs"]
    record = msgspec.json.decode(next(e for e in house.written() if e.topic == MISSED).body, type=CallRecord)
    assert (record.outcome, record.caller, record.arrived) == (Outcome.MISSED, "13900000001", SEPTEMBER - 29_000)


@pytest.mark.parametrize(
    ("fate", "outcome"),
    [(Fate.SURVIVAL, Outcome.SURVIVAL), (Fate.REFUSED, Outcome.REFUSED), (Fate.ENTERED, Outcome.MISSED)],
)
def test_survival_refused_and_lost_are_told_apart(house: House, fate: Fate, outcome: Outcome) -> None:
    house.call("saved", fate)
    house.reconciles()
    record = msgspec.json.decode(next(e for e in house.written() if e.topic == MISSED).body, type=CallRecord)
    assert record.outcome is outcome


def test_whom_we_have_called_is_no_missed_call_and_it_is_told_when_survival_has_had_them_or_one_of_ours(
    house: House,
) -> None:
    survived: list[CallRecord] = []
    rescued: list[tuple[CallId, Reached | None]] = []
    house.census.survived = survived.append
    house.census.rescued = lambda call, reached: rescued.append((call, reached))
    house.ours = {CallId("talked"), CallId("saved"), CallId("came"), CallId("before"), CallId("left")}
    house.call("talked", Fate.DIALLED)
    house.call("forgotten", Fate.DIALLED)
    house.call("saved", Fate.SURVIVAL, more=',"","","16","person"')
    house.call("left", Fate.RESCUED, more=',"","","16","nobody"')
    house.call("odd", Fate.RESCUED)
    house.call("before", Fate.SURVIVAL)
    house.call("came", Fate.ENTERED)
    assert house.reconciles() == []
    assert [(each.call, each.reached) for each in survived] == [("saved", Reached.PERSON), ("before", None)]
    told = [(each.key, msgspec.json.decode(each.body, type=Survived)) for each in house.written(SURVIVED)]
    assert told == [("saved", Survived(Reached.PERSON))]
    assert (survived[0].line, survived[0].caller) == ("12345", "13900000001")
    assert rescued == [("left", Reached.NOBODY), ("odd", None)]


@pytest.mark.parametrize(
    ("dialled", "line", "marked"),
    [("031012329", "12329", None), ("59999999", "12345", "unknown-number"), ("110", "12345", "emergency")],
)
def test_what_was_dialled_names_the_line_of_a_missed_call(
    house: House, dialled: str, line: str, marked: str | None
) -> None:
    house.call("theirs", dialled=dialled)
    house.reconciles()
    record = msgspec.json.decode(next(e for e in house.written() if e.topic == MISSED).body, type=CallRecord)
    assert (record.dialled, record.line, record.marked) == (dialled, line, marked)
    assert record.name == CONFIG.lines[line].name


def test_place_and_missed_calls_survive_a_restart(house: House) -> None:
    house.call("first")
    house.reconciles()
    house.starts()
    house.call("second")
    assert house.reconciles() == ["first", "second"]
    house.starts()
    house.starts()
    assert house.reconciles() == ["first", "second"]


def test_a_life_killed_between_the_call_and_the_place_does_not_miss_it_twice(house: House) -> None:
    house.call("first")
    house.reconciles()
    whole = bytes(house.platter.content)
    house.platter.content[:] = whole[: whole.rindex(b"\n", 0, -1) + 1]
    house.starts()
    assert place_in(house.entries) is None
    assert house.reconciles() == ["first"]


def test_a_call_that_has_just_ended_or_is_still_ours_is_judged_later(house: House) -> None:
    house.call("fresh", ago_ms=1000)
    house.call("after")
    assert house.reconciles() == []
    house.clock.passes(6000)
    house.open = {CallId("after")}
    assert house.reconciles() == ["fresh"]
    house.open, house.ours = set(), {CallId("after")}
    assert house.reconciles() == ["fresh"]


def test_why_calls_have_ended_is_known_before_they_are_judged_and_of_lines_without_it_is_0(house: House) -> None:
    house.call("judged")
    house.reconciles()
    house.call("plain", ago_ms=100)
    house.call("cut", ago_ms=100, more=',"","","41",""')
    house.call("unsaid", ago_ms=100, more=',"","","",""')
    house.append("nonsense\n")
    assert house.census.causes() == {"plain": 0, "cut": 41, "unsaid": 0}
    house.path.unlink()
    assert house.census.causes() == {}


def test_a_call_of_ours_that_never_ends_does_not_stop_the_census(house: House) -> None:
    house.call("stuck")
    house.call("theirs")
    house.open = {CallId("stuck")}
    assert house.reconciles() == []
    house.clock.passes(600_000)
    assert house.reconciles() == ["theirs"]


def test_a_half_written_line_is_read_when_it_is_whole(house: House) -> None:
    house.call("half", end="")
    assert house.reconciles() == []
    house.append("\n")
    assert house.reconciles() == ["half"]


@pytest.mark.parametrize("rotated", ["calls.csv.1", "calls.csv-20210915"])
def test_what_was_written_before_a_rotation_is_not_forgotten(house: House, rotated: str) -> None:
    house.call("first")
    house.reconciles()
    house.call("second")
    house.path.rename(house.path.with_name(rotated))
    house.call("third")
    house.starts()
    assert house.reconciles() == ["first", "second", "third"]
    house.call("fourth")
    assert house.reconciles() == ["first", "second", "third", "fourth"]


def test_two_rotations_in_one_absence_lose_nothing(house: House) -> None:
    house.call("a")
    house.reconciles()
    for number, name in enumerate("bc"):
        house.call(name)
        older = house.path.with_name(f"calls.csv.{number}")
        house.path.rename(older)
        os.utime(older, (1000 + number, 1000 + number))
    house.call("d")
    assert house.reconciles() == ["a", "b", "c", "d"]


def test_a_truncated_file_is_read_from_its_beginning(house: House) -> None:
    house.call("a-rather-long-name-of-a-call")
    house.reconciles()
    house.path.write_text("")
    house.call("b")
    assert house.reconciles()[-1] == "b"


def test_calls_that_were_found_long_ago_are_forgotten(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "REMEMBERED", 3)
    for n in range(5):
        house.call(f"c{n}", Fate.REFUSED)
    assert house.reconciles() == ["c0", "c1", "c2", "c3", "c4"]
    house.call("c4", Fate.REFUSED)
    assert len(house.reconciles()) == 5
    house.call("c1", Fate.REFUSED)
    assert len(house.reconciles()) == 6, "a line is read once: what is remembered is for one that is read again at once"


def test_no_file_yet_is_no_fault(house: House) -> None:
    assert house.reconciles() == []


def test_an_old_census_beside_a_new_journal_rings_nobody(house: House) -> None:
    house.call("yesterday", ago_ms=86_400_000)
    house.call("while starting")
    assert house.reconciles() == ["while starting"]
    house.clock.passes(86_400_000)
    house.call("noticed late", ago_ms=7_200_000)
    assert house.reconciles() == ["while starting", "noticed late"]


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "nonsense",
        '"",1,2,3,4,5,6,refused,8',
        "c,1,2,x,4,5,6,refused,8",
        "c,1,2,3,4,5,6,odd,8",
        "c,1,2,1e999,4,5,6,refused,8",
        '"open',
        "c," + "9" * 140_000,
    ],
)
def test_a_line_that_cannot_be_read_is_reported_and_passed(house: House, odd: str, caplog: Any) -> None:
    house.path.write_text(odd + "\n")
    house.call("next")
    assert house.reconciles() == ["next"]
    assert "census: a line" in caplog.text
    assert "1,2,3" not in caplog.text  # the numbers of a caller are among what cannot be read


CUT = ',"","","41","nobody"'


def test_a_provisional_line_holds_once_when_asterisk_has_died_and_goes_when_the_call_has_its_own(house: House) -> None:
    for name in ("cut", "lives on", "ends"):
        house.call(name, Fate.SURVIVAL, more=CUT, is_provisional=True)
    (house.folder / "being written").touch()
    assert house.reconciles() == [], "while we do not know since when Asterisk runs"
    house.began = Instant(house.clock.now - 30_000)  # they began 29 s ago
    house.call("ends", Fate.SURVIVAL, more=',"","","16","person"')
    assert house.reconciles() == ["ends"]
    assert sorted(path.name for path in house.folder.iterdir()) == ["being written", "cut", "lives on"]
    (house.folder / "lives on").unlink()
    house.began = Instant(house.clock.now - 10_000)
    house.starts()
    assert house.reconciles() == ["ends", "cut"]
    record = msgspec.json.decode(house.written()[-1].body, type=CallRecord)
    assert (record.outcome, record.cause, record.reached) == (Outcome.SURVIVAL, 41, Reached.NOBODY)
    house.call("cut", Fate.SURVIVAL, more=CUT, is_provisional=True)  # a life that was killed before it was taken away
    house.starts()
    assert house.reconciles() == ["ends", "cut"]
    assert [path.name for path in house.folder.iterdir()] == ["being written"]


def test_a_provisional_line_waits_for_all_others_to_be_read_and_for_the_end_of_a_call_of_ours(house: House) -> None:
    house.began = house.clock.now
    house.open = {CallId("cut")}
    house.call("cut", Fate.SURVIVAL, more=CUT, is_provisional=True)
    house.call("other", ago_ms=1_000)
    assert house.reconciles() == []
    house.open = set()
    assert house.reconciles() == [], "its own line may be behind one of which it is too early to say anything"
    house.clock.now = Instant(house.clock.now + 60_000)
    assert house.reconciles() == ["other", "cut"]


def test_a_call_of_ours_that_survival_had_when_asterisk_died_is_told_as_one(house: House) -> None:
    survived: list[CallRecord] = []
    rescued: list[tuple[CallId, Reached | None]] = []
    house.census.survived, house.census.rescued = survived.append, lambda *each: rescued.append(each)
    house.ours, house.began = {CallId("ours"), CallId("rang")}, house.clock.now
    house.call("ours", Fate.SURVIVAL, more=CUT, is_provisional=True)
    house.call("rang", Fate.ENTERED, more=CUT, is_provisional=True)
    house.call("called", Fate.RESCUED, more=CUT, is_provisional=True)
    assert house.reconciles() == []
    assert [(each.call, each.reached) for each in survived] == [("ours", Reached.NOBODY)]
    assert rescued == [("called", Reached.NOBODY)]
    assert not list(house.folder.iterdir())


def test_a_provisional_line_that_cannot_be_read_is_reported_and_taken_away(house: House, caplog: Any) -> None:
    house.began = house.clock.now
    house.folder.mkdir()
    (house.folder / "odd").write_text("nonsense")
    assert house.reconciles() == []
    assert "census: a line" in caplog.text
    assert not list(house.folder.iterdir())


def test_a_seat_that_dialled_an_emergency_number_is_no_citizen_s_call_and_has_a_record_with_its_desk_and_times(
    house: House,
) -> None:
    told: list[CallRecord] = []
    house.census.tell = told.append
    house.call("reached", Fate.SEAT, dialled="110", more=',"","","16","person","8006","police"', answered_ms=4_000)
    house.call(
        "in vain", Fate.SEAT, dialled="122", more=',"","","19","nobody","8007","traffic-police"', answered_ms=500
    )
    assert house.reconciles() == ["reached", "in vain"]
    reached, vain = told
    assert {each.direction for each in told} == {Direction.SEAT}
    assert (reached.outcome, reached.seat, reached.target) == (Outcome.TRANSFERRED, "8006", "police")
    times = (reached.arrived, reached.answered, reached.connected, reached.ended)
    assert times == tuple(house.clock.now - ago for ago in (29_000, 24_000, 24_000, 20_000))
    assert reached.talk_ms == 4_000
    assert (vain.outcome, vain.seat, vain.answered, vain.connected) == (Outcome.UNREACHED, "8007", None, None)
    assert house.census.take_found() == {}, "it is none of the calls that came"
    house.starts()
    assert house.reconciles() == ["reached", "in vain"]
