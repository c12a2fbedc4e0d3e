"""The last resort but one, decided as values: the same plan, in steps that the dialplan can take."""

import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from ivr.survival import SHANGHAI, SNAPSHOT, Snapshot, Stamp, decide, moment, steps
from routing.config.build import build
from routing.ids import Instant, PromptId
from routing.lines import Phase
from routing.plan import Route, SpokenPrompt

ROOT = Path(__file__).resolve().parents[2]
MORNING, NIGHT = "2021-09-15T09:00", "2021-09-15T23:30"


@pytest.fixture
def snapshot() -> Snapshot:
    """The config of this repository, not rehearsed."""
    files = {"site.yaml": "config", "lines.yaml": "config", "prompts.yaml": "recordings"}
    return Snapshot({name: (ROOT / folder / name).read_text("utf-8") for name, folder in files.items()})


@pytest.mark.parametrize(
    ("dialled", "at", "way"),
    [
        ("12345", MORNING, "say=P/greeting-12345|queue=hall,"),
        ("031012345", MORNING, "say=P/greeting-12345|queue=hall,"),
        ("12329", MORNING, "say=P/transition-12329|queue=hall,"),
        ("12350", MORNING, "say=P/transition-12350|queue=safety,10|queue=hall,"),
        ("12350", NIGHT, "say=P/transition-12350|queue=hall,"),
        ("12316", MORNING, "say=P/transfer-12316|dial=031112316@town,15|say=P/return-hall|queue=hall,"),
        ("12316", NIGHT, "say=P/closed-12316|queue=hall,"),
        ("99999", MORNING, "say=P/greeting-12345|queue=hall,"),
    ],
)
def test_every_number_takes_the_plans_way(snapshot: Snapshot, dialled: str, at: str, way: str) -> None:
    assert decide(snapshot, Stamp(dialled, trunk="town", at=at), Instant(0), "P") == way


def test_a_number_that_was_forwarded_to_us_is_the_one_that_counts(snapshot: Snapshot) -> None:
    stamp = Stamp("12345", "<sip:12329@town>;reason=unconditional", trunk="town", at=MORNING)
    assert decide(snapshot, stamp, Instant(0), "P").startswith("say=P/transition-12329|")


def test_who_was_greeted_is_told_only_that_it_goes_on(snapshot: Snapshot) -> None:
    stamp = Stamp("12329", trunk="town", at=MORNING, greeted=True)
    assert decide(snapshot, stamp, Instant(0), "P") == "say=P/survival-sorry|queue=hall,"


def test_a_route_that_only_announces_ends_there(snapshot: Snapshot) -> None:
    said = SpokenPrompt(PromptId("cancelled-12329"), must_hear=True, text="")
    route = Route("12329", "公积金", Phase.CANCELLED, (said,), (), PromptId("whisper-12329"))
    assert list(steps(build(snapshot.sources), route, "P", greeted=False)) == ["say=P/cancelled-12329", "end="]


def test_the_moment_is_the_calls_own_else_now_as_rehearsed() -> None:
    snapshot = Snapshot({}, ahead_ms=-3_600_000)
    assert moment(snapshot, Stamp("1", at=MORNING), Instant(0)) == datetime(2021, 9, 15, 9, tzinfo=SHANGHAI)
    assert moment(snapshot, Stamp("1", at="2021-09-15T01:00+00:00"), Instant(0)).astimezone(SHANGHAI).hour == 9
    assert moment(snapshot, Stamp("1"), Instant(3_600_000)) == datetime(1970, 1, 1, 8, tzinfo=SHANGHAI)


def test_the_script_speaks_agi_and_sets_one_variable(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / SNAPSHOT
    path.parent.mkdir()
    path.write_bytes(snapshot.encode())
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
