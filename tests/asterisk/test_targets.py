"""Targets on the real Asterisk: each way in which one can fail or answer, what the caller hears, where they end.

The config here is the city's, and beside it one line a kind of target: each scene has a number and a target of its own,
so that all are played at once.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ivr.facts import Outcome, Party
from ivr.town import audio
from ivr.town.calls import Refused
from ivr.town.recognise import recognise
from tests.asterisk.house import House, opened, written_city
from tests.asterisk.office import MANY_SIDED, Act, Office, Played
from tests.asterisk.phones import Citizen, is_whole
from tests.asterisk.switch import sources
from tests.asterisk.talking import voices
from tests.asterisk.waiting import passes

pytestmark = pytest.mark.asterisk

NIGHT = "2021-09-15T22:30"
CANCELLED = "2022-03-02T10:00"

KINDS: Mapping[str, tuple[str, str]] = {
    "busy": ("centre", "person"),
    "no-answer": ("centre", "person"),
    "reject": ("centre", "person"),
    "unreachable": ("centre", "person"),
    "release": ("centre", "person"),
    "answers": ("centre", "person"),
    "closed": ("centre", "person"),
    "sub-busy": ("sub-centre", "person"),
    "sub-answers": ("sub-centre", "person"),
    "seats-answer": ("retained-seats", "person"),
    "seats-no-answer": ("retained-seats", "person"),
    "menu": ("centre", "menu"),
    "menu-released": ("centre", "menu"),
    "lets-go": ("centre", "person"),
}
"""Target -> its kind, and what answers there; the number of its line is 9600 and its place in this list."""

BEHAVIOURS: Mapping[str, str] = {
    "busy": "busy",
    "no-answer": "no-answer",
    "reject": "reject",
    "unreachable": "unreachable",
    "release": "release",
    "sub-busy": "busy",
    "seats-no-answer": "no-answer",
    "menu-released": "release",
}
"""How the town's centre behaves, where it does not simply answer."""

ANNOUNCED = "9650"


def line_of(target: str) -> str:
    """The number under which citizens reach a target."""
    return f"96{list(KINDS).index(target):02d}"


def _digits(target: str) -> int:
    """Of its own number, without the area code."""
    return 80000 + list(KINDS).index(target)


def _line(target: str) -> str:
    answered_by = KINDS[target][0]
    return f"""
  - number: {line_of(target)}
    name: 试验{line_of(target)}
    short: 试验{line_of(target)}
    department: 市农业农村局
    host: province
    number_kept: yes
    seats: {"retained" if answered_by == "retained-seats" else "own" if answered_by == "sub-centre" else "none"}
    answered_by: {answered_by}
    target: t-{target}
"""


def _target(target: str) -> str:
    kind, answers_with = KINDS[target]
    return f"""
  - id: t-{target}
    name: 试验中心
    kind: {kind}
    number: 0311-{_digits(target)}
    trunks: [town]
    hours: Mo-Su 08:00-18:00
    answers_with: {answers_with}
    ring_for: 5 s
    return_within: 5 s
    caller_id: citizen
"""


ANNOUNCES = f"""
  - number: {ANNOUNCED}
    name: 试验{ANNOUNCED}
    short: 试验
    department: 市农业农村局
    section: full-merge
    row: 一.10
    reading: own
    host: city
    number_kept: no
    seats: merged
    answered_by: hall
    transition: {{from: 2021-09-01, until: 2021-11-01}}
    cancel_on: 2021-11-01
    when_cancelled: announce-only
"""


BUSY_SEATS, DESERTED_SEATS = "9660", "9661"


def _overflows(number: str, pool: str, target: str) -> str:
    """A line whose own seats a target follows."""
    return f"""
  - number: {number}
    name: 试验{number}
    short: 试验{number}
    department: 市农业农村局
    seats: retained
    answered_by: retained-seats
    pool: {pool}
    ring_for: 2 s
    fallback: [t-{target}]
"""


OVERFLOWING = _overflows(BUSY_SEATS, "safety", "answers") + _overflows(DESERTED_SEATS, "law", "busy")


