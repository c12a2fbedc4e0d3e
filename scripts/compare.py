#!/usr/bin/env python3
"""The same callers and agents on the engine and on app_queue: who waits how long, who is passed over, who is lost.

    .venv/bin/python scripts/compare.py [--seed 1] [--write docs/comparison.md]

Both sides run the same Asterisk with the same prompts, music, recording and phones; app_queue is configured as well as
we know how to (scripts/yardstick/).  One side after the other, two minutes each; the picture lies beside the page.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import matplotlib as mpl  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from ivr.edge import probe  # noqa: E402
from ivr.errors import Trouble  # noqa: E402
from ivr.house.house import House  # noqa: E402
from ivr.house.report import Report  # noqa: E402
from scripts.bench_page import machine, write  # noqa: E402
from scripts.bench_stage import LINE, SKILLED_LINE, stage  # noqa: E402
from scripts.compare_scene import (  # noqa: E402
    ARRIVE_S,
    Returns,
    Scene,
    Visit,
    again,
    overtaken,
    planned,
    played,
)

SECTION = "## Measured"
AGENTS, SKILLED = 12, 6
CHANNELS = 28  # of the trunk: whoever comes beyond them is refused
SIDES = {"plain": "app_queue", "engine": "engine"}
IN_TIME_S = 15.0


@dataclass(frozen=True)
class Result:
    """One side."""

    side: str
    scene: Scene
    skilled: frozenset[str]

    @property
    def rows(self) -> dict[str, str]:
        """Measure -> figure, as printed."""
        visits = self.scene.visits
        fates = Counter(visit.fate for visit in visits)
        waits = sorted(visit.waited for visit in visits if visit.fate == "answered")
        passed = overtaken(self.scene, self.skilled)
        in_time = sum(wait <= IN_TIME_S for wait in waits)
        rings = sum(len(visit.rings) for visit in visits)
        return {
            "callers": str(len(visits)),
            "answered": str(fates["answered"]),
            "left before": str(fates["abandoned"]),
            "refused": str(fates["refused"]),
            "lost": str(fates["lost"]),
            "wait of the answered: mean / median / p95 / longest": _times(waits),
            "answered within 15 s, of all": f"{in_time / len(visits):.0%}",
            f"wait on {LINE} / {SKILLED_LINE}, mean": " / ".join(
                f"{statistics.fmean(self._waits(line)):.1f} s" for line in (LINE, SKILLED_LINE)
            ),
            "callers passed over by somebody who came later": f"{len(passed)}",
            "the most by which one was passed over": str(max(passed.values(), default=0)),
            "after a ring in vain the next for this caller: mean / median / p95 / longest": _times(again(self.scene)),
            "rings in vain": f"{len(self.scene.unanswered)} of {rings}",
        }

    def _waits(self, line: str) -> list[float]:
        return [each.waited for each in self.scene.visits if each.fate == "answered" and each.line == line] or [0.0]


def _times(sorted_s: Sequence[float]) -> str:
    if not sorted_s:
        return "–"
    p95 = sorted_s[min(len(sorted_s) * 95 // 100, len(sorted_s) - 1)]
    four = (statistics.fmean(sorted_s), statistics.median(sorted_s), p95, sorted_s[-1])
    return " / ".join(f"{each:.1f}" for each in four) + " s"


async def measured(side: str, seed: int, report: Report) -> Result:
    """One side, from its start to its end.  Raises `Trouble`."""
    async with stage(side, AGENTS, report, SKILLED, CHANNELS) as on:
        house, site = on.house, on.house.settings.config.site
        agents = [agent for agent in site.agents.values() if any(each.pool == site.hall for each in agent.competences)]
        skilled = frozenset(str(agent.seat) for agent in agents if any(each.skills for each in agent.competences))
        names = {str(agent.seat): agent.id for agent in agents}
        ports = house.settings.ports
        with report.step(f"{side}: {len(planned(seed))} callers, {AGENTS} agents, {CHANNELS} channels") as say:
            scene = await played(
                seed,
                (ports["town_sip"], ports["town_phones"]),
                ("127.0.0.1", ports["sip"]),
                _ready(house, names) if side == "engine" else _unpaused(house),
            )
            say.result = ", ".join(f"{n} {fate}" for fate, n in Counter(v.fate for v in scene.visits).items())
    return Result(side, scene, skilled)


def _ready(house: House, names: Mapping[str, str]) -> Returns:
    """As an agent's desk would say it."""

    async def returns(seat: str) -> None:
        token = house.secrets.get("api-token")
        await probe.post(house.url(f"/agents/{names[seat]}/ready"), within=5.0, token=token)

    return returns


