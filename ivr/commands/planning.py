"""Planning: `staffing`, how many agents a day needs, and `simulate`, what comes of so many."""

import csv
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ivr.commands import in_json
from ivr.commands.in_json import AS_JSON
from ivr.commands.report import FORMATS
from ivr.dispatcher import configured
from ivr.edge.chance import callers
from ivr.edge.screen import screen
from ivr.house.settings import read_sources
from routing.config import Config, ConfigFaults, build, render
from routing.hours import SHANGHAI
from routing.people import seats_needed
from routing.simulation import simulated
from routing.staffing import BUSY_HOUR, Lived, Needed, lived, mixed, needed, shape, shifts, summed, volumes

INTERVALS = {"15m": 96, "30m": 48, "1h": 24}
HUNDRED = 100
MOST_AGENTS = 5_000
RING_MS = 3_000
"""An agent's phone rings for so long until it is picked up: it is waited for, and nothing else is done meanwhile."""

MOMENT = datetime(2022, 6, 1, 10, tzinfo=SHANGHAI)
"""A working day after every transition: whom callers wait for is asked of the plan as it is then."""


class Day(msgspec.Struct, frozen=True):
    """What is planned for, as the command line says it."""

    calls: float
    busy_hour: float
    handle: float
    patience: float
    target: float
    within: float | None
    every: str
    days: int
    seed: int

    def volumes(self) -> tuple[float, ...]:
        """Expected calls by interval.  Raises `UsageError`."""
        try:
            return volumes(self.calls, shape(self.busy_hour / HUNDRED), INTERVALS[self.every])
        except ValueError as fault:
            raise click.UsageError(f"--busy-hour {self.busy_hour:g}: {fault}.") from fault


OPTIONS = (
    click.option("--calls", type=click.FloatRange(1, 1_000_000), default=5_500, show_default=True, help="A day."),
    click.option(
        "--busy-hour", type=float, default=HUNDRED * BUSY_HOUR, show_default=True, help="Its share, per cent."
    ),
    click.option("--handle", type=click.FloatRange(5, 3_600), default=240, show_default=True, help="Talk and wrap-up."),
    click.option("--patience", type=click.FloatRange(5, 3_600), default=90, show_default=True, help="Seconds, mean."),
    click.option("--target", type=click.FloatRange(1, 99.9), default=95, show_default=True, help="Per cent in time."),
    click.option("--within", type=click.FloatRange(1, 600), help="In time: seconds; otherwise as site.yaml says."),
    click.option("--every", type=click.Choice([*INTERVALS]), default="30m", show_default=True, help="Intervals."),
    click.option("--days", type=click.IntRange(1, 400), default=10, show_default=True, help="Simulated, all alike."),
    click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the simulation."),
    AS_JSON,
    click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="A picture: FILE.svg, .png or .pdf."),
)


