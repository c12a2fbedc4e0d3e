"""What a caller hears and where the call goes, for each line, arrival and moment; nobody is ever lost."""

import re
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.config import Config, build
from routing.hours import SHANGHAI
from routing.ids import PoolId, SkillId
from routing.ladders import ladder
from routing.lines import Phase, phase
from routing.plan import Arrival, Destination, Kind, Route, is_urgent, plan, recognise, tiers
from routing.tickets import Alternative
from tests.routing.sources import changed, config, ours, with_line

DAY = "2021-09-15T09:00"
NIGHT = "2021-09-15T23:00"
AFTER = "2021-11-02T09:00"
HALL = PoolId("hall")
FUND = SkillId("housing-fund")

CANCELLED_LINE = """number: 12397
    name: 全国统一民政服务电话
    short: 民政
    department: 市民政局
    section: full-merge
    row: 一.1
    reading: own
    number_kept: no
    seats: merged
    answered_by: hall
    transition: {from: 2021-09-01, until: 2021-11-01}
    cancel_on: 2021-12-01"""

SUB_CENTRE_LINE = """number: 12399
    name: 全国烟草专卖品市场监管举报电话
    short: 烟草
    department: 市烟草局
    section: sub-centre
    row: 三.1
    reading: own
    seats: own
    answered_by: sub-centre
    target: agriculture
    fallback: [safety]
    ring_for: 8 s"""

