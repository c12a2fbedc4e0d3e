"""What may be done in a conversation, and what follows: as a table, and whatever anybody asks, in any order."""

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.conversing import follow, refusal
from routing.ids import AgentId, CallId, ChannelId, Instant, PoolId, SeatId, TicketId
from routing.talk import (
    Aim,
    AnyFact,
    Asked,
    Dialled,
    Do,
    Doing,
    Joined,
    Kind,
    Parted,
    Party,
    Role,
    Room,
    Sound,
    Talk,
    Whom,
    begun,
)

NOW = Instant(1_000)
POLICE = Whom(Kind.EMERGENCY, "110")
ANNA, BEN = AgentId("1001"), AgentId("1002")
COLLEAGUE, WATER, FIRE = Whom(Kind.AGENT, BEN), Whom(Kind.TARGET, "water"), Whom(Kind.EMERGENCY, "119")


def first(role: Role = Role.AGENT) -> Party:
    if role is Role.TARGET:
        return Party(1, role, Aim.TALK, NOW, WATER, leg=ChannelId("leg"), since=NOW)
    ticket, seat = TicketId("c"), SeatId("8001")
    return Party(1, role, Aim.TALK, NOW, ticket=ticket, leg=ChannelId("leg"), agent=ANNA, seat=seat, since=NOW)


def talk(*facts: AnyFact, role: Role = Role.AGENT) -> Talk:
    return follow(begun(CallId("c"), PoolId("hall"), ChannelId("citizen"), first(role)), facts)


def asks(do: Do, whom: Whom | None = None, by: AgentId = ANNA) -> Asked:
    return Asked(at=NOW, by=by, do=do, whom=whom)


def rings(n: int, agent: AgentId | None = None) -> Dialled:
    return Dialled(at=NOW, party=n, leg=ChannelId(f"leg-{n}"), agent=agent)


def answers(n: int) -> Joined:
    return Joined(at=NOW, party=n)


def goes(n: int) -> Parted:
    return Parted(at=NOW, party=n, cause=17)


CONSULTED = (asks(Do.CONSULT, WATER), rings(2), answers(2))
WITH_BEN = (asks(Do.CONSULT, COLLEAGUE), rings(2, BEN), answers(2))

REFUSED: list[tuple[tuple[AnyFact, ...], Asked, str]] = [
    ((), asks(Do.RETRIEVE), "nobody is on hold"),
    ((asks(Do.HOLD),), asks(Do.HOLD), "on hold already"),
    ((), asks(Do.HOLD, by=BEN), "agent 1002 is not in this talk"),
    ((), asks(Do.CONSULT), "consult takes somebody"),
    ((), asks(Do.HOLD, WATER), "hold takes nobody"),
    ((), asks(Do.SWITCH), "nobody else was brought in"),
    ((), asks(Do.CANCEL), "nobody else was brought in"),
    ((asks(Do.CONSULT, WATER),), asks(Do.COMPLETE), "water has not answered yet"),
    ((asks(Do.CONSULT, WATER),), asks(Do.HOLD), "water is being asked in already"),
    ((asks(Do.TRANSFER, WATER),), asks(Do.CONSULT, FIRE), "water is being asked in already"),
    (CONSULTED, asks(Do.RETRIEVE), "water is being asked in: switch"),
    ((*CONSULTED, asks(Do.THREE_WAY)), asks(Do.SWITCH), "talks with the citizen already"),
    (WITH_BEN, asks(Do.THREE_WAY, by=BEN), "agent 1002 was brought in by 1001"),
    ((asks(Do.LINK, FIRE),), asks(Do.LINK, FIRE), "already"),
    ((asks(Do.HANG_UP),), asks(Do.HOLD), "not in this talk"),
    ((), asks(Do.RESUME_RECORDING), "not paused"),
    ((asks(Do.PAUSE_RECORDING),), asks(Do.PAUSE_RECORDING), "paused already"),
    ((asks(Do.LINK, FIRE),), asks(Do.NUISANCE), "nobody is warned now"),
    ((asks(Do.NUISANCE),), asks(Do.NUISANCE), "warned already"),
    ((asks(Do.LINK, FIRE),), asks(Do.SILENT), "119 was brought in"),
    (WITH_BEN, asks(Do.SILENT, by=BEN), "agent 1002 was brought in by 1001"),
    ((asks(Do.SILENT),), asks(Do.HOLD), "not in this talk"),
]


