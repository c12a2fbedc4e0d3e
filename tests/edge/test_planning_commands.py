"""`hotline staffing` and `hotline simulate`: what they answer, and what they say to what makes no sense."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.main import main


def hotline(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def told(*arguments: str) -> Any:
    result = hotline(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_day_of_5500_calls_needs_47_agents_at_its_busiest_hour_and_they_do() -> None:
    """As the table of Erlang C says for an hour of 550 calls and 240 s, ringing included."""
    found = told("staffing", "--calls", "5500", "--handle", "237", "--every", "1h", "--days", "4")
    busiest = max(found["needed"], key=lambda row: row["calls"])
    assert (busiest["since_ms"], busiest["patient"]) == (36_000_000, 47)
    assert busiest["calls"] == pytest.approx(550)
    assert found["day"]["in_time"] > 0.93
    assert 21_000 < found["day"]["offered"] < 23_000
    assert found["day"]["offered"] == found["day"]["answered"] + found["day"]["abandoned"]
    assert [row["agents"] for row in found["lived"]] == [row["patient"] for row in found["needed"]]


def test_the_table_names_the_seats_that_the_population_demands() -> None:
    result = hotline("staffing", "--calls", "11500", "--busy-hour", "13", "--every", "1h", "--days", "1")
    assert result.exit_code == 0
    assert "the population demands 95 seats: 20 too few for 95 % in time." in result.output
    assert "95 seats." in hotline("staffing", "--every", "1h", "--days", "1").output


def test_too_few_agents_lose_callers_and_the_same_seed_loses_the_same() -> None:
    few, many = (told("simulate", "--agents", n, "--every", "1h", "--days", "1")["day"] for n in ("15", "95"))
    assert few["abandonment"] > 0.3
    assert many["abandonment"] < 0.02  # few have the skills that are asked for: test_simulation.py
    assert few["occupancy"] > many["occupancy"]
    assert told("simulate", "--agents", "15", "--every", "1h", "--days", "1")["day"] == few
    assert told("simulate", "--agents", "15", "--every", "1h", "--days", "1", "--seed", "2")["day"] != few


def test_a_table_says_who_is_at_work(tmp_path: Path) -> None:
    table = tmp_path / "staff.csv"
    table.write_text("from,agents\n08:00,45\n18:00, 12\n", encoding="utf-8")
    rows = told("simulate", "--staff", str(table), "--days", "1", "--every", "1h")["lived"]
    assert [row["agents"] for row in rows] == [12] * 8 + [45] * 10 + [12] * 6
    assert "in time %" in hotline("simulate", "--staff", str(table), "--days", "1").output


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("8 o'clock,45\n", "is not like 08:00,45"),
        ("08:00\n", "is not like 08:00,45"),
        ("08:00,-3\n", "-3 agents are not 0 to 5,000"),
        ("from,agents\n", "says nothing"),
        ("\udcff\0,45\n", "is not like 08:00,45"),
    ],
)
def test_a_table_that_makes_no_sense_is_said_so(tmp_path: Path, lines: str, says: str) -> None:
    table = tmp_path / "staff.csv"
    table.write_bytes(lines.encode(errors="surrogateescape"))
    result = hotline("simulate", "--staff", str(table))
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("simulate", "--agents", "3", "--staff", __file__), "choose one"),
        (("staffing", "--busy-hour", "2"), "between a 24th and a half"),
        (("staffing", "--plot", "day.txt"), "must end with one of"),
        (("staffing", "--calls", "1000000", "--busy-hour", "45", "--handle", "3600"), "fewer calls, or shorter ones"),
    ],
)
def test_what_cannot_be_is_one_plain_sentence(arguments: tuple[str, ...], says: str) -> None:
    result = hotline(*arguments)
    assert result.exit_code != 0
    assert says in result.output


@pytest.mark.parametrize("command", [("staffing",), ("simulate", "--agents", "40")])
def test_a_picture_is_drawn_and_is_the_same_again(tmp_path: Path, command: tuple[str, ...]) -> None:
    drawn = []
    for n in range(2):
        result = hotline(*command, "--days", "1", "--plot", str(tmp_path / f"{n}.svg"))
        assert "is drawn" in result.stderr
        drawn.append((tmp_path / f"{n}.svg").read_bytes())
    assert drawn[0] == drawn[1]
    assert b"agents" in drawn[0]
    assert "cannot be written" in hotline(*command, "--days", "1", "--plot", str(tmp_path / "no" / "day.svg")).output
