"""Commands on seats and staff: planning, and the PINs by which agents sign in at a phone.  PINs are printed once."""

from typing import Any
from urllib.parse import quote

import click
from rich.console import Group, RenderableType
from rich.text import Text

from ivr.commands.fitted import Fitted
from ivr.commands.switch import agents, controller, options, shown


@click.command()
@options
def seats(*, as_json: bool, watch: bool) -> None:
    """The seats: how many the population demands, whose they are, who sits there now."""
    shown("/seats", None, _seats, as_json=as_json, watch=watch)


@click.command()
@options
def staff(*, as_json: bool, watch: bool) -> None:
    """The agents: where each belongs, where they sit, and who has a PIN."""
    shown("/staff", None, _staff, as_json=as_json, watch=watch)


@agents.command("pin")
@click.argument("agent")
@click.option("--type-it", "is_typed", is_flag=True, help="Ask for the PIN; otherwise one is made.")
def pin(agent: str, *, is_typed: bool) -> None:
    """Another PIN for AGENT, shown this once; the old one counts no more, and it is locked no more."""
    given = {"pin": click.prompt("PIN", hide_input=True, confirmation_prompt=True)} if is_typed else {}
    made = _given(agent, given)
    click.echo(f"{made['agent']} {made['name']}: the PIN is changed." if is_typed else _line(made))


@agents.command("pins")
def pins() -> None:
    """A PIN for every agent who has none, shown this once: a line each, 工号, name, PIN, with tabs between."""
    for each in controller("GET", "/staff"):
        if not each["has_pin"]:
            click.echo(_line(_given(each["agent"], {})))


def _given(agent: str, given: dict[str, str]) -> Any:
    return controller("POST", f"/agents/{quote(agent, safe='')}/pin", given)


def _line(made: Any) -> str:
    return f"{made['agent']}\t{made['name']}\t{made['pin']}"


def _seats(now: Any) -> RenderableType:
    table = Fitted("seat", "kind", "pool", "assigned", "sits there", "phone", drops=("kind",))
    phones = {True: "registered", False: "not there", None: "?"}
    for each in now["seats"]:
        table.add_row(
            each["seat"], each["kind"], each["pool"] or "", ", ".join(each["assigned"]), each["agent"] or "",
            phones[each["is_registered"]],
        )  # fmt: skip
    summary = f"{now['population']:,} residents demand {now['demanded']} seats in the hall; it has {now['in_hall']}"
    return Group(Text(f"{summary}, and {now['extra']} stand elsewhere"), table)


def _staff(now: Any) -> RenderableType:
    table = Fitted("工号", "name", "pools", "belongs at", "sits at", "state", "PIN", least={"name": 10, "pools": 12})
    for each in now:
        table.add_row(
            each["agent"], each["name"], ", ".join(each["pools"]), each["assigned"] or "", each["seat"] or "",
            each["state"], "given" if each["has_pin"] else "none",
        )  # fmt: skip
    return table
