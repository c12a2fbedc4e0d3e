"""The last rungs of a ladder: supervisors, and whoever shares the skill; nobody waits for them in vain."""

from datetime import datetime

import msgspec
import pytest

from routing import prove
from routing.config import Config, build, check
from routing.explain import explain
from routing.ids import AgentId, PoolId, SeatId, SkillId, TargetId, TicketId
from routing.ladders import ladder, overflows
from routing.plan import Destination, Kind
from routing.tickets import Alternative, Competence, Entered, Offer, Refusal, Refused, SignedIn, Tick
from tests.routing.floor_house import House
from tests.routing.sources import changed, ours

DAY = datetime.fromisoformat("2021-09-15T09:00+08:00")
HALL, LEADERS, SAFETY = PoolId("hall"), PoolId("leaders"), PoolId("safety")
FUND = SkillId("housing-fund")
HELP = "help_out: {supervisors: leaders, supervisors_after: 60 s, shared_after: 90 s}\n\nvoicemail: "


def sources(help_out: str = HELP) -> dict[str, str]:
    """Our files, with a pool of supervisors and a skill that the safety seats share."""
    site = changed("site.yaml", "voicemail: ", help_out)["site.yaml"]
    site = site.replace("\npools:\n", "\npools:\n  leaders: {name: 班长席}\n", 1)
    site = site.replace("{name: 公积金, good: 3}", "{name: 公积金, good: 3, shared_by: [safety]}", 1)
    site = site.replace("works_in: {safety: {}}}", "works_in: {safety: {housing-fund: 2}, leaders: {}}}", 1)
    return {**ours(), "site.yaml": site}


def config() -> Config:
    return build(sources())


def rungs(skill: SkillId | None, conf: Config | None = None) -> list[tuple[int, Alternative]]:
    """When each alternative comes in, and which."""
    steps = ladder(conf or config(), (Destination(Kind.POOL, HALL, skill, is_ours=True),))
    return [(rung.after_ms, rung.requirement.alternatives[-1]) for rung in steps]


def test_after_the_hall_supervisors_are_asked_and_then_whoever_shares_the_skill() -> None:
    assert rungs(FUND) == [
        (0, Alternative(HALL, FUND, 3)),
        (5_000, Alternative(HALL, FUND, 1)),
        (10_000, Alternative(HALL)),
        (60_000, Alternative(LEADERS)),
        (90_000, Alternative(SAFETY, FUND, 1)),
    ]
    assert rungs(None) == [(0, Alternative(HALL)), (60_000, Alternative(LEADERS))]


def test_whoever_shares_the_skill_may_come_before_the_supervisors() -> None:
    conf = build(sources(HELP.replace("60 s", "95 s")))
    *_, sharing, leading = ladder(conf, (Destination(Kind.POOL, HALL, FUND, is_ours=True),))
    assert (sharing.after_ms, leading.after_ms) == (90_000, 95_000)
    *_, hall, safety = sharing.requirement.alternatives
    assert (hall, safety) == (Alternative(HALL), Alternative(SAFETY, FUND, 1))
    assert leading.requirement.alternatives == (*sharing.requirement.alternatives, Alternative(LEADERS))


@pytest.mark.parametrize(("good", "levels"), [(1, [1]), (2, [2, 1]), (5, [5, 1])])
def test_a_lower_level_is_asked_where_there_is_one(good: int, levels: list[int]) -> None:
    site = sources()["site.yaml"].replace("good: 3, shared_by", f"good: {good}, shared_by", 1)
    asked = rungs(FUND, build({**ours(), "site.yaml": site}))
    assert [one.level for _, one in asked if one.pool == HALL and one.skill] == levels


def test_the_wait_at_a_line_s_own_seats_comes_before_it() -> None:
    own = Destination(Kind.RETAINED_SEATS, SAFETY, ring_for_ms=10_000, is_ours=True)
    steps = ladder(config(), (own, Destination(Kind.POOL, HALL, is_ours=True)))
    assert [rung.after_ms for rung in steps] == [0, 10_000, 70_000]


def test_without_it_the_hall_is_asked_for_as_long_as_it_takes() -> None:
    steps = ladder(build(ours()), (Destination(Kind.POOL, HALL, FUND, is_ours=True),))
    assert steps[-1].requirement.alternatives[-1] == Alternative(HALL)


