"""Commands that ask the running controller: `status`, `calls`, `agents`, `queues`."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import quote, urlencode

import click
import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ivr.commands.fitted import Fitted, clock, seconds, short, since
from ivr.commands.in_json import AS_JSON
from ivr.edge.applied import user
from ivr.edge.clock import SystemClock
from ivr.edge.http import HOST, ask, fetch
from ivr.edge.screen import screen
from ivr.edge.secrets import Secrets, token_in
from ivr.errors import Trouble
from ivr.house.settings import state_directory
from routing.hours import SHANGHAI

REFRESH_S = 1.0

OWN_CLOCK = "times are this machine's"
"""Said of what has happened, where the house rehearses another moment."""

PAGE, FEWEST, BESIDE = 20, 5, 14
"""Calls that are over: how many are shown where there is no screen; on one at least, and the lines left to all else."""

Render = Callable[[Any], RenderableType]


def controller(method: str, path: str, given: Mapping[str, Any] | None = None) -> Any:
    """What the running controller answers; `given` goes into the query of a GET, into the body of all else.

    Raises `Trouble` when none answers.
    """
    url, token = _house(path)
    if method == "GET":
        return asyncio.run(ask(f"{url}?{urlencode(given or {})}", method, token, person=user()))
    return asyncio.run(ask(url, method, token, given, user()))


def save(path: str, target: str) -> int:
    """The file that the running controller gives out, saved as `target`; how many bytes.  Raises `Trouble`."""
    url, token = _house(path)
    return asyncio.run(fetch(url, token, user(), target))


def _house(path: str) -> tuple[str, str]:
    """Where the open house is asked for this, and with which token: one's own, or the house's.  Raises `Trouble`."""
    state = state_directory(None)
    try:
        house = msgspec.json.decode((state / "house.json").read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Trouble(f"no house is open in {state}: start it with scripts/run.") from error
    own = click.get_current_context().find_object(str)
    token = Secrets(state / "secrets").get("api-token") if own is None else token_in(own)
    return f"http://{HOST}:{house['ports']['web']}{path}", token


def shown(path: str, query: Mapping[str, str] | None, render: Render, *, as_json: bool, watch: bool) -> None:
    """Print the answer once, or keep it on the screen until Ctrl-C.

    Where there is no screen, and as JSON, each is printed below the one before; of JSON a line each.
    """
    console = screen()
    on_screen = watch and not as_json and console.is_terminal
    with Live(console=console, auto_refresh=False) if on_screen else nullcontext() as live:
        for answer in _answers(path, query, watch=watch):
            if live is not None:
                live.update(render(answer), refresh=True)
            elif as_json:
                encoded = msgspec.json.encode(answer)
                click.echo(encoded if watch else msgspec.json.format(encoded, indent=2))
            else:
                console.print(render(answer))


def _answers(path: str, query: Mapping[str, str] | None, *, watch: bool) -> Iterator[Any]:
    yield controller("GET", path, query)
    try:
        while watch:
            time.sleep(REFRESH_S)
            yield controller("GET", path, query)
    except KeyboardInterrupt:
        return


def options(command: Callable[..., None]) -> Callable[..., None]:
    """`--json` and `--watch`."""
    for option in (
        AS_JSON,
        click.option("--watch", is_flag=True, help="Keep it on the screen."),
    ):
        command = option(command)
    return command


@click.command()
@options
def status(*, as_json: bool, watch: bool) -> None:
    """The switch now: calls by stage, agents by state, journal, connection."""
    shown("/status", None, _status, as_json=as_json, watch=watch)


@click.command()
@click.argument("call", default="")
@options
@click.option("--limit", type=click.IntRange(0, 10_000), help="How many of those that are over; else what fits, or 20.")
def calls(call: str, *, as_json: bool, watch: bool, limit: int | None) -> None:
    """Calls in progress, and the latest that are over; with CALL, what happened in that one, step by step."""
    if call:
        shown(f"/calls/{whole(call)}", None, _call, as_json=as_json, watch=watch)
        return
    on_screen = not as_json and (console := screen()).is_terminal
    fits = max(FEWEST, console.height - BESIDE) if on_screen else PAGE
    shown("/calls", {"limit": str(fits if limit is None else limit)}, _calls, as_json=as_json, watch=watch)


def whole(call: str) -> str:
    """A call's id as it stands in a path; one that is shown without its node is of this house."""
    node = f"{controller('GET', '/status')['node']}-" if call[:1].isdigit() and "-" in call else ""
    return quote(f"{node}{call}", safe="")


@click.command()
@options
def trunks(*, as_json: bool, watch: bool) -> None:
    """The trunks now: reachable, whether we are logged in, channels in use by who has called, reserves."""
    shown("/trunks", None, _trunks, as_json=as_json, watch=watch)


@click.command()
@options
def queues(*, as_json: bool, watch: bool) -> None:
    """Who waits, by rank."""
    shown("/queues", None, _queues, as_json=as_json, watch=watch)