def planned(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both commands have."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@planned
def staffing(*, as_json: bool, plot: Path | None, **given: Any) -> None:
    """How many agents each interval of a day needs: Erlang C, Erlang A, and what a simulation of the first says.

    The simulation is the engine's own Floor with the skills and relaxations of the city's files.
    """
    day, config = msgspec.convert(given, Day), _city(plot)
    rows = _needed(day, config)
    found = _simulated(day, config, [row.patient for row in rows])
    if as_json:
        in_json.say({"needed": rows, "lived": found, "day": summed(found)})
    else:
        screen().print(_needs(rows, found))
        click.echo(_heads(day, rows, config))
    _drawn(plot, found, rows)


@click.command()
@planned
@click.option("--agents", type=click.IntRange(0, MOST_AGENTS), help="At work all day; or else as `staffing` says.")
@click.option(
    "--staff", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv",
    help="Lines of from,agents: 08:00,45 holds until the next one.",
)  # fmt: skip
def simulate(*, as_json: bool, plot: Path | None, agents: int | None, file: Path | None, **given: Any) -> None:
    """What comes of a day's calls with so many agents, interval by interval, on the engine's own Floor."""
    if agents is not None and file is not None:
        raise click.UsageError("--agents and --staff both say how many are at work: choose one.")
    day, config = msgspec.convert(given, Day), _city(plot)
    if file is not None:
        at_work = _read(file, INTERVALS[day.every])
    elif agents is not None:
        at_work = [agents] * INTERVALS[day.every]
    else:
        at_work = [row.patient for row in _needed(day, config)]
    found = _simulated(day, config, at_work)
    if as_json:
        in_json.say({"lived": found, "day": summed(found)})
    else:
        screen().print(_lives(found))
    _drawn(plot, found, None)


def _city(plot: Path | None) -> Config:
    if plot is not None and plot.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--plot {plot}: its name must end with one of {', '.join(FORMATS)}.")
    try:
        return build(read_sources())
    except ConfigFaults as faults:
        click.echo(render(faults.faults), err=True)
        sys.exit(2)


def _within(day: Day, config: Config) -> float:
    return day.within or config.site.timing.answer_within.total_seconds()


def _needed(day: Day, config: Config) -> tuple[Needed, ...]:
    busy_s = day.handle + RING_MS / 1000
    try:
        return needed(day.volumes(), busy_s, day.patience, day.target / HUNDRED, _within(day, config))
    except ValueError as fault:
        raise click.ClickException(f"{fault}: fewer calls, or shorter ones.") from fault


def _simulated(day: Day, config: Config, staff_: Sequence[int]) -> tuple[Lived, ...]:
    hall = config.site.hall
    people = [each.competences for each in config.site.agents.values() if any(c.pool == hall for c in each.competences)]
    drawn = callers(day.seed, day.days, day.volumes(), mixed(config, MOMENT), day.handle, day.patience)
    wraps_up = msgspec.structs.replace(configured(config.site), wrap_up_ms=0, wrap_ups=(), limits=())  # in `handle`
    fates = simulated(drawn, shifts(staff_, day.days, people), wraps_up, RING_MS)
    return lived(fates, staff_, day.days, round(1000 * _within(day, config)))


def _read(file: Path, intervals: int) -> list[int]:
    """How many are at work in each interval, from a table of changes.  Raises `ClickException`."""
    changes: list[tuple[int, int]] = []
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        for n, row in enumerate(csv.reader(line.replace("\0", " ") for line in lines), 1):
            if not row or (n == 1 and row[0].strip() == "from"):
                continue
            try:
                at = datetime.strptime(row[0].strip(), "%H:%M")  # noqa: DTZ007 - a time of day
                changes.append(((60 * at.hour + at.minute) * intervals // (24 * 60), int(row[1])))
            except (ValueError, IndexError) as fault:
                raise click.ClickException(f"{file}:{n}: {','.join(row)!r} is not like 08:00,45.") from fault
            if not 0 <= changes[-1][1] <= MOST_AGENTS:
                raise click.ClickException(f"{file}:{n}: {row[1].strip()} agents are not 0 to {MOST_AGENTS:,}.")
    if not changes:
        raise click.ClickException(f"{file} says nothing: write lines like 08:00,45.")
    changes.sort()
    return [next((n for at, n in reversed(changes) if at <= each), changes[-1][1]) for each in range(intervals)]


# --- shown


def _needs(rows: Sequence[Needed], found: Sequence[Lived]) -> Table:
    table = _table("from", "calls", "Erlang", "Erlang C", "Erlang A", "in time %", "left %", "ASA s", "busy %")
    for need, row in zip(rows, found, strict=True):
        table.add_row(
            _clock(need.since_ms), f"{need.calls:.0f}", f"{need.load:.1f}", str(need.patient), str(need.impatient),
            *_figures(row),
        )  # fmt: skip
    table.add_row("day", f"{sum(row.calls for row in rows):.0f}", "", "", "", *_figures(summed(found)))
    table.caption = "Erlang C, A: agents needed if callers wait for ever, or leave; then: simulated, with those of C"
    return table


def _lives(found: Sequence[Lived]) -> Table:
    table = _table("from", "agents", "calls", "answered", "left", "in time %", "left %", "ASA s", "busy %")
    for name, row in [*((_clock(row.since_ms), row) for row in found), ("day", summed(found))]:
        counts = (row.agents, row.offered, row.answered, row.abandoned)
        table.add_row(name, *(f"{each:,}" for each in counts), *_figures(row))
    table.caption = "calls: of all the days; in time: of all who called"
    return table


def _heads(day: Day, rows: Sequence[Needed], config: Config) -> str:
    most, hours = max(row.patient for row in rows), sum(row.patient for row in rows) * 24 / len(rows)
    seats = seats_needed(config.site.population)
    text = f"{most} at once at most, {hours:,.0f} agents' hours a day; the population demands {seats} seats"
    return text + (f": {most - seats} too few for {day.target:g} % in time." if most > seats else ".")


def _table(*names: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, caption_justify="left")
    for name in names:
        table.add_column(name, justify="left" if name == "from" else "right", no_wrap=True)
    return table


def _figures(row: Lived) -> tuple[str, str, str, str]:
    shares = [_percent(share) for share in (row.in_time, row.abandonment, row.occupancy)]
    return shares[0], shares[1], "–" if row.asa_s is None else f"{row.asa_s:.1f}", shares[2]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{HUNDRED * share:.1f}"


def _clock(since_ms: int) -> str:
    minutes = since_ms // 60_000
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _drawn(plot: Path | None, found: Sequence[Lived], rows: Sequence[Needed] | None) -> None:
    if plot is None:
        return
    from ivr.commands.planning_plot import draw  # noqa: PLC0415 - half a second of import, for a picture only

    try:
        draw(found, rows, plot)
    except OSError as error:
        raise click.ClickException(f"{plot} cannot be written: {error.strerror}.") from error
    click.echo(f"{plot} is drawn", err=True)