@pytest.mark.parametrize(("facts", "asked", "sentence"), REFUSED)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    facts: tuple[AnyFact, ...], asked: Asked, sentence: str
) -> None:
    assert sentence in refusal(talk(*facts), asked.by, asked.do, asked.whom)


def test_whoever_was_brought_in_may_hang_up_and_mute() -> None:
    for do in (Do.HANG_UP, Do.MUTE):
        assert refusal(talk(*WITH_BEN), BEN, do) == ""
    left = talk(*WITH_BEN, asks(Do.HANG_UP, by=BEN))
    assert left.parties[2].is_leaving
    assert left.parties[1].room is Room.CALL
    assert follow(left, [goes(2)]).doing(left.parties[1]) is Doing.TALKING
    muted = talk(*WITH_BEN, asks(Do.THREE_WAY), asks(Do.HOLD), asks(Do.HANG_UP, by=BEN))
    assert muted.parties[1].room is Room.SIDE


def test_the_recording_goes_on_when_whoever_paused_it_has_left() -> None:
    paused = talk(*WITH_BEN, asks(Do.PAUSE_RECORDING))
    assert paused.is_paused
    assert follow(paused, [asks(Do.MUTE)]).is_paused
    assert not follow(paused, [asks(Do.RESUME_RECORDING)]).is_paused
    assert not follow(paused, [goes(1)]).is_paused


def test_the_citizen_and_a_target_have_nobody_who_could_ask() -> None:
    alone = talk(role=Role.TARGET)
    assert alone.owner is None
    assert alone.guest is None
    assert "not in this talk" in refusal(alone, ANNA, Do.HOLD)
    assert follow(alone, [asks(Do.HOLD)]) == alone


def test_an_emergency_waits_for_nothing() -> None:
    linked = talk(*CONSULTED, asks(Do.LINK, FIRE))
    assert [(each.name, each.is_leaving) for each in linked.parties[2:]] == [("water", True), ("119", False)]
    assert linked.doing(linked.parties[1]) is Doing.TALKING
    assert linked.doing(linked.parties[3]) is Doing.RINGING
    failed = follow(linked, [goes(3)])
    assert failed.doing(failed.parties[1]) is Doing.TALKING


def test_whoever_is_consulted_hears_music_while_the_agent_is_with_the_citizen() -> None:
    switched = talk(*WITH_BEN, asks(Do.SWITCH))
    assert [switched.doing(each) for each in switched.parties] == [Doing.TALKING, Doing.TALKING, Doing.HELD]
    held = talk(asks(Do.HOLD))
    assert [held.doing(each) for each in held.parties] == [Doing.HELD, Doing.HOLDING]
    ringing = talk(asks(Do.CONSULT, WATER))
    assert ringing.doing(ringing.parties[1]) is Doing.CONSULTING
    assert talk(*CONSULTED).doing(talk(*CONSULTED).parties[1]) is Doing.CONSULTING


def test_an_agent_keeps_the_ticket_while_their_transfer_may_come_back() -> None:
    ringing = talk(asks(Do.TRANSFER, COLLEAGUE), goes(1))
    assert ringing.tickets() == ("c", "c-talk-2")
    back = follow(ringing, [goes(2)])
    assert (back.parties[3].aim, back.parties[3].agent, back.tickets()) == (Aim.RETURN, ANNA, ("c", "c"))
    queued = follow(back, [goes(3)])
    assert (queued.parties[4].aim, queued.tickets()) == (Aim.QUEUE, ("c-talk-4",))
    assert queued.freed() == ("c", "c-talk-2", "c")
    assert follow(queued, [goes(4)]).is_over


def test_an_agent_on_hold_stays_there_when_one_of_three_leaves() -> None:
    held = talk(*CONSULTED, asks(Do.THREE_WAY), asks(Do.HOLD), goes(2))
    assert [held.doing(each) for each in held.parties[:2]] == [Doing.HELD, Doing.HOLDING]


