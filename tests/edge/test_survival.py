"""The last resort but one, decided as values: the same plan, in steps that the dialplan can take."""

import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from ivr.snapshot import COMPILED, SNAPSHOT, Compiled, Snapshot, compiled
from ivr.survival import SHANGHAI, Stamp, decide, moment, steps
from routing.config import CallerId, Config, build
from routing.ids import Instant, PromptId
from routing.lines import Phase
from routing.plan import Route, SpokenPrompt
from routing.prompts import file_of

ROOT = Path(__file__).resolve().parents[2]
TAIL = "“已停止使用，今后请直接拨打幺二三四五，现在为您接通，通话将被录音。”"
MORNING, NIGHT = "2021-09-15T09:00", "2021-09-15T23:30"


FILES = {"site.yaml": "config", "lines.yaml": "config", "prompts.yaml": "recordings"}
SOURCES = {name: (ROOT / folder / name).read_text("utf-8") for name, folder in FILES.items()}


@pytest.fixture(scope="module")
def whole() -> Config:
    """The config of this repository."""
    return build(SOURCES)


@pytest.fixture(scope="module")
def config(whole: Config) -> Config:
    """The same, as survival sees it: nothing is read before it is looked up."""
    return msgspec.json.decode(compiled(whole, 1), type=Compiled).glance()


PIECES = ("“您好，”", *(f"“{digit}”" for digit in "九六三零零"), TAIL)
SAID_96300 = "&".join(f"P/{file_of(PromptId(piece))}" for piece in PIECES)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("dialled", "when", "way"),
    [
        ("12345", MORNING, "say=P/greeting-12345|queue=hall,"),
        ("031012345", MORNING, "say=P/greeting-12345|queue=hall,"),
        ("12329", MORNING, "say=P/transition-12329|queue=hall,"),
        ("12350", MORNING, "say=P/transition-12350|queue=safety,10|queue=hall,"),
        ("12350", NIGHT, "say=P/transition-12350|queue=hall,"),
        (
            "12316",
            MORNING,
            "say=P/transfer-12316|dial=031112316,town,15,196,,03103012345|say=P/return-hall|queue=hall,",
        ),
        ("12316", NIGHT, "say=P/closed-12316|queue=hall,"),
        ("96300", "2021-12-01T09:00", f"say={SAID_96300}|queue=hall,"),
        ("99999", MORNING, "say=P/greeting-12345|queue=hall,"),
    ],
)
def test_every_number_takes_the_plans_way(config: Config, dialled: str, when: str, way: str) -> None:
    assert decide(config, Stamp(dialled, trunk="town"), at(when), "P") == way


def test_a_number_that_was_forwarded_to_us_is_the_one_that_counts(config: Config) -> None:
    stamp = Stamp("12345", "<sip:12329@town>;reason=unconditional", trunk="town")
    assert decide(config, stamp, at(MORNING), "P").startswith("say=P/transition-12329|")
    stamp = Stamp("12345", "<sip:031112316@town>;reason=no-answer", trunk="town")
    assert decide(config, stamp, at(MORNING), "P") == "say=P/greeting-12345|queue=hall,"


def test_who_was_greeted_is_told_only_that_it_goes_on(config: Config) -> None:
    stamp = Stamp("12329", trunk="town", greeted=True)
    assert decide(config, stamp, at(MORNING), "P") == "say=P/survival-sorry|queue=hall,"


def test_a_wait_of_less_than_a_second_is_one_and_not_for_ever() -> None:
    sources = dict(SOURCES)
    sources["lines.yaml"] = sources["lines.yaml"].replace("ring_for: 10 s", "ring_for: 400 ms", 1)
    way = decide(build(sources), Stamp("12350", trunk="town"), at(MORNING), "P")
    assert way == "say=P/transition-12350|queue=safety,1|queue=hall,"


def test_a_route_that_only_announces_ends_there(config: Config) -> None:
    said = SpokenPrompt(PromptId("cancelled-12349"), must_hear=True, text="")
    route = Route("12349", "民政", Phase.CANCELLED, (said,), (), PromptId("whisper-12349"))
    assert list(steps(config, route, "P", greeted=False)) == ["say=P/cancelled-12349", "end="]


def test_the_moment_is_the_calls_own_else_now_as_rehearsed() -> None:
    behind = -3_600_000
    assert moment(Stamp("1", at=MORNING), Instant(0), behind) == datetime(2021, 9, 15, 9, tzinfo=SHANGHAI)
    assert moment(Stamp("1", at="2021-09-15T01:00+00:00"), Instant(0), behind).astimezone(SHANGHAI).hour == 9
    assert moment(Stamp("1"), Instant(3_600_000), behind) == datetime(1970, 1, 1, 8, tzinfo=SHANGHAI)


@pytest.mark.parametrize("left", ["values", "texts", "another engine's values"])
def test_the_script_speaks_agi_and_sets_one_variable(left: str, whole: Config, tmp_path: Path) -> None:
    """Where there are no values that it can read, it reads the texts: slower, and the same."""
    (tmp_path / "snapshot").mkdir()
    if left != "values":
        (tmp_path / SNAPSHOT).write_bytes(Snapshot(SOURCES).encode())
    if left != "texts":
        (tmp_path / COMPILED).write_bytes(compiled(whole, 1) if left == "values" else b'{"lines": {"12329": 1}}')
    answers = ("12329", "", "", "town", "13800138000", MORNING, "")
    said = io.StringIO("agi_request: survival\nagi_callerid: 13800138000\n\n")
    said.seek(0, io.SEEK_END)
    said.writelines(f"200 result=1 ({answer})\n" if answer else "200 result=0\n" for answer in answers)
    said.write("200 result=1\n")
    command = [sys.executable, "-P", str(ROOT / "ivr/edge/survival.py"), str(tmp_path)]
    run = subprocess.run(command, input=said.getvalue(), capture_output=True, text=True, check=True, timeout=30)
    last = run.stdout.splitlines()[-1]
    assert last == f'SET VARIABLE "HOTLINE_WAY" "say={tmp_path}/prompts/transition-12329|queue=hall,"'


def test_without_a_snapshot_the_script_leaves_the_variable_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-P", str(ROOT / "ivr/edge/survival.py"), str(tmp_path)]
    run = subprocess.run(command, input="\n", capture_output=True, text=True, check=False, timeout=30)
    assert run.returncode != 0
    assert "SET" not in run.stdout


def test_a_leg_shows_what_the_trunk_permits_and_only_an_emergency_takes_the_last_channels(config: Config) -> None:
    town = msgspec.structs.replace(config.site.trunks["town"], caller_id=CallerId.HALL)
    halls = msgspec.structs.replace(config, site=msgspec.structs.replace(config.site, trunks={"town": town}))
    way = decide(halls, Stamp("12316", trunk="town"), at(MORNING), "P")
    assert "|dial=031112316,town,15,196,12345,03103012345|" in way
    assert "|dial=110,town,10,200,,03103012345|" in decide(config, Stamp("110", trunk="town"), at(MORNING), "P")
