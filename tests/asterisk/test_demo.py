"""The demo as a newcomer meets it: demo agents at their seats, and `hotline call` telling what a call was like."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from ivr.town.audio import Ear, read_wav
from ivr.town.citizen import Timeline
from tests.asterisk.house import House, opened
from tests.asterisk.office import SAFETY
from tests.asterisk.phones import is_whole
from tests.asterisk.waiting import holds

pytestmark = pytest.mark.asterisk

CALLS: Mapping[str, tuple[str, ...]] = {
    "12345": ("12345",),
    "12329": ("12329",),
    "12350 with seats out": ("12350",),
    "12350 by night": ("12350", "--at", "2021-09-15T22:30"),
    "12316 that does not answer": ("12316", "--stay", "30"),
    "031012345": ("031012345",),
    "a number nobody knows": ("12399",),
    "12329 diverted to 12345": ("12345", "--diversion", "12329"),
    "12345, once more": ("12345",),
    "12345, a third time": ("12345",),
    "12360, a centre with a menu": ("12360",),
}
BEFORE: Mapping[str, tuple[str, ...]] = {"12350": ("12350",), "12316": ("12316",)}
"""While the bureau's agents are in, and the centre answers."""

HALL = ("agent-10", "agent-12")
"""How the numbers of the hall's agents begin: of those whose seats have a voice of their own, and of the others."""

EXPECTED: Mapping[str, tuple[tuple[str, ...], str | tuple[str, ...]]] = {
    "12345": (("greeting-12345",), HALL),
    "12329": (("transition-12329",), "agent-10"),
    "12350": (("transition-12350",), "agent-20"),
    "12350 with seats out": (("transition-12350",), HALL),
    "12350 by night": (("transition-12350",), HALL),
    "12316": (("transfer-12316",), "agriculture"),
    "12316 that does not answer": (("transfer-12316", "return-hall"), HALL),
    "031012345": (("greeting-12345",), HALL),
    "a number nobody knows": (("greeting-12345",), HALL),
    "12329 diverted to 12345": (("transition-12329",), "agent-10"),
    "12345, once more": (("greeting-12345",), HALL),
    "12345, a third time": (("greeting-12345",), HALL),
}
"""What is heard first, and how the name of whoever was reached begins: 20 are the bureau's agents."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    state = tmp_path_factory.mktemp("a demo") / "state of it"
    with opened(state, HOTLINE_DEMO_AGENTS="yes") as demo:
        yield demo


@pytest.fixture(scope="module")
def timelines(demo: House) -> Mapping[str, Timeline]:
    with ThreadPoolExecutor(len(CALLS)) as threads:
        early = threads.map(lambda name: _called(demo, name, BEFORE[name]), BEFORE)
        told = dict(zip(BEFORE, early, strict=True))
        demo.hotline("town", "agriculture", "no-answer")
        for agent in SAFETY:
            demo.hotline("agents", "sign-out", agent)
        assert holds(lambda: not _signed_in(demo) & {*SAFETY}, 10, every=0.2)
        return told | dict(zip(CALLS, threads.map(lambda name: _called(demo, name, CALLS[name]), CALLS), strict=True))


def _signed_in(demo: House) -> set[str]:
    return {*asyncio.run(demo.agents())}


def _called(demo: House, name: str, call: Sequence[str]) -> Timeline:
    save = str(demo.state / f"{name}.wav")
    said = demo.hotline("call", "--stay", "15", *call, "--save", save, "--json")
    return msgspec.json.decode(said, type=Timeline)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_newcomer_s_call_ends_at_a_person(timelines: Mapping[str, Timeline], name: str) -> None:
    timeline, (prompts, reached) = timelines[name], EXPECTED[name]
    assert timeline.answered
    assert timeline.prompts[: len(prompts)] == prompts, timeline
    assert timeline.reached.startswith(reached), timeline
    assert timeline.longest_silence_s < 1.0, timeline
    assert not [moment for moment in timeline.moments if moment.what == "sound"], timeline


@pytest.mark.parametrize("name", EXPECTED)
def test_the_file_that_was_saved_has_what_the_timeline_tells(
    demo: House, timelines: Mapping[str, Timeline], name: str
) -> None:
    timeline, (prompts, _) = timelines[name], EXPECTED[name]
    ear = Ear(read_wav(Path(timeline.audio)))
    assert all(is_whole(ear, demo.sounds(prompt)) for prompt in prompts), timeline
    others = {"greeting-12345", "transition-12329", "transition-12350", "return-hall"} - {*prompts}
    assert not [prompt for prompt in others if is_whole(ear, demo.sounds(prompt))], timeline
    assert timeline.reached == "agriculture" or is_whole(ear, demo.sounds(timeline.reached)), timeline


def test_an_agent_comes_and_pauses_and_is_ready_and_leaves_by_the_command_line(
    demo: House, timelines: Mapping[str, Timeline]
) -> None:
    assert timelines
    for state, *command in (
        ("paused", "sign-in", SAFETY[0], "--not-ready"),
        ("ready", "ready", SAFETY[0]),
        ("paused", "pause", SAFETY[0], "--reason", "会议"),
        ("ready", "ready", SAFETY[0]),
        ("signed-out", "sign-out", SAFETY[0]),
    ):
        said = demo.hotline("agents", *command)
        assert said.startswith(f"{SAFETY[0]} "), said
        assert f": {state}" in said, said
        assert asyncio.run(demo.agents()).get(SAFETY[0], "signed-out") == state


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