def test_who_was_sought_and_is_no_longer_needed_changes_nothing() -> None:
    talked = talk(*WITH_BEN, asks(Do.COMPLETE), asks(Do.LINK, FIRE, by=BEN), goes(1), goes(3))
    assert talked.owner is talked.parties[2]
    assert not talked.is_over
    both_left = talk(*CONSULTED, asks(Do.COMPLETE), goes(1), goes(2))
    assert both_left.is_over


AGENTS = st.sampled_from([ANNA, BEN])
BOSS = Whom(Kind.SEAT, "8020", ANNA)


def above(do: Do, whom: Whom | None = None) -> Asked:
    return Asked(at=NOW, by="boss", do=do, whom=whom)


def beside(do: Do, whom: Whom | None = None) -> Asked:
    return Asked(at=NOW, by="other", do=do, whom=whom)


OTHER_BOSS = Whom(Kind.SEAT, "8019", ANNA)
LISTENED = (above(Do.LISTEN, BOSS), rings(2), answers(2))


@pytest.mark.parametrize(
    ("facts", "asked", "sentence"),
    [
        ((), above(Do.LISTEN), "name the seat"),
        ((), above(Do.LISTEN, Whom(Kind.SEAT, "8020", BEN)), "an agent who is in this conversation"),
        ((), above(Do.STOP), "boss does not supervise"),
        ((*LISTENED, above(Do.STOP)), above(Do.LISTEN, BOSS), "boss is leaving"),
        ((above(Do.LISTEN, BOSS),), above(Do.WHISPER), "boss is being rung"),
        ((above(Do.TAKE_OVER, BOSS), rings(2), answers(2)), above(Do.LISTEN), "boss has taken the conversation over"),
        (LISTENED, above(Do.BARGE), ""),
        ((above(Do.LISTEN, BOSS),), above(Do.STOP), ""),
        ((above(Do.TAKE_OVER, BOSS), rings(2), answers(2)), asks(Do.HOLD, by=AgentId("boss")), ""),
        ((above(Do.TAKE_OVER, BOSS),), beside(Do.TAKE_OVER, OTHER_BOSS), "boss takes this conversation over already"),
        ((above(Do.TAKE_OVER, BOSS),), beside(Do.BARGE, OTHER_BOSS), ""),
        ((above(Do.TAKE_OVER, BOSS), goes(2)), beside(Do.TAKE_OVER, OTHER_BOSS), ""),
        (
            (*LISTENED, above(Do.TAKE_OVER)),
            beside(Do.TAKE_OVER, OTHER_BOSS),
            "boss takes this conversation over already",
        ),
        ((*LISTENED, beside(Do.WHISPER, OTHER_BOSS), answers(3), above(Do.TAKE_OVER)), beside(Do.TAKE_OVER), "already"),
        ((above(Do.TAKE_OVER, BOSS), rings(2), answers(2)), above(Do.STOP), ""),
        (LISTENED, beside(Do.TAKE_OVER, OTHER_BOSS), ""),
        ((*LISTENED, above(Do.TAKE_OVER), goes(1)), beside(Do.TAKE_OVER, Whom(Kind.SEAT, "8019", AgentId("boss"))), ""),
    ],
)
def test_a_supervisor_is_told_what_cannot_be_done(facts: tuple[AnyFact, ...], asked: Asked, sentence: str) -> None:
    said = refusal(talk(*facts), asked.by, asked.do, asked.whom)
    assert sentence in said
    assert bool(sentence) == bool(said)


def test_a_supervisor_s_ear_is_nobody_s_company() -> None:
    listened = talk(*LISTENED)
    assert listened.doing(listened.parties[2]) is Doing.LISTENING
    whispered = follow(listened, [above(Do.WHISPER)])
    assert whispered.doing(whispered.parties[2]) is Doing.WHISPERING
    held = follow(listened, [asks(Do.HOLD), asks(Do.RETRIEVE)])
    assert (held.parties[2].room, held.guest) == (Room.EAR, None)
    assert follow(listened, [goes(1)]).is_over
    assert not follow(listened, [goes(2)]).is_over
    assert follow(listened, [above(Do.STOP)]).parties[2].is_leaving
    assert follow(talk(), [above(Do.STOP)]) == talk()


