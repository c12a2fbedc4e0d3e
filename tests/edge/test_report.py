"""`hotline report`: asked of the API on a real PostgreSQL, and shown as tables, CSV and pictures."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from ivr.commands.plot import draw
from ivr.commands.report import as_text, shown
from ivr.facts import WORDS, Disposition, Ground, Matter, Outcome, Stage
from ivr.figures import NAMES
from ivr.journal import DISPOSITION
from ivr.main import main
from ivr.store import PostgresStore
from ivr.web.reports import By, Report, Wanted, report
from ivr.web.switchboard import Refusal
from routing.ids import AgentId
from routing.tickets import AgentState, Tick
from routing.windows import Every
from tests.calls.simulated import CONFIG
from tests.edge.test_metrics import at, keep, tell
from tests.edge.test_store import NODE, a_call, line
from tests.fake.clock import ManualClock

NOW = at(7_200)  # 11:00 in Shanghai


class House:
    """What a report is asked of: the real store, and a clock."""

    def __init__(self, store: PostgresStore) -> None:
        self.service = SimpleNamespace(config=CONFIG, clock=ManualClock(NOW))
        self.store = store

    async def asked(self, query: Wanted) -> Any:
        """As a client gets it."""
        found = await report(cast("Any", SimpleNamespace(board=self)), query)  # as much of it as is asked
        assert isinstance(found, Report)
        return msgspec.json.decode(msgspec.json.encode(found))


@pytest.fixture
async def house(store: PostgresStore) -> House:
    calls = [
        a_call(
            f"c{n}", arrived=at(n * 60), answered=at(n * 60), queued=at(n * 60), connected=at(n * 60 + 4 + n % 20),
            ended=at(n * 60 + 100), agent="1001" if n % 2 else "1002", asked_pool="hall", pool="hall",
            line="12329" if n % 3 else "12345",
        )
        for n in range(60)
    ]  # fmt: skip
    calls += [
        a_call(f"left{n}", outcome=Outcome.ABANDONED, stage=Stage.QUEUE, arrived=at(n * 600), ended=at(n * 600 + 30))
        for n in range(4)
    ]
    await keep(store, [*calls, a_call("busy", outcome=Outcome.REFUSED, arrived=at(5), ended=at(5), line="12316")])
    sits = [(0.0, Tick(), [(name, AgentState.READY, "")]) for name in ("1001", "1002", "1003")]
    await tell(store, *sits)
    return House(store)


def printed(found: Any) -> str:
    text = io.StringIO()
    Console(file=text, width=80).print(shown(found))
    return text.getvalue()


async def test_today_until_now_is_one_sheet_of_every_figure(house: House) -> None:
    found = await house.asked(Wanted())
    assert (found["from"], found["to"]) == ("2021-09-15T00:00:00+08:00", "2021-09-15T11:00:00+08:00")
    (row,) = found["rows"]
    assert (row["offered"], row["answered"], row["abandoned_queue"], row["refused"]) == (65, 60, 4, 1)
    text = printed(found)
    assert "92.31%" in text
    assert "lowest connection_rate in any 24 hours: 50.00%, until 09-15 09:05" not in text
    assert "lowest connection_rate in any 24 hours" in text


async def test_lines_side_by_side_add_up(house: House) -> None:
    found = await house.asked(Wanted(by=By.LINE))
    assert {row["key"]: row["offered"] for row in found["rows"]} == {"12316": 1, "12329": 40, "12345": 24}
    assert found["lowest_connection"] is None
    text = printed(found)
    assert "12316" in text
    assert "…" not in text, "it fits a screen of 80 columns"


async def test_agents_have_their_times_and_one_without_a_call_a_row(house: House) -> None:
    found = await house.asked(Wanted(by=By.AGENT))
    text = printed(found)
    assert "1003" in text
    assert "none" in text, "calls that no agent answered"
    rows = list(csv.DictReader(io.StringIO(as_text(found))))
    assert [row["key"] for row in rows] == ["", "1001", "1002", "1003"]
    assert [row["answered"] for row in rows] == ["0", "30", "30", "0"]
    assert rows[3]["ready"] == "7200.0"


async def test_calls_are_told_apart_by_what_their_agents_say_they_were(house: House) -> None:
    """The last word counts; a matter that is not the hotline's has its ground."""
    said: list[tuple[str, Matter, Ground | None]] = [
        ("c1", Matter.HELP, None),
        ("c2", Matter.HELP, None),
        ("c3", Matter.SILENT, None),
        ("c1", Matter.DECLINED, Ground.PETITION),
    ]
    words = [(call, Disposition(at(100), AgentId("1001"), matter, ground)) for call, matter, ground in said]
    lines = [line(n, DISPOSITION, call, word) for n, (call, word) in enumerate(words, 1_000)]
    await house.store.drain(NODE, lines)
    found = await house.asked(Wanted(by=By.DISPOSITION))
    told = {row["key"]: row["offered"] for row in found["rows"]}
    assert told == {"": 62, "help": 1, "silent": 1, "declined/petition": 1}
    text = printed(found)
    assert "conn. %" not in text
    assert "不受理/已进入信访渠道" in text
    assert "无声" in text
    assert "…" not in text, "it fits a screen of 80 columns"


