"""What a citizen hears when the talk is over: the survey, or that nobody hears them; and who is asked nothing."""

from functools import partial

import msgspec
import pytest

from ivr.facts import Disposition, Party
from ivr.journal import DISPOSITION, Journal
from routing.ids import CallId
from routing.keys import Keys
from routing.talk import Do, Kind, Whom
from routing.tickets import AgentState
from tests.calls.backs import LI
from tests.calls.backs import house as calling_back
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate

OWNER, SEAT = "1016", "8016"
ASKED_AT = 20.0
SENTENCE = "silent-call"


def dispositions(house: SimulatedHouse) -> list[tuple[CallId, str, str]]:
    """What was said of calls: which, by whom, what."""
    journal = Journal(MemoryDisk(Platter(bytearray(house.platter.content))), CONFIG.site.node, ManualClock())
    found = [(each.key, each.body) for each in journal.replay() if each.topic == DISPOSITION]
    read = [(CallId(key), msgspec.json.decode(body, type=Disposition)) for key, body in found]
    return [(call, said.agent, said.matter) for call, said in read]


async def a_talk(*steps: tuple[float, Do | tuple[Do, Whom] | str], keys: str = "*0") -> SimulatedHouse:
    """A citizen and an agent; steps are asked for at their seconds, or are keys at the agent's phone."""
    house = SimulatedHouse(seed=5)
    site = msgspec.structs.replace(CONFIG.site, keys=Keys(silent=keys))
    house.config = msgspec.structs.replace(CONFIG, site=site)
    phone = house.agent(OWNER, answers_after=1.0, talks=60)
    house.fake.target("119", answers_after=1.0, talks=5)
    house.fake.dials("12345", after=0.5)
    for at, step in steps:
        if isinstance(step, str) and not isinstance(step, Do):
            house.fake.later(at, partial(house.fake.presses, phone, step))
        else:
            house.fake.later(at, partial(house.asks, OWNER, *(step if isinstance(step, tuple) else (step,))))
    await house.lives()
    house.check()
    return house


BY_KEYS = ((ASKED_AT, "*"), (ASKED_AT + 0.3, "0"))


@pytest.mark.parametrize("steps", [((ASKED_AT, Do.SILENT),), BY_KEYS], ids=["asked for", "by the keys of the phone"])
def test_a_silent_call_hears_so_and_ends_with_its_disposition_and_without_a_survey(
    steps: tuple[tuple[float, Do | str], ...],
) -> None:
    house = simulate(lambda: a_talk(*steps))
    (record,) = house.records()
    assert house.heard(house.citizens[0])[-2:] == [SENTENCE, "music"] or house.heard(house.citizens[0])[-1] == SENTENCE
    assert "survey" not in house.heard(house.citizens[0])
    assert dispositions(house) == [(record.call, OWNER, "silent")]
    assert (record.released_by, record.rating) == (Party.AGENT, None)
    assert house.citizens[0].ended == "released"
    assert not house.silences()
    assert house.dispatcher is not None
    (agent,) = house.dispatcher.agents()
    assert agent.state is AgentState.READY


@pytest.mark.parametrize("keys", ["", "#9"])
def test_keys_that_mean_nothing_change_nothing(keys: str) -> None:
    house = simulate(lambda: a_talk(*BY_KEYS, keys=keys))
    assert SENTENCE not in house.heard(house.citizens[0])
    assert dispositions(house) == []


def test_a_call_with_an_emergency_desk_in_it_is_never_ended_as_silent() -> None:
    desk = (ASKED_AT, (Do.LINK, Whom(Kind.EMERGENCY, "119")))
    house = simulate(lambda: a_talk(desk, (ASKED_AT + 3, "*"), (ASKED_AT + 3.3, "0")))
    assert SENTENCE not in house.heard(house.citizens[0])


@pytest.mark.parametrize(
    "step", [(Do.LINK, Whom(Kind.EMERGENCY, "119")), (Do.CONSULT, Whom(Kind.TARGET, "fire"))], ids=["linked", "asked"]
)
def test_who_needed_an_emergency_desk_is_not_asked_how_content_they_are(step: tuple[Do, Whom]) -> None:
    house = simulate(lambda: a_talk((ASKED_AT, step)))
    assert "voice:119" in "+".join(house.heard(house.citizens[0]) + house.heard(house.fake.parties[SEAT]))
    assert "survey" not in house.heard(house.citizens[0])
    (record,) = house.records()
    assert record.released_by is Party.AGENT


def test_and_who_needed_none_is() -> None:
    house = simulate(lambda: a_talk((ASKED_AT, (Do.CONSULT, Whom(Kind.TARGET, "water")))))
    assert "survey" in house.heard(house.citizens[0])


def test_a_call_back_in_which_nobody_is_heard_ends_in_the_same_way() -> None:
    async def scene() -> SimulatedHouse:
        house = calling_back()
        house.fake.later(45, partial(house.asks, OWNER, Do.SILENT))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    heard = house.heard(house.fake.parties[LI])
    assert SENTENCE in heard
    assert "survey" not in heard
