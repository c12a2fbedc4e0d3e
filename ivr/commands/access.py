"""Commands on who may do what, and on what was done: `accounts`, `tokens`, `audit`.  Secrets are printed once."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from ivr import audit
from ivr.commands import in_json
from ivr.commands.fitted import Fitted
from ivr.commands.in_json import AS_JSON
from ivr.commands.switch import controller, shown
from ivr.edge.disk import whole_lines
from ivr.edge.screen import screen
from ivr.errors import Trouble
from ivr.house.settings import state_directory
from ivr.web.rights import Role
from routing.hours import SHANGHAI

ROLES = click.Choice([str(role) for role in Role])
ROLE = click.option("--role", "roles", type=ROLES, multiple=True, required=True, help="May be given more than once.")
AGENT = click.option("--agent", default=None, help="The 工号 of an operator.")
TYPED = click.option("--type-it", "is_typed", is_flag=True, help="Ask for the password; otherwise one is made.")


@click.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def accounts(context: click.Context, *, as_json: bool) -> None:
    """Who may sign in, and as what; with a sub-command, change that."""
    if context.invoked_subcommand is None:
        shown("/accounts", None, _accounts, as_json=as_json, watch=False)


@accounts.command("add")
@click.argument("name")
@ROLE
@AGENT
@TYPED
def add(name: str, roles: tuple[str, ...], agent: str | None, *, is_typed: bool) -> None:
    """Make an account; its password is shown this once."""
    given = {"name": name, "roles": roles, "agent": agent, **_password(is_typed=is_typed)}
    _told(controller("POST", "/accounts", given), is_typed=is_typed)


@accounts.command("add-agents")
def add_agents() -> None:
    """An operator's account, named after the 工号, for every agent of site.yaml who has none.

    Their passwords are shown this once, a line each: 工号, name, password, with tabs between.
    """
    known = {each["agent"] for each in controller("GET", "/accounts")}
    for agent in controller("GET", "/agents"):
        if agent["agent"] not in known:
            given = {"name": agent["agent"], "roles": [str(Role.OPERATOR)], "agent": agent["agent"]}
            made = controller("POST", "/accounts", given)
            click.echo(f"{agent['agent']}\t{agent['name']}\t{made['password']}")


@accounts.command("role")
@click.argument("name")
@ROLE
@AGENT
def role(name: str, roles: tuple[str, ...], agent: str | None) -> None:
    """What somebody works as from now on: the roles named here and no others; a 工号 stays unless one is given."""
    given = {"roles": roles} | ({"agent": agent} if agent else {})
    told = controller("POST", f"/accounts/{quote(name, safe='')}/roles", given)
    click.echo(_described(told))


@accounts.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Out of use, with all its tokens, from this moment on."""
    click.echo(_described(_disabled(name, is_disabled=True)))


