#!/usr/bin/env python3
"""What a whole call costs, and how many a second can be carried to an agent: the engine beside plain app_queue.

    .venv/bin/python scripts/bench_calls.py [--rate 7] [--calls 140] [--talk 2] [--side both] [--also most freed]

Both sides run the same Asterisk with the same configuration (trunk, 95 phones, prompts, music, stereo recording,
census) and carry the same calls: greeting, music until an agent's phone is answered, the line's name to the agent and
the agent's number to the caller, talk, survey.  The yardstick does it with a dialplan and app_queue, the engine with
its controller.  The servers of a side share one core; the callers and phones have the others.

Needs SIPp (Debian: apt-get install sip-tester).
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ivr.errors import Trouble  # noqa: E402
from ivr.house.report import Report  # noqa: E402
from scripts.bench_load import Figures, Load, carried, median_and_p99, one_core, sipp_program  # noqa: E402
from scripts.bench_page import machine, write  # noqa: E402
from scripts.bench_stage import SIDES, Stage, stage  # noqa: E402

SECTION = "## Calls"
AGENTS = 150  # more than the calls that one core carries keep busy
WARM = 20  # calls before anything is counted

RATE = 7.0
"""Calls a second at which a call's cost is counted: about half of what one core carries."""

RATES = (10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 24.0, 28.0)  # calls a second, tried one after another
SHORT_S = 1.0  # a talk, where many calls are wanted
STEADY_S = 20.0  # how long each rate is kept up: longer than a call lasts
CARRIED = 0.99
ANSWERED_MS = 500.0  # RFC 3261 T1: a caller's side that has heard nothing by then repeats its INVITE
AT_ONCE = 500  # calls that the stage admits: more than any rate of these comes to

ALSO = ("most", "freed")
"""What can be measured besides the cost of a call: the most calls a second, and the pauses of agents."""

FEW = 5  # agents, so that callers wait and every agent who is free is rung at once
QUEUE = Load(rate=4, calls=25, talk_s=SHORT_S)


@dataclass(frozen=True)
class Result:
    """What one side has shown.

    `most`: the highest rate that was sustained, and whether a higher one was tried and was too much.
    """

    side: str
    cost: Figures
    most: tuple[float, bool] | None
    freed: tuple[float, float] | None

    @property
    def rows(self) -> dict[str, str]:
        """Measure -> figure, as printed."""
        cost = self.cost
        rows = {
            "calls offered a second": f"{cost.load.rate:g}",
            "carried to an agent": f"{cost.carried} of {cost.load.calls}"
            + (f", {cost.failed} failed" if cost.failed else ""),
            "a call lasts": f"{cost.call_s:.1f} s",
            "INVITE to 200, median / p99": "{:.0f} / {:.0f} ms".format(*cost.answer_ms),
        }
        rows |= {f"CPU of {name} a call": f"{cost.cpu_ms[name]:.1f} ms" for name in sorted(cost.cpu_ms)}
        rows |= {f"{name} a call": f"{count:.1f}" for name, count in cost.counts.items()}
        if self.most:
            rate, is_limit = self.most
            rows["calls a second sustained"] = f"{rate:g}" if is_limit else f"at least {rate:g}"
        if self.freed:
            rows["agent free to agent ringing, median / p99"] = "{:.0f} / {:.0f} ms".format(*self.freed)
        return rows


def sustained(figures: Figures) -> bool:
    """Whether nearly all were carried, and answered before their carrier would ask again."""
    return figures.carried >= CARRIED * figures.load.calls and figures.answer_ms[1] <= ANSWERED_MS


async def cost(on: Stage, load: Load, report: Report) -> Figures:
    """A steady load that neither side feels, once both are warm."""
    with report.step(f"{on.side}: warm up") as say:
        await carried(on, replace(load, calls=min(WARM, load.calls)), say)
    with report.step(f"{on.side}: cost") as say:
        figures = await carried(on, load, say)
        cpu = ", ".join(f"{name} {ms:.1f}" for name, ms in figures.cpu_ms.items())
        say.result = f"{figures.carried} of {load.calls} carried; CPU a call: {cpu} ms"
    return figures


async def most(on: Stage, low: float, report: Report) -> tuple[float, bool]:
    """The highest rate that is sustained, `low` being one, and whether a higher one was too much."""
    best = low
    for rate in RATES:
        load = Load(rate, int(rate * STEADY_S), SHORT_S)
        with report.step(f"{on.side}: {rate:g} a second") as say:
            figures = await carried(on, load, say)
            say.result = f"{figures.carried} of {load.calls} carried; answered in {figures.answer_ms[1]:.0f} ms (p99)"
        if not sustained(figures):
            return best, True
        best = rate
    return best, False


