"""Pictures of planned days: calls and agents above, what comes of them below."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from ivr.commands.plot import TARGET
from routing.staffing import Lived, Needed

HOUR_MS = 3_600_000


def draw(found: Sequence[Lived], rows: Sequence[Needed] | None, path: Path) -> None:
    """Draw a day into a file, in the format of its name; `rows`: what theory says of it.  Raises `OSError`."""
    mpl.rcParams["svg.hashsalt"] = "hotline"  # the same day gives the same file
    picture = Figure(figsize=(11, 7), layout="constrained")
    above, below = picture.subplots(2, 1, sharex=True)
    hours = [row.since_ms / HOUR_MS for row in found]
    width = 24 / len(found)
    most = max(row.offered for row in found) or 1
    scale = max(row.agents for row in found) or 1
    calls = [scale * row.offered / most for row in found]
    above.bar(hours, calls, width, align="edge", color="0.85", label=f"calls (the highest: {most:,})")
    edges = [*hours, 24]
    if rows is not None:
        above.stairs([row.patient for row in rows], edges, baseline=None, label="agents, Erlang C")
        above.stairs([row.impatient for row in rows], edges, baseline=None, label="agents, Erlang A")
        above.plot([hour + width / 2 for hour in hours], [row.load for row in rows], color="0.3", label="load, Erlang")
    else:
        above.stairs([row.agents for row in found], edges, baseline=None, label="agents")
    figures = {"in time": "in_time", "left": "abandonment", "agents busy": "occupancy"}
    for label, name in figures.items():
        shares = [float("nan") if getattr(row, name) is None else getattr(row, name) for row in found]
        below.plot([hour + width / 2 for hour in hours], shares, marker=".", label=label)
    below.axhline(TARGET, color="0.4", linestyle="--", linewidth=1)
    below.set_ylim(0, 1.02)
    below.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    below.set_xlabel("hour of the day")
    below.set_xlim(0, 24)
    below.set_xticks(range(0, 25, 2))
    for axes in (above, below):
        axes.set_axisbelow(True)
        axes.grid(axis="y", color="0.9")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")
    picture.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
