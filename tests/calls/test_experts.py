"""Experts are rung in turn, those on duty, fairly and across restarts; nobody on duty is said in a sentence."""

import asyncio
from functools import partial
from http import HTTPStatus

import msgspec
import pytest

from routing.config import Config
from routing.experts import Expert, Industry
from routing.ids import SeatId
from routing.talk import Do, Kind, Whom
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

OWNER, SEAT = "1016", "8016"
FUND = Whom(Kind.EXPERT, "fund")
ONE, TWO = "03108092901", "03108092902"


def with_experts(*roster: Expert) -> Config:
    fund = Industry(id="fund", name="公积金", roster=roster)
    return msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, experts={"fund": fund}))


TWO_EXPERTS = with_experts(
    Expert(id="one", name="一", number=ONE, trunks=("town",)), Expert(id="two", name="二", number=TWO, trunks=("town",))
)


async def a_talk(do: Do, *, first: Phone, config: Config = TWO_EXPERTS, kill: float | None = None) -> SimulatedHouse:
    house = SimulatedHouse(seed=9)
    house.config = config
    house.agent(OWNER, answers_after=1.0, talks=None)
    house.fake.target(ONE, first)
    house.fake.target(TWO, answers_after=1.0, talks=None)
    house.fake.seat("8020", answers_after=1.0, talks=None)
    house.fake.dials("12345", after=0.5, hangs_up=70)
    house.fake.later(20, partial(house.asks, OWNER, do, FUND))
    if kill is not None:
        house.fake.later(kill, house.kill)
    await house.lives()
    house.check()
    return house


def brought(house: SimulatedHouse) -> list[tuple[str, str, bool]]:
    (record,) = house.records()
    return [(each.name, each.aim, each.joined is not None) for each in record.brought]


@pytest.mark.parametrize(
    ("do", "citizen"),
    [
        (Do.CONSULT, ["music"]),
        (Do.TRANSFER, ["music", f"voice:{ONE}"]),
        (Do.LINK, [f"voice:{SEAT}+voice:{ONE}"]),
    ],
)
def test_the_first_on_duty_is_rung_and_joins_as_anybody_else(do: Do, citizen: list[str]) -> None:
    house = simulate(lambda: a_talk(do, first=Phone(answers_after=1.0, talks=None)))
    heard = [what for since, to, what in house.fake.heard(house.citizens[0].label) if to - since > 100]
    assert heard[heard.index(f"voice:{SEAT}") + 1 :] == citizen
    assert brought(house) == [("fund/one", str(do), True)]
    assert not house.fake.heard(TWO)


@pytest.mark.parametrize("first", [Phone(busy=True), Phone(), Phone(rejects_after=1.0)], ids=["busy", "silent", "no"])
def test_whoever_cannot_be_had_is_followed_by_the_next(first: Phone) -> None:
    house = simulate(lambda: a_talk(Do.LINK, first=first))
    assert f"voice:{SEAT}+voice:{TWO}" in house.heard(house.citizens[0])
    assert brought(house) == [("fund/two", "link", True)]
    assert not house.silences()


def test_an_expert_at_a_seat_is_rung_there() -> None:
    config = with_experts(Expert(id="here", name="这里", seat=SeatId("8020")))
    house = simulate(lambda: a_talk(Do.LINK, first=Phone(), config=config))
    assert f"voice:{SEAT}+voice:8020" in house.heard(house.citizens[0])
    assert brought(house) == [("fund/here", "link", True)]


def test_experts_whom_a_reload_has_taken_away_cannot_be_had() -> None:
    config = msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, experts={}))
    house = simulate(lambda: a_talk(Do.CONSULT, first=Phone(), config=config))
    assert brought(house) == [("fund", "consult", False)]
    assert house.heard(house.citizens[0])[-1] == f"voice:{SEAT}"


def test_after_a_kill_the_turn_goes_on_where_it_was() -> None:
    """The first is being rung when the controller dies: the next life does not begin with them again."""
    house = simulate(lambda: a_talk(Do.LINK, first=Phone(), kill=22.0))
    assert f"voice:{SEAT}+voice:{TWO}" in house.heard(house.citizens[0])
    rang = [since for since, _, what in house.fake.heard(ONE) if what == "unanswered"]
    assert len(rang) == 1


def test_two_calls_one_after_the_other_have_two_experts() -> None:
    async def scene() -> list[tuple[str, ...]]:
        house = SimulatedHouse(seed=9)
        house.config = TWO_EXPERTS
        house.agent(OWNER, answers_after=1.0, talks=None)
        for number in (ONE, TWO):
            house.fake.target(number, answers_after=1.0, talks=None)
        for n in range(3):
            house.fake.dials("12345", after=0.5 + 60 * n, hangs_up=40)
            house.fake.later(20 + 60 * n, partial(house.asks, OWNER, Do.LINK, FUND))
        house.fake.later(75, house.kill)
        await house.lives()
        house.check()
        return [tuple(each.name for each in record.brought) for record in house.records()]

    assert simulate(scene) == [("fund/one",), ("fund/two",), ("fund/one",)]


def test_who_is_on_duty_is_shown_and_nobody_is_said_in_a_sentence() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.seat(SEAT, answers_after=1.5, talks=60)
        await desk.post_when_ready(f"/agents/{OWNER}/sign-in")
        desk.fake.dials("12345", after=0.5)
        desk.fake.target(ONE, answers_after=1.0, talks=30)
        await asyncio.sleep(30)
        (fund,) = await desk.get("/experts")
        assert (fund["industry"], fund["refusal"]) == ("housing-fund", "")
        assert [(each["expert"], each["on_duty"], each["called"]) for each in fund["experts"]] == [
            ("fund-1", True, None),
            ("fund-2", True, None),
            ("fund-night", False, None),
        ]
        said = await desk.refused("POST", f"/agents/{OWNER}/talk/expert", HTTPStatus.UNPROCESSABLE_ENTITY, industry="x")
        assert "no experts of 'x'" in said
        told = await desk.post(f"/agents/{OWNER}/talk/expert", industry="housing-fund")
        assert told["parties"][2]["name"].startswith("housing-fund")
        await asyncio.sleep(5)
        (fund,) = await desk.get("/experts")
        assert [each["expert"] for each in fund["experts"]] == ["fund-2", "fund-night", "fund-1"]
        await asyncio.sleep(60)
        await desk.closes()

    simulate(scene)
