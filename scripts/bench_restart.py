"""How long a killed controller is away while callers talk and wait, and how soon a house opens for the second time.

.venv/bin/python scripts/bench_restart.py [CALLS] [--write docs/performance.md]
"""

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402

from ivr.errors import Trouble  # noqa: E402
from ivr.house.report import Report  # noqa: E402
from ivr.house.settings import VARIABLES  # noqa: E402
from ivr.town.rtp import tone  # noqa: E402
from scripts import bench_page  # noqa: E402
from scripts.bench_load import sipp, sipp_program  # noqa: E402
from scripts.bench_stage import LINE, Stage, free_ports, stage  # noqa: E402

AGENTS = 20
KILLS = 3
RATE = 12
"""Calls that begin a second: more, and what is measured is how a crowd is greeted."""

ENTERED_WITHIN_S = 70.0  # a caller of the yardstick gives up after 90
BACK_WITHIN_S = 20.0
STEADY_S = 2.0
OPENS_WITHIN_S = 120.0
OPEN = re.compile(r"is open, after ([0-9.]+) s")


@dataclass(frozen=True)
class Away:
    """One kill: from `kill -9` to the first yes of `/ready`, in ms, and how many calls were there before and after."""

    ms: float
    before: int
    after: int


class Desk:
    """Asks the controller of a stage."""

    def __init__(self, on: Stage, session: aiohttp.ClientSession) -> None:
        self._on, self._session = on, session

    async def calls(self) -> dict[str, str]:
        """Every call in progress, and its stage."""
        async with self._session.get(self._on.house.url("/calls")) as answer:
            return {call["call"]: call["stage"] for call in (await answer.json())["living"]}

    async def is_ready(self) -> bool:
        """Whether it serves calls."""
        try:
            async with self._session.get(self._on.house.url("/ready")) as answer:
                return answer.ok
        except aiohttp.ClientError:
            return False

    async def until(self, calls: int) -> None:
        """Wait until so many calls talk or wait.  Raises `Trouble` when they do not."""
        deadline, stages = time.monotonic() + ENTERED_WITHIN_S, list[str]()
        while time.monotonic() < deadline:
            stages = list((await self.calls()).values())
            if stages.count("talk") == min(AGENTS, calls) and len(stages) == calls and "greeting" not in stages:
                return
            await asyncio.sleep(0.1)
        there = ", ".join(f"{number} in {stage}" for stage, number in Counter(stages).items())
        raise Trouble(f"{calls} calls were not there within {ENTERED_WITHIN_S:g} s, but {there or 'none'}.")

    async def killed(self) -> Away:
        """Kill the controller, and wait until the next one serves.  Raises `Trouble` when none comes."""
        before, pid = await self.calls(), self._on.house.keepers["controller"].pid
        if pid is None:
            raise Trouble("there is no controller to be killed.")
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        while not await self.is_ready():
            if time.monotonic() - began > BACK_WITHIN_S:
                raise Trouble(f"the controller was not there again within {BACK_WITHIN_S:g} s.")
            await asyncio.sleep(0.005)
        ms = (time.monotonic() - began) * 1000
        await asyncio.sleep(STEADY_S)
        after = await self.calls()
        return Away(ms, len(before), len(before.keys() & after.keys()))


async def killed(calls: int, report: Report) -> list[Away]:
    """So many calls talk and wait, and the controller is killed some times."""
    async with stage("engine", AGENTS, report, calls=calls + 50) as on:
        folder, ports = on.folder(), on.house.settings.ports
        (folder / "voice.alaw").write_bytes(tone(440).alaw * 50)
        phones = sipp("agent", folder, ports["town_phones"], "-d", "600000")
        many = ("-r", str(RATE * 10), "-rp", "10000", "-m", str(calls), "-l", str(calls), "-d", "600000")  # all stay
        callers = sipp("caller", folder, ports["town_sip"], f"127.0.0.1:{ports['sip']}", "-s", LINE, *many)
        headers = {"Authorization": f"Bearer {on.house.secrets.get('api-token')}"}
        keeping = asyncio.create_task(on.house.keep(), name="keep")  # who starts the controller again
        try:
            async with aiohttp.ClientSession(headers=headers) as session:
                desk = Desk(on, session)
                with report.step("Callers") as step:
                    await desk.until(calls)
                    step.result = f"{min(AGENTS, calls)} talk, {max(0, calls - AGENTS)} wait"
                with report.step("Kills") as step:
                    found = [await desk.killed() for _ in range(KILLS)]
                    step.result = str(len(found))
                return found
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})
            for child in (callers, phones):
                await child.stop()


def opened(report: Report) -> list[float]:
    """Seconds until `scripts/run` says that the house is open: the first time, with what is in the cache, and again."""
    found = []
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as work:
        ports = dict(zip(VARIABLES.values(), map(str, free_ports(len(VARIABLES))), strict=True))
        environment = os.environ | ports | {"HOTLINE_STATE": str(Path(work) / "state")}
        for title in ("First start", "Second start"):
            with report.step(title) as step:
                found.append(_opened(environment))
                step.result = f"open after {found[-1]:g} s"
    return found


def _opened(environment: dict[str, str]) -> float:
    with subprocess.Popen([ROOT / "scripts" / "run"], env=environment, stdout=subprocess.PIPE, text=True) as house:
        began, said = time.monotonic(), ""
        for line in house.stdout or ():
            said += line
            if (seen := OPEN.search(line)) or time.monotonic() - began > OPENS_WITHIN_S:
                house.send_signal(signal.SIGINT)
                house.communicate()
                if seen:
                    return float(seen[1])
    raise Trouble(f"the house did not open:\n{said}")


def section(calls: int, found: list[Away], opens: list[float], command: str) -> str:
    """The page's section."""
    seconds, before = ", ".join(f"{each.ms / 1000:.2f}" for each in found), found[0].before
    lost = sum(each.before - each.after for each in found)
    return "\n".join(
        [
            "## Restarting",
            "",
            f"`{command}`",
            "",
            bench_page.machine(),
            "",
            "| | to reach | aim | here |",
            "|---|---|---|---|",
            f"| `kill -9` of the controller until all of {before} calls are entered again | 3 s | 1 s | {seconds} s |",
            f"| calls that were not there any more {STEADY_S:g} s later | 0 | 0 | {lost} |",
            f"| `scripts/run` until the house is open, the second time | 10 s | 5 s | {opens[1]:.1f} s |",
            f"| the first time in a new state directory, Asterisk's programs there | | | {opens[0]:.1f} s |",
            "",
            f"{min(AGENTS, calls)} of the calls talk, the others wait; the controller is killed {len(found)} times.",
            "It says that it is ready in the step in which it enters every call that Asterisk holds.",
            "",
        ]
    )


def main() -> None:
    """Measure, print, and perhaps write it down."""
    parser = argparse.ArgumentParser(description="A killed controller, and a second start.")
    parser.add_argument("calls", type=int, nargs="?", default=300)
    parser.add_argument("--write", type=Path, help="put the figures into this page")
    given = parser.parse_args()
    report = Report()
    try:
        sipp_program()  # or nothing is begun
        text = section(given.calls, asyncio.run(killed(given.calls, report)), opened(report), " ".join(sys.argv))
    except Trouble as trouble:
        report.trouble(str(trouble))
        sys.exit(1)
    print(f"\n{text}")
    if given.write:
        bench_page.write(given.write, text)


if __name__ == "__main__":
    main()
