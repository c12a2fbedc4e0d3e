"""A seat dials an emergency number by itself: no citizen's call, and yet listed, timed, recorded and listened to.

Months later the recording is erased, as all are.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.asterisk.house import House
from tests.asterisk.office import Office, city
from tests.asterisk.phones import Citizen
from tests.asterisk.talking import hear_each_other, voices
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

Shown = Mapping[str, Any]


async def listed(house: House, seats: tuple[str, ...], *, recorded: str) -> dict[str, Shown]:
    """What the API lists of each seat's call, once the one of `recorded` has its recording."""
    found: dict[str, Shown] = {}

    async def are_there() -> bool:
        ended = (await house.controller("calls"))["ended"]
        found.update({call["seat"]: call for call in ended if call["direction"] == "seat"})
        return set(seats) <= found.keys() and bool(found[recorded]["recording"])

    await eventually(are_there, 60, lambda: f"calls of {seats}, recorded: {found}", every=0.5)
    return found


async def takes(desk: Citizen) -> None:
    """Whoever sits at the desk takes the receiver."""
    (await desk.is_called()).picks_up()


async def test_a_seat_that_dials_110_talks_with_the_desk_is_listed_with_its_times_and_recorded_until_it_is_erased(
    house: House, tmp_path: Path
) -> None:
    async with Office(house) as office:
        agent, other, desk = await office.agent("8006"), await office.agent("8007"), await office.citizen()
        await house.centre("traffic-police", "unreachable")
        try:
            async with house.staffed("110", desk):
                await asyncio.gather(agent.dials("110"), other.dials("122"), takes(desk))
            assert desk.ring.caller == "12345", "no seat has a number outside"
            agent.speaks()
            await asyncio.gather(hear_each_other(agent, desk), other.hears("unanswered-122"))
            await passes(1)  # of which the recording has something for certain
            await asyncio.gather(agent.hangs_up(), other.is_hung_up(), desk.is_hung_up())
        finally:
            await house.centre("traffic-police", "answer")
        old = house.kills("controller")  # the census is looked at once it is back, and each minute
        await house.has_restarted("controller", old)
        calls = await listed(house, ("8006", "8007"), recorded="8006")
        reached, vain = calls["8006"], calls["8007"]
        assert (reached["dialled"], reached["with"], reached["outcome"]) == ("110", "police", "transferred")
        assert reached["arrived"] <= reached["answered"] < reached["ended"]
        assert reached["talk_ms"] == reached["ended"] - reached["answered"]
        assert (vain["dialled"], vain["with"], vain["outcome"], vain["answered"]) == (
            "122", "traffic-police", "unreached", None,
        )  # fmt: skip
        assert "seat: transferred" in house.hotline("calls")
        assert reached["call"] not in [task["call"] for task in await house.controller("callbacks")]
        saved = tmp_path / "heard.flac"
        house.hotline("recording", reached["call"], "--out", str(saved))
        assert f"{reached['call']}/recording" in house.hotline("audit", "--json")
        samples, rate = soundfile.read(saved, dtype="int16")
        left, right = samples[:, 0], samples[:, 1]
        assert abs(len(samples) / rate - reached["talk_ms"] / 1000) < 0.5, "it keeps the call's time"
        assert voices(left, agent).any()
        assert voices(right, desk).any()
        await is_erased_in_time(house, reached)
        await house.is_quiet()


async def is_erased_in_time(house: House, call: Shown) -> None:
    """Once it is older than the months for which recordings are kept; its call stays in the list."""
    months = city().site.recording.keep_months
    moment = time.time() - (months + 1) * 31 * 86_400
    file = house.state / "recordings" / call["recording"]
    os.utime(file, (moment, moment))
    await house.has_restarted("controller", house.kills("controller"))  # else it looks through the folder once an hour
    await eventually(lambda: not file.exists(), 10, "the recording is erased")

    async def is_named_no_more() -> bool:
        shown = [each for each in (await house.controller("calls"))["ended"] if each["call"] == call["call"]]
        return [each["recording"] for each in shown] == [""]

    await eventually(is_named_no_more, 10, "the call stands there without a recording")
    with pytest.raises(AssertionError, match="there is no recording of call"):
        house.hotline("recording", call["call"])
