"""Tests written as phones: a citizen dials, hears, hangs up; an agent's phone rings, is answered, rejected, or dies.

Every person speaks a tone of their own, so that who hears whom is measured, not believed.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np

from ivr.prompts import beep
from ivr.town import audio, sip
from ivr.town.calls import Call, End, Incoming, Outgoing
from ivr.town.phone import Phone
from ivr.town.recognise import Kind, recognise
from ivr.town.rtp import RATE, Heard, Pacer, Samples, tone
from ivr.town.transactions import Address
from tests.asterisk.waiting import eventually

RIGHT: Final = 0.9  # correlation with the prompt that was played
FAIR: Final = 0.5  # with one in which a machine out of breath has made a pause
LEAST_PARTS: Final = 4  # seconds of such a prompt: one of fewer may be another that begins or ends like it
WRONG: Final = 0.3  # with any other
SPEAKS: Final = 4000.0  # amplitude of a tone that comes from nearby, without a loss
VOICE: Final = 300.0  # amplitude of a tone that is somebody's voice
SOON: Final = 0.5  # seconds within which what comes first has begun
MOMENT: Final = 0.4  # seconds of a tone that make sure who speaks
CITIZENS_FROM: Final = 300  # Hz, 10 apart; the next citizen after these speaks as the first one did
CITIZEN_VOICES: Final = 70
AGENTS_FROM: Final = 1000  # Hz, 30 apart
AGAIN: Final = 0.1  # seconds of sound, then what was heard is searched once more
LONG: Final = RATE // 2  # samples of a piece that is like no other
BEEP: Final = np.asarray(beep() * 32767, dtype=np.int16)


def telling(sounds: Sequence[Samples]) -> Sequence[Samples]:
    """Those of a prompt's sounds that are long enough to be found: a digit said alone may be any of several."""
    return [sound for sound in sounds if len(sound) >= LONG] or sounds


