"""Commands about a conversation: `hotline talk hold 1001`, `hotline talk consult 1001 --target water`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import click

from ivr.commands.switch import controller
from ivr.commands.telephone import MAYBE


@click.group()
def talk() -> None:
    """What an agent does in a conversation; AGENT is the 工号 of whoever asks."""


@talk.command()
@click.argument("agent")
def show(agent: str) -> None:
    """Who is in the conversation, and what each does."""
    _show(controller("GET", _path(agent)))


def _plain(name: str, does: str) -> None:
    @talk.command(name, help=does)
    @click.argument("agent")
    def run(agent: str) -> None:
        _show(controller("POST", f"{_path(agent)}/{name}"))


def _bringing(name: str, does: str) -> None:
    @talk.command(name, help=does)
    @click.argument("who", metavar="AGENT")
    @click.option("--agent", default="", help="Another agent, by 工号; must be ready.")
    @click.option("--pool", default="", help="Any agent of a pool.")
    @click.option("--skill", default="", help="With --pool: who has this skill.")
    @click.option("--language", default="", help="With --pool: who speaks this language is asked first.")
    @click.option("--target", default="", help="A target of site.yaml.")
    @click.option("--expert", default="", help="An expert of this industry who is on duty: `hotline experts`.")
    @click.option("--number", default="", type=MAYBE, help="An outside number, if outbound.allow of site.yaml lets it.")
    def run(who: str, skill: str, language: str, **whom: str) -> None:
        named = [(kind, name) for kind, name in whom.items() if name]
        if len(named) != 1:
            raise click.UsageError("name one: --agent, --pool, --target, --expert or --number")
        ((kind, given),) = named
        body = {"kind": kind, "name": given, "detail": skill, "language": language}
        _show(controller("POST", f"{_path(who)}/{name}", body))


for _name, _does in (
    ("hang-up", "Hang up the agent's phone: whoever is left talks on."),
    ("hold", "The citizen hears music until the agent is back."),
    ("retrieve", "The agent is back with the citizen."),
    ("mute", "Nobody hears the agent."),
    ("unmute", "The agent is heard again."),
    ("switch", "From whoever is consulted to the citizen, or back."),
    ("three-way", "Everybody hears everybody."),
    ("complete", "Whoever was consulted keeps the citizen; the agent leaves."),
    ("cancel", "Whoever was brought in last is let go."),
    ("pause-recording", "What is said from now on is silence in the recording."),
    ("resume-recording", "What is said from now on is heard in the recording again."),
    ("nuisance", "The citizen hears a warning, and a supervisor looks at the number; the talk goes on."),
    ("silent", "Nobody is heard there: the citizen is told so, and the call ends."),
):
    _plain(_name, _does)
_bringing("consult", "Talk with somebody while the citizen hears music.")
_bringing("transfer", "Give the citizen to somebody; comes back when nobody answers there.")
_bringing("link", "Ring somebody straight into the call; all hear each other, and AGENT stays until they hang up.")


@talk.command()
@click.argument("agent")
@click.argument("number", type=click.Choice(["110", "119", "120", "122"]))
@click.option("--county", default="", help="The county, where it has a desk of its own.")
def emergency(agent: str, number: str, county: str) -> None:
    """Ring an emergency desk into the call; the agent stays until they hang up."""
    _show(controller("POST", f"{_path(agent)}/emergency", {"number": number, "county": county}))


@talk.command()
@click.argument("agent")
@click.argument("target")
def utility(agent: str, target: str) -> None:
    """Ring a utility (water, power, ...) into the call; the agent stays until they hang up."""
    _show(controller("POST", f"{_path(agent)}/utility", {"target": target}))


@talk.command()
@click.argument("agent")
@click.argument("industry")
def expert(agent: str, industry: str) -> None:
    """Ring the experts of an industry who are on duty, in turn, into the call; the agent stays until they hang up."""
    _show(controller("POST", f"{_path(agent)}/expert", {"industry": industry}))


def _supervising(name: str, does: str) -> None:
    @talk.command(name, help=does)
    @click.argument("agent")
    @click.option("--seat", default="", help="Where the supervisor sits; the first time only.")
    def run(agent: str, seat: str) -> None:
        _show(controller("POST", f"{_path(agent)}/{name}", {"seat": seat}))


for _name, _does in (
    ("listen", "As a supervisor, hear AGENT and whom they hear."),
    ("whisper", "As a supervisor, hear them and be heard by AGENT alone."),
    ("barge", "As a supervisor, hear them and be heard by everybody."),
    ("take-over", "Talk with the citizen instead of AGENT, who leaves."),
):
    _supervising(_name, _does)
_plain("stop", "As a supervisor, leave.")


def _path(agent: str) -> str:
    return f"/agents/{quote(agent, safe='')}/talk"


def _show(now: Mapping[str, Any]) -> None:
    click.echo(f"call {now['call']}")
    for party in now["parties"]:
        muted = ", muted" if party["muted"] else ""
        click.echo(f"  {party['name']}: {party['doing']} for {party['for_ms'] / 1000:.1f} s{muted}")
    for missed in now["missed"]:
        click.echo(f"  {missed['name']}: not reached, {missed['why']}, {missed['ago_ms'] / 1000:.1f} s ago")
