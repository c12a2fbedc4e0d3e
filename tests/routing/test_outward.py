"""Who can be brought into a talk, and how they are dialled."""

from datetime import datetime, timedelta

import msgspec
import pytest

from routing.causes import ABSENT, NO_ANSWER, NO_CHANNEL, REJECTED, USER_BUSY
from routing.config import CallerId, Config
from routing.config.site import Outbound, OutboundClass, Site, Target, TargetKind, Trunk
from routing.hours import SHANGHAI
from routing.ids import TargetId
from routing.outward import (
    Way,
    after,
    direct,
    has_channel,
    outbound_class,
    over,
    refusal,
    return_within_ms,
    shown,
    sought,
    ways,
    why,
)
from routing.talk import Kind, Whom
from tests.routing.sources import config as city

DAY = datetime(2021, 9, 15, 10, tzinfo=SHANGHAI)
NIGHT = datetime(2021, 9, 15, 23, tzinfo=SHANGHAI)
CITY = city()


@pytest.mark.parametrize(
    ("whom", "sentence"),
    [
        (Whom(Kind.AGENT, "1001"), ""),
        (Whom(Kind.AGENT, "9999"), "no agent '9999'"),
        (Whom(Kind.POOL, "hall"), ""),
        (Whom(Kind.POOL, "hall", "market"), ""),
        (Whom(Kind.POOL, "hall", "magic"), "no skill 'magic'"),
        (Whom(Kind.POOL, "cellar"), "no pool 'cellar'"),
        (Whom(Kind.TARGET, "water"), ""),
        (Whom(Kind.TARGET, "nowhere"), "no target 'nowhere'"),
        (Whom(Kind.TARGET, "police"), "'police' is an emergency desk: ask for emergency 110"),
        (Whom(Kind.NUMBER, "13800138000"), ""),
        (Whom(Kind.NUMBER, "0310-8012345"), ""),
        (Whom(Kind.NUMBER, "01088888888"), "national numbers are not in outbound.allow"),
        (Whom(Kind.NUMBER, "0044 20 7946 0000"), "never dialled"),
        (Whom(Kind.NUMBER, "16812345"), "never dialled"),
        (Whom(Kind.NUMBER, "95598"), "never dialled"),
        (Whom(Kind.NUMBER, "110"), "asking for it as one"),
        (Whom(Kind.NUMBER, "the boss"), "is not a telephone number"),
        (Whom(Kind.EMERGENCY, "119"), ""),
        (Whom(Kind.EMERGENCY, "118"), "no target of kind emergency"),
        (Whom(Kind.SEAT, "8001"), "for the supervisor there"),
        (Whom(Kind.SEAT, "00442012345678@town"), "for the supervisor there"),
    ],
)
def test_who_cannot_be_reached_is_said_in_one_sentence(whom: Whom, sentence: str) -> None:
    said = refusal(CITY, whom, DAY)
    assert sentence in said
    assert bool(sentence) == bool(said)


def test_a_desk_of_a_county_is_asked_for_by_the_number_that_it_stands_for_and_its_county() -> None:
    near = Target(
        id=TargetId("wuan"), name="n", kind=TargetKind.EMERGENCY, number="0310-5110",
        trunks=("town",), serves="110", county="武安",
    )  # fmt: skip
    assert "ask for emergency 110 of 武安," in refusal(with_targets(near), Whom(Kind.TARGET, "wuan"), NIGHT)


def test_what_is_closed_is_not_rung() -> None:
    assert refusal(CITY, Whom(Kind.POOL, "law"), DAY) == ""
    assert "closed now" in refusal(CITY, Whom(Kind.POOL, "law"), NIGHT)
    assert "closed now" in refusal(CITY, Whom(Kind.TARGET, "heat"), NIGHT)


