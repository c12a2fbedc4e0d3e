"""`hotline nuisance`: the numbers that agents have marked, and what a supervisor says of them."""

from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from ivr.commands.fitted import MINUTE, Fitted, clock, short
from ivr.commands.switch import controller, options, shown, whole


@click.group(invoke_without_command=True)
@options
@click.pass_context
def nuisance(context: click.Context, *, as_json: bool, watch: bool) -> None:
    """The numbers that agents have marked as a nuisance; with a sub-command, what a supervisor says of one."""
    if context.invoked_subcommand is None:
        shown("/nuisances", None, _cases, as_json=as_json, watch=watch)


@nuisance.command()
@click.argument("call")
def number(call: str) -> None:
    """The number itself; that it was looked at is in the audit log."""
    click.echo(controller("GET", f"{_path(call)}/number")["number"])


def _saying(name: str, does: str) -> None:
    @nuisance.command(name, help=does)
    @click.argument("call")
    def run(call: str) -> None:
        left = controller("POST", f"{_path(call)}/{name}", {})
        waiting = sum(case["until"] is None for case in left)
        click.echo(f"{waiting} wait for a supervisor, {len(left) - waiting} are slowed")


for _name, _does in (
    ("confirm", "The number waits longer from now on, until this expires; it always reaches a person."),
    ("dismiss", "It was no nuisance: forget the mark."),
    ("lift", "Slow a confirmed number no longer."),
):
    _saying(_name, _does)


def _path(call: str) -> str:
    return f"/nuisances/{whole(call)}"


def _cases(now: Any) -> RenderableType:
    if not now:
        return Text("No number is marked.")
    table = Fitted("call", "caller", "marks", "by", "first", "last", "slowed until", "confirmed by",
                   drops=("first", "confirmed by", "by", "last"), least={"by": 10, "confirmed by": 12})  # fmt: skip
    for case in now:
        until = clock(case["until"], MINUTE) if case["until"] else "to be looked at"
        table.add_row(
            short(case["call"]), case["caller"], str(len(case["calls"])), ", ".join(case["agents"]),
            clock(case["marked"], MINUTE), clock(case["last"], MINUTE), until, case["by"],
        )  # fmt: skip
    return table
