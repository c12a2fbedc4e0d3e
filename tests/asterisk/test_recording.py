"""What becomes of recordings on a disk that is filling up, while people talk on a real Asterisk."""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ivr.facts import Outcome
from ivr.town import audio
from ivr.town.rtp import RATE
from tests.asterisk.house import House
from tests.asterisk.office import MANY_SIDED, Office
from tests.asterisk.phones import Citizen
from tests.asterisk.talking import all_hung_up, hear_each_other, talking
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

USUAL, NEVER_ENOUGH = ("warn_below: 10 GiB", "stop_below: 1 GiB"), "100000 TiB"
LOOKS_WITHIN_S = 30.0  # the recorder's round, of 20 s
MISSES = 4.0  # seconds more, so that what is missing is enough to be told: 5 s, and dialling alone takes some 4
A_SECOND = RATE * 2 * 2  # bytes


class Disk:
    """The one that the house has: with more and more things on it, as far as the house can see."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._site = Path(house.environment["HOTLINE_CONFIG"]) / "config" / "site.yaml"
        self._was = self._site.read_text(encoding="utf-8")
        self._asterisk = psutil.Process(house.pid("asterisk"))

    async def has_less_than(self, *limits: str) -> None:
        """Of the limits in site.yaml; phones talk on meanwhile."""
        text = self._was
        for limit in limits:
            assert limit in text
            text = text.replace(limit, f"{limit.partition(':')[0]}: {NEVER_ENOUGH}")
        self._site.write_text(text, encoding="utf-8")
        await asyncio.to_thread(self.house.hotline, "reload")

    def takes_no_more_of(self, call: str) -> None:
        """Another second of this recording, and then no byte."""
        size = (self.house.state / "recordings" / f"{call}.raw").stat().st_size
        self._asterisk.rlimit(resource.RLIMIT_FSIZE, (size + A_SECOND, resource.RLIM_INFINITY))

    async def has_room(self) -> None:
        """Again."""
        self._asterisk.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await self.has_less_than()


@pytest.fixture
async def disk(house: House) -> AsyncIterator[Disk]:
    disk = Disk(house)
    yield disk
    await disk.has_room()


async def alarms(house: House, *wanted: str) -> None:
    """Wait until these stand, of those about the disk."""
    standing: set[str] = set()

    async def are_so() -> bool:
        told = (await house.controller("status"))["alarms"]
        standing.clear()
        standing.update(each["name"] for each in told if each["name"] in {"disk-low", "recording-stopped"})
        return standing == {*wanted}

    await eventually(are_so, LOOKS_WITHIN_S, lambda: f"{wanted}, but {standing}", every=0.2)


async def comes_and_goes(office: Office) -> None:
    """A call that ends, after which the recorder looks round."""
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hangs_up()


async def shown(house: House, citizen: Citizen) -> Any:
    """The record of the call, as the API shows it."""
    record = await house.record(citizen.name)
    return (await house.controller(f"calls/{record.call}"))["record"]


async def test_on_a_disk_that_fills_up_calls_go_on_what_is_recorded_is_kept_and_what_is_missing_is_said(
    house: House, disk: Disk
) -> None:
    async with Office(house) as office:
        await office.opens(MANY_SIDED[:2])
        citizen, agent, _ = await talking(office)
        await disk.has_less_than(USUAL[0])
        await comes_and_goes(office)
        await alarms(house, "disk-low")
        assert not (house.state / "recordings" / "closed").exists(), "warned before it stops"
        await disk.has_less_than(*USUAL)
        await comes_and_goes(office)
        await alarms(house, "disk-low", "recording-stopped")
        (talk,) = (await house.controller("calls"))["living"]
        disk.takes_no_more_of(talk["call"])
        later, colleague, _ = await talking(office)
        await hear_each_other(citizen, agent)
        calls = [each["call"] for each in (await house.controller("calls"))["living"]]
        raw = {path.stem for path in (house.state / "recordings").glob("*.raw")}
        assert raw & {*calls} == {talk["call"]}
        assert len(calls) == 2
        await passes(MISSES)
        await later.hangs_up()
        await citizen.hangs_up()
        await all_hung_up(agent, colleague)
        for one in (citizen, later):
            one.was_never_in_silence()
    left, right = await house.recording(citizen.name)
    for side, speaker in ((left, citizen), (right, agent)):
        assert audio.dominant(side[RATE : 2 * RATE]) == speaker.hertz
    record = await house.record(citizen.name)
    assert record.talk_ms is not None
    told = await shown(house, citizen)
    assert told["outcome"] == Outcome.ANSWERED
    assert told["lacks_ms"] == pytest.approx(record.ended - (record.connected or 0) - len(left) * 1000 / RATE, abs=50)
    unrecorded = await shown(house, later)
    assert (unrecorded["outcome"], unrecorded["recording"]) == (Outcome.ANSWERED, "")
