"""`hotline experts`: who of which industry can be called now, and when the others can."""

from typing import Any

import click
from rich.console import RenderableType

from ivr.commands.fitted import Fitted
from ivr.commands.switch import options, shown


@click.command()
@options
def experts(*, as_json: bool, watch: bool) -> None:
    """The experts of each industry, in the turn in which they are called: who is on duty, and when the others are."""
    shown("/experts", None, _rosters, as_json=as_json, watch=watch)


def _rosters(now: Any) -> RenderableType:
    table = Fitted("industry", "expert", "name", "on duty", "hours", "dates",
                   drops=("dates",), least={"name": 10, "hours": 20})  # fmt: skip
    for industry in now:
        for expert in industry["experts"]:
            since = expert["next"] or "never again"
            duty = "now" if expert["on_duty"] else since[:16].replace("T", " ")
            table.add_row(
                industry["industry"], expert["expert"], expert["name"], duty, expert["hours"], expert["dates"]
            )
    return table
