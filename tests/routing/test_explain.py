"""`explain`: the contract's keys, and words that a person can follow."""

import json
from datetime import datetime

import msgspec
import pytest

from routing.config import build
from routing.explain import explain, render
from routing.hours import parse_moment
from routing.ids import TargetId
from routing.plan import Kind
from routing.terms import Terms
from tests.routing.sources import changed, config, with_line
from tests.routing.test_plan import CANCELLED_LINE, SUB_CENTRE_LINE

DAY = parse_moment("2021-09-15T09:00")
NIGHT = parse_moment("2021-09-15T23:00")
KEYS = {
    *("dialled", "number", "line", "department", "section", "row", "reading", "phase", "prompts"),
    *("destination", "fallbacks", "at"),
}


def as_json(number: str, at: datetime = DAY, arrival: str = "direct") -> dict[str, object]:
    read = json.loads(msgspec.json.encode(explain(config(), number, at, arrival)))
    assert isinstance(read, dict)
    return read


def test_the_contracts_keys_for_a_kept_number() -> None:
    found = as_json("0310-12329")
    assert set(found) >= KEYS
    assert (found["dialled"], found["number"], found["line"]) == (
        "0310-12329",
        "12329",
        "全国统一住房公积金热线服务电话",
    )
    assert (found["section"], found["row"], found["reading"]) == ("dual-number", "二.1", "own")
    assert (found["phase"], found["prompts"]) == ("transition", ["transition-12329"])
    assert found["destination"] == {"kind": "pool", "name": "hall", "skill": "housing-fund"}
    assert found["fallbacks"] == []
    assert found["at"] == "2021-09-15T09:00:00+08:00"


def test_own_seats_and_their_fallback() -> None:
    found = as_json("12350")
    assert found["destination"] == {"kind": "retained-seats", "name": "safety", "skill": None}
    assert found["fallbacks"] == [{"kind": "pool", "name": "hall", "skill": None}]


def test_the_hall_itself_is_in_no_section() -> None:
    found = as_json("12345")
    assert (found["section"], found["row"], found["reading"], found["skipped"]) == (None, None, None, [])


def test_a_closed_place_is_said_to_be_so_and_until_when() -> None:
    assert as_json("12350", NIGHT)["skipped"] == [{"name": "safety", "why": "closed until 2021-09-16 08:30"}]
    assert as_json("12316", NIGHT)["skipped"] == [{"name": "agriculture", "why": "closed until 2021-09-16 08:00"}]


def test_on_a_holiday_it_says_which_and_until_when_a_place_is_closed() -> None:
    found = explain(config(), "12350", parse_moment("2021-10-01T10:00"))
    assert (found.day, found.skipped[0].why) == ("国庆节", "closed until 2021-10-08 08:30")
    assert "2021-10-01 10:00 星期五 (国庆节), phase" in render(found)
    worked = explain(config(), "12350", parse_moment("2021-10-09T10:00"))
    assert (worked.day, worked.skipped, worked.destination.name) == ("国庆节调休", (), "safety")
    assert explain(config(), "12350", DAY).day is None


def test_a_call_from_the_centre_says_why_it_does_not_go_back() -> None:
    found = as_json("12345", arrival="12316")
    assert found["number"] == "12316"
    assert found["skipped"] == [{"name": "agriculture", "why": "the call was sent to us from there"}]
    assert as_json("12345", arrival="nobody")["number"] == "12345"


def test_an_unknown_number_is_marked() -> None:
    found = as_json("777")
    assert (found["number"], found["marked"]) == ("12345", "unknown-number")


@pytest.mark.parametrize(
    ("number", "at", "words"),
    [
        ("12329", DAY, ["二.1 双号并行", "星期三, phase transition", "at once: 12345大厅 with 公积金 (level 3 and up)",
                        "after 5 s also: 12345大厅 with 公积金 (level 1", "after 10 s also: anyone in 12345大厅"]),
        ("12350", NIGHT, ["not asked  safety: closed until 2021-09-16 08:30", "anyone in 12345大厅"]),
        ("12316", DAY, ["dials 031112316 (省农业服务中心) over town for 15 s", "transfer agriculture → pool hall"]),
        ("777", DAY, ["[unknown-number]", "the agent hears “12345”"]),
    ],
)  # fmt: skip
def test_in_words(number: str, at: datetime, words: list[str]) -> None:
    text = render(explain(config(), number, at))
    for word in words:
        assert word in text