def _unpaused(house: House) -> Returns:
    """As a feature code would do it."""
    asterisk = house.asterisk
    if asterisk is None:
        raise Trouble("there is no Asterisk to be told of an agent who is back")

    async def returns(seat: str) -> None:
        conf = house.settings.state / "asterisk/etc/asterisk.conf"
        argv = [*asterisk.program, "-C", str(conf), "-rx", f"queue unpause member PJSIP/{seat}"]
        await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=True, timeout=10)

    return returns


# --- the page


def section(results: Sequence[Result], command: str, picture: str) -> str:
    """The section for the document: the sides side by side."""
    rows = dict.fromkeys(name for result in results for name in result.rows)
    lines = [
        *(SECTION, "", f"`{command}`", "", machine(), ""),
        "| | " + " | ".join(SIDES[result.side] for result in results) + " |",
        "|---|" + "---|" * len(results),
        *(f"| {name} | " + " | ".join(result.rows.get(name, "") for result in results) + " |" for name in rows),
        "",
        f"![Each caller's wait, by the moment of their call]({picture})",
        "",
    ]
    return "\n".join(lines)


def draw(results: Sequence[Result], path: Path) -> None:
    """Each caller a dot: when they dialled, and how long they waited, for an agent or in vain."""
    mpl.rcParams["svg.hashsalt"] = "hotline"
    picture = Figure(figsize=(11, 4.5), layout="constrained")
    for axes, result in zip(picture.subplots(1, len(results), sharey=True, squeeze=False)[0], results, strict=True):
        visits = result.scene.visits
        began = min(visit.dialled for visit in visits)
        passed = overtaken(result.scene, result.skilled)
        for line, colour in ((LINE, "tab:blue"), (SKILLED_LINE, "tab:orange")):
            theirs = [visit for visit in visits if visit.line == line and visit.fate == "answered"]
            moments = [visit.dialled - began for visit in theirs]
            axes.scatter(moments, [visit.waited for visit in theirs], s=14, color=colour, label=line)
        over = [visit for visit in visits if visit.name in passed and visit.fate == "answered"]
        axes.scatter(
            [v.dialled - began for v in over], [v.waited for v in over], s=60, facecolors="none", edgecolors="tab:red",
            label="passed over",
        )  # fmt: skip
        left = [visit for visit in visits if visit.fate == "abandoned"]
        axes.scatter([v.dialled - began for v in left], [_until_left(v) for v in left], s=24, marker="x", color="0.5",
                     label="left")  # fmt: skip
        axes.set_title(SIDES[result.side])
        axes.set_xlabel("seconds from the first call")
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        axes.set_xlim(0, ARRIVE_S + 2)
    picture.axes[0].set_ylabel("seconds waited")
    picture.axes[0].legend(fontsize="small", loc="upper left")
    picture.savefig(path, metadata={"Date": None})


def _until_left(visit: Visit) -> float:
    return (visit.ended or 0.0) - (visit.answered or 0.0)


def main() -> None:
    """Play both sides, print the table, and perhaps write it down."""
    parser = argparse.ArgumentParser(description="The same callers and agents on the engine and on app_queue.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", choices=[*SIDES, "both"], default="both")
    parser.add_argument("--write", type=Path, help="put table and picture into this page")
    given = parser.parse_args()
    report = Report()
    sides = list(SIDES) if given.side == "both" else [given.side]
    try:
        results = [asyncio.run(measured(side, given.seed, report)) for side in sides]
    except Trouble as trouble:
        report.trouble(str(trouble))
        sys.exit(1)
    page = given.write or Path("comparison.md")
    picture = page.with_suffix(".svg")
    text = section(results, f"scripts/compare.py --seed {given.seed}", picture.name)
    print(f"\n{text}")
    if given.write:
        write(page, text)
        draw(results, picture)


if __name__ == "__main__":
    main()
