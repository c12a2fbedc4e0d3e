"""A language besides a skill: those who speak it come first, and nobody is lost for want of one."""

import json
from datetime import datetime

import msgspec
import pytest

from routing import prove
from routing.config import Config, build, check
from routing.diff import diff
from routing.explain import explain, in_short, render
from routing.ids import AgentId, Instant, LanguageId, PoolId, SkillId, TicketId
from routing.ladders import ladder, moved
from routing.outward import refusal, sought
from routing.plan import Destination, Kind, Route, plan, recognise
from routing.standing import AgentRecord, FloorState, TicketRecord
from routing.table import bring_in
from routing.talk import Kind as Asked
from routing.talk import Whom
from routing.tickets import AgentState, Alternative, Competence, Entered, Moved, Requirement, Rung, Tick
from routing.watch import idle_beside
from tests.routing.floor_house import ANN, BOB, CAT, T1, T2, T3, House, offer
from tests.routing.sources import changed, config, ours, with_line

DAY = datetime.fromisoformat("2021-09-15T09:00+08:00")
HALL, SAFETY, LEADERS = PoolId("hall"), PoolId("safety"), PoolId("leaders")
FUND = SkillId("housing-fund")
ENGLISH = LanguageId("english")
GUEST = "13800138000"
LISTED = "english: {name: 英语, callers: [138-0013-8000]}"

CHINESE_ONLY = (Competence(HALL, ((FUND, 5),)),)
BILINGUAL = (Competence(HALL, (), (ENGLISH,)),)
BOTH = (Competence(HALL, ((FUND, 2),), (ENGLISH,)),)


def listed() -> dict[str, str]:
    """Our files, with a guest of the city who is to be answered in English."""
    return changed("site.yaml", "english: {name: 英语, callers: []}", LISTED)


def route(conf: Config, number: str, caller: str = "") -> Route:
    return plan(conf, recognise(conf, number, "", "", "town", caller), DAY)


def rungs(conf: Config, *places: Destination) -> list[tuple[int, tuple[Alternative, ...]]]:
    return [(rung.after_ms, rung.requirement.alternatives) for rung in ladder(conf, places)]


def test_a_skill_and_a_language_are_asked_for_together_and_both_are_relaxed() -> None:
    good, some, speaks = (
        *(Alternative(HALL, FUND, level, language=ENGLISH) for level in (3, 1)),
        Alternative(HALL, language=ENGLISH),
    )
    assert rungs(build(listed()), *route(build(listed()), "12329", GUEST).destinations) == [
        (0, (good,)),
        (5_000, (good, some, speaks)),
        (10_000, (good, some, speaks, Alternative(HALL, FUND, 3), Alternative(HALL, FUND, 1), Alternative(HALL))),
    ]


def test_a_language_alone_is_worth_ten_seconds() -> None:
    speaks = Alternative(HALL, language=ENGLISH)
    assert rungs(config(), route(config(), "12367").destinations[-1]) == [
        (0, (speaks,)),
        (10_000, (speaks, Alternative(HALL))),
    ]


def test_where_every_level_is_good_the_ladder_has_one_alternative_less() -> None:
    conf = build(changed("site.yaml", "housing-fund: {name: 公积金, good: 3}", "housing-fund: {name: 公积金, good: 1}"))
    place = Destination(Kind.POOL, HALL, FUND, is_ours=True, language=ENGLISH)
    both, speaks = Alternative(HALL, FUND, 1, language=ENGLISH), Alternative(HALL, language=ENGLISH)
    assert rungs(conf, place) == [
        (0, (both,)),
        (5_000, (both, speaks)),
        (10_000, (both, speaks, Alternative(HALL, FUND, 1), Alternative(HALL))),
    ]


def test_at_a_line_s_own_seats_who_speaks_it_comes_first_and_nobody_is_waited_for() -> None:
    own, theirs = Alternative(SAFETY), Alternative(SAFETY, language=ENGLISH)
    speaks = Alternative(HALL, language=ENGLISH)
    conf = build(listed())
    assert rungs(conf, *route(conf, "12350", GUEST).destinations) == [
        (0, (theirs, own)),
        (10_000, (theirs, own, speaks, Alternative(HALL))),
    ]


