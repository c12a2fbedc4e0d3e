"""Pictures of reports: amounts above, shares below; what is told apart, side by side."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from routing.hours import SHANGHAI

TARGET = 0.95
"""The plan, 二.（二）1."""

MOST = 8
"""So many keys can be told apart by their colours: those with most calls."""

LOST = ("abandoned", "refused", "missed", "failed")


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Draw a report into a file, in the format of its name.  Raises `OSError`."""
    rows = found["rows"]
    mpl.rcParams["timezone"] = "Asia/Shanghai"
    mpl.rcParams["svg.hashsalt"] = "hotline"  # the same report gives the same file
    picture = Figure(figsize=(11, 7), layout="constrained")
    above, below = picture.subplots(2, 1)
    if found["every"] or found["rolling"]:
        _over_time(above, below, rows, found)
    else:
        _side_by_side(above, below, rows)
    below.axhline(TARGET, color="0.4", linestyle="--", linewidth=1)
    below.set_ylim(0, 1.02)
    below.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    above.set_ylabel("calls")
    picture.suptitle(f"{_at(found['from']):%Y-%m-%d %H:%M} – {_at(found['to']):%Y-%m-%d %H:%M}")
    for axes in (above, below):
        axes.set_axisbelow(True)
        axes.grid(axis="y", color="0.9")
        if axes.get_legend_handles_labels()[1]:
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")
    picture.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def _over_time(above: Axes, below: Axes, rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> None:
    edge = "until" if found["rolling"] else "since"
    for key in _keys(rows):
        theirs = [row for row in rows if row["key"] == key]
        moments: Any = [_at(row[edge]) for row in theirs]
        if found["by"]:
            above.plot(moments, [row["offered"] for row in theirs], label=key or "none")
            below.plot(moments, _shares(theirs, "connection_rate"), label=key or "none", marker=".")
            below.set_ylabel("connection_rate")
            continue
        above.plot(moments, [row["offered"] for row in theirs], label="offered")
        above.plot(moments, [row["answered"] for row in theirs], label="answered")
        above.plot(moments, [sum(row[name] for name in LOST) for row in theirs], label="lost")
        for name in ("connection_rate", "service_level_since_answer", "service_level_since_prompt_end"):
            below.plot(moments, _shares(theirs, name), label=name, marker=".")
    for axes in (above, below):
        formatter: Any = ConciseDateFormatter  # it has no types
        axes.xaxis.set_major_formatter(formatter(axes.xaxis.get_major_locator(), tz=SHANGHAI))


def _side_by_side(above: Axes, below: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: -row["offered"])
    places = range(len(ordered))
    names = [row["key"] or "none" for row in ordered]
    bottom = [0] * len(ordered)
    for name in ("answered", "transferred", *LOST):
        amounts = [row[name] for row in ordered]
        if any(amounts):
            above.bar(places, amounts, bottom=bottom, label=name)
        bottom = [one + two for one, two in zip(bottom, amounts, strict=True)]
    for shift, name in ((-0.2, "connection_rate"), (0.2, "service_level_since_answer")):
        below.bar([place + shift for place in places], _shares(ordered, name), width=0.4, label=name)
    for axes in (above, below):
        axes.set_xticks(places, names, rotation=45 if len(names) > MOST else 0)


def _keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    offered: dict[str, int] = {}
    for row in rows:
        offered[row["key"]] = offered.get(row["key"], 0) + row["offered"]
    return sorted(offered, key=lambda key: -offered[key])[:MOST]


def _shares(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Nothing is drawn where there is nothing to divide by."""
    return [float("nan") if row[name] is None else row[name] for row in rows]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
