"""Nobody who dials is lost: walked over everything that can happen, and what is broken is said as a path."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import occasions, prove, waiting
from routing.arrival import Arrival, arrived
from routing.config import Config, Site, build
from routing.hours import ALWAYS, Window, is_open, parse_hours, parse_moment
from routing.ids import AgentId, PoolId, SkillId, TargetId
from routing.ladders import ladder
from routing.lines import phase
from routing.people import Agent
from routing.plan import Destination, Kind, plan
from routing.prove import LOST, SHOWN, End, Outcome, Step, follow
from routing.terms import Terms
from routing.tickets import Alternative, Requirement, Rung
from tests.routing.sources import changed, config, with_line

HEAD = """name: 某局服务热线
    short: 某局
    department: 市农业农村局
    section: full-merge
    row: 一.10
    reading: own"""
CANCELLED_LINE = f"""number: 12341
    {HEAD}
    number_kept: no
    seats: merged
    answered_by: hall
    transition: {{from: 2021-09-01, until: 2021-11-01}}
    cancel_on: 2021-12-01"""
SUB_CENTRE_LINE = f"""number: 12342
    {HEAD}
    seats: own
    answered_by: sub-centre
    target: agriculture
    fallback: [safety]
    ring_for: 8 s"""
HUNT_LINE = f"""number: 12343
    {HEAD}
    seats: retained
    answered_by: retained-seats
    target: agriculture"""

AGRICULTURE = TargetId("agriculture")
DAY = parse_moment("2021-09-15T09:00")


@lru_cache(maxsize=8)
def with_lines(text: str) -> Config:
    """The repository's config with one line more."""
    return build(with_line(text))


def only(conf: Config, *numbers: str) -> Config:
    """The hall and these lines."""
    kept = {number: line for number, line in conf.lines.items() if number in (conf.site.number, *numbers)}
    return msgspec.structs.replace(conf, lines=kept)


def with_site(conf: Config, **changes: object) -> Config:
    return msgspec.structs.replace(conf, site=msgspec.structs.replace(conf.site, **changes))


def test_nobody_on_the_whole_list_is_lost() -> None:
    proof = prove.prove(config())
    assert proof.holds, prove.render(proof)
    assert proof.numbers >= len(config().lines)
    assert proof.routes > proof.arrivals > proof.numbers
    assert set(proof.ends) <= set(map(str, End))
    assert proof.longest_before_hall_ms == 10_000
    assert proof.longest_elsewhere_ms == 15_000, "a centre"
    assert "nobody is lost" in prove.render(proof)


@pytest.mark.parametrize("text", [CANCELLED_LINE, SUB_CENTRE_LINE, HUNT_LINE])
def test_each_kind_of_line_holds(text: str) -> None:
    assert prove.prove(only(with_lines(text), text.split()[1])).holds


def test_a_number_that_only_announces_ends_in_a_spoken_reason() -> None:
    proof = prove.prove(only(with_lines(CANCELLED_LINE + "\n    when_cancelled: announce-only"), "12341"))
    assert proof.holds
    assert proof.ends[End.SPOKEN] > 0
    assert "in a spoken reason" in prove.render(proof)


def test_a_centre_whose_number_is_our_own_line_is_a_circle() -> None:
    target = config().site.targets[next(iter(config().site.targets))]
    own = msgspec.structs.replace(target, number="12341", hours=ALWAYS)
    conf = with_site(with_lines(SUB_CENTRE_LINE.replace("12342", "12341")), targets={own.id: own})
    line = msgspec.structs.replace(conf.lines["12341"], target=own.id)
    proof = prove.prove(only(msgspec.structs.replace(conf, lines={**conf.lines, "12341": line}), "12341"))
    assert not proof.holds
    broken = next(each for each in proof.broken if each.number == "12341")
    assert any("dials 12341" in step and "sent back to us" in step for step in broken.path)
    assert broken.path[-1] == "… and so on, in a circle"
    assert "routes on which a caller is lost; the first" in prove.render(proof)
    assert len(proof.broken) == SHOWN < proof.broken_in_all