def test_who_helps_the_hall_out_is_preferred_by_language_too() -> None:
    site = listed()["site.yaml"].replace("voicemail: ", "help_out: {supervisors: leaders}\n\nvoicemail: ", 1)
    site = site.replace("\npools:\n", "\npools:\n  leaders: {name: 班长席}\n", 1)
    site = site.replace("{name: 公积金, good: 3}", "{name: 公积金, good: 3, shared_by: [safety]}", 1)
    conf = build({**ours(), "site.yaml": site})
    steps = rungs(conf, *route(conf, "12329", GUEST).destinations)[-2:]
    assert [(after, alternatives[-2:]) for after, alternatives in steps] == [
        (60_000, (Alternative(LEADERS, language=ENGLISH), Alternative(LEADERS))),
        (90_000, (Alternative(SAFETY, FUND, 1, language=ENGLISH), Alternative(SAFETY, FUND, 1))),
    ]


def asked(pool: PoolId, skill: SkillId | None, language: LanguageId | None) -> tuple[Alternative, ...]:
    """All that a ticket is content with in one pool, in order of preference."""
    anybody = *((Alternative(pool, skill, level) for level in (3, 1)) if skill else ()), Alternative(pool)
    speaks = [msgspec.structs.replace(one, language=language) for one in anybody] if language else []
    return (*speaks, *anybody)


@pytest.mark.parametrize("language", [None, ENGLISH])
@pytest.mark.parametrize("skill", [None, FUND])
def test_a_ticket_that_is_moved_asks_for_the_same_elsewhere_and_waits_there_for_nobody_who_has_it(
    skill: SkillId | None, language: LanguageId | None
) -> None:
    assert moved(config(), SAFETY, skill, language) == (
        Rung(Requirement(asked(SAFETY, skill, language)), 0),
        Rung(Requirement((*asked(SAFETY, skill, language), *asked(HALL, skill, language))), 10_000),
    )


def test_one_that_is_moved_to_the_hall_asks_there_as_any_that_comes_to_it() -> None:
    place = Destination(Kind.POOL, HALL, FUND, is_ours=True, language=ENGLISH)
    assert moved(config(), HALL, FUND, ENGLISH) == ladder(config(), (place,))


def test_what_a_reload_has_taken_away_is_asked_for_by_nobody() -> None:
    skill, language = SkillId("alchemy"), LanguageId("latin")
    assert moved(config(), SAFETY, skill, language) == moved(config(), SAFETY, None, None)


def test_a_caller_is_answered_in_their_own_language_whatever_the_line_asks_for() -> None:
    site = listed()["site.yaml"].replace(
        "languages:\n", "languages:\n  russian: {name: 俄语, callers: [13900139000]}\n"
    )
    conf = build({**ours(), "site.yaml": site})
    asked = [route(conf, "12367", caller).destinations[-1].language for caller in ("13900139000", GUEST, "", "x")]
    assert asked == ["russian", "english", "english", "english"]
    assert {route(conf, "12345", caller).destinations[-1].language for caller in ("", "13700137000")} == {None}


def test_a_target_is_asked_for_no_language_and_nobody_in_danger_waits_for_one() -> None:
    conf = build(listed())
    assert [place.language for place in route(conf, "12367", GUEST).destinations] == [None, ENGLISH]
    assert {place.language for place in route(conf, "110", GUEST).destinations} == {None}


def test_who_has_both_comes_before_who_has_one_and_who_has_waited_longer_to_work() -> None:
    house = House()
    for agent, competences in ((ANN, CHINESE_ONLY), (BOB, BILINGUAL), (CAT, BOTH)):
        house.sits(agent, competences)
    wait = ladder(config(), (Destination(Kind.POOL, HALL, FUND, is_ours=True, language=ENGLISH),))
    assert offer(T1, CAT) in house.enters(T1, wait), "nobody is good at it and speaks English: at once"
    assert offer(T2, BOB) in house.enters(T2, wait)
    assert house.enters(T3, wait) == (Moved(T3, 1),)
    assert house.hears(Tick(), after=5_000) == ()
    assert offer(T3, ANN) in house.hears(Tick(), after=5_000)


