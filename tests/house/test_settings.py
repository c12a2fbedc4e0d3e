"""At which moment a house lives: a demo at its own, one of your choice, or today; production today and at no other."""

from datetime import datetime

import pytest

from ivr.errors import Trouble
from ivr.house.settings import SHANGHAI, moment
from routing.config import Config, Mode, build
from tests.asterisk.switch import PRODUCTION, REHEARSAL, amended, sources


@pytest.fixture(scope="module")
def demo() -> Config:
    return build(sources())


@pytest.fixture(scope="module")
def production() -> Config:
    return build(amended(PRODUCTION))


def test_a_demo_lives_at_the_moment_of_its_city_or_at_the_one_that_is_asked_for(demo: Config) -> None:
    assert moment(demo, None) == REHEARSAL
    night = datetime(2022, 3, 1, 22, 30, tzinfo=SHANGHAI)
    assert moment(demo, "2022-03-01T22:30") == night
    assert moment(demo, "2022-03-01T14:30+00:00") == night


def test_a_demo_lives_today_when_it_is_told_to(demo: Config) -> None:
    assert moment(demo, "now") is None


@pytest.mark.parametrize("at", ["yesterday", "2022-02-30T10:00", ""])
def test_what_is_no_moment_is_refused(demo: Config, at: str) -> None:
    with pytest.raises(Trouble, match=f"--at {at} is no moment: write it as 2021-09-15T09:00, or say now"):
        moment(demo, at)


def test_production_lives_today_and_refuses_any_other_moment(production: Config) -> None:
    assert production.site.mode is Mode.PRODUCTION
    assert moment(production, None) is None
    assert moment(production, "now") is None
    for at in ("2021-09-15T09:00", "2126-09-15T09:00", "yesterday", ""):
        with pytest.raises(Trouble, match="production lives today: leave --at out"):
            moment(production, at)
