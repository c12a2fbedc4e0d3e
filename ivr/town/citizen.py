"""A citizen of the demo town dials a number, stays for a while, and can tell afterwards what was heard when."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from ivr.town import audio, sip
from ivr.town.calls import By, Outgoing, Refused
from ivr.town.phone import Phone
from ivr.town.recognise import PEOPLE, Kind, Stretch, put_together, recognise
from ivr.town.rtp import Samples, tone
from ivr.town.transactions import Address

RING_AT_MOST: Final = timedelta(seconds=60)
VOICE_HZ: Final = 440  # what the citizen says into the phone
AGENT: Final = "agent-"  # prompts of this prefix say an agent's number
SHARED_VOICE: Final = "town-seats"  # see dialplans.render.town_prompts
SOMEBODY: Final = "town-agent"
MENU: Final = "-menu"  # and of this suffix what a machine says at a target


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something happened `at_s` seconds after the number was dialled; a stretch of sound lasted `lasted_s`."""

    at_s: float
    what: str
    name: str = ""
    lasted_s: float = 0.0
    cut_off: bool = False


class Timeline(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a citizen lived through.  `prompts`: ids in the order heard.

    `reached`: who was talked to: a target, or at a seat the agent (`agent-1001`), by the number that was said before;
    the seat where none was.  A target's menu is nobody.
    """

    dialled: str
    answered: bool
    moments: tuple[Moment, ...]
    prompts: tuple[str, ...] = ()
    reached: str = ""
    longest_silence_s: float = 0.0
    status: int = 0
    audio: str = ""


class NoTown(Exception):
    """The demo town does not answer: nobody can dial."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What a citizen means to do: dial `number` as `caller`, and hang up `stay_for` after the answer.

    `at` is the moment that the call pretends to (ISO 8601), `diversion` a number dialled first, and forwarded.
    """

    number: str
    stay_for: timedelta = timedelta(seconds=30)
    at: str = ""
    caller: str = ""
    diversion: str = ""

    def headers(self) -> dict[str, str]:
        """What the town takes along to the hotline."""
        given = {"X-Hotline-At": self.at, "X-Caller": self.caller}
        if self.diversion:
            given["Diversion"] = f"<sip:{self.diversion}@town>;reason=unconditional"
        return {name: value for name, value in given.items() if value}


async def place_call(
    visit: Visit,
    *,
    town: Address,
    secret: str,
    prompts: Path,
    pieces: Mapping[str, Sequence[str]] = MappingProxyType({}),
    seats: Collection[str] = (),
    save_to: Path | None = None,
) -> Timeline:
    """Make the visit, save what was heard to `save_to`, and tell the timeline.

    `prompts` is the folder of rendered prompts to recognise, with `music/` in it; `pieces` those that are said in
    several sounds, by the names of their files; `seats` where agents sit.  Raises `NoTown`.
    """
    async with await Phone.open() as phone:
        phone.user, phone.credentials = "citizen", sip.Credentials("citizen", secret)
        call = await phone.dial(visit.number, town, caller=visit.caller, headers=visit.headers())
        call.say(tone(VOICE_HZ))
        await _live_through(call, visit.stay_for)
    samples = call.heard().samples
    if save_to:
        await asyncio.to_thread(audio.write_wav, save_to, samples)
    known = await asyncio.to_thread(_known, prompts, pieces)
    stretches = await asyncio.to_thread(recognise, samples, *known)
    told = with_menus(with_agents(put_together(stretches, pieces), seats), known[0])
    return _told(visit.number, call, told, save_to)


async def _live_through(call: Outgoing, stay_for: timedelta) -> None:
    try:
        await call.answered(RING_AT_MOST.total_seconds())
        await call.ended(stay_for.total_seconds())
    except Refused as refusal:
        if refusal.end.status == 408:  # noqa: PLR2004 - nobody at all answered our INVITE
            raise NoTown("nobody answers at the demo town: is the house running?") from refusal
    except TimeoutError:
        await call.hang_up()


def _known(prompts: Path, pieces: Mapping[str, Sequence[str]]) -> tuple[Mapping[str, Samples], Mapping[str, Samples]]:
    """Prompts and music by name."""
    music = {path.stem: audio.read_wav(path) for path in sorted(prompts.glob("music/*.wav"))}
    whole = {path.stem: audio.read_wav(path) for path in sorted(prompts.glob("*.wav"))}
    names = {name: None for sounds in pieces.values() for name in sounds}
    shared = {name: audio.read_wav(prompts / f"{name}.wav") for name in names}
    return whole | shared, music


def with_agents(stretches: list[Stretch], seats: Collection[str]) -> list[Stretch]:
    """Whoever speaks at a seat is the agent whose number was said before, if nobody else has spoken since."""
    found, agent, voice = [], "", ""
    places = {SHARED_VOICE, *(f"{PEOPLE}{seat}" for seat in seats)}
    for each in stretches:
        name = each.name
        if each.kind is Kind.PROMPT and name.startswith(AGENT):
            agent, voice = name, ""
        elif name in places:
            voice = voice or name
            if agent and name == voice:
                name = agent
            elif name == SHARED_VOICE:
                name = SOMEBODY
        found.append(replace(each, name=name))
    return found


def with_menus(stretches: list[Stretch], prompts: Collection[str]) -> list[Stretch]:
    """What a target's machine offers is no person's word; `prompts`: the names of all that is said in the town."""
    menus = {name for name in prompts if name.endswith(MENU) and name.removesuffix(MENU) in prompts}
    return [
        replace(each, kind=Kind.MENU, name=each.name.removesuffix(MENU)) if each.name in menus else each
        for each in stretches
    ]


def _told(number: str, call: Outgoing, stretches: list[Stretch], save_to: Path | None) -> Timeline:
    began, samples = call.began, call.heard()
    origin = samples.began - began  # when the first sample was heard
    moments = [Moment(0.0, "dialled", number)]
    if call.rang_at is not None:
        moments.append(Moment(_s(call.rang_at - began), "ringing"))
    if call.answered_at is not None:
        moments.append(Moment(_s(call.answered_at - began), "answered"))
    for each in stretches:
        lasted = _s(each.end - each.start)
        moments.append(Moment(_s(origin + each.start), each.kind.value, each.name, lasted, not each.whole))
    end = call.end
    if end and call.ended_at is not None:
        what = "hung up" if call.answered_at is not None else "not answered"
        who = "citizen" if end.by is By.US else "hotline"
        moments.append(Moment(_s(call.ended_at - began), what, who))
    people = [each.name for each in stretches if each.kind is Kind.PERSON]
    return Timeline(
        dialled=number,
        answered=call.answered_at is not None,
        moments=tuple(sorted(moments, key=lambda moment: moment.at_s)),
        prompts=tuple(each.name for each in stretches if each.kind is Kind.PROMPT),
        reached=people[-1].removeprefix(PEOPLE) if people else "",
        longest_silence_s=_s(audio.longest_silence(samples.samples)),
        status=end.status if end else 0,
        audio=str(save_to) if save_to else "",
    )


def _s(seconds: float) -> float:
    return round(seconds, 2)
