"""What is said in a call of our own, and whom it asks for."""

from datetime import datetime

import msgspec
import pytest

from routing.config import Config, build
from routing.hours import SHANGHAI
from routing.ids import AgentId, PoolId, PromptId
from routing.lines import AnsweredBy, Cancelled
from routing.outgoing import AT_ONCE_MS, arrival, called_back, called_out, only
from routing.plan import tiers
from routing.tickets import Alternative
from tests.routing.sources import ours

CITY: Config = build(ours())
DAY = datetime(2021, 9, 15, 9, 0, tzinfo=SHANGHAI)
LI = "13831234567"


@pytest.mark.parametrize(
    ("line", "answered_as", "pools"),
    [
        ("12345", "12345", ["hall"]),
        ("12350", "12350", ["safety", "hall"]),
        ("12316", "12316", ["hall"]),
        ("", "12345", ["hall"]),
        ("99999", "12345", ["hall"]),
    ],
)
def test_who_is_called_back_comes_to_people_of_ours_and_hears_the_notice(
    line: str, answered_as: str, pools: list[str]
) -> None:
    route = called_back(CITY, line, LI, DAY)
    assert (route.line, [place.name for place in route.destinations]) == (answered_as, pools)
    assert len(tiers(route)) == 1
    (notice,) = route.prompts
    assert CITY.prompts[notice.id].notice
    assert notice.must_hear
    assert route.whispers == ("whisper-callback", f"whisper-{answered_as}")
    assert (route.survey is not None) == (CITY.lines[answered_as].survey and CITY.site.survey.on)


def test_a_number_that_only_says_why_it_is_cancelled_is_called_back_by_the_hall() -> None:
    line = msgspec.structs.replace(
        CITY.lines["12329"],
        answered_by=AnsweredBy.HALL,
        cancel_on=datetime(2021, 9, 1, tzinfo=SHANGHAI).date(),
        when_cancelled=Cancelled.ANNOUNCE_ONLY,
    )
    text = CITY.prompts[called_out(CITY, LI, DAY).prompts[0].id]
    prompts = {**CITY.prompts, PromptId("cancelled-12329"): text}
    config = msgspec.structs.replace(CITY, lines={**CITY.lines, "12329": line}, prompts=prompts)
    assert [place.name for place in called_back(config, "12329", LI, DAY).destinations] == ["hall"]


def test_whoever_calls_out_is_asked_alone_and_before_all_others() -> None:
    route = called_out(CITY, LI, DAY)
    assert (route.priority_ms, route.survey, route.whispers) == (AT_ONCE_MS, None, ("whisper-12345",))
    (rung,) = only(AgentId("1016"), PoolId("hall"))
    assert rung.requirement.alternatives == (Alternative(PoolId("hall"), agent=AgentId("1016")),)
    assert arrival("12345", LI).caller == LI