@accounts.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Into use again."""
    click.echo(_described(_disabled(name, is_disabled=False)))


@accounts.command("password")
@click.argument("name")
@TYPED
def password(name: str, *, is_typed: bool) -> None:
    """Another password, shown this once; the account is signed out everywhere, and locked no more."""
    path = f"/accounts/{quote(name, safe='')}/password"
    _told(controller("POST", path, _password(is_typed=is_typed)), is_typed=is_typed)


@click.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def tokens(context: click.Context, *, as_json: bool) -> None:
    """Who is signed in, and the tokens of programs; with a sub-command, change that."""
    if context.invoked_subcommand is None:
        shown("/tokens", None, _tokens, as_json=as_json, watch=False)


@tokens.command("add")
@click.argument("account")
@click.argument("label")
@click.option("--days", default=365, show_default=True, help="How long it counts.")
@click.option("--role", "roles", type=ROLES, multiple=True, help="Only these of the account's roles.")
def issue(account: str, label: str, days: int, roles: tuple[str, ...]) -> None:
    """Make a token for a program, LABEL says which; it is shown this once, alone on standard output."""
    given = {"account": account, "label": label, "days": days, "roles": roles or None}
    issued = controller("POST", "/tokens", given)
    click.echo(f"Token {issued['token']['id']} of {account}, until {_clock(issued['token']['expires'])}:", err=True)
    click.echo(issued["secret"])


@tokens.command("revoke")
@click.argument("token")
def revoke(token: str) -> None:
    """End a token, by its id."""
    controller("POST", f"/tokens/{quote(token, safe='')}/revoke")
    click.echo(f"{token} is no token any more.")


@click.command("audit")
@click.option("--last", default=50, show_default=True, type=click.IntRange(min=0), help="How many entries are shown.")
@click.option("--who", default="", help="Only of somebody whose name has this in it.")
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="Only older ones than entry N.")
@AS_JSON
def audit_command(last: int, who: str, before: int | None, *, as_json: bool) -> None:
    """Who did what, when, from where, and what came of it; then whether the log is whole.

    Every entry carries the digest of the one before.  Exit code 1 when the chain is broken.
    """
    folder = state_directory(None) / "audit"
    latest = folder / "audit"
    aside = [path for path in sorted(folder.glob("audit-*")) if not (latest.exists() and path.samefile(latest))]
    paths = [*aside, latest]
    kept: list[audit.Entry] = []
    faults: list[str] = []
    first = newest = 0
    for place, link in audit.joined(whole_lines(path) for path in paths):
        if link.entry is not None:
            first, newest = first or link.entry.n, link.entry.n
        if link.fault:
            faults.append(f"{paths[place]}:{link.line}: {link.fault}")
        if link.entry is not None and who in link.entry.deed.who and (before is None or link.entry.n < before):
            kept.append(link.entry)
            del kept[: -last or None]
    if as_json:
        in_json.say(kept)
    else:
        screen().print(_deeds(kept))
    faults += _compared(folder)
    for fault in list(dict.fromkeys(faults))[:20]:
        click.echo(fault, err=True)
    if faults:
        raise click.ClickException(f"the audit log is broken, at {len(set(faults))} places.")
    whole = (
        f"Entries {first} to {newest}: each carries the digest of the one before." if newest else "No entry is there."
    )
    click.echo(whole, err=as_json)


def _compared(folder: Path) -> list[str]:
    """What the controller finds, which compares the log with the database too."""
    try:
        chain = controller("GET", "/audit/chain")
    except Trouble as trouble:
        click.echo(f"Not compared with the database: {trouble}", err=True)
        return []
    if chain["error"]:
        click.echo(f"Not compared with the database: {chain['error']}", err=True)
    return [f"{folder / broken['file']}:{broken['line']}: {broken['fault']}" for broken in chain["broken"]]


def _password(*, is_typed: bool) -> dict[str, str]:
    return {"password": click.prompt("Password", hide_input=True, confirmation_prompt=True)} if is_typed else {}


def _disabled(name: str, *, is_disabled: bool) -> Any:
    return controller("POST", f"/accounts/{quote(name, safe='')}/disable", {"is_disabled": is_disabled})


def _told(opened: Any, *, is_typed: bool) -> None:
    click.echo(_described(opened["account"]))
    if not is_typed:
        click.echo(f"Password, not to be seen again: {opened['password']}")


def _described(account: Mapping[str, Any]) -> str:
    agent = f", agent {account['agent']}" if account["agent"] else ""
    return f"{account['name']}: {', '.join(account['roles'])}{agent}" + (", disabled" if account["is_disabled"] else "")


def _accounts(now: Any) -> Fitted:
    table = Fitted("name", "roles", "工号", "made", "state", least={"roles": 20})
    for each in now:
        locked = f"locked for {each['locked_s']} s" if each["locked_s"] else ""
        state = "disabled" if each["is_disabled"] else locked
        table.add_row(each["name"], ", ".join(each["roles"]), each["agent"] or "", _clock(each["made"]), state)
    return table


def _tokens(now: Any) -> Fitted:
    table = Fitted("token", "account", "for", "roles", "until", least={"for": 12, "roles": 16})
    for each in now:
        roles = "" if not each["label"] else ", ".join(each["roles"])
        table.add_row(each["id"], each["account"], each["label"] or "a sign-in", roles, _clock(each["expires"]))
    return table


def _deeds(entries: list[audit.Entry]) -> Fitted:
    table = Fitted("n", "when", "who", "what", "where", "given", "from", "result",
                   drops=("from", "given", "where"), least={"where": 16, "given": 16, "result": 16})  # fmt: skip
    for entry in entries:
        deed = entry.deed
        result = f"{deed.status} {deed.said}".strip()
        table.add_row(str(entry.n), _clock(entry.at), deed.who, deed.what, deed.where, deed.given, deed.source, result)
    return table


def _clock(moment: str) -> str:
    at = datetime.fromisoformat(moment).astimezone(SHANGHAI)
    return f"{at:%Y-%m-%d %H:%M:%S}"
