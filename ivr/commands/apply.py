"""Commands that change an open house over to another configuration, and look at those before: `reload`, `history`."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from ivr.commands import in_json
from ivr.commands.fitted import Fitted
from ivr.commands.in_json import AS_JSON
from ivr.commands.prompts import faults
from ivr.commands.switch import OWN_CLOCK
from ivr.edge import voice
from ivr.edge.applied import History, Version, user
from ivr.edge.clock import SystemClock
from ivr.edge.processes import give_way
from ivr.edge.screen import screen
from ivr.errors import Trouble
from ivr.house import applying
from ivr.house.house import House
from ivr.house.settings import read_sources, state_directory
from routing import diff as differing
from routing.config import Config, attempt, render
from routing.config.errors import news
from routing.hours import SHANGHAI
from routing.ids import Instant
from routing.text_diff import unified


@click.command("reload")
@click.option("--who", default="", help="Who applies it, for the history; by default the user who types this.")
@click.option(
    "--to", type=click.IntRange(min=1), help="Go back to version N of the history; the files stay as they are."
)
def reload_command(who: str, to: int | None) -> None:
    """Apply the edited files to the open house; a file with a fault changes nothing.

    Calls in progress and waiting keep what they began with; calls that come follow the new file.
    """
    try:
        house = applying.opened(state_directory(None))
        give_way()
        history = History(house.settings.state)
        sources = read_sources(house.settings.city) if to is None else history.sources(to)
        config = _checked(sources, house)
        how = "reload" if to is None else f"reload --to {to}"
        outcome = asyncio.run(applying.reload(house, sources, config, who or user(), how))
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or error}: {error.strerror}: mend that, then reload again"
        ) from error
    click.echo(_told(outcome))
    if to is not None:
        folder = history.folder(to)
        click.echo(f"The files in {house.settings.city} are as they were: the next start or reload follows them again.")
        click.echo(f"To keep version {to}, copy its files from {folder}.")


def _checked(sources: Mapping[str, str], house: House) -> Config:
    """The config, or every fault on the screen and exit code 2; a number that has been cancelled stays so.

    What was to be looked at in the configuration that is applied is not said again: a warning that always shows is not
    read.  `hotline check` says all.
    """
    at, lengths = house.settings.at, voice.lengths(house.settings.state / "prompts")
    now = (SystemClock(at, Instant(house.since_ms)) if at else SystemClock()).civil()
    built = attempt(sources, lengths, house.settings.config, now)
    found = news(built.faults, attempt(house.settings.sources, lengths).faults) if built.faults else ()
    if found:
        click.echo(render(found), err=built.config is None)
    bad = faults(built.config, house.settings.state, house.settings.city) if built.config else []
    click.echo("\n".join(bad), err=True, nl=bool(bad))
    if built.config is None or bad:
        click.echo("Nothing was changed.", err=True)
        sys.exit(2)
    return built.config


def _told(outcome: applying.Outcome) -> str:
    """What became of it, a line each."""
    number = outcome.version.number
    said = [f"Version {number} is applied." if outcome.is_new else f"Nothing differs from version {number}."]
    if outcome.is_new:
        said.append(f"hotline history {number} shows what it changes.")
    if outcome.lives_on:
        said.append(f"{outcome.lives_on} calls in progress keep what they began with.")
    said += [f"read again: {what}" for what in outcome.reloaded]
    said += [f"counts only from the next start: {what}" for what in outcome.later]
    return "\n".join(said)


@click.command("history")
@click.argument("number", required=False, type=click.IntRange(min=1))
@AS_JSON
def history_command(number: int | None, *, as_json: bool) -> None:
    """The configurations that were applied; with NUMBER, what that one changed."""
    state = state_directory(None)
    history = History(state)
    versions = history.versions()
    if number is not None:
        click.echo(_difference(history, number), nl=False)
    elif as_json:
        in_json.say(versions)
    elif not versions:
        click.echo(f"Nothing was ever applied in {state}.")
    else:
        screen().print(_listed(history, versions))
        if _is_rehearsed(state):
            click.echo(f"{OWN_CLOCK}; the house rehearses another moment: hotline status")


def _listed(history: History, versions: list[Version]) -> Fitted:
    table = Fitted("version", "when", "who", "how", "lines of text", least={"who": 10})
    before: Mapping[str, str] = {}
    for version in versions:
        sources = history.sources(version.number)
        lines = list(_lines(before, sources, 0))
        more, less = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        at = datetime.fromisoformat(version.at).astimezone(SHANGHAI)
        table.add_row(str(version.number), f"{at:%Y-%m-%d %H:%M:%S}", version.who, version.how, f"+{more} -{less}")
        before = sources
    return table


def _is_rehearsed(state: Path) -> bool:
    """Whether the house that is open there lives at another moment than now."""
    try:
        return applying.opened(state).settings.at is not None
    except Trouble:
        return False


def _difference(history: History, number: int) -> str:
    """What the version changed for callers, where both can still be read, and in the texts."""
    sources = history.sources(number)
    before = history.sources(number - 1) if number > 1 else {}
    texts = "".join(_lines(before, sources, 3, f"version {number - 1}", f"version {number}"))
    one, other = attempt(before).config, attempt(sources).config
    return f"{differing.render(differing.diff(one, other))}\n\n{texts}" if one and other else texts


def _lines(
    before: Mapping[str, str], after: Mapping[str, str], context: int, one: str = "", other: str = ""
) -> list[str]:
    """A unified diff of all files; without names, only lines that came and went."""
    found: list[str] = []
    for name in sorted({*before, *after}):
        if before.get(name) == after.get(name):
            continue
        if one:
            found += [f"--- {name} ({one})\n", f"+++ {name} ({other})\n"]
        old, new = (each.get(name, "").splitlines(keepends=True) for each in (before, after))
        found += [line if line.endswith("\n") else f"{line}\n" for line in unified(old, new, context)]
    return found
