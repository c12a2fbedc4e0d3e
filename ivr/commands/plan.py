"""Commands that read the config and need no running house: `check`, `explain`, `prove`, `diff`, `schema`."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click
from msgspec.structs import replace

from dialplans.render import Settings
from dialplans.render import render as render_dialplan
from ivr.commands import in_json
from ivr.commands.in_json import AS_JSON
from ivr.commands.prompts import faults
from ivr.commands.telephone import CALLER, NUMBER, Telephone
from ivr.edge import voice
from ivr.edge.clock import SystemClock
from ivr.house.settings import (
    ROOT,
    SOURCES,
    applied_config,
    applied_sources,
    city,
    moment,
    read_sources,
    settled,
    state_directory,
)
from ivr.web import openapi, stream
from ivr.web.table import OPERATIONS
from routing import dialplan, prove, schema
from routing import diff as differing
from routing import explain as explaining
from routing.config import Config, ConfigFaults, Mode, attempt, build, render
from routing.hours import parse_moment
from routing.numbers import EMERGENCY
from routing.outward import direct


@click.command("check")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_command(file: Path | None) -> None:
    """Check the configuration, or FILE in the place of the one of its name; every fault at once."""
    sources, name = read_sources(), ""
    if file is not None:
        name = file.name if file.name in sources else "lines.yaml"
        sources[name] = file.read_text(encoding="utf-8", errors="replace")
    state = state_directory(None)
    previous = applied_config(state)
    today = SystemClock().civil()
    now = (moment(previous, None) if previous else None) or today
    built = attempt(sources, voice.lengths(state / "prompts"), previous, now)
    if built.faults:
        said = [replace(fault, file=str(file)) if file and fault.file == name else fault for fault in built.faults]
        click.echo(render(said), err=built.config is None)
    config = built.config
    bad = faults(config, state, city()) if config else []
    click.echo("\n".join(bad), err=True, nl=bool(bad))
    if config is None or bad:
        sys.exit(2)
    settled(state, sources, config, None)
    click.echo(f"{len(config.lines)} lines, {len(config.site.agents)} agents, {len(config.prompts)} prompts: good")


@click.command("explain")
@click.argument("number", type=NUMBER)
@click.option("--at", metavar="TIME", help="As 2021-09-15T09:00, on Shanghai's clock; or: now.")
@click.option(
    "--arrival",
    default=explaining.DIRECT,
    metavar="direct|NUMBER",
    type=Telephone(explaining.DIRECT),
    help="The number that diverted the call to us.",
)
@click.option(
    "--caller", default="", metavar="NUMBER", type=CALLER, help="Who calls: one who is listed is answered otherwise."
)
@AS_JSON
def explain_command(number: str, at: str | None, arrival: str, caller: str, *, as_json: bool) -> None:
    """What a caller of NUMBER hears, where the call goes, and why."""
    config = _config(read_sources())
    try:
        explanation = explaining.explain(config, number, _moment(config, at), arrival, caller)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        in_json.say(explanation)
    else:
        click.echo(explaining.render(explanation))


@click.command("prove")
@AS_JSON
def prove_command(*, as_json: bool) -> None:
    """Walk every number, way of arriving, moment and outcome: nobody who dials is lost, or here is the path."""
    config = _config(read_sources())
    files = render_dialplan(config, SOMEWHERE)
    ours = prove.prove(config)
    asterisk = dialplan.prove(
        files["asterisk/etc/extensions.conf"],
        files["asterisk/etc/queues.conf"],
        config.site.hall,
        {number: {way.trunk for way in direct(config, number)} for number in EMERGENCY},
    )
    if as_json:
        both = {"routes": ours, "dialplan": asterisk}
        in_json.say(both)
    else:
        click.echo(f"{prove.render(ours)}\n{dialplan.render(asterisk)}")
    if not ours.holds or asterisk.broken:
        sys.exit(1)


@click.command("diff")
@click.argument("old")
@click.argument("new")
@AS_JSON
def diff_command(old: str, new: str, *, as_json: bool) -> None:
    """Which numbers change what from OLD to NEW, and when.

    Each is a file, a directory, or `applied`: what the open house follows.  What a file or directory does not hold is
    as it stands in this city's.
    """
    found = differing.diff(_config(_sources(old)), _config(_sources(new)))
    if as_json:
        in_json.say(found)
    else:
        click.echo(differing.render(found))


@click.command("schema")
@click.option("--test", "only_test", is_flag=True, help="Write nothing; exit 1 when a file is not up to date.")
def schema_command(*, only_test: bool) -> None:
    """Write the JSON Schemas by which editors know the fields of the configuration files, and those of the HTTP API."""
    written = {city() / "config" / name: schema.encode(made) for name, made in schema.schemas().items()}
    written[ROOT / "docs" / "openapi.json"] = openapi.encode(openapi.document(OPERATIONS))
    written[ROOT / "docs" / "stream.schema.json"] = openapi.encode(stream.schema())
    for path, text in written.items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            click.echo(f"{path} is up to date")
        elif only_test:
            raise click.ClickException(f"{path} is not up to date: hotline schema")
        else:
            path.write_text(text, encoding="utf-8")
            click.echo(f"{path} is written")


def _sources(where: str) -> dict[str, str]:
    """The sources that a word of the command line means."""
    if where == "applied":
        return applied_sources(state_directory(None))
    path, sources = Path(where), read_sources()
    if path.is_dir():
        places = {name: [path / name, path / folder / name] for name, folder in SOURCES.items()}
        found = {name: place for name, two in places.items() for place in two if place.is_file()}
    else:
        found = {path.name if path.name in sources else "lines.yaml": path}
    if not found:
        raise click.ClickException(f"there is none of {', '.join(SOURCES)} in {where}.")
    try:
        return sources | {name: place.read_text(encoding="utf-8", errors="replace") for name, place in found.items()}
    except OSError as error:
        raise click.ClickException(f"{where} cannot be read: {error.strerror or error}.") from error


SOMEWHERE = Settings(
    state="state",
    modules="modules",
    data="data",
    python="python",
    survival="survival",
    ari_password="",
    town_password="",
)
"""The dialplan's shape is the same on every machine; only paths differ."""


def _config(sources: Mapping[str, str]) -> Config:
    """The config, or every fault of it and the end."""
    try:
        return build(sources)
    except ConfigFaults as faults:
        click.echo(render(faults.faults), err=True)
        sys.exit(2)


def _moment(config: Config, at: str | None) -> datetime:
    """The moment asked about: the rehearsed one where the demo lives, unless another is named."""
    if at is None and config.site.mode is Mode.DEMO and config.site.rehearsal is not None:
        return config.site.rehearsal
    if at is None or at == "now":
        return SystemClock().civil()
    try:
        return parse_moment(at)
    except ValueError as error:
        raise click.BadParameter(f"{at!r} is no moment: write it as 2021-09-15T09:00", param_hint="--at") from error