@click.group(invoke_without_command=True)
@options
@click.pass_context
def agents(context: click.Context, *, as_json: bool, watch: bool) -> None:
    """The agents and what they are doing; with a sub-command, change that."""
    if context.invoked_subcommand is None:
        shown("/agents", None, _agents, as_json=as_json, watch=watch)


@agents.command("sign-in")
@click.argument("agent")
@click.option("--seat", default="", help="Where the agent sits down; by default their own seat.")
@click.option("--not-ready", is_flag=True, help="Signed in, but no calls yet.")
@click.option("--pin", "by_pin", is_flag=True, help="Ask for the agent's PIN, as a seat's phone does; needs --seat.")
def sign_in(agent: str, seat: str, *, not_ready: bool, by_pin: bool) -> None:
    """An agent sits down: 工号 AGENT, or `all`."""
    given: dict[str, Any] = {"ready": not not_ready, "seat": seat}
    if by_pin:
        if not seat:
            raise click.UsageError("--pin needs --seat: where do they sit down?")
        pin = click.prompt("PIN", hide_input=True)
        given = {"ready": not not_ready, "agent": agent, "pin": pin}
        _tell(controller("POST", f"/seats/{quote(seat, safe='')}/sign-in", given))
        return
    for each in _named(agent, lambda known: known["state"] == "signed-out"):
        _change(each, "sign-in", given)


@agents.command("sign-out")
@click.argument("agent")
def sign_out(agent: str) -> None:
    """An agent leaves, after the talk if there is one: 工号 AGENT, or `all`."""
    for each in _named(agent, lambda known: known["state"] != "signed-out"):
        _change(each, "sign-out", {})


@agents.command("ready")
@click.argument("agent")
def ready(agent: str) -> None:
    """An agent asks for calls: 工号 AGENT, or `all` who are signed in."""
    for each in _named(agent, lambda known: known["state"] != "signed-out"):
        _change(each, "ready", {})


@agents.command("answer")
@click.argument("agent")
def answer(agent: str) -> None:
    """The phone that rings for an agent answers by itself, if it is of a kind that can; else it rings on."""
    _change(agent, "answer", {})


@agents.command("pause")
@click.argument("agent")
@click.option(
    "--reason", default="", help="One of `pause_reasons` of site.yaml, if there are any; said to whoever asks."
)
def pause(agent: str, reason: str) -> None:
    """An agent asks for no calls, after the talk if there is one: 工号 AGENT, or `all` who are signed in."""
    for each in _named(agent, lambda known: known["state"] != "signed-out"):
        _change(each, "pause", {"reason": reason})


def _named(agent: str, suits: Callable[[Any], bool]) -> list[str]:
    if agent != "all":
        return [agent]
    return [known["agent"] for known in controller("GET", "/agents") if suits(known)]


def _change(agent: str, how: str, given: Mapping[str, Any]) -> None:
    _tell(controller("POST", f"/agents/{quote(agent, safe='')}/{how}", given))


def _tell(now: Any) -> None:
    then = f", then {now['then']}" if now["then"] else ""
    click.echo(f"{now['agent']} {now['name']}: {now['state']}{then}" + (f" at {now['seat']}" if now["seat"] else ""))


def _status(now: Any) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    own = f"{SystemClock().real().astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
    connected = "connected to Asterisk" if now["connected"] else "NOT connected to Asterisk"
    for name, value in (
        ("node", f"{now['node']}, {now['mode']}, {connected}"),
        ("civil time", _civil(now["at"]) + (", rehearsed" if now["rehearsal"] else "")),
        *((("own clock", own),) if now["rehearsal"] else ()),
        ("calls", _counted(now["calls"])),
        ("agents", _counted(now["agents"])),
        ("waiting", str(now["waiting"])),
        ("journal", f"entry {now['journal']['seq']}, {now['journal']['bytes']} bytes, {now['journal']['held']} held"),
        ("audit log", f"entry {now['audit']['count']}, {now['audit']['held']} held, {now['audit']['lost']} lost"),
        ("ARI", _counted(now["ari"])),
    ):
        table.add_row(name, value)
    for alarm in now["alarms"]:
        since = f"since {clock(alarm['since'])}"
        table.add_row(Text("ALARM", style="bold red"), Text(f"{alarm['sentence']}, {since}", style="red"))
    return table


def _calls(now: Any) -> RenderableType:
    living = Fitted(
        "call",
        "line",
        "dialled",
        "caller",
        "phase",
        "stage",
        "for",
        "with",
        title="in progress",
        drops=("phase", "dialled", "caller"),
        least={"with": 10},
        right=("for",),
    )
    for call in now["living"]:
        living.add_row(
            short(call["call"]), call["line"], _dialled(call), call["caller"], call["phase"], call["stage"],
            seconds(call["for_ms"]), _with(call),
        )  # fmt: skip
    over = Fitted(
        "call",
        "line",
        "dialled",
        "caller",
        "arrived",
        "outcome",
        "with",
        "waited",
        "talked",
        title="over",
        drops=("dialled", "caller", "waited", "talked"),
        least={"with": 10},
        right=("waited", "talked"),
    )
    today = SystemClock().real()
    for call in now["ended"]:
        over.add_row(
            short(call["call"]), call["line"], _dialled(call), call["caller"], since(call["arrived"], today),
            _outcome(call), _with(call), seconds(call["wait_ms"]), seconds(call["talk_ms"]),
        )  # fmt: skip
    nobody = Text("No call is in progress.", style="italic")
    parts: list[RenderableType] = [living if now["living"] else nobody, over]
    if now["error"]:
        parts.append(Text(now["error"], style="red"))
    if now["rehearsed"]:
        parts.append(Text(f"{OWN_CLOCK}; callers live at {_civil(now['rehearsed'])}", style="dim"))
    return Group(*parts)


