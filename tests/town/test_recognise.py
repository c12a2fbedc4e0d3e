"""Judging sound: prompts, whole and cut off, music, silence, tones, and packets that come as networks bring them."""

import struct
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from ivr.town import audio
from ivr.town.citizen import Moment, Timeline, with_agents, with_menus
from ivr.town.commands import rendered, summary
from ivr.town.recognise import Kind, Stretch, put_together, recognise
from ivr.town.rtp import FRAME, RATE, Heard, Media, Pacer, Samples, decode, encode, tone


def voice(seconds: float, seed: int) -> Samples:
    """Noise that comes and goes as syllables do."""
    chance, size = np.random.default_rng(seed), round(seconds * RATE)
    sound = np.convolve(chance.normal(size=size), np.hanning(16), "same")
    sound *= 1.2 + np.sin(np.arange(size) / RATE * 2 * np.pi * 3)
    return np.asarray(sound / np.abs(sound).max() * 15000, dtype=np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def over_the_wire(*pieces: Samples) -> Samples:
    return decode(encode(np.concatenate(pieces)))


WORDS = {"welcome": voice(2.0, 1), "whisper": voice(0.8, 2), "sorry": voice(3.0, 3), "town-8001": voice(2.5, 4)}
MUSIC = {"hold": voice(12.0, 5)}
PARTS = {"head": voice(1.0, 11), "three": voice(0.3, 12), "one": voice(0.3, 13), "tail": voice(2.0, 14)}
IN_PIECES = {
    "cancelled-313": ("head", "three", "one", "three", "tail"),
    "cancelled-31": ("head", "three", "one", "tail"),
}


def test_a_call_is_told_as_it_was() -> None:
    heard = over_the_wire(
        silence(0.3),
        WORDS["welcome"],
        MUSIC["hold"][3 * RATE : 6 * RATE],
        WORDS["whisper"],
        silence(0.5),
        WORDS["town-8001"],
    )
    found = recognise(heard, WORDS, MUSIC)
    told = [(each.kind, each.name, each.whole) for each in found]
    assert told == [
        (Kind.PROMPT, "welcome", True),
        (Kind.MUSIC, "hold", True),
        (Kind.PROMPT, "whisper", True),
        (Kind.PERSON, "town-8001", True),
    ]
    assert found[0].start == pytest.approx(0.3, abs=0.01)
    assert found[1].end - found[1].start == pytest.approx(3.0, abs=0.1)


def test_a_prompt_that_is_said_in_pieces_is_told_as_one() -> None:
    """Each piece begins a few milliseconds early or late, as Asterisk has it."""
    whole = [each for name in IN_PIECES["cancelled-31"] for each in (PARTS[name], silence(0.004))]
    begun = [PARTS["head"], PARTS["three"], PARTS["one"], PARTS["three"]]
    heard = over_the_wire(*whole, silence(0.6), WORDS["welcome"], silence(0.6), *begun)
    told = put_together(recognise(heard, {**WORDS, **PARTS}, {}), IN_PIECES)
    assert [(each.name, each.whole) for each in told] == [
        ("cancelled-31", True), ("welcome", True), ("cancelled-313", False)
    ]  # fmt: skip
    assert told[0].start == pytest.approx(0, abs=0.05)
    assert told[0].end == pytest.approx(3.6, abs=0.1)


def test_a_person_is_known_from_the_middle_of_what_they_say() -> None:
    words = WORDS["town-8001"]
    (found,) = recognise(over_the_wire(silence(0.5), words[RATE:], words[:RATE], silence(0.5)), WORDS, MUSIC)
    assert (found.kind, found.name) == (Kind.PERSON, "town-8001")
    assert found.start == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("begins_at", [1.9, 2.1, 2.3, 1.2])
def test_a_person_whose_words_begin_anew_some_milliseconds_late_is_told_as_one(begins_at: float) -> None:
    """Asterisk is a few milliseconds late with each round: the piece with the seam fitted nowhere."""
    words = WORDS["town-8001"]
    late = silence(0.003)
    rounds = np.concatenate([words, late, words, late, words])
    found = recognise(over_the_wire(WORDS["welcome"], rounds[round(begins_at * RATE) :]), WORDS, MUSIC)
    assert [(each.kind, each.name) for each in found] == [(Kind.PROMPT, "welcome"), (Kind.PERSON, "town-8001")]


def spoken(*names: str) -> list[Stretch]:
    return [Stretch(Kind.PERSON if name.startswith("town-") else Kind.PROMPT, name, 0, 1) for name in names]


def test_who_speaks_at_a_seat_is_told_as_the_agent_whose_number_was_said_whosever_voice_it_has() -> None:
    """Of seats with a voice of their own the seat was told, of all others the agent."""
    heard = spoken("agent-1229", "town-seats", "agent-1016", "town-8016", "agent-1230", "town-seats")
    told = [each.name for each in with_agents(heard, ("8001", "8016"))]
    assert told == ["agent-1229", "agent-1229", "agent-1016", "agent-1016", "agent-1230", "agent-1230"]


def test_whose_number_was_not_said_is_told_by_the_seat_and_of_a_voice_that_many_share_as_some_agent() -> None:
    heard = spoken("agent-1001", "town-8001", "town-8002", "town-seats", "town-8001", "town-police")
    told = [each.name for each in with_agents(heard, ("8001", "8002"))]
    assert told == ["agent-1001", "agent-1001", "town-8002", "town-agent", "agent-1001", "town-police"]
    assert [each.name for each in with_agents(heard[2:4], ("8001", "8002"))] == ["town-8002", "town-agent"]


def test_a_menu_is_heard_and_is_nobody_who_is_talked_to() -> None:
    names = ("town-tax-menu", "town-tax", "town-odd-menu")
    told = with_menus(spoken(*names), names)
    assert [(each.kind, each.name) for each in told] == [
        (Kind.MENU, "town-tax"), (Kind.PERSON, "town-tax"), (Kind.PERSON, "town-odd-menu"),
    ]  # fmt: skip


def test_a_timeline_names_agents_by_their_numbers_and_says_who_is_a_machine() -> None:
    moments = (Moment(1.0, "menu", "town-tax"), Moment(2.0, "person", "agent-1016"), Moment(3.0, "person", "town-tax"))
    table = rendered(Timeline("12366", answered=True, moments=moments))
    console = Console(width=100, record=True, file=StringIO())
    console.print(table)
    text = console.export_text()
    for line in ("hears the menu of tax", "talks to agent 1016", "talks to tax"):
        assert line in text
    assert summary(Timeline("12366", True, (), reached="agent-1016")).startswith("Reached agent 1016.")
    assert summary(Timeline("12366", True, moments[:1])).startswith("No person was reached.")


def test_a_sound_of_a_prompt_that_stands_alone_is_just_a_sound() -> None:
    """A digit alone was told as whatever number begins with it."""
    heard = over_the_wire(PARTS["three"], silence(0.5))
    (found,) = put_together(recognise(heard, PARTS, {}), {"three-one": ["three", "one"]})
    assert (found.kind, found.name) == (Kind.SOUND, "")


def test_a_prompt_that_was_cut_off_is_told_so() -> None:
    heard = over_the_wire(WORDS["sorry"][: round(1.5 * RATE)], silence(1.0))
    (found,) = recognise(heard, WORDS, MUSIC)
    assert (found.name, found.whole) == ("sorry", False)
    assert found.end == pytest.approx(1.5, abs=0.1)


def test_a_prompt_that_began_a_moment_before_the_answer_is_told_whole() -> None:
    (found,) = recognise(over_the_wire(WORDS["sorry"][RATE // 10 :]), WORDS, MUSIC)
    assert (found.name, found.whole) == ("sorry", True)
    assert found.start == pytest.approx(-0.1, abs=0.01)


def test_a_prompt_said_twice_is_told_twice_and_a_stranger_is_just_a_sound() -> None:
    heard = over_the_wire(WORDS["welcome"], WORDS["welcome"], silence(1.0), voice(1.5, 9))
    found = recognise(heard, WORDS, MUSIC)
    assert [(each.kind, each.name) for each in found] == [
        (Kind.PROMPT, "welcome"),
        (Kind.PROMPT, "welcome"),
        (Kind.SOUND, ""),
    ]


def test_a_prompt_that_began_before_us_still_fits() -> None:
    match = audio.hears(over_the_wire(WORDS["sorry"][RATE // 2 :]), WORDS["sorry"])
    assert match.correlation > 0.85
    assert match.at == pytest.approx(-0.5, abs=0.001)


def test_nothing_fits_silence() -> None:
    assert audio.hears(silence(3.0), WORDS["welcome"]).correlation == 0.0
    assert audio.hears(silence(0.0), WORDS["welcome"]).correlation == 0.0


def test_a_tone_is_known_among_tones() -> None:
    heard = decode(tone(700).alaw * 5)
    assert audio.dominant(heard) == 700
    assert audio.level(heard, 700) == pytest.approx(8000, rel=0.05)
    assert audio.level(heard, 740) < 100
    assert audio.dominant(silence(1.0)) is None


def packet(stamp: int, source: int, level: int) -> bytes:
    payload = encode(np.full(FRAME, level, dtype=np.int16))
    return struct.pack("!BBHII", 0x80, 8, 0, stamp & 0xFFFFFFFF, source) + payload


async def heard_of(packets: list[tuple[float, bytes]]) -> Heard:
    media = Media.open("127.0.0.1", Pacer())
    try:
        media.packets += packets
        return media.heard()
    finally:
        media.close()


async def test_packets_lie_where_their_timestamps_say_even_when_they_come_late_or_in_disorder() -> None:
    packets = [(10.0, packet(2**32 - FRAME, 1, 1000)), (10.06, packet(FRAME, 1, 3000)), (10.07, packet(0, 1, 2000))]
    heard = await heard_of(packets)
    assert heard.began == 10.0
    levels = [round(float(heard.samples[n * FRAME + 10]), -2) for n in range(3)]
    assert levels == [1000, 2000, 3000]


async def test_a_new_source_begins_where_it_was_heard() -> None:
    heard = await heard_of([(10.0, packet(0, 1, 1000)), (11.0, packet(77_000, 2, 3000))])
    assert len(heard.samples) == RATE + FRAME
    assert not heard.samples[FRAME:RATE].any()


async def test_a_stretch_of_time_that_nothing_was_heard_in_is_silence() -> None:
    heard = await heard_of([(10.0, packet(0, 1, 1000))])
    around = heard.between(9.5, 11.0)
    assert (around.began, around.seconds) == (9.5, 1.5)
    found = audio.silences(around.samples, 0.3)
    assert found == [(0.0, 0.5), (0.52, 1.5)]
    assert {type(moment) for stretch in found for moment in stretch} == {float}  # what JSON can say


def test_a_prompt_that_is_broken_from_its_first_moment_is_not_sought_for_ever() -> None:
    """It fitted as a whole, could not be followed, was not taken away, and was found again, without end."""
    welcome = WORDS["welcome"]
    begins = RATE // 20  # of the first tenth of a second, by which it is followed
    found = recognise(np.concatenate([-welcome[:begins], welcome[begins:]]), WORDS, MUSIC)
    assert all(each.name != "welcome" for each in found)