HUNT_LINE = """number: 12398
    name: 全国统一公共卫生公益服务电话
    short: 公共卫生
    department: 市卫生健康委
    section: dual-number
    row: 二.3
    reading: inherited
    seats: retained
    answered_by: retained-seats
    target: agriculture"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def arrive(
    dialled: str, diversion: str = "", history: str = "", caller: str = "13800138000", conf: Config | None = None
) -> Arrival:
    return recognise(conf or config(), dialled, diversion, history, "town", caller)


def route(
    dialled: str, moment: str, diversion: str = "", caller: str = "13800138000", conf: Config | None = None
) -> Route:
    return plan(conf or config(), arrive(dialled, diversion, "", caller, conf), at(moment))


def way(found: Route) -> list[str]:
    return [f"{place.kind} {place.name}" + (f" {place.skill}" if place.skill else "") for place in found.destinations]


@pytest.mark.parametrize(
    ("dialled", "moment", "prompts", "destinations", "at_phase"),
    [
        ("12345", DAY, ["greeting-12345"], ["pool hall"], Phase.MERGED),
        ("031012345", NIGHT, ["greeting-12345"], ["pool hall"], Phase.MERGED),
        ("12329", DAY, ["transition-12329"], ["pool hall housing-fund"], Phase.TRANSITION),
        ("12329", AFTER, ["greeting-12329"], ["pool hall housing-fund"], Phase.MERGED),
        ("12329", "2021-08-31T12:00", ["greeting-12329"], ["pool hall housing-fund"], Phase.BEFORE),
        ("12350", DAY, ["transition-12350"], ["retained-seats safety", "pool hall"], Phase.TRANSITION),
        ("12350", NIGHT, ["transition-12350"], ["pool hall"], Phase.TRANSITION),
        ("12350", "2021-11-06T10:00", ["greeting-12350"], ["pool hall"], Phase.MERGED),
        ("12316", DAY, ["transfer-12316"], ["transfer agriculture", "pool hall"], Phase.MERGED),
        ("12316", NIGHT, ["closed-12316"], ["pool hall"], Phase.MERGED),
        ("99999", DAY, ["greeting-12345"], ["pool hall"], Phase.MERGED),
    ],
)
def test_each_line_at_its_hours(
    dialled: str, moment: str, prompts: list[str], destinations: list[str], at_phase: Phase
) -> None:
    found = route(dialled, moment)
    assert [prompt.id for prompt in found.prompts] == prompts
    assert way(found) == destinations
    assert found.phase is at_phase


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2021-08-31T23:59:59", Phase.BEFORE),
        ("2021-09-01T00:00:00", Phase.TRANSITION),
        ("2021-10-31T23:59:59", Phase.TRANSITION),
        ("2021-11-01T00:00:00", Phase.MERGED),
        ("2021-11-30T23:59:59", Phase.MERGED),
        ("2021-12-01T00:00:00", Phase.CANCELLED),
        ("2121-12-01T00:00:00", Phase.CANCELLED),
    ],
)
def test_a_line_changes_at_midnight_and_stays_cancelled(moment: str, expected: Phase) -> None:
    line = build(with_line(CANCELLED_LINE)).lines["12397"]
    assert phase(line, at(moment)) is expected
    assert phase(line, at(moment).astimezone(SHANGHAI)) is expected


def test_a_cancelled_number_is_told_so_and_connected() -> None:
    merged = build(with_line(CANCELLED_LINE))
    for moment, prompt in [
        (DAY, "transition-12397"),
        ("2021-11-15T09:00", "greeting-12345"),
        ("2021-12-02T09:00", "cancelled-12397"),
    ]:
        found = route("12397", moment, conf=merged)
        assert [said.id for said in found.prompts] == [prompt]
        assert way(found) == ["pool hall"]


def test_announce_only_ends_at_a_spoken_reason() -> None:
    only = build(with_line(CANCELLED_LINE + "\n    when_cancelled: announce-only"))
    found = route("12397", "2021-12-02T09:00", conf=only)
    assert way(found) == ["announcement cancelled-12397"]
    assert found.prompts[0].text == "您好，12397已停止使用，今后请直接拨打12345。"
    assert way(route("12397", DAY, conf=only)) == ["pool hall"]


def test_a_centre_is_dialled_with_its_limits_and_a_word_when_it_fails() -> None:
    (centre, hall) = route("12316", DAY).destinations
    assert (centre.number, centre.trunks, centre.ring_for_ms, centre.return_within_ms) == (
        "031112316",
        ("town",),
        15_000,
        5000,
    )
    assert centre.sorry is not None
    assert centre.sorry.id == "return-hall"
    assert not centre.is_ours
    assert hall.is_ours
    assert hall.ring_for_ms == 0


@pytest.mark.parametrize(
    ("diversion", "caller"),
    [
        ("<sip:12316@centre>;reason=no-answer", "13800138000"),
        ("<sip:031112316@centre>;reason=deflection", "13800138000"),
        ("<sip:+8631112316@centre>", "13800138000"),
        ("<sip:008631112316@centre>|<sip:12316@carrier>", "13800138000"),
        ("", "0311-12316"),
    ],
)
def test_a_call_that_the_centre_sent_never_goes_back_there(diversion: str, caller: str) -> None:
    dialled = "12345" if diversion else "12316"
    found = route(dialled, DAY, diversion, caller)
    assert found.line == "12316"
    assert way(found) == ["pool hall"]
    assert [prompt.id for prompt in found.prompts] == ["greeting-12345"]


def test_a_sub_centre_then_its_fallback_then_the_hall() -> None:
    conf = build(with_line(SUB_CENTRE_LINE))
    found = route("12399", DAY, conf=conf)
    assert way(found) == ["sub-centre agriculture", "pool safety", "pool hall"]
    assert [place.ring_for_ms for place in found.destinations] == [8000, 8000, 0]
    assert way(route("12399", NIGHT, conf=conf)) == ["pool hall"]
    assert way(route("12345", DAY, "<sip:12399@x>", conf=conf)) == ["pool safety", "pool hall"]
    other = build(
        with_line(
            SUB_CENTRE_LINE.replace("[safety]", "[]")
            .replace("sub-centre\n    target", "hall\n    target")
            .replace("fallback: []", "fallback: [agriculture]")
            .replace("target: agriculture\n", "pool: safety\n")
        )
    )
    assert way(route("12399", DAY, conf=other)) == ["transfer agriculture", "pool hall"]


def test_who_comes_back_from_a_target_is_told_what_follows() -> None:
    line = SUB_CENTRE_LINE.replace("[safety]", "[water, safety, power]")
    found = route("12399", DAY, conf=build(with_line(line))).destinations
    assert [(place.name, place.sorry and place.sorry.id) for place in found] == [
        *(("agriculture", "return-next"), ("water", "return-hall"), ("safety", None), ("power", "return-hall")),
        ("hall", None),
    ]


def test_a_closed_centre_is_not_said_to_be_dialled_although_another_target_is() -> None:
    conf = build(with_line(SUB_CENTRE_LINE.replace("[safety]", "[water]")))
    assert [said.id for said in route("12399", NIGHT, conf=conf).prompts] == ["closed-12399"]


def test_a_pool_that_waits_for_another_word_is_not_in_use() -> None:
    conf = build(with_line(SUB_CENTRE_LINE.replace("fallback: [safety]", "pool: safety")))
    assert way(route("12399", DAY, conf=conf)) == ["sub-centre agriculture", "pool hall"]


def test_tiers_are_runs_of_pools_and_targets_one_by_one() -> None:
    line = SUB_CENTRE_LINE.replace("[safety]", "[safety, law, water, power, safety]")
    found = tiers(route("12399", DAY, conf=build(with_line(line))))
    assert [(tier.n, [place.name for place in tier.places], tier.limit_ms) for tier in found if tier.limit_ms] == [
        *((1, ["agriculture"], 8000), (2, ["safety", "law"], 16_000), (3, ["water"], 15_000), (4, ["power"], 15_000)),
    ]
    assert found[-1] == (5, found[-1].places, True)
    assert [place.name for place in found[-1].places] == ["safety", "hall"]
    assert found[-1].limit_ms is None


def test_seats_at_the_bureau_are_a_number_that_we_dial() -> None:
    conf = build(with_line(HUNT_LINE))
    assert way(route("12398", DAY, conf=conf)) == ["retained-seats agriculture", "pool hall"]
    assert [said.id for said in route("12398", DAY, conf=conf).prompts] == ["greeting-12398"]
    assert way(route("12345", DAY, "<sip:12398@x>", conf=conf)) == ["pool hall"]


def test_retained_seats_of_ours_are_asked_even_when_the_carrier_forwards_the_number() -> None:
    found = route("12345", DAY, "<sip:12350@carrier>;reason=unconditional")
    assert found.line == "12350"
    assert way(found) == ["retained-seats safety", "pool hall"]


def test_the_first_dialled_number_counts() -> None:
    found = arrive("12345", "<sip:12329@b>;reason=busy|<sip:12350@a>;reason=unconditional")
    assert (found.number, found.diverted_from, found.reason) == ("12350", "12350", "unconditional")
    assert found.chain == ("12350", "12329")


def test_forwardings_that_are_no_lines_are_passed_over() -> None:
    found = arrive("12345", "<sip:12350@b>|<sip:13900139000@a>|<sip:alice@home>")
    assert (found.number, found.diverted_from) == ("12350", "12350")
    assert found.chain == ("13900139000", "12350")
    friend = arrive("12345", "<sip:13900139000@a>;reason=busy")
    assert (friend.number, friend.diverted_from, friend.recognised, friend.reason) == (
        "12345",
        "13900139000",
        True,
        "busy",
    )


def test_history_ends_with_the_request_itself() -> None:
    direct = arrive("12316", history="<sip:12316@x>;index=1")
    assert (direct.number, direct.diverted_from, direct.chain) == ("12316", None, ())
    diverted = arrive("12345", history="<sip:12345@y;cause=302>;index=1.1, <sip:12316@x>;index=1")
    assert (diverted.number, diverted.diverted_from) == ("12316", "12316")
    strange = arrive("12345", history="<sip:12316@x>;index=1, <sip:alice@y>;index=2")
    assert strange.diverted_from == "12316"


def test_forwardings_are_believed_only_where_the_contract_says_so() -> None:
    doubting = build(changed("site.yaml", "trusts_diversion: yes", "trusts_diversion: no"))
    assert arrive("12345", "<sip:12350@x>", conf=doubting).number == "12345"
    assert recognise(config(), "12345", "<sip:12350@x>", "", "elsewhere").number == "12345"


def test_a_centre_of_two_lines_stands_for_neither() -> None:
    shared = build(with_line(SUB_CENTRE_LINE))
    assert arrive("12345", "<sip:031112316@x>", conf=shared).number == "12345"


@pytest.mark.parametrize("dialled", ["31012345", "3100012345", "alice", "", "400-800", "sip:12345@x"])
def test_what_nobody_knows_is_answered_as_the_hall_and_marked(dialled: str) -> None:
    found = route(dialled, DAY)
    assert found.line == "12345"
    known = dialled in {"31012345", "sip:12345@x"}
    assert found.marked == (None if known else "unknown-number")


def test_a_call_from_an_emergency_desk_comes_first() -> None:
    for found in (route("12345", DAY, caller="110"), route("12345", DAY, "<sip:110@police>")):
        assert (found.line, found.marked, found.priority_ms) == ("12345", "from-110", 600_000)
        assert way(found) == ["pool hall"]


@pytest.mark.parametrize(
    ("dialled", "skill"), [("12329", " housing-fund"), ("12350", ""), ("12316", ""), ("12397", "")]
)
@pytest.mark.parametrize("moment", [DAY, "2021-12-02T09:00"])
def test_whatever_number_an_emergency_desk_dials_the_hall_answers(dialled: str, skill: str, moment: str) -> None:
    only = build(with_line(CANCELLED_LINE + "\n    when_cancelled: announce-only"))
    found = route(dialled, moment, "<sip:110@police>;reason=deflection", conf=only)
    assert (found.line, found.marked, way(found)) == (dialled, "from-110", [f"pool hall{skill}"])
    assert [said.id for said in found.prompts] == ["greeting-12345"]


def test_a_call_that_an_emergency_desk_sends_to_its_own_number_does_not_go_back_there() -> None:
    assert way(route("110", DAY, caller="110")) == ["pool hall"]


def test_a_misrouted_emergency_call_goes_to_its_desk_at_once_or_else_to_the_hall() -> None:
    without = build({**ours(), "site.yaml": re.sub(r".*kind: emergency, .*\n", "", ours()["site.yaml"])})
    nowhere = route("110", DAY, conf=without)
    assert (nowhere.marked, way(nowhere), [said.id for said in nowhere.prompts]) == (
        "emergency",
        ["pool hall"],
        ["greeting-12345"],
    )
    for number, desk in [
        ("110", "police"),
        ("0310-119", "fire"),
        ("120", "ambulance"),
        ("+86310122", "traffic-police"),
    ]:
        found = route(number, NIGHT)
        assert way(found) == [f"emergency {desk}", "pool hall"]
        assert [said.text for said in found.prompts] == [f"正在为您接通{number[-3:]}，通话将被录音。"]
        assert (found.destinations[0].number, found.destinations[0].ring_for_ms) == (number[-3:], 10_000)


def rungs(conf: Config, *places: Destination) -> list[tuple[int, tuple[Alternative, ...]]]:
    return [(rung.after_ms, rung.requirement.alternatives) for rung in ladder(conf, places)]


def test_a_skill_widens_to_lower_levels_and_then_to_anyone_within_ten_seconds() -> None:
    good, some, any_ = Alternative(HALL, FUND, 3), Alternative(HALL, FUND, 1), Alternative(HALL)
    assert rungs(config(), *route("12329", DAY).destinations) == [
        (0, (good,)),
        (5000, (good, some)),
        (10_000, (good, some, any_)),
    ]


def test_a_skill_where_every_level_is_good_has_one_step_less() -> None:
    conf = build(changed("site.yaml", "housing-fund: {name: 公积金, good: 3}", "housing-fund: {name: 公积金, good: 1}"))
    assert [after for after, _ in rungs(conf, *route("12329", DAY).destinations)] == [0, 10_000]


def test_own_seats_then_also_the_hall() -> None:
    own = Alternative(PoolId("safety"))
    assert rungs(config(), *route("12350", DAY).destinations) == [(0, (own,)), (10_000, (own, Alternative(HALL)))]


def test_own_seats_before_a_skill_leave_ten_seconds_in_all() -> None:
    own = Destination(Kind.RETAINED_SEATS, "safety", ring_for_ms=4000, is_ours=True)
    hall = Destination(Kind.POOL, "hall", FUND, is_ours=True)
    assert [after for after, _ in rungs(config(), own, hall)] == [0, 4000, 9000, 10_000]
    long = msgspec.structs.replace(own, ring_for_ms=10_000)
    found = rungs(config(), long, hall)
    assert [after for after, _ in found] == [0, 10_000]
    assert found[-1][1][-1] == Alternative(HALL)


def test_a_target_is_no_rung() -> None:
    with pytest.raises(ValueError, match="transfer 'agriculture' is not a pool of ours"):
        ladder(config(), route("12316", DAY).destinations)


MOMENTS = st.integers(0, 366 * 24 * 60 - 1).map(lambda minute: at("2021-06-01T00:00") + timedelta(minutes=minute))
NUMBERS = st.sampled_from(["12345", "12329", "12350", "12316", "12399", "12397", "12398", "110", "77", "x", ""])
HEADERS = st.sampled_from(
    ["", "<sip:12316@c>", "<sip:031112316@c>|<sip:12350@x>", "<sip:110@p>", "<sip:12399@c>", "|,<>"]
)


def everything() -> Config:
    sources = with_line(CANCELLED_LINE)
    sources["lines.yaml"] += "\n  - " + SUB_CENTRE_LINE + "\n  - " + HUNT_LINE + "\n"
    return build(sources)


EVERYTHING = everything()


@given(NUMBERS, HEADERS, HEADERS, st.sampled_from(["", "110", "13800138000", "031112316"]), MOMENTS)
def test_nobody_is_lost_and_everybody_hears_of_the_recording(
    dialled: str, diversion: str, history: str, caller: str, now: datetime
) -> None:
    arrival = recognise(EVERYTHING, dialled, diversion, history, "town", caller)
    found = plan(EVERYTHING, arrival, now)
    assert found == plan(EVERYTHING, arrival, now)
    assert found.destinations[-1].name == "hall"
    assert all(place.name != "hall" for place in found.destinations[:-1])
    heard = [prompt.id for prompt in found.prompts]
    assert any(EVERYTHING.prompts[prompt].notice and EVERYTHING.prompts[prompt].must_hear for prompt in heard)
    told = found.phase is Phase.TRANSITION and (found.marked is None or not found.marked.startswith(("em", "from-")))
    assert heard[0].startswith("transition") == told
    for place in found.destinations:
        if not place.is_ours:
            assert place.number not in {*arrival.chain, caller}
            assert place.ring_for_ms > 0
    ours_last = [place for place in found.destinations if place.is_ours]
    steps = ladder(EVERYTHING, ours_last)
    assert steps[0].after_ms == 0
    assert [step.after_ms for step in steps] == sorted({step.after_ms for step in steps})
    assert steps[-1].requirement.alternatives[-1] == Alternative(HALL)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Route) == found


def test_only_an_emergency_is_urgent() -> None:
    assert is_urgent(route("12345", DAY, caller="110"))
    assert is_urgent(route("119", DAY))
    assert not is_urgent(route("12345", DAY))
    assert not is_urgent(route("31012345x", DAY))
