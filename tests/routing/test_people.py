"""Seats and agents: what an admin writes of both."""

import msgspec
import pytest

from routing.people import Answer, answers
from tests.routing.sources import config

SITE = config().site
SEAT, AGENT = next(iter(SITE.seats.values())), next(iter(SITE.agents.values()))


@pytest.mark.parametrize(
    ("seat", "agent", "expected"),
    [
        (Answer.MANUAL, None, Answer.MANUAL),
        (Answer.AUTO, None, Answer.AUTO),
        (Answer.AUTO, Answer.MANUAL, Answer.MANUAL),
        (Answer.MANUAL, Answer.AUTO, Answer.AUTO),
    ],
)
def test_an_agent_s_own_way_to_answer_holds_wherever_they_sit(
    seat: Answer, agent: Answer | None, expected: Answer
) -> None:
    there, sitting = msgspec.structs.replace(SEAT, answer=seat), msgspec.structs.replace(AGENT, answer=agent)
    assert answers(there, sitting) is expected
    assert answers(there, None) is seat
    assert answers(None, None) is Answer.MANUAL