def test_numbers_are_of_three_kinds_or_of_none() -> None:
    kinds = [outbound_class(number) for number in ("8012345", "13800138000", "01088888888", "12345", "+4420", "96110")]
    assert kinds == [OutboundClass.LOCAL, OutboundClass.MOBILE, OutboundClass.NATIONAL, None, None, None]
    assert [outbound_class(number) for number in ("03112345678", "075523456789", "01016812345", "03719612345")] == [
        OutboundClass.NATIONAL, OutboundClass.NATIONAL, None, None,
    ]  # fmt: skip


def test_a_target_is_dialled_over_each_of_its_trunks_and_then_at_its_other_number() -> None:
    water = CITY.site.targets[TargetId("water")]
    (way,) = ways(CITY, Whom(Kind.TARGET, "water"))
    assert (way.number, way.trunk, way.ring_for_ms) == (water.number, "town", 15_000)
    more = with_targets_and_trunks(msgspec.structs.replace(water, trunks=("town", "second"), alternative="8095009"))
    assert [(each.number, each.trunk) for each in ways(more, Whom(Kind.TARGET, "water"))] == [
        (water.number, "town"),
        (water.number, "second"),
        ("8095009", "town"),
        ("8095009", "second"),
    ]
    assert ways(CITY, Whom(Kind.TARGET, "forgotten")) == ()


def test_what_is_no_number_and_no_target_is_dialled_nowhere() -> None:
    assert ways(CITY, Whom(Kind.NUMBER, "8095001@town&PJSIP/00442012345678")) == ()
    assert ways(CITY, Whom(Kind.SEAT, "water")) == ()
    for spelled in ("sip:8095001@10.0.0.1", "8095001;x=town&PJSIP/00442012345678@town", "+86 (310) 809-5001"):
        assert refusal(CITY, Whom(Kind.NUMBER, spelled), DAY) == ""
        assert {way.number for way in ways(CITY, Whom(Kind.NUMBER, spelled))} == {"8095001"}


def test_a_number_written_as_from_abroad_is_dialled_as_it_was_judged() -> None:
    for written in ("+8600442012345678", "+86 0044 2012345678", "00860442012345678"):
        (way, *_) = ways(CITY, Whom(Kind.NUMBER, written))
        assert way.number == CITY.site.numbering.normalise(written) == "0442012345678"


def test_an_outside_number_sees_the_hall_s() -> None:
    (way,) = ways(CITY, Whom(Kind.NUMBER, "13800138000"))
    assert (way.number, way.trunk, way.caller_id) == ("13800138000", "town", CallerId.HALL)
    chosen = msgspec.structs.replace(CITY.site, outbound=Outbound((), ("second", "forgotten")), trunks=TRUNKS)
    assert [each.trunk for each in ways(replaced(chosen), Whom(Kind.NUMBER, "8"))] == ["second"]


def test_the_county_s_desk_comes_before_the_city_s() -> None:
    near = Target(
        id=TargetId("fire-north"), name="n", kind=TargetKind.EMERGENCY, number="0310-5119",
        trunks=("town",), serves="119", county="武安",
    )  # fmt: skip
    config = with_targets(near)
    assert [each.number for each in ways(config, Whom(Kind.EMERGENCY, "119", "武安"))] == ["03105119", "119"]
    assert [each.number for each in ways(config, Whom(Kind.EMERGENCY, "119", "磁县"))] == ["119"]
    assert [each.number for each in ways(config, Whom(Kind.EMERGENCY, "119"))] == ["119"]


def test_a_ticket_for_an_agent_is_for_nobody_else() -> None:
    ((rung,), (pool, *_)) = sought(CITY, Whom(Kind.AGENT, "1001")), sought(CITY, Whom(Kind.POOL, "hall", "market"))
    assert [each.agent for each in rung.requirement.alternatives] == ["1001"]
    assert pool.requirement.alternatives[0].skill == "market"


# --- over which trunk, showing what