async def freed(side: str, report: Report) -> tuple[float, float]:
    """From an agent's hang-up to the next ring at their phone while callers wait, in milliseconds: median and p99."""
    with one_core():
        async with stage(side, FEW, report) as on:
            with report.step(f"{side}: agents' pauses") as say:
                figures = await carried(on, QUEUE, say)
                say.result = f"{len(figures.freed_ms)} with a caller waiting"
    return median_and_p99(list(figures.freed_ms))


async def measured(side: str, load: Load, also: Sequence[str], report: Report) -> Result:
    """All of one side."""
    rate: tuple[float, bool] | None = None
    with one_core():
        async with stage(side, AGENTS, report, calls=AT_ONCE) as on:
            figures = await cost(on, load, report)
            if "most" in also:
                rate = await most(on, load.rate, report)
    return Result(side, figures, rate, await freed(side, report) if "freed" in also else None)


def reached(plain: Result, engine: Result) -> dict[str, str]:
    """What is to be reached, and where this run stands: measure -> a row's cells."""
    added = engine.cost.answer_ms[1] - plain.cost.answer_ms[1]
    rows = {
        "controller's CPU a call": ("4 ms", "2 ms", f"{engine.cost.cpu_ms['controller']:.1f} ms"),
        "INVITE to 200, added by the engine, p99": ("20 ms", "10 ms", f"{added:.0f} ms"),
    }
    if plain.most and engine.most:
        share = f"{engine.most[0] / plain.most[0]:.0%}"
        rows["calls a second, of what plain carries"] = ("75%", "90%", share)
    if engine.freed:
        rows["agent free to agent ringing, p99"] = ("50 ms", "20 ms", f"{engine.freed[1]:.0f} ms")
    return {name: " | ".join(cells) for name, cells in rows.items()}


def section(results: Sequence[Result], command: str) -> str:
    """The section for the document: the sides side by side."""
    rows: Mapping[str, None] = dict.fromkeys(name for result in results for name in result.rows)
    lines = [
        *(SECTION, "", f"`{command}`", "", machine(), ""),
        "| | " + " | ".join(result.side for result in results) + " |",
        "|---|" + "---|" * len(results),
        *(f"| {name} | " + " | ".join(result.rows.get(name, "") for result in results) + " |" for name in rows),
        "",
        f"{AGENTS} agents, stereo recording, survey, 20 ms A-law over loopback.  One core for the servers of a side,",
        f"another for callers and phones.  Sustained: {CARRIED:.0%} carried, and 99 % answered within",
        f"{ANSWERED_MS:.0f} ms, for {STEADY_S:.0f} s.  Agent free to agent ringing: {FEW} agents.",
        "",
    ]
    if len(results) == len(SIDES):
        lines += ["| | to reach | aim | here |", "|---|---|---|---|"]
        lines += [f"| {name} | {cells} |" for name, cells in reached(*results).items()] + [""]
    return "\n".join(lines)


def compared(load: Load, sides: Sequence[str], also: Sequence[str], report: Report) -> list[Result]:
    """The sides, one after another.  Raises `Trouble`."""
    sipp_program()  # or nothing is begun
    return [asyncio.run(measured(side, load, also, report)) for side in sides]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="What a whole call costs, the engine beside plain app_queue.")
    parser.add_argument("--rate", type=float, default=RATE, help="calls a second")
    parser.add_argument("--calls", type=int, default=140)
    parser.add_argument("--talk", type=float, default=2.0, help="seconds, after the introduction")
    parser.add_argument("--side", choices=[*SIDES, "both"], default="both")
    parser.add_argument("--also", nargs="*", default=[], choices=ALSO, help="besides the cost of a call")
    parser.add_argument("--write", type=Path, help="put the result into this page, section Calls")
    arguments = parser.parse_args()
    report = Report()
    sides = list(SIDES) if arguments.side == "both" else [arguments.side]
    try:
        results = compared(Load(arguments.rate, arguments.calls, arguments.talk), sides, arguments.also, report)
    except Trouble as trouble:
        report.trouble(str(trouble))
        sys.exit(1)
    page = section(results, " ".join(["scripts/bench_calls.py", *sys.argv[1:]]))
    print(f"\n{page}")
    if arguments.write:
        write(arguments.write, page)


if __name__ == "__main__":
    main()
