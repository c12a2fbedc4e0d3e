"""`hotline call NUMBER`: dial as a citizen of the demo town, and see what the caller lived through; `hotline town`."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import msgspec
from rich.table import Table

from dialplans.transports import on_this_machine
from ivr.commands.telephone import CALLER, MAYBE, NUMBER
from ivr.edge import probe
from ivr.edge.screen import screen
from ivr.edge.secrets import Secrets
from ivr.errors import Trouble
from ivr.house.settings import applied, state_directory
from ivr.town.citizen import AGENT, Moment, NoTown, Timeline, Visit, place_call
from ivr.town.recognise import PEOPLE
from ivr.town.transactions import Address
from routing.config import Config
from routing.hours import SHANGHAI, parse_moment
from routing.prompts import agent_number, file_of

WORDS = {
    "dialled": "[bold]dials[/bold] {name}",
    "ringing": "hears it ring",
    "answered": "[green]answered[/green]",
    "prompt": "hears [cyan]{name}[/cyan]",
    "music": "hears music ({name})",
    "person": "[bold green]talks to {person}[/bold green]",
    "menu": "hears the menu of [cyan]{person}[/cyan]",
    "sound": "hears something else (a voice, a tone)",
    "hung up": "the {name} hangs up",
    "not answered": "[red]not answered[/red]: {name}",
}


BEHAVIOURS = ("answer", "no-answer", "busy", "release", "reject", "unreachable")
"""What a centre of the town can be told to do; see dialplans/town/extensions.conf.j2."""

ANSWER_WITHIN_S = 5.0
STAY = click.FloatRange(0, 3600)


def rendered(timeline: Timeline) -> Table:
    """The timeline as a table."""
    table = Table(title=f"A citizen dials {timeline.dialled}", title_justify="left")
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column("the citizen")
    for moment in timeline.moments:
        table.add_row(f"{moment.at_s:.1f} s", f"{moment.lasted_s:.1f} s" if moment.lasted_s else "", _line(moment))
    return table


def _line(moment: Moment) -> str:
    words = WORDS[moment.what].format(name=moment.name, person=_somebody(moment.name.removeprefix(PEOPLE)))
    return f"{words} [yellow](cut off)[/yellow]" if moment.cut_off and moment.what == "prompt" else words


def _somebody(name: str) -> str:
    """An agent, a seat or a target, in words."""
    return f"agent {name.removeprefix(AGENT)}" if name.startswith(AGENT) else name


def summary(timeline: Timeline) -> str:
    """One line on who was reached, and where the sound is."""
    if not timeline.answered:
        return f"Not answered (SIP {timeline.status})."
    reached = f"Reached {_somebody(timeline.reached)}." if timeline.reached else "No person was reached."
    silence = f" Longest silence {timeline.longest_silence_s:.1f} s."
    return reached + silence + (f" Heard: {timeline.audio}" if timeline.audio else "")


@click.command()
@click.argument("number", type=NUMBER)
@click.option("--at", default="", metavar="TIME", help="The moment the call pretends to, as 2021-09-15T09:00; or: now.")
@click.option("--caller", default="", type=CALLER, help="The caller's own number; or: anonymous.")
@click.option("--diversion", default="", type=MAYBE, help="A number dialled first, and forwarded to NUMBER.")
@click.option("--stay", default=30.0, show_default=True, type=STAY, help="Seconds to stay after the answer.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Where to save what was heard.")
@click.option("--json", "as_json", is_flag=True, help="The timeline as JSON.")
def call(number: str, at: str, caller: str, diversion: str, stay: float, save: Path | None, *, as_json: bool) -> None:
    """Place a real call from the demo town to NUMBER and print its timeline."""
    visit = Visit(number=number, stay_for=timedelta(seconds=stay), at=_moment(at), caller=caller, diversion=diversion)
    try:
        state = state_directory(None)
        _, config = applied(state)
        timeline = asyncio.run(
            place_call(
                visit,
                town=town_address(state),
                secret=Secrets(state / "secrets").get("citizen"),
                prompts=state / "prompts",
                pieces=_in_pieces(config, (number, diversion)),
                seats=config.site.seats,
                save_to=save or state / "town" / f"heard-{_plain(number)}.wav",
            )
        )
    except NoTown as problem:
        raise click.ClickException(str(problem)) from problem
    except OSError as problem:
        where = f"{problem.filename} cannot be written: " if problem.filename else ""
        raise click.ClickException(f"{where}{problem.strerror or problem}.") from problem
    if as_json:
        click.echo(msgspec.json.encode(timeline).decode())
    else:
        console = screen()
        console.print(rendered(timeline))
        console.print(summary(timeline), soft_wrap=True, markup=False, highlight=False)  # its path is copied whole
    sys.exit(0 if timeline.answered else 1)


@click.command()
@click.argument("target")
@click.argument("behaviour", type=click.Choice(BEHAVIOURS))
def town(target: str, behaviour: str) -> None:
    """Let TARGET of the demo town (agriculture: the centre of 12316) answer from now on, or fail in one of its ways."""
    try:
        state = state_directory(None)
        port = int(_open_demo(state)["ports"]["town_ari"])
        known = _known(target, applied(state)[1])
        query = urlencode({"variable": f"TOWN_{known.replace('-', '_')}", "value": behaviour})
        url = f"http://127.0.0.1:{port}/ari/asterisk/variable?{query}"
        password = Secrets(state / "secrets").get("town-password")
        asyncio.run(probe.post(url, within=ANSWER_WITHIN_S, user="town", password=password))
    except OSError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"{target}: {behaviour}")


def _known(target: str, config: Config) -> str:
    """Raises `Trouble` when there is no such target."""
    experts = [one.id for industry in config.site.experts.values() for one in industry.roster]
    targets = [*config.site.targets, *experts]
    if target not in targets:
        raise Trouble(f"{target!r} is no target of site.yaml: there is {', '.join(targets)}.")
    return target


def _in_pieces(config: Config, dialled: Iterable[str]) -> dict[str, list[str]]:
    """The prompts of the numbers, and those of agents, that are said in several sounds, by their files."""
    numbers = {config.site.numbering.normalise(number) for number in dialled if number}
    agents = {agent_number(agent) for agent in config.site.agents}
    mine = (
        prompt for prompt in config.prompts.values() if prompt.id in agents or prompt.id.rpartition("-")[2] in numbers
    )
    return {prompt.id: [file_of(sound) for sound in prompt.pieces] for prompt in mine if prompt.pieces}


def _plain(number: str) -> str:
    return "".join(character for character in number if character.isalnum()) or "number"


def _moment(at: str) -> str:
    """What X-Hotline-At says: empty for the moment at which the house lives."""
    if at == "now":
        return datetime.now(SHANGHAI).isoformat(timespec="seconds")
    try:
        return parse_moment(at).isoformat() if at else ""
    except ValueError as error:
        raise click.BadParameter(f"{at!r} is no moment: write it as 2021-09-15T09:00", param_hint="--at") from error


def town_address(state: Path) -> Address:
    """Where the town of the running house takes calls.  Raises `Trouble`."""
    house = _open_demo(state)
    return on_this_machine(house["bind"]), int(house["ports"]["town_sip"])


def _open_demo(state: Path) -> Mapping[str, Any]:
    """What the running house says of itself.  Raises `Trouble` where none is open, or none that has a town."""
    try:
        house: dict[str, Any] = msgspec.json.decode((state / "house.json").read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Trouble(f"no house is open in {state}: start it with scripts/run.") from error
    if house["mode"] != "demo":
        raise Trouble(f"the house in {state} is in production: it has no town to call from.")
    return house