async def test_each_matter_and_each_ground_has_its_row_by_its_name(house: House) -> None:
    matters: list[tuple[Matter, Ground | None]] = [(each, None) for each in Matter if each is not Matter.DECLINED]
    matters += [(Matter.DECLINED, ground) for ground in Ground]
    said = [
        line(n, DISPOSITION, f"c{n - 999}", Disposition(at(100), AgentId("1001"), matter, ground))
        for n, (matter, ground) in enumerate(matters, 1_000)
    ]
    await house.store.drain(NODE, said)
    found = await house.asked(Wanted(by=By.DISPOSITION))
    keys = [f"{matter}/{ground}" if ground else str(matter) for matter, ground in matters]
    assert {row["key"]: row["offered"] for row in found["rows"]} == dict.fromkeys(keys, 1) | {"": 65 - len(keys)}
    text = printed(found)
    for matter, ground in matters:
        assert WORDS[matter] + (f"/{WORDS[ground]}" if ground else "") in text
    assert "…" not in text, "it fits a screen of 80 columns"


def test_the_grounds_are_those_that_the_plan_names_and_no_other() -> None:
    """二.（二）2, with what it calls them, in its order."""
    plan = (
        "不受理须通过诉讼、仲裁、纪检监察、行政复议、政府信息公开等程序解决的事项和已进入信访渠道的事项，"
        "以及涉及国家秘密、商业秘密、个人隐私和违反社会公序良俗的事项。"
    )
    rest = plan
    for ground in Ground:
        before, found, rest = rest.partition(WORDS[ground])
        assert found, ground
        assert not set(before) - set("不受理须通过等程序解决的事项和，以及涉、"), before
    assert rest == "的事项。"
    received = "包括经济调节、市场监管、社会管理、公共服务、生态环境保护等领域的咨询、求助、投诉、举报和意见建议等"
    matters = (Matter.CONSULTATION, Matter.HELP, Matter.COMPLAINT, Matter.REPORT, Matter.SUGGESTION)
    assert all(WORDS[matter] in received for matter in matters)
    assert WORDS.keys() == {*Matter, *Ground}


async def test_windows_have_no_gaps(house: House) -> None:
    found = await house.asked(Wanted(from_="2021-09-15T09:00", to="2021-09-15T12:00", every=Every.QUARTER))
    assert len(found["rows"]) == 12
    assert [row["offered"] for row in found["rows"]][-4:] == [0] * 4
    assert sum(row["offered"] for row in found["rows"]) == 65
    rows = list(csv.DictReader(io.StringIO(as_text(found))))
    assert set(rows[0]) == {"since", "until", "key", *NAMES} - AGENTS_ONLY


AGENTS_ONLY = {
    "offers", "not_answered", "rejected", "signed_in", "ready", "reserved", "talking", "wrapping_up", "paused",
    "unreachable", "occupancy",
}  # fmt: skip


async def test_rolling_windows_are_of_24_hours(house: House) -> None:
    found = await house.asked(Wanted(from_="2021-09-15T09:00", to="2021-09-16T09:00", rolling=True))
    assert len(found["rows"]) == 288
    assert found["rows"][0]["since"] == "2021-09-14T09:05:00+08:00"
    assert found["rows"][-1]["offered"] == 65
    assert "until" in printed(found)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (Wanted(from_="yesterday"), "'yesterday' is not a moment"),
        (Wanted(from_="2021-09-16"), "has no time in it"),
        (Wanted(from_="0001-01-01", rolling=True), "more than 10000 windows"),
        (Wanted(to="9999-12-31T23:59", every=Every.MONTH), "more than 10000 windows"),
        (Wanted(from_="2021-01-01", every=Every.FIVE_MINUTES), "ask for less time"),
        (Wanted(rolling=True, every=Every.DAY), "24 hours, every 5 minutes"),
    ],
)
async def test_what_cannot_be_reported_is_refused_in_a_sentence(house: House, query: Wanted, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refusal:
        await house.asked(query)
    assert refusal.value.status in {400, 503}


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(by=By.LINE), Wanted(by=By.AGENT), Wanted(every=Every.HOUR),
                                    Wanted(by=By.LINE, every=Every.HOUR), Wanted(rolling=True)], ids=str)  # fmt: skip
@pytest.mark.parametrize("format_", ["svg", "png"])
async def test_a_picture_is_drawn(house: House, wanted: Wanted, format_: str, tmp_path: Path) -> None:
    found, path = await house.asked(wanted), tmp_path / f"report.{format_}"
    draw(found, path)
    assert path.stat().st_size > 5_000
    first = path.read_bytes()
    draw(found, path)
    assert path.read_bytes() == first, "the same report gives the same file"


async def test_a_period_without_a_call_is_said_to_be_one(store: PostgresStore) -> None:
    found = await House(store).asked(Wanted(by=By.LINE))
    assert "no call has come in" in printed(found)
    assert as_text(found).count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "county"], "'county' is not one of"),
        (["--json", "--csv"], "choose one"),
        (["--plot", "report.xls"], "must end with one of .png, .svg, .pdf"),
        ([], "no house is open"),
    ],
)
def test_wrong_words_are_answered_plainly(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_STATE", str(tmp_path))
    ran = CliRunner().invoke(main, ["report", *arguments])
    assert ran.exit_code in {1, 2}
    assert said in ran.output
    assert "Traceback" not in ran.output
