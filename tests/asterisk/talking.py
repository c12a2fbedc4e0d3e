"""A citizen and an agent in talk, and what agents ask for then; the scenes of `outside` and `test_talk` are one act."""

import re
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ivr.town import audio
from ivr.town.rtp import RATE, Samples
from tests.asterisk.office import Act, Office
from tests.asterisk.phones import VOICE, WRONG, Agent, Citizen
from tests.asterisk.waiting import eventually

talks = Act()


async def talking(office: Office) -> tuple[Citizen, Agent, str]:
    """A citizen of 12345 and an agent, in talk; the agent's 工号."""
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.talks(citizen, "12345")
    return citizen, agent, office.number_of(agent)


async def asks(office: Office, agent: str, what: str, **given: str) -> dict[str, str]:
    """An agent asks for something; what each in the conversation does then."""
    told = await office.house.controller(f"agents/{agent}/talk/{what}", method="POST", given=given)
    return {party["name"]: party["doing"] for party in told["parties"]}


async def types(office: Office, what: str, agent: str, *options: str) -> dict[str, str]:
    """The same, as `hotline talk` has it."""
    said = await office.house.types("talk", what, agent, *options)
    return dict(re.findall(r"^  (.+): ([a-z]+) for", said, re.MULTILINE))


async def talk_alone(office: Office, agent: str) -> bool:
    """Whether the agent, by their 工号, and the citizen talk, and nobody else is there."""
    told = await office.house.controller(f"agents/{agent}/talk")
    return {party["name"]: party["doing"] for party in told["parties"]} == {"citizen": "talking", agent: "talking"}


async def comes_back(office: Office, agent: str, within: float) -> None:
    """The agent is back with the citizen: what they hear of each other may be from before."""
    await eventually(partial(talk_alone, office, agent), within, f"{agent} is back with the citizen")


async def colleague(office: Office, citizen: Citizen) -> Agent:
    """Whoever is rung for the citizen now takes the receiver."""
    return (await office.rings_for(citizen)).answers()


async def hear_each_other(*people: Citizen | Agent) -> None:
    for one in people:
        for other in people:
            if other is not one:
                await eventually(lambda: one.hears_also(other), 10, f"{one.name} hears {other.name}; {one.story}")  # noqa: B023 - awaited at once


async def hears_no_more(one: Citizen | Agent, other: Citizen | Agent) -> None:
    await eventually(lambda: one.hears_nothing_now_of(other), 10, f"{one.name} hears {other.name} no more")


async def has_got(one: Citizen | Agent, keys: str) -> None:
    await eventually(lambda: one.call.pressed == keys, 5, lambda: f"{one.name} got {keys}: {one.call.pressed!r}")


def voices(recorded: Samples, speaker: Citizen | Agent) -> NDArray[np.bool_]:
    """In which tenths of a second of a recording somebody is heard.

    One alone does not count: where a tone begins in the middle of it, it is heard on its neighbours' frequencies too.
    """
    pieces = recorded[: len(recorded) // (RATE // 10) * (RATE // 10)].reshape(-1, RATE // 10)
    loud = np.array([audio.level(np.asarray(piece), speaker.hertz) > VOICE for piece in pieces])
    beside = np.concatenate([[False], loud, [False]])
    return np.asarray(loud & (beside[:-2] | beside[2:]))


def has_sound(office: Office, recorded: Samples, prompt: str) -> bool:
    """Whether a prompt is heard in a recording, or something like it."""
    return audio.hears(recorded, office.house.prompt(prompt)).correlation > WRONG


async def all_hung_up(*people: Citizen | Agent) -> None:
    for one in people:
        await one.is_hung_up()