def test_whoever_barged_in_keeps_the_citizen_when_the_agent_leaves() -> None:
    barged = talk(above(Do.BARGE, BOSS), rings(2), answers(2), goes(1))
    assert (barged.owner, barged.is_over) == (barged.parties[2], False)
    taken = talk(*LISTENED, above(Do.TAKE_OVER))
    assert taken.parties[1].is_leaving
    gone = follow(taken, [goes(1)])
    assert (gone.owner, gone.is_over) == (gone.parties[2], False)


def test_who_has_taken_over_stops_as_an_agent_hangs_up() -> None:
    taken = talk(*LISTENED, above(Do.TAKE_OVER), goes(1), asks(Do.CONSULT, COLLEAGUE, AgentId("boss")))
    assert taken.owner is taken.parties[2]
    stopped = follow(taken, [above(Do.STOP)])
    assert stopped.parties[2].is_leaving
    assert stopped.parties[3].room is Room.CALL


def test_a_supervisor_who_is_late_takes_nothing_over() -> None:
    assert follow(talk(), [Asked(at=NOW, by="boss", do=Do.LISTEN)]).parties[2].asker == 0
    late = talk(above(Do.TAKE_OVER, BOSS), asks(Do.CONSULT, COLLEAGUE), rings(3, BEN), answers(3), goes(1))
    assert late.parties[2].is_leaving
    both = talk(*WITH_BEN, above(Do.TAKE_OVER, BOSS), asks(Do.COMPLETE), rings(3), answers(3))
    assert both.parties[3].role is Role.AGENT


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("ask"), st.sampled_from([ANNA, BEN]), st.sampled_from(Do), st.sampled_from([COLLEAGUE, WATER])
        ),
        st.tuples(st.sampled_from(["answer", "go"]), st.integers(1, 6)),
    ),
    max_size=25,
)


@settings(max_examples=3 * settings().max_examples)
@given(STEPS)
def test_whatever_is_asked_nobody_is_left_alone_and_nobody_is_in_two_places(steps: list[tuple[object, ...]]) -> None:
    now = talk()
    for step in steps:
        if now.is_over:
            break
        now = follow(now, _fact(now, step))
        there = [each for each in now.parties if each.is_there]
        citizen = now.parties[0]
        assert citizen.room is Room.CALL
        assert now.owner is None or now.owner.room is Room.SIDE or now.doing(now.owner) is Doing.TALKING
        if now.owner is None and not now.is_over:
            assert all(each.room is Room.CALL for each in there)
        if not now.is_over:
            assert any(each.left is None for each in now.parties[1:])
        needed, freed = now.tickets(), now.freed()
        assert not set(needed) & set(freed)
        assert {each.ticket for each in there if each.ticket} <= set(needed)


def _fact(now: Talk, step: tuple[object, ...]) -> list[AnyFact]:
    match step:
        case ("ask", by, do, whom):
            assert isinstance(do, Do)
            named = whom if do in {Do.CONSULT, Do.TRANSFER, Do.LINK} else None
            return [] if refusal(now, by, do, named) else [Asked(at=NOW, by=by, do=do, whom=named)]  # type: ignore[arg-type]
        case (what, int(n)) if n < len(now.parties) and now.parties[n].left is None:
            party = now.parties[n]
            if what == "go":
                return [goes(n)]
            return [rings(n, BEN if party.whom == COLLEAGUE else None), answers(n)] if party.is_sought else []
    return []


def transferred(since: Instant, left: Instant, *between: AnyFact) -> Talk:
    """To the waterworks, who answer and let go; less than 5 s is no answer."""
    asked = Asked(at=NOW, by=ANNA, do=Do.TRANSFER, whom=WATER, return_within_ms=5_000)
    return talk(asked, rings(2), Joined(at=since, party=2), *between, Parted(at=left, party=2, cause=16))


