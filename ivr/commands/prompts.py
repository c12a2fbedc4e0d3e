"""Commands about what callers hear: `prompts`, `prompts render`; and the faults of sounds, for `check` and `reload`."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ivr.commands import in_json
from ivr.commands.fitted import Fitted
from ivr.commands.in_json import AS_JSON
from ivr.edge.screen import screen
from ivr.edge.sounds import NONE, Piece, listen, told
from ivr.house.applying import make_prompts
from ivr.house.house import House
from ivr.house.report import Report
from ivr.house.settings import Settings, read, state_directory
from routing import prompts as said
from routing.config import Config, ConfigFaults, render
from routing.estimate import ANNOUNCEMENTS
from routing.ids import PromptId
from routing.numbers import EMERGENCY
from routing.prompts import file_of, words

NAMED = 3
"""Lines that are named as users of a prompt; of more, how many."""


def faults(config: Config, state: Path, city: Path) -> list[str]:
    """What is wrong with the sounds that there are, a line each; a prompt that was never made has none yet."""
    return told(listen(config.prompts.values(), state / "prompts", city / "recordings"))


@click.group("prompts", invoke_without_command=True)
@AS_JSON
@click.pass_context
def prompts_command(context: click.Context, *, as_json: bool) -> None:
    """Every prompt: its length and loudness, recorded or synthetic, where it is used, its text; exit 2 for a fault."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    pieces = list(listen(settings.config.prompts.values(), settings.state / "prompts", settings.city / "recordings"))
    if as_json:
        in_json.say(_values(settings.config, pieces))
    else:
        screen().print(_listed(settings.config, pieces))
        bad = told(pieces)
        silent = sum(piece.origin == NONE for piece in pieces)
        if silent:
            click.echo(f"{silent} have no sound yet: hotline prompts render, a reload or a start makes it.")
        click.echo("\n".join(bad), nl=bool(bad))
    if any(piece.faults for piece in pieces):
        sys.exit(2)


@prompts_command.command("render")
def render_command() -> None:
    """Make the sound of every prompt that has none, or whose text or recording has changed."""
    settings = _settings()
    report = Report()
    with report.step("Prompts") as say:
        made = asyncio.run(make_prompts(House(settings, report), say))
        say.result = f"{len(made)} in {settings.state / 'prompts'}"


def _settings() -> Settings:
    """The files as they are now, and the state directory."""
    try:
        return read(state_directory(None), None)
    except ConfigFaults as found:
        click.echo(render(found.faults), err=True)
        sys.exit(2)


def _values(config: Config, pieces: list[Piece]) -> list[dict[str, Any]]:
    used = uses(config)
    return [
        {
            "id": piece.id,
            "text": _text(config, piece.id),
            "origin": piece.origin,
            "ms": piece.sound.ms if piece.sound else None,
            "dbfs": piece.sound.dbfs if piece.sound else None,
            "used": used.get(piece.id, ()),
            "faults": piece.faults,
        }
        for piece in pieces
    ]


def _listed(config: Config, pieces: list[Piece]) -> Fitted:
    table = Fitted(
        *("prompt", "length", "dBFS", "sound", "used by", "text"),
        drops=("dBFS", "used by"), least={"prompt": 24, "used by": 16, "text": 34}, right=("length", "dBFS"),
    )  # fmt: skip
    used = uses(config)
    for piece in pieces:
        length, level = (f"{piece.sound.ms / 1000:.1f} s", f"{piece.sound.dbfs:.0f}") if piece.sound else ("", "")
        who = used.get(piece.id, ())
        shown = ", ".join(who) if len(who) <= NAMED else f"{', '.join(who[:NAMED])} and {len(who) - NAMED} more"
        origin = f"{piece.origin} !" if piece.faults else piece.origin
        table.add_row(piece.id, length, level, origin, shown, _text(config, piece.id))
    return table


def _text(config: Config, sound: PromptId) -> str:
    """What is said, and for a piece the name that its recording would have."""
    said_ = words(sound)
    return config.prompts[sound].text if said_ is None else f"{said_} ({file_of(sound)})"


def uses(config: Config) -> Mapping[PromptId, tuple[str, ...]]:
    """Prompt, or piece of prompts -> the lines, agents or occasions for which it is said."""
    found: dict[PromptId, list[str]] = {}
    hall = config.site.number
    for number, line in config.lines.items():
        of_line = (said.greeting(line, hall), said.transition(line), said.cancelled(line), said.transfer(line))
        for prompt in (*of_line, said.closed(line), said.whisper(line)):
            found.setdefault(prompt, []).append(number)
    for agent in config.site.agents.values():
        found[said.agent_number(agent.id)] = ["agents of ranges"] if agent.in_range else [f"agent {agent.id}"]
        found[said.named(agent.id)] = ["seats' phones"]
    found |= {each: ["seats' phones"] for each in config.prompts if each.startswith("seat-")}
    found |= {said.emergency(number): [f"sent to us for {number}"] for number in sorted(EMERGENCY)}
    found |= {said.RETURN_HALL: ["targets"], said.RETURN_NEXT: ["targets"]}
    found |= {said.SURVIVAL_SORRY: ["survival"], said.SURVIVAL_NOBODY: ["survival"]}
    found |= {said.SURVEY: ["survey"], said.SURVEY_THANKS: ["survey"], said.POOL_CLOSED: ["pools that close"]}
    found |= {said.SILENT_CALL: ["silent calls"], said.WARNING: ["nuisances"]}
    found |= {said.CALLING_OUT_NOTICE: ["calls of agents"], said.CALLBACK_NOTICE: ["who is called back"]}
    found |= {said.WHISPER_CALLBACK: ["who is called back"], said.CALLBACK_PROMISE: ["who is called back"]}
    found |= {each: ["who waits"] for each in (said.CALLBACK_OFFER, said.OVERFLOWING, said.VOICEMAIL)}
    found |= {said.RETURN_QUEUE: ["who waits"]}
    found |= {said.unanswered(number): ["emergency desks that do not answer"] for number in sorted(EMERGENCY)}
    found |= {each: ["who waits"] for each in ANNOUNCEMENTS}
    used = {prompt: tuple(who) for prompt, who in found.items() if prompt in config.prompts}
    pieces: dict[PromptId, dict[str, None]] = {}
    for prompt, who in used.items():
        for piece in config.prompts[prompt].pieces:
            pieces.setdefault(piece, {}).update(dict.fromkeys(who))
    return used | {piece: tuple(who) for piece, who in pieces.items()}
