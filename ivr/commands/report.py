"""`hotline report`: the figures of a period as tables, JSON, CSV or a picture."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ivr.commands import in_json
from ivr.commands.switch import controller
from ivr.edge.screen import screen
from ivr.facts import WORDS
from ivr.figures import AgentTimes, Figures
from ivr.web.reports import By
from routing.windows import Every

Row = Mapping[str, Any]
Format = Callable[[Any], str]

SUMS = tuple(field.name for field in msgspec.structs.fields(Figures) if field.type is int)
"""The amounts; what follows them are shares and times."""

FORMATS = (".png", ".svg", ".pdf")


@click.command()
@click.option("--from", "since", default="", metavar="MOMENT", help="2021-09-15, or with T09:00; by default midnight.")
@click.option("--to", "until", default="", metavar="MOMENT", help="Up to this moment, without it; by default now.")
@click.option("--by", type=click.Choice([str(each) for each in By]), help="Told apart by.")
@click.option("--every", type=click.Choice([str(each) for each in Every]), help="In windows of this length.")
@click.option("--rolling", is_flag=True, help="Every 5 minutes, the 24 hours that end there.")
@click.option("--json", "as_json", is_flag=True, help="Every figure, as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Every figure, one row a window, as CSV.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="A picture: FILE.svg, .png or .pdf.")
def report(  # noqa: PLR0913 - so many options
    *, since: str, until: str, by: str | None, every: str | None, rolling: bool, as_json: bool, as_csv: bool,
    plot: Path | None,
) -> None:  # fmt: skip
    """The figures of a period: connection rates, service levels, waits; docs/metrics.md says what each means."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two ways to print the same: choose one.")
    if plot is not None and plot.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--plot {plot}: its name must end with one of {', '.join(FORMATS)}.")
    asked = {"from": since, "to": until, "by": by, "every": every, "rolling": "true" if rolling else None}
    found = controller("GET", "/report", {name: value for name, value in asked.items() if value})
    if as_json:
        in_json.say(found)
    elif as_csv:
        click.echo(as_text(found), nl=False)
    else:
        screen().print(shown(found))
    if plot is not None:
        from ivr.commands.plot import draw  # noqa: PLC0415 - half a second of import, for a picture only

        try:
            draw(found, plot)
        except OSError as error:
            raise click.ClickException(f"{plot} cannot be written: {error.strerror}.") from error
        click.echo(f"{plot} is drawn", err=True)


def as_text(found: Row) -> str:
    """CSV: one row a window and key, agents' own times beside it."""
    names = [*Figures.__struct_fields__, *(AgentTimes.__struct_fields__[2:] if found["by"] == By.AGENT else ())]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: row.get(name) for name in names} for row in merged(found))
    return text.getvalue()


def merged(found: Row) -> list[Row]:
    """The rows, each agent's times in theirs; one who was there and took no call has a row too."""
    times = {(each["since"], each["agent"]): each for each in found["agents"]}
    rows = [{**row, **times.pop((row["since"], row["key"]), {})} for row in found["rows"]]
    idle = [{**dict.fromkeys(SUMS, 0), "key": each["agent"], **each} for each in times.values()]
    return sorted([*rows, *idle], key=lambda row: (row["since"], row["key"]))


def shown(found: Row) -> RenderableType:
    """As tables: all figures of a single row, the chief ones of several."""
    rows = merged(found)
    title = f"{_day(found['from'])} – {_day(found['to'])}"
    if not rows:
        return Text(f"{title}: no call has come in.")
    if len(rows) == 1 and not found["by"]:
        return Group(_sheet(title, rows[0]), *_lowest(found))
    columns = _OF.get(found["by"], _COLUMNS)
    return Group(_list(title, found, rows, columns), *_lowest(found))