def test_whoever_lets_go_at_once_gives_the_citizen_back_to_the_agent_through_the_floor() -> None:
    back = transferred(NOW, Instant(NOW + 4_999), goes(1))
    agent = back.parties[3]
    assert (agent.aim, agent.whom, agent.ticket) == (Aim.AGAIN, Whom(Kind.AGENT, ANNA), "c-talk-3")
    assert back.tickets() == ("c-talk-3",)
    queued = follow(back, [goes(3)])
    assert (queued.parties[4].aim, queued.tickets()) == (Aim.QUEUE, ("c-talk-4",))
    assert transferred(NOW, Instant(NOW + 5_000), goes(1)).is_over


def test_one_that_lets_go_while_the_agent_is_still_on_the_way_out_does_so_too() -> None:
    back = transferred(NOW, Instant(NOW + 10))
    assert [each.aim for each in back.parties[3:]] == [Aim.AGAIN]
    assert not follow(back, [goes(1)]).is_over


def test_desks_that_could_not_be_had_are_known_until_somebody_answers_or_was_given_up() -> None:
    failed = talk(asks(Do.LINK, POLICE), rings(2), goes(2))
    assert [each.name for each in failed.unreached] == ["110"]
    assert failed.parties[2].dialled == NOW
    assert not follow(failed, [asks(Do.LINK, POLICE), rings(3), answers(3)]).unreached
    assert not talk(asks(Do.LINK, POLICE), rings(2), asks(Do.CANCEL), goes(2)).unreached
    assert not talk(asks(Do.CONSULT, WATER), rings(2), goes(2)).unreached


def test_an_agent_is_found_by_number_while_they_are_there() -> None:
    both = talk(*WITH_BEN)
    assert (both.agent(ANNA), both.agent(BEN)) == (both.parties[1], both.parties[2])
    assert follow(both, [goes(2)]).agent(BEN) is None


def test_whoever_could_not_be_had_differs_from_whoever_was_given_up() -> None:
    assert talk(asks(Do.CONSULT, WATER), rings(2), goes(2)).parties[2].is_unreached
    assert not talk(asks(Do.CONSULT, WATER), rings(2), asks(Do.CANCEL), goes(2)).parties[2].is_unreached
    assert not talk(*CONSULTED, goes(2)).parties[2].is_unreached


def test_a_supervisor_s_ear_hears_the_voices_and_an_expert_is_called_by_trade_and_number() -> None:
    listened = talk(*LISTENED)
    assert listened.sound(listened.parties[2]) is Sound.VOICES
    expert = talk(asks(Do.CONSULT, Whom(Kind.EXPERT, "housing-fund", "2")), rings(2), answers(2))
    assert expert.parties[2].name == "housing-fund/2"


CLOSE = [-2, 0, 2, 5, 20, 100, 1_000, 3_000]
"""Milliseconds between two hands that let go."""

LATER = Instant(NOW + 10_000)


def consulted(whom: Whom) -> tuple[AnyFact, ...]:
    asked = Asked(at=NOW, by=ANNA, do=Do.CONSULT, whom=whom, return_within_ms=5_000)
    return (asked, rings(2, BEN if whom is COLLEAGUE else None), answers(2))


def at_once(dt: int, first: Sequence[AnyFact], second: AnyFact) -> list[AnyFact]:
    """What an agent does, and one who lets go so much later, or sooner; the agent's leg is down after 50 ms."""
    agents = [*first, *([] if isinstance(first[-1], Parted) else [Parted(at=Instant(LATER + 50), party=1)])]
    return sorted([*agents, msgspec.structs.replace(second, at=Instant(LATER + dt))], key=lambda fact: fact.at)


def legal(now: Talk, facts: Iterable[AnyFact]) -> Talk:
    """The talk after these; what could not be asked for any more was not."""
    for fact in facts:
        if not isinstance(fact, Asked) or not refusal(now, fact.by, fact.do, fact.whom):
            now = follow(now, [fact])
    return now


