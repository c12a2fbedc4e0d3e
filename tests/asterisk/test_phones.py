"""The phones themselves, against a bare Asterisk: what a test hears through them is what was played."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from ivr.town import audio
from ivr.town.calls import By, Call, Refused
from ivr.town.phone import NotRegistered, Phone
from ivr.town.recognise import Kind, recognise
from ivr.town.rtp import RATE, Clip, Pacer, Samples, decode, encode, tone
from ivr.town.transactions import Address
from tests.asterisk import bare
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk


def voice(seconds: float, seed: int) -> Samples:
    """Noise that comes and goes as syllables do: no two seeds are alike."""
    chance, size = np.random.default_rng(seed), round(seconds * RATE)
    shape = 1.2 + np.sin(np.arange(size) / RATE * 2 * np.pi * 3)
    sound = np.convolve(chance.normal(size=size), np.hanning(16), "same") * shape
    return np.asarray(sound / np.abs(sound).max() * 15000, dtype=np.int16)


PROMPT, OTHER = voice(1.2, 1), voice(1.2, 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("bare asterisk")
    audio.write_wav(folder / "prompt.wav", PROMPT)
    with bare.running(folder, folder / "prompt.wav") as address:
        yield address


@pytest.fixture
async def alice(server: Address) -> AsyncIterator[Phone]:
    async with await Phone.open() as phone:
        await phone.register(server, "8001", "secret-8001")
        yield phone


@pytest.fixture
async def bob(server: Address, alice: Phone) -> AsyncIterator[Phone]:
    async with await Phone.open(pacer=alice.pacer) as phone:
        await phone.register(server, "8002", "secret-8002")
        yield phone


async def hears_tone(call: Call, hertz: int) -> None:
    """Wait until half a second of `hertz` has been heard."""
    now = asyncio.get_running_loop().time
    await eventually(lambda: audio.dominant(call.heard().since(now() - 0.5).samples) == hertz, 3.0, f"{hertz} Hz")


def test_a_law_there_and_back_is_a_law() -> None:
    every = bytes(range(256))
    assert encode(decode(every)) == every
    loud = np.array([-32768, 32767, 0, 1000], dtype=np.int16)
    assert np.abs(decode(encode(loud)).astype(int) - loud)[2:].max() < 40


async def test_a_wrong_secret_is_not_registered(server: Address) -> None:
    async with await Phone.open() as phone:
        with pytest.raises(NotRegistered, match="401"):
            await phone.register(server, "8003", "guessed")


async def test_the_prompt_that_was_played_is_heard_and_no_other(server: Address, alice: Phone) -> None:
    call = await alice.dial("100", server)
    await call.answered()
    end = await call.ended()
    assert (end.by, end.cause) == (By.THEM, 16)
    heard = call.heard().samples
    assert audio.hears(heard, PROMPT).correlation >= 0.99
    assert audio.hears(heard, OTHER).correlation <= 0.2
    assert audio.longest_silence(heard) < 0.3
    stretches = recognise(heard, {"right": PROMPT, "wrong": OTHER}, {})
    assert [(each.kind, each.name, each.whole) for each in stretches] == [(Kind.PROMPT, "right", True)]


async def test_silence_between_two_prompts_is_heard_as_silence(server: Address, alice: Phone) -> None:
    call = await alice.dial("105", server)
    await call.answered()
    await call.ended()
    heard = call.heard().samples
    ((start, end),) = audio.silences(heard, longer_than=1.0)
    assert start == pytest.approx(1.2, abs=0.15)
    assert end - start == pytest.approx(1.5, abs=0.1)
    assert [each.name for each in recognise(heard, {"right": PROMPT}, {})] == ["right", "right"]


async def test_early_sound_is_heard_before_a_refusal(server: Address, alice: Phone) -> None:
    call = await alice.dial("102", server)
    assert (await call.ended()).status == 486
    assert audio.hears(call.heard().samples, PROMPT).correlation >= 0.99


async def test_keys_travel_both_ways(server: Address, alice: Phone) -> None:
    call = await alice.dial("103", server)
    await call.answered()
    call.press("159")
    await call.ended()
    assert call.pressed == "159"


async def test_what_is_said_once_comes_back_whole(server: Address, alice: Phone) -> None:
    call = await alice.dial("101", server)
    await call.answered()
    call.say(Clip.of(PROMPT))
    await call.media.finished.wait()
    await eventually(lambda: call.heard().seconds > 1.5, 5.0)
    await call.hang_up()
    assert audio.hears(call.heard().samples, PROMPT).correlation >= 0.99


async def test_two_phones_talk_and_either_hangs_up(server: Address, alice: Phone, bob: Phone) -> None:
    for by_caller in (True, False):
        call = await alice.dial("8002", server)
        ring = await bob.rung()
        assert ring.caller == "8001"
        await call.ringing()
        ring.answer(tone(700))
        await call.answered()
        call.say(tone(440))
        await hears_tone(call, 700)
        await hears_tone(ring, 440)
        if by_caller:
            await call.hang_up()
            assert (await ring.ended()).by is By.THEM
        else:
            await ring.hang_up()
            assert (await call.ended()).by is By.THEM


@pytest.mark.parametrize(("status", "cause"), [(486, 17), (603, 21)])
async def test_a_refusal_reaches_the_caller(server: Address, alice: Phone, bob: Phone, status: int, cause: int) -> None:
    call = await alice.dial("8002", server)
    (await bob.rung()).reject(status)
    with pytest.raises(Refused) as refusal:
        await call.answered()
    assert refusal.value.end.cause == cause


async def test_a_caller_who_gives_up_stops_the_ringing(server: Address, alice: Phone, bob: Phone) -> None:
    call = await alice.dial("8002", server)
    ring = await bob.rung()
    await call.hang_up()
    assert (await ring.ended()).by is By.THEM
    assert call.end is not None
    assert (call.end.by, call.end.status) == (By.US, 487)
    with pytest.raises(Refused):
        ring.answer()


async def test_a_phone_that_does_not_ring_leaves_the_caller_waiting(server: Address, alice: Phone, bob: Phone) -> None:
    bob.rings_at_once = False
    call = await alice.dial("8002", server)
    (await bob.rung()).ignore()
    with pytest.raises(TimeoutError):
        await call.ringing(0.5)
    await call.hang_up()


async def test_a_dead_phone_says_nothing_and_its_caller_still_gets_away(
    server: Address, alice: Phone, bob: Phone
) -> None:
    call = await alice.dial("8002", server)
    (await bob.rung()).answer(tone(700))
    await call.answered()
    await hears_tone(call, 700)
    bob.die()
    assert not bob.is_alive
    await call.hang_up()
    assert call.end is not None
    assert call.end.by is By.US


async def test_one_phone_holds_several_calls(server: Address, alice: Phone) -> None:
    calls = [await alice.dial("101", server) for _ in range(3)]
    for hertz, call in zip((440, 700, 1000), calls, strict=True):
        await call.answered()
        call.say(tone(hertz))
    for hertz, call in zip((440, 700, 1000), calls, strict=True):
        await hears_tone(call, hertz)
    await asyncio.gather(*(call.hang_up() for call in calls))
    assert all(call.has_ended for call in alice.calls)


async def test_phones_share_one_pacer_and_it_rests_when_nobody_speaks(server: Address) -> None:
    pacer = Pacer()
    async with await Phone.open(pacer=pacer) as phone:
        await phone.register(server, "8003", "secret-8003")
        call = await phone.dial("101", server)
        await call.answered()
        assert pacer.is_running
        await call.hang_up()
    assert not pacer.is_running