def test_with_nobody_there_who_speaks_it_the_call_is_offered_at_once() -> None:
    house = House()
    house.sits(ANN, CHINESE_ONLY)
    assert offer(T1, ANN) in house.enters(T1, ladder(config(), route(config(), "12367").destinations[-1:]))


def test_for_a_call_that_asks_for_nothing_who_speaks_a_language_is_asked_last() -> None:
    house = House()
    house.sits(BOB, BILINGUAL)
    house.sits(ANN)
    assert offer(T1, ANN) in house.enters(T1)


def test_an_agent_who_is_free_beside_who_waits_for_their_language_is_an_alarm() -> None:
    wait = ladder(config(), route(config(), "12367").destinations[-1:])
    ticket = TicketRecord(TicketId("t"), wait, Instant(0), 0, Instant(0), 0)
    for competences, found in ((BILINGUAL, 1), (CHINESE_ONLY, 0)):
        agent = AgentRecord(AgentId("1"), "8001", competences, AgentState.READY, Instant(0), 1)  # type: ignore[arg-type]
        assert len(idle_beside(FloorState((agent,), (ticket,)), Instant(9_000))) == found


def test_it_is_explained() -> None:
    conf = build(listed())
    found = explain(conf, "12329", DAY, caller=GUEST)
    anyone = (*(f"12345大厅 with 公积金 (level {level} and up)" for level in (3, 1)), "anyone in 12345大厅")
    assert found.steps == (
        "at once: 12345大厅 with 公积金 (level 3 and up) who speaks 英语",
        f"after 5 s also: {anyone[1]} who speaks 英语, then {anyone[2]} who speaks 英语",
        f"after 10 s also: {', then '.join(anyone)}",
    )
    assert "in short   pool hall (housing-fund, english)" in render(found)
    assert in_short(explain(conf, "12345", DAY, caller=GUEST).destination) == "pool hall (english)"
    shown = json.loads(msgspec.json.encode(explain(conf, "12345", DAY, caller=GUEST)))
    assert shown["destination"] == {"kind": "pool", "name": "hall", "skill": None, "language": "english"}
    assert "language" not in json.loads(msgspec.json.encode(explain(conf, "12345", DAY)))["destination"]
    assert explain(conf, "12345", DAY, "12329", GUEST).destination.language == "english"


def test_nobody_is_lost_for_a_language_and_the_proof_walks_its_callers_too() -> None:
    conf = build(listed())
    few = {number: line for number, line in conf.lines.items() if number in {"12345", "12350", "12367"}}
    with_guest, without = (prove.prove(msgspec.structs.replace(each, lines=few)) for each in (conf, config()))
    assert with_guest.holds, with_guest.broken
    assert with_guest.arrivals == without.arrivals + len(few)
    assert with_guest.ladders > without.ladders
    assert with_guest.longest_before_hall_ms == 10_000


def test_another_language_is_a_difference() -> None:
    conf = build(changed("lines.yaml", "    language: english            # for whom the centre has not answered\n", ""))
    words = [str(change) for change in diff(conf, config()).changed]
    assert words == [
        "12367: goes to transfer immigration → pool hall (english) instead of transfer immigration → pool hall"
    ]
    other = build(changed("site.yaml", "english: {name: 英语, callers: []}", "english: {name: 英文}"))
    assert [change.number for change in diff(config(), other).changed] == ["12367"]


def test_who_is_consulted_in_a_pool_may_be_asked_for_by_language() -> None:
    whom = Whom(Asked.POOL, HALL, FUND, ENGLISH)
    assert not refusal(config(), whom, DAY)
    assert sought(config(), whom)[0].requirement.alternatives == (Alternative(HALL, FUND, 3, language=ENGLISH),)
    lost = Whom(Asked.POOL, HALL, "", "latin")
    assert refusal(config(), lost, DAY) == "no language 'latin' is in site.yaml"
    assert sought(config(), lost)[0].requirement.alternatives == (Alternative(HALL),)