@pytest.mark.parametrize("dt", CLOSE)
@pytest.mark.parametrize("whom", [WATER, COLLEAGUE, Whom(Kind.NUMBER, "0310-8095001")])
@pytest.mark.parametrize("how", [Do.COMPLETE, Do.HANG_UP, None])
def test_who_lets_go_as_the_citizen_is_left_to_them_gives_them_back(how: Do | None, whom: Whom, dt: int) -> None:
    left: AnyFact = Asked(at=LATER, by=ANNA, do=how) if how else Parted(at=LATER, party=1)
    now = legal(talk(*consulted(whom)), at_once(dt, [left], goes(2)))
    back = now.parties[3]
    assert (back.whom, back.left, back.is_alive) == (Whom(Kind.AGENT, ANNA), None, True)
    assert not now.is_over
    assert now.doing(now.parties[0]) is Doing.HELD


@pytest.mark.parametrize("how", [Do.COMPLETE, Do.HANG_UP])
def test_a_colleague_who_asks_to_hang_up_at_once_gives_the_citizen_back_too(how: Do) -> None:
    handed = talk(*consulted(COLLEAGUE), Asked(at=LATER, by=ANNA, do=how), Parted(at=LATER, party=1))
    hung_up = Asked(at=Instant(LATER + 4_999), by=BEN, do=Do.HANG_UP)
    back = follow(handed, [hung_up, Parted(at=Instant(LATER + 5_050), party=2)])
    assert (back.parties[3].aim, back.parties[3].whom, back.is_over) == (Aim.AGAIN, Whom(Kind.AGENT, ANNA), False)
    late = Instant(LATER + 5_000)
    assert follow(handed, [msgspec.structs.replace(hung_up, at=late), Parted(at=late, party=2)]).is_over


def test_who_is_left_with_others_or_has_talked_long_enough_is_nobody_s_to_give_back() -> None:
    warm = talk(*consulted(WATER), Asked(at=LATER, by=ANNA, do=Do.COMPLETE), Parted(at=LATER, party=1))
    assert follow(warm, [Parted(at=Instant(LATER + 5_000), party=2)]).is_over
    three = talk(*consulted(WATER), asks(Do.THREE_WAY), Parted(at=LATER, party=1), Parted(at=LATER, party=2))
    assert three.is_over
    given_up = talk(*consulted(WATER), asks(Do.CANCEL), Parted(at=LATER, party=2), Parted(at=LATER, party=1))
    assert given_up.is_over
    known = talk(*consulted(WATER), Parted(at=LATER, party=2), Parted(at=Instant(LATER + 1_000), party=1))
    assert known.is_over
    linked = talk(*consulted(COLLEAGUE), asks(Do.THREE_WAY), asks(Do.LINK, FIRE), rings(3), answers(3))
    all_gone = follow(linked, [Asked(at=LATER, by=ANNA, do=Do.COMPLETE), Parted(at=LATER, party=2)])
    assert len(all_gone.parties) == 4


def test_a_transfer_that_fails_as_the_agent_hangs_up_comes_back() -> None:
    asked = asks(Do.TRANSFER, WATER)
    sooner = talk(asked, rings(2), Parted(at=LATER, party=2, cause=17), Parted(at=Instant(LATER + 2), party=1))
    assert (sooner.parties[3].aim, sooner.parties[3].agent, sooner.tickets()) == (Aim.RETURN, ANNA, ("c", "c"))
    leaving = talk(asked, rings(2), asks(Do.HANG_UP), Parted(at=LATER, party=2, cause=17))
    assert (leaving.parties[3].aim, leaving.parties[3].whom) == (Aim.AGAIN, Whom(Kind.AGENT, ANNA))
    assert not follow(leaving, [goes(1)]).is_over


def test_a_supervisor_who_is_in_the_call_keeps_the_citizen_and_nobody_is_rung() -> None:
    warm = (*consulted(COLLEAGUE), Asked(at=LATER, by=ANNA, do=Do.COMPLETE), Parted(at=LATER, party=1))
    barges = Asked(at=LATER, by="boss", do=Do.BARGE, whom=Whom(Kind.SEAT, "8020", BEN))
    with_boss = talk(*warm, barges, rings(3), Joined(at=LATER, party=3), Asked(at=LATER, by=BEN, do=Do.HANG_UP))
    assert len(with_boss.parties) == 4
    assert follow(with_boss, [Parted(at=LATER, party=2)]).owner is not None