def _call(now: Any) -> RenderableType:
    title = now["facts"][0]["key"] if now["facts"] else ""
    table = Fitted("at", "what", "outcome", title=title, least={"what": 24, "outcome": 30})
    for fact in now["facts"]:
        body = fact["body"]
        is_step = fact["topic"] == "call"
        what = body["step"] if is_step else fact["topic"]
        outcome = msgspec.json.encode(body["outcome"] if is_step else body).decode()
        table.add_row(clock(fact["at"]), what, outcome)
    return table


def _trunks(now: Any) -> RenderableType:
    table = Fitted(
        "trunk", "name", "reachable", "login", "arrived", "dialled", "free", "channels", "reserves", "passed over",
        drops=("passed over", "name", "reserves", "channels"), right=("arrived", "dialled", "free", "channels"),
    )  # fmt: skip
    for each in now:
        used = each["arrived"] + each["dialled"]
        login, is_out = each["registration"], each["registration"] in {"rejected", "unregistered"}
        table.add_row(
            each["trunk"], each["name"], "yes" if each["is_reachable"] else Text("NO", style="bold red"),
            Text(login, style="bold red" if is_out else ""),
            str(each["arrived"]), str(each["dialled"]), str(each["channels"] - used), str(each["channels"]),
            f"{each['reserved_out']} out, {each['reserved_emergency']} emergency", str(each["passed_over"]),
        )  # fmt: skip
    return table


def _asked_for(ticket: Any) -> str:
    """The skill, with its least level where that says something, and the language."""
    skill, level = ticket["skill"] or "", ticket["level"]
    return " ".join(filter(None, (f"{skill} {level}+" if skill and level > 1 else skill, ticket["language"])))


def _queues(now: Any) -> RenderableType:
    if not now:
        return Text("Nobody waits.")
    columns = ("place", "call", "line", "for", "skill", "state", "offered to", "step", "waits", "yet", "head start")
    table = Fitted(*columns, drops=("step", "head start", "for"), right=("waits", "yet", "head start"))
    for place, ticket in enumerate(now, 1):
        table.add_row(
            str(place), short(ticket["call"]), ticket["line"], ", ".join(ticket["pools"]), _asked_for(ticket),
            ticket["state"], ticket["offered_to"] or "", str(ticket["rung"] + 1), seconds(ticket["waits_ms"]),
            "" if ticket["expected_ms"] is None else seconds(ticket["expected_ms"]),
            seconds(ticket["priority_ms"]) if ticket["priority_ms"] else "",
        )  # fmt: skip
    return table


def _agents(now: Any) -> RenderableType:
    table = Fitted("工号", "name", "pools", "seat", "state", "for", "call", "reason",
                   drops=("pools", "name"), least={"name": 10, "reason": 10}, right=("for",))  # fmt: skip
    for agent in now:
        state = agent["state"] + (f" → {agent['then']}" if agent["then"] else "")
        since = "" if agent["state"] == "signed-out" else seconds(agent["for_ms"])
        table.add_row(
            agent["agent"], agent["name"], ", ".join(agent["pools"]), agent["seat"] or "", state, since,
            short(agent["call"] or ""), agent["reason"] + (f" (by {agent['by']})" if agent["by"] else ""),
        )  # fmt: skip
    return table


def _with(call: Any) -> str:
    """Whom the caller talks or talked with, and the pools that had not taken the call in time."""
    after = ", ".join(call["overflowed"])
    return " ".join(filter(None, (call["with"], after and f"(after {after})")))


def _civil(moment: str) -> str:
    """A moment as the controller says it, without what is the same for all."""
    return moment[:19].replace("T", " ")


def _dialled(call: Any) -> str:
    return f"{call['dialled']} ({call['marked']})" if call["marked"] else str(call["dialled"])


def _outcome(call: Mapping[str, Any]) -> str:
    """Of a call of our own who called, and what came of it; of one that survival had, how far it came."""
    if call["direction"] == "in":
        return f"{call['outcome']}: {call['reached']}" if call["reached"] else str(call["outcome"])
    return f"{call['direction']}: {call['result'] or call['outcome']}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


@click.command("recording")
@click.argument("call")
@click.option("--out", type=click.Path(dir_okay=False), help="Save it as this; else as <call>.flac.")
def recording_command(call: str, out: str | None) -> None:
    """Save the recording of a call; that you did is in the audit log."""
    path = f"/calls/{whole(call)}/recording"
    target = out or f"{call}.flac"
    size = save(path, target)
    click.echo(f"{target}: {size / 1024:.0f} KiB, left the citizen, right all they heard")
