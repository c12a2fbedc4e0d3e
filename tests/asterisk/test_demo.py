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
}

EXPECTED: Mapping[str, tuple[str, str]] = {
    "12345": ("greeting-12345", "80"),
    "12329": ("transition-12329", "80"),
    "12350": ("transition-12350", "81"),
    "12350 by night": ("transition-12350", "80"),
    "12316": ("transfer-12316", "agriculture"),
    "031012345": ("greeting-12345", "80"),
    "a number nobody knows": ("greeting-12345", "80"),
    "12329 diverted to 12345": ("transition-12329", "80"),
}
"""The first prompt heard, and how the name of whoever was reached begins: 80 are seats of the hall, 81 the bureau's."""


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
