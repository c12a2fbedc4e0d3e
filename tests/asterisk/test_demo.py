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
}

HALL = ("80", "agent-12")
"""How seats of the hall begin, and the numbers of agents whose seats share one voice."""

EXPECTED: Mapping[str, tuple[str, str | tuple[str, ...]]] = {
    "12345": ("greeting-12345", HALL),
    "12329": ("transition-12329", "80"),
    "12350": ("transition-12350", "81"),
    "12350 by night": ("transition-12350", HALL),
    "12316": ("transfer-12316", "agriculture"),
    "031012345": ("greeting-12345", HALL),
    "a number nobody knows": ("greeting-12345", HALL),
    "12329 diverted to 12345": ("transition-12329", "80"),
    "12345, once more": ("greeting-12345", HALL),
    "12345, a third time": ("greeting-12345", HALL),
}
"""The first prompt heard, and how the name of whoever was reached begins: 81 are the bureau's seats."""


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


@pytest.mark.parametrize("name", CALLS)
def test_a_newcomer_s_call_ends_at_a_person(timelines: Mapping[str, Timeline], name: str) -> None:
    timeline, (prompt, reached) = timelines[name], EXPECTED[name]
    assert timeline.answered
    assert timeline.prompts[0] == prompt, timeline
    assert timeline.reached.startswith(reached), timeline
    assert timeline.longest_silence_s < 1.0, timeline
    assert not [moment for moment in timeline.moments if moment.what == "sound"], timeline


def test_agents_whose_seats_share_a_voice_are_told_by_their_numbers(timelines: Mapping[str, Timeline]) -> None:
    """They were `seats`, and the number that was said before was something else."""
    shared = [timeline for timeline in timelines.values() if timeline.reached.startswith("agent-12")]
    assert shared, timelines
    assert all(timeline.reached == timeline.prompts[-1] for timeline in shared)