def test_a_number_that_only_announces_ends_there() -> None:
    only = build(with_line(CANCELLED_LINE + "\n    when_cancelled: announce-only"))
    found = explain(only, "12397", parse_moment("2022-01-01T00:00"))
    assert (found.destination.kind, found.destination.name) == (Kind.ANNOUNCEMENT, "cancelled-12397")
    assert "ends there: not answered, Q.850 cause 22" in render(found)


def test_a_run_of_pools_after_a_target_is_one_wait() -> None:
    found = explain(build(with_line(SUB_CENTRE_LINE)), "12399", DAY)
    assert [step.partition(":")[0] for step in found.steps[1:]] == ["at once", "after 8 s also"]
    assert found.steps[0].startswith("dials")


def test_pools_that_a_target_follows_say_when_it_goes_on() -> None:
    found = explain(build(with_line(SUB_CENTRE_LINE.replace("[safety]", "[safety, law, water]"))), "12399", DAY)
    assert [step.partition(" (")[0] for step in found.steps[1:]] == [
        *("at once: anyone in 安全生产坐席", "after 8 s also: anyone in 法律服务坐席"),
        *("after 16 s, or when nobody is signed in there: goes on", "dials 03108095001"),
        "at once: anyone in 12345大厅",
    ]


def test_a_target_that_is_not_taken_back_from_does_not_come_back() -> None:
    sources = changed("site.yaml", "return_within: 5 s           #", "return_within: 0 s           #")
    assert explain(build(sources), "12316", DAY).steps[0].endswith("over town for 15 s")


def test_a_pool_that_is_not_in_use_is_not_said_to_be_skipped() -> None:
    found = explain(build(with_line(SUB_CENTRE_LINE.replace("fallback: [safety]", "pool: safety"))), "12399", DAY)
    assert found.skipped == ()


def test_a_place_that_never_opens_is_said_to_be_so() -> None:
    sources = with_line(SUB_CENTRE_LINE)
    sources["site.yaml"] = sources["site.yaml"].replace("Mo-Su 08:00-18:00", "Mo-Su 08:00-08:01")
    found = explain(build(sources), "12399", DAY)
    assert found.skipped[0].why == "closed until 2021-09-16 08:00"


def test_a_call_from_an_emergency_desk_says_why_it_comes_to_the_hall() -> None:
    found = as_json("12350", arrival="110")
    assert (found["destination"], found["marked"]) == ({"kind": "pool", "name": "hall", "skill": None}, "from-110")
    assert found["skipped"] == [{"name": "safety", "why": "a call from 110 goes to the hall"}]


def test_an_emergency_call_skips_nothing_of_the_hall() -> None:
    assert explain(config(), "110", DAY).skipped == ()


def test_where_a_wait_leads_is_said_with_its_reasons() -> None:
    rules = (
        "overflow: [{to: health-seats, length: 30, waited: 1 min}, {to: law, expected: 5 min}, "
        "{to: callback, waited: 90 s}, {to: voicemail, waited: 9 min}, {to: safety}]}"
    )
    conf = build(changed("site.yaml", "hours: always, wrap_up: 0 s}", rules))
    number = conf.site.targets[TargetId("health-seats")].number
    back = "and comes back to its place if nobody answers"
    assert list(explain(conf, "12345", DAY).steps)[1:] == [
        f"when 30 wait there or it has waited for 60 s: dials {number} (公共卫生坐席), {back}",
        "when 300 s are foreseen: also anyone in 法律服务坐席",
        "when it has waited for 90 s: is offered a call back",
        "when it has waited for 540 s: leaves a message, and is called back",
    ]
    off = msgspec.structs.replace(conf, site=msgspec.structs.replace(conf.site, callbacks=Terms()))
    assert list(explain(off, "12345", DAY).steps) == list(explain(conf, "12345", DAY).steps)[:3]