FREE, HALLS, PILOTS, BARE = (
    Trunk(
        id=name, name=name, carrier=name, caller_id=most, pilot=pilot, channels=10, reserve_out=3, reserve_emergency=2
    )
    for name, most, pilot in (
        ("free", CallerId.CITIZEN, "03103020000"),
        ("halls", CallerId.HALL, "03103020001"),
        ("pilots", CallerId.PILOT, "03103020002"),
        ("bare", CallerId.CITIZEN, ""),
    )
)
TRUNKS = CITY.site.trunks | {"second": msgspec.structs.replace(CITY.site.trunks["town"], id="second")}
CARRIERS = {trunk.id: trunk for trunk in (FREE, HALLS, PILOTS, BARE)}


def dialled(wanted: CallerId, *trunks: str) -> tuple[Way, ...]:
    config = replaced(msgspec.structs.replace(CITY.site, trunks=CARRIERS))
    return over(config, "0310-8095001", trunks or tuple(CARRIERS), 1_000, wanted)


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (CallerId.CITIZEN, ["13800138000", "12345", "03103020002", "13800138000"]),
        (CallerId.HALL, ["12345", "12345", "03103020002", "12345"]),
        (CallerId.PILOT, ["03103020000", "03103020001", "03103020002", "12345"]),
    ],
)
def test_a_trunk_shows_what_it_permits_and_the_hall_s_where_there_is_none(wanted: CallerId, seen: list[str]) -> None:
    assert [shown(way, "13800138000", "12345") for way in dialled(wanted)] == seen
    assert {way.number for way in dialled(wanted)} == {"03108095001"}


def test_whoever_withheld_their_number_is_shown_as_the_hall() -> None:
    assert [shown(way, "", "12345") for way in dialled(CallerId.CITIZEN, "free")] == ["12345"]


@pytest.mark.parametrize("sip", [403, 433])
def test_a_refused_number_is_tried_once_more_with_the_pilot_before_the_next_trunk(sip: int) -> None:
    ways = dialled(CallerId.CITIZEN, "free", "halls", "bare")
    tried = []
    while ways:
        tried.append((ways[0].trunk, shown(ways[0], "13800138000", "12345")))
        ways = after(ways, REJECTED, sip)
    assert tried == [
        ("free", "13800138000"),
        ("free", "03103020000"),
        ("halls", "12345"),
        ("halls", "03103020001"),
        ("bare", "13800138000"),
    ]


@pytest.mark.parametrize(
    ("cause", "sip", "left"),
    [
        (USER_BUSY, 486, ["110"]),
        (NO_ANSWER, 0, ["110"]),
        (REJECTED, 603, ["110"]),
        (REJECTED, 401, ["119", "110"]),
        (NO_CHANNEL, 0, ["119", "110"]),
        (ABSENT, 0, ["119", "110"]),
        (38, 503, ["119", "110"]),
    ],
)
def test_a_number_s_own_word_is_taken_for_all_of_its_trunks_a_trunk_s_for_none(
    cause: int, sip: int, left: list[str]
) -> None:
    first, second, other = (Way(number, "bare", 1, CallerId.HALL) for number in ("119", "119", "110"))
    assert [way.number for way in after((first, second, other), cause, sip)] == left


def test_an_ordinary_leg_leaves_the_reserve_and_an_emergency_s_takes_it() -> None:
    may = [
        (has_channel(FREE, used, is_emergency=False), has_channel(FREE, used, is_emergency=True)) for used in range(12)
    ]
    assert may == [(True, True)] * 8 + [(False, True)] * 2 + [(False, False)] * 2


def test_a_seat_s_own_call_to_an_emergency_goes_to_the_city_s_desks_and_shows_the_hall() -> None:
    (way,) = direct(CITY, "110")
    assert (way.number, way.trunk, shown(way, "", "12345"), way.is_emergency) == ("110", "town", "12345", True)
    without = msgspec.structs.replace(CITY.site, targets={}, trunks=CARRIERS)
    found = direct(replaced(without), "110")
    assert [(way.number, way.trunk) for way in found] == [("110", trunk) for trunk in CARRIERS]
    assert [shown(way, "", "12345") for way in found] == ["12345", "12345", "03103020002", "12345"]