def test_a_call_that_has_waited_is_offered_to_a_supervisor_and_comes_back_if_they_do_not_answer() -> None:
    house = House()
    leader, ticket = AgentId("2001"), TicketId("t")
    house.hears(SignedIn(leader, SeatId("8101"), (Competence(LEADERS),)))
    wait = ladder(config(), (Destination(Kind.POOL, HALL, is_ours=True),))
    said = house.hears(Entered(ticket, wait, house.now))
    assert Offer(ticket, leader, SeatId("8101"), 1) in said, "nobody of the hall is there: at once"
    house.hears(Refused(ticket, leader, Refusal.NO_ANSWER))
    agent = AgentId("1016")
    assert Offer(ticket, agent, SeatId("8016"), 2) in house.hears(SignedIn(agent, SeatId("8016"), (Competence(HALL),)))


def test_while_the_hall_works_supervisors_are_asked_after_their_time() -> None:
    house = House()
    busy, leader, ticket = AgentId("1016"), AgentId("2001"), TicketId("t")
    house.hears(SignedIn(busy, SeatId("8016"), (Competence(HALL),), ready=False))
    house.hears(SignedIn(leader, SeatId("8101"), (Competence(LEADERS),)))
    assert (
        house.hears(Entered(ticket, ladder(config(), (Destination(Kind.POOL, HALL, is_ours=True),)), house.now)) == ()
    )
    assert house.hears(Tick(), after=59_999) == ()
    assert Offer(ticket, leader, SeatId("8101"), 1) in house.hears(Tick(), after=1)


def test_nobody_is_lost_and_it_is_explained() -> None:
    conf = config()
    hall = {number: line for number, line in conf.lines.items() if number == conf.site.number}
    assert prove.prove(msgspec.structs.replace(conf, lines=hall)).holds
    assert "after 60 s also: anyone in 班长席" in explain(config(), "12345", DAY).steps


def shared_with(target: str) -> dict[str, str]:
    """Our files, and a target beside the pools that share a skill."""
    site = sources()["site.yaml"].replace("shared_by: [safety]", f"shared_by: [safety, {target}]", 1)
    return {**sources(), "site.yaml": site}


def test_a_sub_centre_that_shares_the_skill_is_the_last_rung_and_brings_the_call_back() -> None:
    conf = build(shared_with("tobacco"))
    number, back = conf.site.targets[TargetId("tobacco")].number, "and comes back to its place if nobody answers"
    assert list(explain(conf, "12329", DAY).steps)[-2:] == [
        "after 90 s also: 安全生产坐席 with 公积金 (level 1 and up)",
        f"after 90 s also, for 公积金: dials {number} (市烟草专卖分中心), {back}",
    ]
    assert not [step for step in explain(conf, "12345", DAY).steps if "dials" in step], "no skill is asked for"
    own = Destination(Kind.RETAINED_SEATS, SAFETY, FUND, ring_for_ms=10_000, is_ours=True)
    assert overflows(conf, own) == (), "only the hall helps itself so"
    fund = {number: line for number, line in conf.lines.items() if number in {conf.site.number, "12329"}}
    proof = prove.prove(msgspec.structs.replace(conf, lines=fund))
    assert proof.holds
    assert proof.ends["centre"] > 0


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nobody", "'nobody' is not the name of a pool or target"),
        ("tax", "'tax' shares no skill: a machine answers there"),
        ("police", "'police' shares no skill: that is an emergency desk"),
    ],
)
def test_what_shares_a_skill_is_a_pool_or_a_target_where_a_person_answers(target: str, message: str) -> None:
    faults = [fault for fault in check(shared_with(target)) if not fault.is_warning]
    assert [fault.message[: len(message)] for fault in faults] == [message]
    assert "shared_by" in shared_with(target)["site.yaml"].splitlines()[faults[0].line - 1]


@pytest.mark.parametrize(
    ("help_out", "message"),
    [
        ("help_out: {supervisors: boss}\n\nvoicemail: ", "'boss' is not the name of a pool"),
        ("help_out: {supervisors_after: 9 s}\n\nvoicemail: ", "'supervisors_after' is earlier than 'any_agent_after'"),
        ("help_out: {shared_after: 0 s}\n\nvoicemail: ", "'shared_after' is earlier than 'any_agent_after'"),
        ("help_out: 3\n\nvoicemail: ", "'help_out' is written as fields"),
    ],
)
def test_what_makes_no_sense_is_a_fault(help_out: str, message: str) -> None:
    faults = [fault.message for fault in check(sources(help_out)) if not fault.is_warning]
    assert any(message in fault for fault in faults), faults
