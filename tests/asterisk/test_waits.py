"""Where a wait may lead, on a real Asterisk: a promise for a key, a target that answers or not, a message.

The config is the city's, with a pool and a line for each scene, at which nobody is ready.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.facts import Outcome, Party
from ivr.town import audio
from ivr.town.rtp import RATE
from routing.callbacks import Why
from tests.asterisk.house import opened
from tests.asterisk.office import Act, Office, Played
from tests.asterisk.phones import RIGHT, VOICE, Citizen
from tests.asterisk.switch import sources
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

BUSY = "2003"
FREE = "1016"
TONE_HERTZ = 1000
LIKE = 0.5  # correlation of a prompt with what was recorded of it: packets come when they come
RULES = {
    "asked": "{to: callback, waited: 1 s}",
    "answers": "{to: w-answers, waited: 2 s}",
    "silent": "{to: w-silent, waited: 2 s}",
    "message": "{to: voicemail, waited: 2 s}",
    "told": "{to: callback, waited: 60 s}",
}
"""What each pool overflows to; the number of its line is 9670 and its place in this list."""


def line_of(pool: str) -> str:
    return f"967{list(RULES).index(pool)}"


def _line(pool: str) -> str:
    return f"""
  - number: {line_of(pool)}
    name: 试验{line_of(pool)}
    short: 试验{line_of(pool)}
    department: 市农业农村局
    seats: retained
    answered_by: retained-seats
    pool: p-{pool}
    ring_for: 10 s
"""


def _target(name: str) -> str:
    return f"""
  - {{id: w-{name}, name: 试验, kind: retained-seats, number: 0311-8010{len(name)}, trunks: [town], ring_for: 4 s}}
"""


def city(folder: Path) -> Path:
    """A city's files in `folder`."""
    texts, works_in = dict(sources()), "works_in: {safety: {}}}"
    site = texts["site.yaml"]
    pools = "".join(f"  p-{name}: {{name: 试验, overflow: {rule}}}\n" for name, rule in RULES.items())
    theirs = ", ".join(f"p-{name}: {{}}" for name in RULES)
    at = site.index(works_in, site.index(f"id: {BUSY}"))
    site = site[:at] + f"works_in: {{safety: {{}}, {theirs}}}}}" + site[at + len(works_in) :]
    texts["site.yaml"] = site.replace("\npools:\n", f"\npools:\n{pools}", 1) + _target("answers") + _target("silent")
    texts["lines.yaml"] += "".join(map(_line, RULES))
    for name, place in {"lines.yaml": "config", "site.yaml": "config", "prompts.yaml": "recordings"}.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / name).write_text(texts[name], "utf-8")
    return folder


scenes = Act()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("a city of waits")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city"))) as house:
        asyncio.run(house.centre("w-silent", "no-answer"))
        house.hotline("agents", "sign-in", BUSY, "--not-ready")
        yield asyncio.run(scenes.play(house, (FREE,)))


async def calls(office: Office, pool: str) -> Citizen:
    citizen = await office.citizen()
    await citizen.dials(line_of(pool))
    await citizen.hears(f"greeting-{line_of(pool)}")
    return citizen


@scenes
async def who_presses_1_while_it_is_offered_hears_a_promise_and_is_hung_up(office: Office) -> None:
    citizen = await calls(office, "asked")
    await passes(1.0)  # into the offer
    citizen.presses("1")
    await citizen.hears("callback-promise")
    assert (await citizen.is_hung_up()).cause == 16
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.callback, record.released_by) == (Outcome.CALLED_BACK, Why.ASKED, Party.ENGINE)
    assert [task["why"] for task in await office.house.controller("callbacks") if task["call"] == record.call] == [
        "asked"
    ]


@scenes
async def a_target_takes_who_has_waited(office: Office) -> None:
    citizen = await calls(office, "answers")
    await citizen.hears("town-w-answers", within=15)
    await citizen.hangs_up()
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "w-answers")


@scenes
async def from_a_target_that_does_not_answer_who_waits_comes_back_and_then_to_an_agent(office: Office) -> None:
    citizen = await calls(office, "silent")
    agent = await office.talks(citizen, line_of("silent"))
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.was_never_in_silence()
    assert await asyncio.to_thread(citizen.times_heard, "return-queue") == 1  # cut by the agent, perhaps
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.agent, record.target) == (Outcome.ANSWERED, FREE, None)


@scenes
async def a_message_is_kept_and_the_citizen_is_called_back(office: Office) -> None:
    citizen = await calls(office, "message")
    word = await citizen.hears("voicemail")
    await passes(3.0)  # the tone, and the message
    citizen.presses("#")
    await citizen.hears("callback-promise")
    assert (await citizen.is_hung_up()).cause == 16
    heard = citizen.heard()
    end = heard.began + word.at + len(office.house.prompt("voicemail")) / RATE
    assert audio.level(heard.between(end + 0.1, end + 0.4).samples, TONE_HERTZ) > VOICE
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.callback) == (Outcome.CALLED_BACK, Why.VOICEMAIL)
    left, right = await office.house.recording(citizen.name)
    assert audio.level(left[:RATE], citizen.hertz) > VOICE, "their words, from the first on"
    assert audio.hears(right, office.house.prompt("callback-promise")).correlation > LIKE
    assert audio.hears(right, office.house.prompt("voicemail")).correlation < 0.3, "what came before it is not kept"


@scenes
async def who_waits_hears_a_text_that_a_supervisor_has_said_at_once(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials(line_of("told"))
    given = {"text": "系统繁忙，请耐心等候。", "pool": "p-told"}
    said = await office.house.controller("announcements", method="POST", given=given)
    assert said["callers"] == 1
    await citizen.hears(f"greeting-{line_of('told')}")
    text = audio.read_wav(office.house.state / "prompts" / "broadcast-1.wav")
    await eventually(lambda: audio.hears(citizen.heard().samples, text).correlation >= RIGHT, 10, "the text is heard")
    await citizen.hangs_up()
    citizen.was_never_in_silence()


@pytest.mark.parametrize("scene", scenes.names)
def test_waits(played: Played, scene: str) -> None:
    played.check(scene)


def test_nothing_is_left_behind(played: Played) -> None:
    assert played.left == ""
