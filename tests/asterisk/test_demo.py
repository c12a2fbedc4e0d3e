"""The demo as a newcomer meets it: demo agents at their seats, and `hotline call` telling what a call was like."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from ivr.town.citizen import Timeline
from tests.asterisk.house import House, opened

pytestmark = pytest.mark.asterisk

CALLS: Mapping[str, tuple[str, ...]] = {
    "12345": ("12345",),
    "12329": ("12329",),
    "12350": ("12350",),
    "12350 by night": ("12350", "--at", "2021-09-15T22:30"),
    "12316": ("12316",),
    "031012345": ("031012345",),
    "a number nobody knows": ("12399",),
    "12329 diverted to 12345": ("12345", "--diversion", "12329"),
    "12345, once more": ("12345",),
    "12345, a third time": ("12345",),
    "12360, a centre with a menu": ("12360",),
}

HALL = ("agent-10", "agent-12")
"""How the numbers of the hall's agents begin: of those whose seats have a voice of their own, and of the others."""

EXPECTED: Mapping[str, tuple[str, str | tuple[str, ...]]] = {
    "12345": ("greeting-12345", HALL),
    "12329": ("transition-12329", "agent-10"),
    "12350": ("transition-12350", "agent-20"),
    "12350 by night": ("transition-12350", HALL),
    "12316": ("transfer-12316", "agriculture"),
    "031012345": ("greeting-12345", HALL),
    "a number nobody knows": ("greeting-12345", HALL),
    "12329 diverted to 12345": ("transition-12329", "agent-10"),
    "12345, once more": ("greeting-12345", HALL),
    "12345, a third time": ("greeting-12345", HALL),
}
"""The first prompt heard, and how the name of whoever was reached begins: 20 are the bureau's agents."""


@pytest.fixture(scope="module")
def timelines(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Timeline]:
    state = tmp_path_factory.mktemp("a demo") / "state of it"
    with opened(state, HOTLINE_DEMO_AGENTS="yes") as demo, ThreadPoolExecutor(len(CALLS)) as threads:
        told = threads.map(lambda name: _called(demo, name), CALLS)
        return dict(zip(CALLS, told, strict=True))


def _called(demo: House, name: str) -> Timeline:
    save = str(demo.state / f"{name}.wav")
    said = demo.hotline("call", *CALLS[name], "--stay", "15", "--save", save, "--json")
    return msgspec.json.decode(said, type=Timeline)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_newcomer_s_call_ends_at_a_person(timelines: Mapping[str, Timeline], name: str) -> None:
    timeline, (prompt, reached) = timelines[name], EXPECTED[name]
    assert timeline.answered
    assert timeline.prompts[0] == prompt, timeline
    assert timeline.reached.startswith(reached), timeline
    assert timeline.longest_silence_s < 1.0, timeline
    assert not [moment for moment in timeline.moments if moment.what == "sound"], timeline


def test_every_agent_is_told_by_the_number_that_was_said_whatever_seat_they_have(
    timelines: Mapping[str, Timeline],
) -> None:
    """They were `8016` or `agent-1221`: the seat where it has a voice of its own, the agent where it has none."""
    agents = [timelines[name] for name, (_, reached) in EXPECTED.items() if reached != "agriculture"]
    assert all(timeline.reached == timeline.prompts[-1] for timeline in agents), timelines


def test_a_menu_is_told_as_what_it_is(timelines: Mapping[str, Timeline]) -> None:
    timeline = timelines["12360, a centre with a menu"]
    assert [moment.name for moment in timeline.moments if moment.what == "menu"] == ["town-customs"], timeline
    assert not timeline.reached