def test_a_table_of_lines_may_name_a_language() -> None:
    table = "号码,名称,简称,责任单位,停用日期,语言\n96777,外国人服务热线,外事,市公安局,2022-01-01,english\n"
    made = bring_in(ours(), table)
    assert made.config is not None
    assert made.config.lines["96777"].language == ENGLISH
    assert "    language: english\n" in (made.text or "")
    wrong = bring_in(ours(), table.replace("english", "englisch"))
    assert [str(fault) for fault in wrong.faults] == [
        "row 2, column 语言: 'englisch' is not the name of a language; did you mean 'english'?"
    ]


SPEAKS = "speaks: [english]}"
LINE = "number: 96777\nname: 外国人服务热线\nshort: 外事\ndepartment: 市公安局\nanswered_by: hall\n"


@pytest.mark.parametrize(
    ("sources", "place", "message"),
    [
        (
            changed("site.yaml", SPEAKS, SPEAKS.replace("english", "englsh")),
            "site.yaml",
            "'englsh' is not the name of a language; did you mean 'english'?",
        ),
        (
            changed("site.yaml", "{name: 英语, callers: []}", "{name: 英语, callers: [x]}"),
            "site.yaml",
            "'x' is not a telephone number",
        ),
        (
            changed("site.yaml", "{name: 英语, callers: []}", "{callers: []}"),
            "site.yaml",
            "language 'english' needs 'name'",
        ),
        (
            changed("site.yaml", "{name: 英语, callers: []}", "{name: 英语, spoken_by: []}"),
            "site.yaml",
            "language 'english' has no field 'spoken_by'; there are: callers, name",
        ),
        (
            changed(
                "site.yaml",
                "  english: {name: 英语, callers: []}",
                f"  {LISTED}\n  russian: {{name: 俄语, callers: [13800138000]}}",
            ),
            "site.yaml",
            "'13800138000' is listed under language 'english' already",
        ),
        (
            with_line(LINE + "language: englisch"),
            "lines.yaml",
            "'englisch' is not the name of a language; did you mean 'english'?",
        ),
    ],
)
def test_what_makes_no_sense_is_a_fault_at_its_place(sources: dict[str, str], place: str, message: str) -> None:
    faults = [fault for fault in check(sources) if not fault.is_warning]
    assert [(fault.file, fault.message) for fault in faults] == [(place, message)]
    (fault,) = faults
    written = message.split("'")[1]
    if written != "english" and "needs" not in message:
        assert sources[place].splitlines()[fault.line - 1][fault.col - 1 :].startswith(written)


def test_a_language_that_nobody_in_the_hall_speaks_is_a_warning() -> None:
    sources = {**ours(), "site.yaml": ours()["site.yaml"].replace(", speaks: [english]", "")}
    warnings = [fault.message for fault in check(sources) if fault.is_warning]
    assert "no agent of the hall speaks 'english': every call is answered in Chinese" in warnings


def test_without_the_section_nobody_asks_for_a_language() -> None:
    site = ours()["site.yaml"].replace(", speaks: [english]", "")
    site = site.replace("languages:\n  english: {name: 英语, callers: []}\n", "")
    lines = ours()["lines.yaml"].replace(
        "    language: english            # for whom the centre has not answered\n", ""
    )
    conf = build({**ours(), "site.yaml": site, "lines.yaml": lines})
    assert conf.site.languages == {}
    assert explain(conf, "12367", DAY).steps[-1] == "at once: anyone in 12345大厅"


def test_an_entry_of_before_asks_for_no_language() -> None:
    read = msgspec.json.decode(
        b'{"event":"entered","ticket":"t","ladder":[{"requirement":{"alternatives":[{"pool":"hall","skill":null,'
        b'"level":1,"agent":null}]},"after_ms":0}],"first_entry":5}',
        type=Entered,
    )
    assert read.ladder[0].requirement.alternatives == (Alternative(HALL),)
