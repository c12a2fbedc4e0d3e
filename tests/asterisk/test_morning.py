"""Two minutes of a busy morning on a real Asterisk: the records and the figures are what the telephones saw."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from ivr.facts import Outcome
from ivr.figures import TERMS
from ivr.town import audio
from ivr.town.rtp import RATE
from tests.asterisk.house import House, opened
from tests.asterisk.morning import CENTRE_LINE, HANDED_OVER, Morning, files, lived_through
from tests.asterisk.phones import VOICE

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]

SEED = 12345
LOST_KEYS = 1  # a phone on a busy machine may leave one out
UNSURE_S = 1.5  # a busy machine's own time, in which the two accounts of a wait may differ

AS_SEEN = {
    Outcome.ANSWERED: "answered",
    Outcome.TRANSFERRED: "transferred",
    Outcome.ABANDONED: "abandoned",
    Outcome.MISSED: "abandoned",  # came and left while the controller was away
    Outcome.REFUSED: "refused",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("a city in the morning")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(files(folder / "city"))) as house:
        yield house


@pytest.fixture(scope="module")
def morning(place: House) -> Morning:
    return asyncio.run(lived_through(place, SEED))


def test_there_is_some_of_everything(morning: Morning) -> None:
    counted = morning.counted()
    assert counted["lost"] == 0
    assert counted["answered"] > 40
    assert counted["abandoned"] > 2
    assert counted["refused"] > 0
    assert counted["transferred"] == 2
    assert len(morning.handed) == len(HANDED_OVER)
    assert morning.left == ""


def test_every_call_is_in_the_records_once_and_came_to_what_its_phone_saw(morning: Morning) -> None:
    assert Counter(record.caller for record in morning.records) == Counter(list(morning.citizens))
    differ = {
        record.call: (record.outcome, morning.became(morning.citizens[record.caller]))
        for record in morning.records
        if AS_SEEN.get(record.outcome) != morning.became(morning.citizens[record.caller])
    }
    assert differ == {}


def test_the_record_names_the_agent_whose_phone_answered_and_whom_the_citizen_heard(morning: Morning) -> None:
    for record in morning.records:
        citizen = morning.citizens[record.caller]
        if record.outcome is Outcome.ANSWERED:
            talks = morning.talks_of(citizen)
            assert record.agent == talks[0].agent
            assert [part.agent for part in record.talks] == [talk.agent for talk in talks]
            for talk in talks:
                voice = morning.heard_at(citizen, talk)
                heard = citizen.heard().between(voice + 0.1, voice + 0.6).samples
                assert audio.dominant(heard) == morning.agents[talk.agent].hertz
    town = [
        audio.hears(citizen.heard().samples, citizen.place.prompt("town-agriculture")).correlation
        for name, citizen in morning.citizens.items()
        if morning.became(citizen) == "transferred" and morning.visits[name].number == CENTRE_LINE
    ]
    assert len(town) == 2
    assert min(town) > 0.9


def test_whom_an_agent_has_handed_over_heard_a_colleague_or_the_waterworks_and_the_record_says_so(
    morning: Morning,
) -> None:
    records = {record.caller: record for record in morning.records}
    for name, ring in morning.handed.items():
        citizen, then = morning.citizens[name], morning.visits[name].then
        assert then is not None
        how, kind, whom = then
        first, *others = morning.talks_of(citizen)
        assert first is ring
        assert len(others) == (1 if kind == "pool" else 0)
        after = citizen.heard().between(ring.call.ended_at or 0.0, citizen.call.ended_at or 0.0).samples
        if others:
            assert audio.level(after, morning.agents[others[0].agent].hertz) > VOICE
        else:
            assert audio.hears(after, citizen.place.prompt("town-water")[: 2 * RATE]).correlation > 0.9
        (brought,) = records[name].brought
        assert (brought.aim, brought.name) == (how, others[0].agent if others else whom)


def test_the_figures_are_what_the_phones_counted(morning: Morning) -> None:
    (found,) = morning.reports[""]["rows"]
    counted = morning.counted()
    assert found["offered"] == sum(found[term] for term in TERMS) == len(morning.citizens)
    assert (found["answered"], found["refused"], found["transferred"], found["in_progress"]) == (
        counted["answered"],
        counted["refused"],
        counted["transferred"],
        0,
    )
    assert found["abandoned"] + found["missed"] == counted["abandoned"]
    dialled = Counter(visit.number for visit in morning.visits.values())
    assert {row["key"]: row["offered"] for row in morning.reports["line"]["rows"]} == dialled
    answered = Counter(
        morning.talks_of(citizen)[0].agent
        for citizen in morning.citizens.values()
        if morning.became(citizen) == "answered"
    )
    theirs = {row["key"]: row["answered"] for row in morning.reports["agent"]["rows"] if row["answered"]}
    assert theirs == answered
    handled = Counter(
        agent
        for citizen in morning.citizens.values()
        if morning.became(citizen) == "answered"
        for agent in {talk.agent for talk in morning.talks_of(citizen)}
    )
    assert {row["key"]: row["handled"] for row in morning.reports["agent"]["rows"] if row["handled"]} == handled


def test_the_waits_are_what_the_phones_saw(morning: Morning) -> None:
    (found,) = morning.reports[""]["rows"]
    waits = [morning.waited_s(each) for each in morning.citizens.values() if morning.became(each) == "answered"]
    assert found["asa_since_answer"] == pytest.approx(sum(waits) / len(waits), abs=UNSURE_S)
    assert found["longest_wait_since_answer"] == pytest.approx(max(waits), abs=2 * UNSURE_S)
    assert found["rated"] == found["satisfied"]
    assert len(morning.rated) - LOST_KEYS <= found["rated"] <= len(morning.rated)


def test_no_agent_has_two_calls_and_no_citizen_two_agents(morning: Morning) -> None:
    for number in morning.agents:
        for one, next_ in pairwise(morning.calls_of(number)):
            assert one.ended_at is not None
            assert one.ended_at <= next_.began
    for name, citizen in morning.citizens.items():
        talks = morning.talks_of(citizen)
        assert len(talks) <= 1 or name in morning.handed


def test_the_floor_would_do_all_of_it_again(place: House, morning: Morning) -> None:
    assert morning.records
    assert "The Floor does the same again, bit for bit." in place.hotline("replay")