def test_only_desks_are_dialled_as_emergencies() -> None:
    assert [way.is_emergency for way in ways(CITY, Whom(Kind.EMERGENCY, "119"))] == [True]
    assert [way.is_emergency for way in ways(CITY, Whom(Kind.TARGET, "water"))] == [False]


def with_targets_and_trunks(*more: Target) -> Config:
    return replaced(msgspec.structs.replace(with_targets(*more).site, trunks=TRUNKS))


def with_targets(*more: Target) -> Config:
    return replaced(msgspec.structs.replace(CITY.site, targets=CITY.site.targets | {each.id: each for each in more}))


def replaced(site: Site) -> Config:
    return msgspec.structs.replace(CITY, site=site)


def test_each_role_may_dial_what_it_is_allowed_and_nobody_what_is_never_dialled() -> None:
    by_role = {
        "operator": (OutboundClass.LOCAL, OutboundClass.TARGET),
        "supervisor": (OutboundClass.MOBILE, OutboundClass.NATIONAL),
    }
    site = msgspec.structs.replace(CITY.site, outbound=Outbound((), (), by_role))
    config = msgspec.structs.replace(CITY, site=site)

    def may(number: str, *roles: str) -> bool:
        return not refusal(config, Whom(Kind.NUMBER, number), DAY, roles)

    assert (may("8012345", "operator"), may("8012345", "supervisor")) == (True, False)
    assert (may("13800138000", "operator"), may("13800138000", "operator", "supervisor")) == (False, True)
    assert may("01088888888", "supervisor")
    assert not may("13800138000", "auditor")
    assert not may("13800138000")
    assert (may("95598", "operator"), may("0311-12316", "operator"), may("95598", "supervisor")) == (True, True, False)
    never = ("110", "119", "0044 20 7946 0000", "16812345")
    assert not any(may(number, "operator", "supervisor") for number in never)
    said = refusal(config, Whom(Kind.NUMBER, "13800138000"), DAY, ("operator",))
    assert said == "mobile numbers are not in outbound.allow of site.yaml for operator"


def test_what_the_other_side_sees_is_the_hall_s_number_where_there_is_no_other() -> None:
    way = ways(CITY, Whom(Kind.TARGET, "water"))[0]
    seen = [msgspec.structs.replace(way, caller_id=each, pilot="31099") for each in CallerId]
    assert {each.caller_id: shown(each, "13831234567", "12345") for each in seen} == {
        CallerId.CITIZEN: "13831234567",
        CallerId.HALL: "12345",
        CallerId.PILOT: "31099",
    }
    assert shown(msgspec.structs.replace(way, caller_id=CallerId.CITIZEN), "", "12345") == "12345"


@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        (Whom(Kind.TARGET, "agriculture"), 5_000),
        (Whom(Kind.TARGET, "nowhere"), 4_000),
        (Whom(Kind.AGENT, "1001"), 4_000),
        (None, 0),
    ],
)
def test_whoever_is_asked_for_can_let_go_too_early(whom: Whom | None, expected: int) -> None:
    timing = msgspec.structs.replace(CITY.site.timing, return_within=timedelta(seconds=4))
    city = msgspec.structs.replace(CITY, site=msgspec.structs.replace(CITY.site, timing=timing))
    assert return_within_ms(city, whom) == expected


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        (USER_BUSY, "busy"),
        (NO_ANSWER, "unanswered"),
        (REJECTED, "rejected"),
        (NO_CHANNEL, "no-channel"),
        (ABSENT, "unreachable"),
    ],
)
def test_why_nobody_was_reached_is_one_word(cause: int, word: str) -> None:
    assert why(cause) == word