def _sheet(title: str, row: Row) -> Table:
    table = Table("figure", "value", title=title, title_justify="left", box=SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for name in Figures.__struct_fields__[3:]:
        if row[name] or name not in SUMS or name in {"offered", "answered"}:
            table.add_row(name, _format(name)(row[name]))
    return table


def _list(title: str, found: Row, rows: Sequence[Row], columns: Mapping[str, str]) -> Table:
    """A column in which nothing stands but zeros is left out, unless it is a chief one."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    shown_ = {name: head for name, head in columns.items() if name in _CHIEF or any(row.get(name) for row in rows)}
    table.caption = _CAPTION if columns is _COLUMNS else None
    in_windows = bool(found["every"] or found["rolling"])
    if in_windows:
        table.add_column("until" if found["rolling"] else "from", no_wrap=True)
    if found["by"]:
        table.add_column(found["by"], no_wrap=True)
    for head in shown_.values():
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        cells = [_brief(name, row.get(name)) for name in shown_]
        key = [_named(found["by"], row["key"])] if found["by"] else []
        at = [_moment(row["until" if found["rolling"] else "since"])] if in_windows else []
        table.add_row(*at, *key, *cells)
    return table


def _named(by: str, key: str) -> str:
    """A disposition as agents know it: declined/petition is 不受理/已进入信访渠道."""
    words = [_WORDS.get(each, each) for each in key.split("/")] if by == By.DISPOSITION else [key]
    return "/".join(words) or "none"


def _lowest(found: Row) -> list[RenderableType]:
    """What the day hides: the worst 24 hours that end in the period."""
    names = {"lowest_connection": "connection_rate", "lowest_service_level": "service_level_since_answer"}
    return [
        Text(f"lowest {name} in any 24 hours: {_share(found[worst][name])}, until {_moment(found[worst]['until'])}")
        for worst, name in names.items()
        if found[worst] is not None
    ]


_COLUMNS = {
    "offered": "offered",
    "answered": "answered",
    "abandoned": "left",
    "refused": "refused",
    "missed": "missed",
    "transferred": "transf.",
    "survival": "surv.",
    "survival_nobody": "to none",
    "in_progress": "now",
    "connection_rate": "conn. %",
    "service_level_since_answer": "15 s %",
    "service_level_since_prompt_end": "usual %",
    "asa_since_answer": "ASA s",
    "mean_talk": "talk s",
    "mean_handle": "AHT s",
}

_CAPTION = (
    "surv., to none: survival, survival_nobody; conn.: connection_rate; 15 s: service_level_since_answer; "
    "usual: service_level_since_prompt_end"
)

_AGENTS = {
    "answered": "answered",
    "handled": "handled",
    "offers": "offers",
    "not_answered": "RONA",
    "rejected": "reject.",
    "mean_talk": "talk s",
    "mean_wrap_up": "after s",
    "mean_handle": "AHT s",
    "signed_in": "signed in",
    "paused": "paused",
    "occupancy": "occup. %",
    "satisfaction_rate": "satisf. %",
}

_DISPOSITIONS = {
    "offered": "calls",
    "answered": "answered",
    "mean_talk": "talk s",
    "mean_handle": "AHT s",
    "satisfaction_rate": "satisf. %",
}

_OF = {By.AGENT: _AGENTS, By.DISPOSITION: _DISPOSITIONS}
"""What calls are told apart by, and the columns then."""

_CHIEF = frozenset({"offered", "answered", "connection_rate", "service_level_since_answer", "signed_in", "occupancy"})

_WORDS = {str(word): chinese for word, chinese in WORDS.items()}

_HOURS = frozenset(field.name for field in msgspec.structs.fields(AgentTimes) if field.type is float)


def _format(name: str) -> Format:
    if name in SUMS or name in {"offers", "not_answered", "rejected"}:
        return lambda value: "" if value is None else f"{value:,}"
    if name in _HOURS:
        return _span
    return _share if "_rate" in name or name.startswith("service_level") or name == "occupancy" else _seconds


def _brief(name: str, value: float | None) -> str:
    """For a table: the unit stands above."""
    if name in SUMS or name in _HOURS or value is None:
        return _format(name)(value)
    return f"{100 * value:.1f}" if _format(name) is _share else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _span(value: float | None) -> str:
    seconds = round(value or 0)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%m-%d %H:%M}"