def city(folder: Path, *, early_media: bool = True) -> Path:
    """A city's files in `folder`: ours, with a line and a target for each kind."""
    texts = dict(sources())
    texts["lines.yaml"] += ANNOUNCES + OVERFLOWING + "".join(map(_line, KINDS))
    texts["site.yaml"] += "".join(map(_target, KINDS))
    if not early_media:
        assert "early_media: yes" in texts["site.yaml"]
        texts["site.yaml"] = texts["site.yaml"].replace("early_media: yes", "early_media: no")
    return written_city(folder, texts)


scenes = Act()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with these lines, and the town told how each centre behaves."""
    folder = tmp_path_factory.mktemp("a city of targets")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city"))) as house:
        for target, behaviour in BEHAVIOURS.items():
            asyncio.run(house.centre(f"t-{target}", behaviour))
        house.hotline("agents", "sign-in", "2001", "--not-ready")
        yield house


@pytest.fixture(scope="module")
def played(place: House) -> Played:
    return asyncio.run(scenes.play(place, MANY_SIDED))


# --- who fails: a word, and the hall


async def comes_back(office: Office, target: str) -> None:
    """Told of the transfer, told that it failed, and then with an agent of the hall, never in silence."""
    line, citizen = line_of(target), await office.citizen()
    await citizen.dials(line)
    await citizen.hears(f"transfer-{line}" if KINDS[target][0] != "retained-seats" else f"greeting-{line}")
    await citizen.hears("return-hall", within=15)
    agent = await office.talks(citizen, line)
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target, record.machine) == (Outcome.ANSWERED, None, False)
    assert (record.agent, record.line) == (office.number_of(agent), line)


@scenes
async def a_busy_centre_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "busy")


@scenes
async def a_centre_that_does_not_answer_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "no-answer")


@scenes
async def a_centre_that_refuses_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "reject")


@scenes
async def a_centre_that_cannot_be_reached_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "unreachable")


@scenes
async def a_centre_that_releases_at_once_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "release")


@scenes
async def a_busy_sub_centre_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "sub-busy")


@scenes
async def the_bureau_s_number_that_does_not_answer_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "seats-no-answer")


@scenes
async def a_menu_that_releases_at_once_is_followed_by_the_hall(office: Office) -> None:
    await comes_back(office, "menu-released")


@scenes
async def a_centre_that_speaks_and_lets_go_is_followed_by_the_hall_which_is_recorded(office: Office) -> None:
    line, citizen, clerk = line_of("lets-go"), await office.citizen(), await office.citizen()
    async with office.house.staffed(f"0311{_digits('lets-go')}", clerk):
        await citizen.dials(line)
        await clerk.is_called()
        clerk.picks_up()
        await citizen.hears_person(clerk)
        await clerk.hears_person(citizen)
        await clerk.hangs_up()
    await citizen.hears("return-hall", within=15)
    agent = await office.talks(citizen, line)
    await passes(1)
    await citizen.hangs_up()
    await agent.is_hung_up()
    assert (await office.house.record(citizen.name)).agent == office.number_of(agent)
    left, right = await office.house.recording(citizen.name)
    assert min(voices(left, citizen).sum(), voices(right, agent).sum()) >= 5, "tenths of a second"
    assert not voices(right, clerk).any(), "from the first word to an agent on"


@scenes
async def a_closed_centre_is_not_dialled(office: Office) -> None:
    line, citizen = line_of("closed"), await office.citizen()
    await citizen.dials(line, at=NIGHT)
    await citizen.hears(f"closed-{line}")
    agent = await office.talks(citizen, line)
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.did_not_hear(f"transfer-{line}", "return-hall", "town-t-closed")
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.prompts) == (Outcome.ANSWERED, (f"closed-{line}",))


# --- who answers


async def is_transferred(office: Office, target: str, first: str) -> Citizen:
    """Brought to whoever answers at the target."""
    citizen = await office.citizen()
    await citizen.dials(line_of(target))
    await citizen.hears(first)
    return citizen


@scenes
async def a_centre_that_answers_has_the_caller(office: Office) -> None:
    citizen = await is_transferred(office, "answers", f"transfer-{line_of('answers')}")
    await citizen.hears("town-t-answers")
    await citizen.hangs_up()
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target, record.machine) == (Outcome.TRANSFERRED, "t-answers", False)
    assert record.connected is not None
    assert record.released_by is Party.CITIZEN


@scenes
async def a_sub_centre_that_answers_has_the_caller(office: Office) -> None:
    citizen = await is_transferred(office, "sub-answers", f"transfer-{line_of('sub-answers')}")
    await citizen.hears("town-t-sub-answers")
    await citizen.hangs_up()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "t-sub-answers")


@scenes
async def a_bureau_s_number_that_answers_has_the_caller(office: Office) -> None:
    citizen = await is_transferred(office, "seats-answer", f"greeting-{line_of('seats-answer')}")
    await citizen.hears("town-t-seats-answer")
    await citizen.hangs_up()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "t-seats-answer")


@scenes
async def a_key_reaches_the_menu_and_the_menu_is_nobody(office: Office) -> None:
    citizen = await is_transferred(office, "menu", f"transfer-{line_of('menu')}")
    await citizen.hears("town-t-menu-menu")
    citizen.did_not_hear("town-t-menu")
    citizen.call.press("2")
    await citizen.hears("town-t-menu")
    await citizen.hangs_up()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target, record.machine) == (Outcome.TRANSFERRED, "t-menu", True)
    assert (record.connected, record.since_answer_ms, record.talk_ms) == (None, None, None)
    _, right = await office.house.recording(citizen.name)
    known = {
        name: citizen.place.prompts()[name]
        for name in (f"transfer-{line_of('menu')}", "town-t-menu-menu", "town-t-menu")
    }
    told = list(dict.fromkeys(each.name for each in recognise(right, known, {}) if each.name))
    assert told == ["town-t-menu-menu", "town-t-menu"], "the caller had been told of a recording, and there was none"


# --- pools that a target follows


@scenes
async def seats_that_nobody_is_free_at_are_left_while_the_greeting_goes_on(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials(BUSY_SEATS)
    await citizen.hears(f"greeting-{BUSY_SEATS}")
    await citizen.hears("town-t-answers")
    await citizen.hangs_up()
    assert citizen.times_heard(f"greeting-{BUSY_SEATS}") == 1
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target, record.overflowed) == (Outcome.TRANSFERRED, "t-answers", ("safety",))


@scenes
async def seats_at_which_nobody_sits_are_passed_at_once_and_the_hall_is_the_last(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials(DESERTED_SEATS)
    await citizen.hears(f"greeting-{DESERTED_SEATS}")
    await citizen.hears("return-hall", within=15)
    agent = await office.talks(citizen, DESERTED_SEATS)
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.pool, record.overflowed) == (Outcome.ANSWERED, "hall", ("law",))


# --- who hears but a word


async def hears_only_the_announcement(office: Office, citizen: Citizen) -> None:
    call = await citizen.starts_dialling(ANNOUNCED, at=CANCELLED)
    with pytest.raises(Refused) as refused:
        await call.answered(20)
    assert (refused.value.end.status, refused.value.end.cause) == (410, 22)
    said = citizen.place.sounds(f"cancelled-{ANNOUNCED}")
    assert is_whole(audio.Ear(citizen.heard().samples), said), citizen.story()


@scenes
async def a_number_that_only_announces_is_heard_before_the_answer_and_refused_with_22(office: Office) -> None:
    citizen = await office.citizen()
    await hears_only_the_announcement(office, citizen)
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.answered, record.cause) == (Outcome.ANNOUNCED, None, 22)
    assert (record.prompts, record.released_by) == ((f"cancelled-{ANNOUNCED}",), Party.ENGINE)


@pytest.mark.parametrize("scene", scenes.names)
def test_targets(played: Played, scene: str) -> None:
    played.check(scene)


def test_nothing_is_left_behind(played: Played) -> None:
    assert played.left == ""


def test_where_early_media_is_dropped_the_announcement_is_answered_first(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("a deaf carrier")

    async def scene(house: House) -> None:
        async with Office(house) as office:
            citizen = await office.citizen()
            await citizen.dials(ANNOUNCED, at=CANCELLED)
            await citizen.hears(f"cancelled-{ANNOUNCED}")
            end = await citizen.is_hung_up()
            assert end.status == 0
        record = await house.record(citizen.name)
        assert (record.outcome, record.cause) == (Outcome.ANNOUNCED, 22)
        assert record.answered is not None
        await house.is_quiet()

    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city", early_media=False))) as house:
        asyncio.run(scene(house))