def _by_seconds(sound: Samples) -> list[Samples]:
    return [sound[at : at + RATE] for at in range(0, max(len(sound) - RATE // 2, 1), RATE)]


def is_whole(ear: audio.Ear, sounds: Sequence[Samples]) -> bool:
    """Whether a prompt was heard, second by second and in order; a machine out of breath may drop one of them."""
    parts = [part for sound in telling(sounds) for part in _by_seconds(sound)]
    found = [match.at for match in map(ear.find, parts) if match.correlation >= RIGHT]
    return len(found) >= max(1, len(parts) - 1) and found == sorted(found)


def out_of_breath(samples: Samples, sound: Samples, best: audio.Match) -> float | None:
    """Where a long prompt ends that fits `best` where a busy machine has stopped for a moment in it; None: no such.

    It was heard second by second, in order and to its end, but for one second.
    """
    parts = _by_seconds(sound)
    if len(parts) < LEAST_PARTS or best.correlation < FAIR:
        return None
    begin = max(0, round(best.at * RATE) - RATE)
    ear = audio.Ear(samples[begin : begin + len(sound) + 4 * RATE])
    found = [(n, match.at) for n, match in enumerate(map(ear.find, parts)) if match.correlation >= RIGHT]
    moments = [at for _, at in found]
    if len(found) < len(parts) - 1 or found[-1][0] != len(parts) - 1 or moments != sorted(moments):
        return None
    return (begin + len(parts[-1])) / RATE + moments[-1]


class Place(Protocol):
    """What phones need to know of a house."""

    @property
    def trunk(self) -> Address:
        """Where citizens dial: the demo town."""

    @property
    def switch(self) -> Address:
        """Where seats register."""

    def secret(self, endpoint: str) -> str:
        """The secret of `citizen`, or of a seat."""

    def sounds(self, name: str) -> list[Samples]:
        """A rendered prompt: one sound, or the pieces in which it is said."""

    def prompt(self, name: str) -> Samples:
        """The same as one sound."""

    def prompts(self) -> Mapping[str, Samples]:
        """Every rendered prompt that is one sound."""

    def music(self) -> Mapping[str, Samples]:
        """What those who wait hear."""


class Speaker(Protocol):
    """Whoever has a voice that can be told from all others."""

    name: str
    hertz: int


class Person:
    """Somebody with a phone, a voice, and at most one call at a time."""

    def __init__(self, place: Place, phone: Phone, name: str, hertz: int) -> None:
        self.place = place
        self.phone = phone
        self.name = name
        self.hertz = hertz
        self._call: Call | None = None
        self._mark = 0.0

    @property
    def call(self) -> Call:
        """The call of this person, under way or over."""
        assert self._call is not None, f"{self.name} has no call"
        return self._call

    def _takes(self, call: Call) -> None:
        self._call, self._mark = call, 0.0

    # --- hearing

    def heard(self) -> Heard:
        """All that this person heard in the call."""
        return self.call.heard()

    def _recently(self) -> Samples:
        now = asyncio.get_running_loop().time()
        return self.call.media.heard(now - MOMENT - 0.2).between(now - MOMENT - 0.1, now - 0.1).samples

    async def hears(self, prompt: str, within: float = 20.0) -> audio.Match:
        """Wait until `prompt` has been heard to its end, after whatever was awaited before; where it begins."""
        found = [await self._hears(prompt, sound, within) for sound in telling(self.place.sounds(prompt))]
        return found[0]

    async def _hears(self, prompt: str, samples: Samples, within: float) -> audio.Match:
        best, media, came, looked = audio.Match(0.0, 0.0), self.call.media, -1, 0.0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while loop.time() < deadline:
            begin, has_ended = max(self._mark, media.began), self.call.has_ended
            if len(media.packets) > came or has_ended:
                came = len(media.packets)
                heard = self.heard()
                end = heard.began + heard.seconds
                if has_ended:  # the last packets of the last prompt may be missing
                    end = max(end, begin + len(samples) / RATE)
                rest = heard.between(begin, end)
                if len(rest.samples) >= len(samples):
                    best = audio.hears(rest.samples, samples)
                    if best.correlation >= RIGHT:
                        self._mark = begin + best.at + len(samples) / RATE
                        return audio.Match(best.correlation, begin + best.at - heard.began)
                    over = best.at + len(samples) / RATE < len(rest.samples) / RATE - SOON
                    if has_ended or (over and loop.time() > looked + SOON):
                        looked = loop.time()
                        if (last := await asyncio.to_thread(out_of_breath, rest.samples, samples, best)) is not None:
                            self._mark = begin + last
                            return audio.Match(RIGHT, begin + best.at - heard.began)
            if has_ended:
                break
            await media.comes(max(begin + len(samples) / RATE, media.latest + AGAIN), AGAIN)
        story = await asyncio.to_thread(self.story)
        raise AssertionError(f"{self.name} did not hear {prompt} (at best {best.correlation:.2f}), but {story}")

    def did_not_hear(self, *prompts: str) -> None:
        """None of these was heard at any time."""
        ear = audio.Ear(self.heard().samples)
        for prompt in prompts:
            match = ear.find(self.place.prompt(prompt))
            assert match.correlation <= WRONG, (
                f"{self.name} heard {prompt} at {match.at:.1f} s: {match.correlation:.2f}"
            )

    def heard_a_beep(self) -> bool:
        """Whether the call began with what is heard first at a phone that answers by itself."""
        match = audio.hears(self.heard().samples, BEEP)
        return match.correlation >= RIGHT and match.at < SOON

    def times_heard(self, prompt: str) -> int:
        """How often the prompt was heard, whole or cut off.

        It is sought among all prompts, which takes a second or two: beside living calls do it in a thread, or nobody
        speaks meanwhile.
        """
        return sum(each.name == prompt for each in recognise(self.heard().samples, self.place.prompts(), {}))

    def is_with(self, other: Speaker) -> bool:
        """Whether this person hears `other` now."""
        return audio.dominant(self._recently()) == other.hertz

    def hears_also(self, other: Speaker) -> bool:
        """Whether `other` is among those whom this person hears now."""
        return audio.level(self._recently(), other.hertz) > VOICE

    async def hears_person(self, other: Speaker, within: float = 15.0) -> None:
        """Wait until `other` is heard."""
        await eventually(lambda: self.is_with(other), within, f"{self.name} hears {other.name}")

    async def begins_to_hear_something(self, within: float = 5.0) -> None:
        """Wait for the first sound of any kind that is not silence."""
        await eventually(lambda: bool((audio.loudness(self.heard().samples) > audio.QUIET).any()), within, self.name)

    async def hears_music(self, within: float = 10.0) -> None:
        """Wait for two seconds of music on hold: now, and sought in a thread, as it takes long."""
        music = self.place.music()

        async def is_music() -> bool:
            found = await asyncio.to_thread(recognise, self.heard().samples[-3 * RATE :], {}, music)
            return sum(each.end - each.start for each in found if each.kind is Kind.MUSIC) >= 2.0

        await eventually(is_music, within, f"{self.name} hears music")

    def hears_nothing_now_of(self, other: Speaker) -> bool:
        """Whether nothing of `other` is heard now."""
        return audio.level(self._recently(), other.hertz) < audio.QUIET

    def hears_nothing_now(self) -> bool:
        """Whether there is no sound at all now."""
        return not (audio.loudness(self._recently()) > audio.QUIET).any()

    async def hears_nothing_of(self, other: "Person") -> None:
        """`other` is not heard, now."""
        assert self.hears_nothing_now_of(other)

    def was_never_in_silence(self, longer_than: float = 1.0, until: float | None = None) -> None:
        """No stretch of silence that nobody intended, from the answer to the end (or to the moment `until`)."""
        heard = self.heard() if until is None else self.heard().between(self.heard().began, until)
        found = audio.silences(heard.samples, longer_than)
        assert not found, f"{self.name} heard silence {[(round(a, 1), round(b, 1)) for a, b in found]}: {self.story()}"

    def heard_all_along(self, other: "Person", since: float, until: float) -> None:
        """From `since` to `until` (the loop's clock) that person spoke here, and no half second was without them."""
        pieces = self.heard().between(since, until).samples
        pieces = pieces[: len(pieces) // (RATE // 10) * (RATE // 10)].reshape(-1, RATE // 10)
        levels = [audio.level(piece, other.hertz) for piece in pieces]
        assert min(max(levels[at : at + 5]) for at in range(len(levels) - 4)) > SPEAKS, (self.name, other.name, levels)

    def first_heard(self, other: "Person") -> float:
        """From when on (the loop's clock) that person spoke here for half a second and more."""
        heard = self.heard()
        pieces = heard.samples[: len(heard.samples) // (RATE // 10) * (RATE // 10)].reshape(-1, RATE // 10)
        levels = [audio.level(piece, other.hertz) for piece in pieces]
        return heard.began + next(at for at in range(len(levels) - 4) if min(levels[at : at + 5]) > SPEAKS) / 10

    def story(self) -> str:
        """What was heard, in words, for whoever reads a failure."""
        if self._call is None:
            return "nothing: no call"
        found = recognise(self.heard().samples, self.place.prompts(), {})
        said = (
            f"{each.start:.1f}-{each.end:.1f} {each.name or each.kind}{'' if each.whole else '…'}" for each in found
        )
        return f"{', '.join(said) or 'silence'} in {self.heard().seconds:.1f} s, {self.call.end or 'still up'}"

    def presses(self, keys: str) -> None:
        """Press keys, one after another."""
        self.call.press(keys)

    # --- speaking

    def falls_silent(self) -> None:
        """Say nothing."""
        self.call.say(tone(self.hertz, 0))

    def speaks(self) -> None:
        """Go on speaking."""
        self.call.say(tone(self.hertz))

    # --- ending

    async def hangs_up(self) -> None:
        """Put the receiver down."""
        await self.call.hang_up()

    async def is_hung_up(self, within: float = 10.0) -> End:
        """Wait until the other side ends the call."""
        return await self.call.ended(within)

    def dies(self) -> None:
        """The plug is pulled: not a word to anybody."""
        self.phone.die()


class Citizen(Person):
    """Somebody in the town, known by the number they call from."""

    async def dials(self, number: str, *, at: str = "", diverted_from: str = "") -> Self:
        """Dial, at a moment of one's own if given; goes on when the hotline has answered."""
        await self.starts_dialling(number, at=at, diverted_from=diverted_from)
        await self.call.answered(20.0)
        return self

    async def starts_dialling(self, number: str, *, at: str = "", diverted_from: str = "") -> Outgoing:
        """Dial, and go on at once."""
        headers = {"X-Caller": self.name, "X-Hotline-At": at}
        if diverted_from:
            headers["Diversion"] = f"<sip:{diverted_from}@town>;reason=unconditional"
        given = {name: value for name, value in headers.items() if value}
        call = await self.phone.dial(number, self.place.trunk, caller="citizen", headers=given)
        call.say(tone(self.hertz))
        self._takes(call)
        return call

    async def is_called(self, within: float = 20.0) -> Self:
        """Wait until the phone rings: somebody calls them."""
        self._takes(await self.phone.rung(within))
        return self

    @property
    def ring(self) -> Incoming:
        """The call that rings, or rang."""
        assert isinstance(self.call, Incoming)
        return self.call

    def picks_up(self) -> None:
        """Take the receiver and speak."""
        self.ring.answer(tone(self.hertz))


class Agent(Person):
    """A phone at a seat."""

    async def rings(self, within: float = 20.0) -> Self:
        """Wait until the phone rings."""
        try:
            self._takes(await self.phone.rung(within))
        except TimeoutError:
            raise AssertionError(f"the phone at {self.name} did not ring within {within} s") from None
        return self

    @property
    def ring(self) -> Incoming:
        """The call that rings, or rang."""
        assert isinstance(self.call, Incoming)
        return self.call

    async def dials(self, code: str) -> Self:
        """Dial from the seat; goes on when it is answered."""
        call = await self.phone.dial(code, self.place.switch)
        call.say(tone(self.hertz, 0))
        self._takes(call)
        await call.answered()
        return self

    def answers(self) -> Self:
        """Take the receiver and speak."""
        self.ring.answer(tone(self.hertz))
        return self

    def rejects(self, status: int = 486) -> None:
        """Press reject."""
        self.ring.reject(status)

    async def registers(self) -> None:
        """Plug the phone in."""
        await self.phone.register(self.place.switch, self.name, self.place.secret(self.name))

    async def stops_ringing(self, within: float = 10.0) -> None:
        """Wait until whoever called has given up."""
        await self.call.ended(within)


class Phones:
    """All the phones of one test; leaving takes every one of them down."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.pacer = Pacer()
        self.people: list[Person] = []
        self._citizens = itertools.count()
        self._agents = itertools.count()

    async def citizen(self) -> Citizen:
        """Somebody with a number that nobody else in this run has."""
        phone = await Phone.open(pacer=self.pacer)
        phone.user, phone.credentials = "citizen", sip.Credentials("citizen", self.place.secret("citizen"))
        n = next(self._citizens)
        citizen = Citizen(self.place, phone, fresh_number(), CITIZENS_FROM + 10 * (n % CITIZEN_VOICES))
        self.people.append(citizen)
        return citizen

    async def agent(self, seat: str) -> Agent:
        """A phone, plugged in at `seat`."""
        phone = await Phone.open(pacer=self.pacer)
        agent = Agent(self.place, phone, seat, AGENTS_FROM + 30 * next(self._agents))
        self.people.append(agent)
        await agent.registers()
        return agent

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(person.phone.close() for person in self.people))


_numbers = itertools.count(13900000001)


def fresh_number() -> str:
    """A caller number that no call of this run had before."""
    return str(next(_numbers))