def test_a_hall_without_agents_loses_callers() -> None:
    nobody = prove.prove(only(with_site(config(), agents={})))
    assert not nobody.holds
    assert "nobody works in the hall" in prove.render(nobody)


def sub_centre(**changes: object) -> Config:
    """One line with a sub-centre that is always open, and is otherwise so."""
    conf = only(with_lines(SUB_CENTRE_LINE.replace("\n    ring_for: 8 s", "")), "12342")
    target = msgspec.structs.replace(conf.site.targets[AGRICULTURE], hours=ALWAYS, **changes)
    return with_site(conf, targets={target.id: target})


def test_a_target_that_may_ring_for_no_time_is_not_dialled() -> None:
    proof = prove.prove(sub_centre(ring_for=timedelta(0)))
    assert proof.holds
    assert End.CENTRE not in proof.ends


@pytest.mark.slow
def test_what_lets_go_at_once_comes_back_only_where_it_is_taken_back() -> None:
    assert prove.prove(sub_centre(return_within=timedelta(0))).paths < prove.prove(sub_centre()).paths


class _Crooked:
    """A plan that is wrong on purpose."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, change: Callable[[tuple[Destination, ...]], object]) -> None:
        def crooked(conf: Config, came: Arrival, at: object) -> object:
            route = plan(conf, came, DAY)
            return msgspec.structs.replace(route, destinations=change(route.destinations), prompts=())

        monkeypatch.setattr(prove, "plan", crooked)


def test_a_route_that_ends_nowhere_is_shown_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    centre = Destination(Kind.TRANSFER, next(iter(config().site.targets)), number="1", trunks=(), ring_for_ms=1)
    _Crooked(monkeypatch, lambda _: (centre,))
    proof = prove.prove(only(config()))
    assert not proof.holds
    assert "nothing follows, and the caller is lost" in proof.broken[0].path[-1]
    assert str(proof.broken[0]).startswith("12345, direct, at 2021-09-12 23:59:59:\n    does not dial police")
    _Crooked(monkeypatch, lambda _: (Destination(Kind.ANNOUNCEMENT, "nothing"),))
    assert "hears nothing" in prove.prove(only(config())).broken[0].path[0]
    _Crooked(monkeypatch, lambda _: (Destination(Kind.POOL, "safety", ring_for_ms=1, is_ours=True),))
    assert "no agent of the hall is ever asked" in prove.prove(only(config())).broken[0].path[1]


def test_few_broken_routes_are_all_shown() -> None:
    proof = prove.prove(only(with_site(config(), agents={})))
    few = msgspec.structs.replace(proof, broken=proof.broken[:1], broken_in_all=1)
    assert "1 routes on which a caller is lost:\n" in prove.render(few)


def test_every_trunk_of_a_target_is_a_way_of_its_own() -> None:
    conf = only(with_lines(HUNT_LINE), "12343")
    trunk = next(iter(conf.site.trunks.values()))
    trunks = {trunk.id: trunk, "second": msgspec.structs.replace(trunk, id="second")}
    target = msgspec.structs.replace(conf.site.targets[AGRICULTURE], trunks=tuple(trunks), hours=ALWAYS)
    two = with_site(conf, trunks=trunks, targets={AGRICULTURE: target})
    one = prove.prove(with_site(two, targets={AGRICULTURE: msgspec.structs.replace(target, trunks=(trunk.id,))}))
    other = prove.prove(two)
    assert other.holds
    assert other.paths > one.paths


def overflowing(wait: timedelta, *fallback: str) -> Config:
    """One line with these pools and targets before the hall, all of them always open."""
    conf = with_lines(CANCELLED_LINE)
    line = msgspec.structs.replace(conf.lines["12341"], fallback=fallback, ring_for=wait)
    site = conf.site
    targets = {AGRICULTURE: msgspec.structs.replace(site.targets[AGRICULTURE], hours=ALWAYS)}
    pools = {name: msgspec.structs.replace(pool, hours=ALWAYS) for name, pool in site.pools.items()}
    conf = with_site(msgspec.structs.replace(conf, lines={**conf.lines, "12341": line}), targets=targets, pools=pools)
    return only(conf, "12341")


def test_a_pool_that_a_centre_follows_is_left_at_its_limit() -> None:
    proof = prove.prove(overflowing(timedelta(seconds=4), "safety", "law", AGRICULTURE, "safety"))
    assert proof.holds
    assert proof.ends[End.CENTRE] > 0
    assert proof.longest_elsewhere_ms == 8_000 + 15_000
    assert proof.longest_before_hall_ms == 12_000, "sent back by the centre: three pools, then the hall"
    assert "places before that keep a caller for 23 s at most" in prove.render(proof)


def test_a_limit_of_nothing_asks_nobody() -> None:
    """`check` refuses it; a config that was never checked is shown."""
    unlimited = overflowing(timedelta(milliseconds=1), "safety", AGRICULTURE)
    site = msgspec.structs.replace(
        unlimited.site, timing=msgspec.structs.replace(unlimited.site.timing, own_seats_for=timedelta(0))
    )
    line = msgspec.structs.replace(unlimited.lines["12341"], ring_for=None)
    conf = Config(site, {**unlimited.lines, "12341": line}, unlimited.prompts)
    assert "somebody of pool 'safety' is free: is never asked" in prove.render(prove.prove(conf))


# --- waits that something follows


def test_a_wait_with_a_limit_is_tried_in_every_way() -> None:
    conf = config()
    places = [Destination(Kind.POOL, name, ring_for_ms=5_000, is_ours=True) for name in ("safety", "law")]
    assert waiting.limited(conf.site, ladder(conf, places), 10_000) == waiting.Wait(walked=13, latest_ms=10_000)


@given(st.lists(st.sampled_from(["safety", "law", "hall"]), min_size=1, max_size=3), st.integers(1, 20_000))
def test_whatever_pools_something_follows_nobody_stays_there(names: list[str], wait_ms: int) -> None:
    conf = config()
    places = [Destination(Kind.POOL, name, ring_for_ms=wait_ms, is_ours=True) for name in names]
    assert waiting.limited(conf.site, ladder(conf, places), wait_ms * len(names)).holds


# --- the walk by itself


def test_paths_are_counted_and_a_circle_is_found() -> None:
    steps = {
        "a": Step("a", ((Outcome.BUSY, "b"), (Outcome.ANSWERED, End.PERSON))),
        "b": Step("b", ((Outcome.BUSY, "c"), (Outcome.NO_ANSWER, "c"))),
        "c": Step("c", ((Outcome.BUSY, End.HALL), (Outcome.ANSWERED, End.PERSON))),
    }
    found = follow(steps, "a")
    assert (found.paths, found.ends, found.broken) == (5, {End.PERSON: 3, End.HALL: 2}, ())
    round_ = follow({**steps, "c": Step("c", ((Outcome.BUSY, "a"),))}, "a")
    assert round_.broken == ("a: busy", "b: busy", "c: busy", "… and so on, in a circle")
    lost = follow({**steps, "c": Step("c", ((Outcome.BUSY, LOST),))}, "a")
    assert lost.broken == ("a: busy", "b: busy", "c", "busy: nothing follows, and the caller is lost")


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=3), min_size=6, max_size=6))
def test_whatever_the_graph_each_path_ends_or_is_said_to_be_broken(follows: list[list[int]]) -> None:
    names = [*map(str, range(6)), End.PERSON]
    steps = {
        str(n): Step(str(n), tuple((Outcome.BUSY, str(names[after])) for after in each))
        for n, each in enumerate(follows)
    }
    found = follow(steps, "0")
    reached, open_ = {"0"}, ["0"]
    while open_:
        fresh = [after for _, after in steps[open_.pop()].follows if after in steps and after not in reached]
        reached.update(fresh)
        open_ += fresh
    left = dict(steps)
    while ends := [name for name, step in left.items() if not any(after in left for _, after in step.follows)]:
        left = {name: step for name, step in left.items() if name not in ends}
    assert bool(found.broken) == bool(reached & left.keys())
    assert found.paths >= 1


# --- occasions


def test_every_way_of_arriving_stands_there_once() -> None:
    came = occasions.arrivals(with_lines(SUB_CENTRE_LINE))
    words = [f"{arrival.number} {word}" for arrival, word in came if arrival.number in {"12345", "12342", "110"}]
    target = config().site.dialled(config().site.targets[AGRICULTURE])
    assert {
        *("12345 direct", "12342 direct", "110 direct", "12342 diverted from 12342", "12342 from 110"),
        *("12342 diverted from 12342 (unconditional)", "12342 diverted from 12342 (no-answer)"),
        *("12342 diverted from 119", f"12342 diverted from 12342, then from {target}"),
    } <= set(words)
    assert len({(a.number, a.recognised, a.chain, a.caller, a.reason) for a, _ in came}) == len(came)
    assert not next(arrival for arrival, _ in came if arrival.dialled == occasions.UNKNOWN).recognised


def test_of_a_call_forwarded_by_a_line_the_dialled_number_says_nothing_more() -> None:
    for number in config().lines:
        meant = {arrived(config(), other, [(number, "")]).number for other in (*config().lines, "99999")}
        assert meant == {number}


def test_moments_lie_around_every_change() -> None:
    conf = with_lines(CANCELLED_LINE.replace("answered_by: hall", "answered_by: retained-seats\n    pool: safety"))
    found = occasions.moments(conf, "12341")
    wanted = [
        *("2021-08-31T23:59:59", "2021-09-01T00:00:00", "2021-09-01T00:00:01", "2021-10-31T23:59:59"),
        *("2021-11-01T00:00:00", "2021-11-30T23:59:59", "2021-12-01T00:00:00", "2021-12-01T08:29:59"),
        *("2021-12-01T17:30:00", "2021-08-25T08:30:00"),
    ]
    assert {parse_moment(each) for each in wanted} <= set(found)
    holidays = [
        *("2021-09-18T08:29:59", "2021-09-18T08:30:00", "2021-09-18T17:30:00", "2021-09-19T00:00:00"),
        *("2021-09-22T08:30:00", "2021-10-08T08:30:00", "2021-10-09T17:29:59"),
    ]
    assert {parse_moment(each) for each in holidays} <= set(found)
    assert list(found) == sorted(set(found))
    assert occasions.moments(conf, "777") == occasions.moments(conf, conf.site.number)


def test_the_ends_of_the_calendar_are_moments_too() -> None:
    line = config().lines["12329"]
    all_days = Window(date.min, date.max)
    far = msgspec.structs.replace(line, transition=all_days, cancel_on=date.max, pool=PoolId("safety"))
    conf = msgspec.structs.replace(config(), lines={**config().lines, "12329": far})
    assert len(occasions.moments(conf, "12329")) > len(("min", "max"))


@given(
    st.sampled_from(["always", "Mo-Fr 08:30-17:30", "Sa 22:00-06:00", "Mo-Su 00:00-24:00",
                     "We 09:00-12:00,13:00-24:00"]),
    st.datetimes(min_value=parse_moment("2021-09-01T00:00").replace(tzinfo=None),
                 max_value=parse_moment("2021-12-31T00:00").replace(tzinfo=None)),
)  # fmt: skip
def test_nothing_changes_between_two_of_these_moments(text: str, when: object) -> None:
    """Every moment is decided as some moment that was walked: the same phase, the same places open."""
    conf = with_lines(CANCELLED_LINE.replace("answered_by: hall", "answered_by: retained-seats\n    pool: safety"))
    pools = {**conf.site.pools, PoolId("safety"): msgspec.structs.replace(conf.site.pools[PoolId("safety")],
                                                                         hours=parse_hours(text))}  # fmt: skip
    conf = with_site(conf, pools=pools)
    line, hours = conf.lines["12341"], pools[PoolId("safety")].hours

    def state(at: datetime) -> tuple[object, ...]:
        return phase(line, at), is_open(hours, conf.site.calendar, at)

    assert state(parse_moment(str(when))) in {state(at) for at in occasions.moments(conf, "12341")}


# --- waiting


def test_a_ladder_that_never_comes_to_the_hall_says_when_it_fails() -> None:
    site = config().site
    safety = (Rung(Requirement((Alternative(PoolId("safety")),))),)
    assert waiting.wait(site, safety).why == "nobody is signed in: no agent of the hall is ever asked"
    skilled = (Rung(Requirement((Alternative(site.hall, next(iter(site.skills)), 1),))),)
    assert not waiting.wait(site, skilled).holds


def test_a_good_ladder_is_tried_in_every_way() -> None:
    conf = config()
    places = (Destination(Kind.RETAINED_SEATS, "safety", ring_for_ms=10_000, is_ours=True),
              Destination(Kind.POOL, conf.site.hall, next(iter(conf.site.skills)), is_ours=True))  # fmt: skip
    found = waiting.wait(conf.site, ladder(conf, places))
    assert found == waiting.Wait(walked=10, latest_ms=10_000)


@given(st.lists(st.sampled_from(["safety", "hall"]), max_size=3), st.integers(1, 20_000), st.booleans())
def test_whatever_runs_before_the_hall_the_hall_is_asked(names: list[str], wait_ms: int, skilled: bool) -> None:
    conf = config()
    skill = next(iter(conf.site.skills)) if skilled else None
    before = [Destination(Kind.POOL, name, ring_for_ms=wait_ms, is_ours=True) for name in names]
    rungs = ladder(conf, [*before, Destination(Kind.POOL, conf.site.hall, skill, is_ours=True)])
    assert waiting.wait(conf.site, rungs).holds


def test_agents_who_work_elsewhere_are_not_the_halls() -> None:
    site: Site = msgspec.structs.replace(config().site, agents={AgentId("1"): Agent(AgentId("1"), "x", ())})
    rungs = (Rung(Requirement((Alternative(site.hall, SkillId("x")),))),)
    assert waiting.wait(site, rungs).why.startswith("nobody works in the hall")


OVERFLOWS = "overflow: [{to: health-seats, waited: 1 min}, {to: law, waited: 2 min}, {to: voicemail, waited: 9 min}]}"


def widening(rules: str) -> Config:
    return build(changed("site.yaml", "hours: always, wrap_up: 0 s}", rules))


@pytest.mark.slow
def test_a_wait_that_leads_to_a_target_or_a_message_loses_nobody() -> None:
    proof = prove.prove(only(widening(OVERFLOWS), "12350", "12329"))
    assert proof.holds, prove.render(proof)
    assert proof.ends[str(End.CALL_BACK)] > 0
    assert proof.ends[str(End.CENTRE)] > 0
    assert "with a message, and a call back" in prove.render(proof)


@pytest.mark.slow
def test_no_message_is_counted_on_while_nobody_is_called_back() -> None:
    proof = prove.prove(with_site(only(widening(OVERFLOWS), "12350", "12329"), callbacks=Terms()))
    assert proof.holds, prove.render(proof)
    assert str(End.CALL_BACK) not in proof.ends


@pytest.mark.slow
def test_a_wait_that_leads_to_a_line_of_ours_goes_round_in_a_circle() -> None:
    conf = only(widening("overflow: {to: health-seats, waited: 1 min}}"), "12350")
    ours = msgspec.structs.replace(conf.site.targets[TargetId("health-seats")], number="12350", hours=ALWAYS)
    proof = prove.prove(with_site(conf, targets={**conf.site.targets, ours.id: ours}))
    assert not proof.holds
    assert "in a circle" in prove.render(proof)
