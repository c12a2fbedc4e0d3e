"""`hotline callbacks`: who is to be called back, and what came of it."""

from typing import Any
from urllib.parse import quote

import click
from rich.console import RenderableType
from rich.text import Text

from ivr.commands.fitted import MINUTE, Fitted, clock, short
from ivr.commands.switch import controller, options, shown, whole
from routing.callbacks import Result


@click.group(invoke_without_command=True)
@options
@click.pass_context
def callbacks(context: click.Context, *, as_json: bool, watch: bool) -> None:
    """Who is to be called back, why and when; with a sub-command, what came of it."""
    if context.invoked_subcommand is None:
        shown("/callbacks", None, _tasks, as_json=as_json, watch=watch)


@callbacks.command()
@click.argument("call")
def number(call: str) -> None:
    """The number to dial; that it was looked at is in the audit log."""
    click.echo(controller("GET", f"{_path(call)}/number")["number"])


@callbacks.command()
@click.argument("call")
@click.argument("result", type=click.Choice([str(result) for result in Result]))
def tried(call: str, result: str) -> None:
    """Somebody has called them: what came of it."""
    click.echo(f"{len(controller('POST', f'{_path(call)}/tried', {'result': result}))} are to be called back")


@callbacks.command()
@click.argument("call")
def settle(call: str) -> None:
    """There is nothing more to do."""
    click.echo(f"{len(controller('POST', f'{_path(call)}/settle', {}))} are to be called back")


@callbacks.command()
@click.argument("agent")
def machine(agent: str) -> None:
    """A machine has answered the call-back in which AGENT (工号) talks, or talked last."""
    left = controller("POST", f"/agents/{quote(agent, safe='')}/machine")
    click.echo(f"{len(left)} are to be called back")


def _path(call: str) -> str:
    return f"/callbacks/{whole(call)}"


def _tasks(now: Any) -> RenderableType:
    if not now:
        return Text("Nobody is to be called back.")
    table = Fitted("call", "caller", "why", "line", "waits since", "due", "first", "tries",
                   drops=("first", "waits since", "caller"), least={"due": 14, "tries": 10})  # fmt: skip
    for task in now:
        table.add_row(
            short(task["call"]), task["caller"], task["why"], task["line"],
            clock(task["first_entry"], MINUTE), _due(task), task["agent"] or "", ", ".join(task["tries"]),
        )  # fmt: skip
    return table


def _due(task: Any) -> str:
    if task["due"]:
        return clock(task["due"], MINUTE)
    return f"a supervisor: {task['barred']}" if task["barred"] else "a supervisor"
