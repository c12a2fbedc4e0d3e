"""A house whose files somebody edits and reloads, with and without calls in it: for the tests and for the bench."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ivr.facts import CallRecord
from ivr.town import audio
from scripts.bench_check import ENTRY
from tests.asterisk.house import ROOT, House, copied_city, opened
from tests.asterisk.office import HALL, Office
from tests.asterisk.phones import LONG, RIGHT, Agent, Citizen
from tests.asterisk.waiting import eventually

GAP = 0.05  # seconds between two callers
FIRST = 3_000_000  # the first of the new numbers
AFTERWARDS = 5  # of those who wait, how many are seen to be answered after the reload


class City:
    """A house with a `config/` of its own, and somebody who edits it."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder

    def edit(self, name: str, was: str, now: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert was in text
        path.write_text(text.replace(was, now, 1), encoding="utf-8")

    def adds(self, lines: int) -> None:
        """So many local numbers more, all merged into 12345 and in their transition."""
        path = self.folder / "config" / "lines.yaml"
        fresh = "".join(ENTRY.format(number=FIRST + n) for n in range(lines))
        path.write_text(path.read_text(encoding="utf-8") + fresh, encoding="utf-8")

    def put_back(self) -> None:
        for name in ("config", "recordings"):
            shutil.copytree(ROOT / name, self.folder / name, dirs_exist_ok=True)

    def reloads(self, *options: str) -> subprocess.CompletedProcess[str]:
        """`hotline reload`, whatever becomes of it; typed in a terminal that knows nothing but the state directory."""
        environment = {name: value for name, value in self.house.environment.items() if name != "HOTLINE_CONFIG"}
        command = [sys.executable, "-m", "ivr", "reload", *options]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def version(self) -> int:
        return int(json.loads(self.house.hotline("history", "--json"))[-1]["number"])


@contextmanager
def open_city(folder: Path) -> Iterator[City]:
    """The city's folder and state in `folder`, which is new."""
    copied_city(folder)
    with opened(folder / "state of it", HOTLINE_CONFIG=str(folder)) as house:
        yield City(house, folder)


@dataclass
class Reloaded:
    """A reload under calls: who talked, who waited, who came afterwards; when it was, and what it said."""

    talked: list[tuple[Citizen, Agent]]
    waited: list[Citizen]
    follows: Citizen
    said: subprocess.CompletedProcess[str]
    took: float
    records: dict[str, CallRecord] = field(default_factory=dict)

    @property
    def citizens(self) -> Sequence[Citizen]:
        """All who dialled."""
        return [*(citizen for citizen, _ in self.talked), *self.waited, self.follows]

    def longest_silence(self) -> float:
        """Of anybody, in seconds."""
        return max(audio.longest_silence(citizen.heard().samples) for citizen in self.citizens)


async def reload_under_calls(city: City, lines: int, callers: int) -> Reloaded:
    """Add `lines` while `callers` talk and wait; they dial a number that is nobody's yet, and is known afterwards."""
    number = str(FIRST + lines - 1)
    house = city.house
    async with Office(house) as office:
        await office.opens(HALL)
        citizens = [await office.citizen() for _ in range(callers)]
        talked: list[tuple[Citizen, Agent]] = []
        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            for n, citizen in enumerate(citizens):
                group.create_task(_begins(office, citizen, number, talked if n < len(HALL) else None))
                await asyncio.sleep(GAP)
        city.adds(lines)
        began = time.monotonic()
        said = await asyncio.to_thread(city.reloads)
        took = time.monotonic() - began
        waited = citizens[len(HALL) :]
        story = Reloaded(talked, waited, await office.citizen(), said, took)
        await _goes_on(office, story, number)
        await asyncio.gather(*(citizen.hangs_up() for citizen in story.citizens))
        await house.is_quiet()
    for citizen in story.citizens:
        story.records[citizen.name] = await house.record(citizen.name)
    await house.signs_out(*HALL)
    return story


async def _begins(office: Office, citizen: Citizen, number: str, talked: list[tuple[Citizen, Agent]] | None) -> None:
    await citizen.dials(number)
    await citizen.begins_to_hear_something()
    if talked is not None:
        talked.append((citizen, await _is_answered(office, citizen)))


async def _is_answered(office: Office, citizen: Citizen) -> Agent:
    agent = await office.rings_for(citizen, within=60)
    agent.answers()
    await citizen.hears_person(agent)
    return agent


async def _goes_on(office: Office, story: Reloaded, number: str) -> None:
    """The next call hears of its number; who talks still does; some of those who wait are answered."""
    await story.follows.dials(number)
    for citizen, agent in story.talked:
        await citizen.hears_person(agent)
        await agent.hears_person(citizen)
    for _, agent in story.talked[:AFTERWARDS]:
        await agent.hangs_up()
    await asyncio.gather(*(_is_answered(office, citizen) for citizen in story.waited[:AFTERWARDS]))
    digits = story.follows.place.sounds(f"transition-{number}")[: 3 + len(number)]

    def is_told() -> bool:
        ear = audio.Ear(story.follows.heard().samples)
        return all(ear.find(sound).correlation >= RIGHT for sound in digits if len(sound) >= LONG // 2)

    await eventually(is_told, 20, f"{number} is told that it has moved", every=0.5)
