"""`hotline call-out`: an agent calls somebody outside."""

from urllib.parse import quote

import click

from ivr.commands.switch import controller
from ivr.commands.telephone import NUMBER


@click.command("call-out")
@click.argument("agent")
@click.argument("number", type=NUMBER)
def call_out(agent: str, number: str) -> None:
    """AGENT (工号) calls NUMBER: their phone rings first; which numbers, outbound.allow of site.yaml says."""
    told = controller("POST", f"/agents/{quote(agent, safe='')}/call-out", {"number": number})
    click.echo(f"call {told['call']}: the phone of {agent} rings")
