"""Commands for the floor: `wrap-up`, `pools`, `close`, `open`, `move`, `announce`."""

from typing import Any
from urllib.parse import quote

import click
from rich.console import RenderableType

from ivr.commands.fitted import Fitted
from ivr.commands.switch import controller, options, shown, whole
from ivr.facts import Ground, Matter
from routing.prompts import POOL_CLOSED


@click.command("wrap-up")
@click.argument("agent")
@click.argument("matter", type=click.Choice([str(matter) for matter in Matter]))
@click.option("--ground", type=click.Choice([str(ground) for ground in Ground]), help="Why it is declined.")
def wrap_up(agent: str, matter: str, ground: str | None) -> None:
    """An agent says what the last call was; wrap-up is then over."""
    now = controller("POST", f"/agents/{quote(agent, safe='')}/wrap-up", {"matter": matter, "ground": ground})
    click.echo(f"{now['agent']} {now['name']}: {now['state']}")


@click.command()
@options
def pools(*, as_json: bool, watch: bool) -> None:
    """The pools: who works there now, and which are closed."""
    shown("/pools", None, _pools, as_json=as_json, watch=watch)


@click.command("close")
@click.argument("pool")
@click.option("--say", default=POOL_CLOSED, show_default=True, help="What callers hear who have waited for it.")
def close_pool(pool: str, say: str) -> None:
    """Close a pool until `open`; who waits for it goes on, and hears why."""
    _change(f"/pools/{quote(pool, safe='')}/close", {"prompt": say})


@click.command("open")
@click.argument("pool")
def open_pool(pool: str) -> None:
    """Open a pool that was closed."""
    _change(f"/pools/{quote(pool, safe='')}/open", {})


@click.command()
@click.argument("call")
@click.argument("pool")
def move(call: str, pool: str) -> None:
    """Move a call that waits to another pool; it keeps its rank, and asks for the same skill and language."""
    _change(f"/queues/{whole(call)}/move", {"pool": pool})


@click.command()
@click.argument("prompt", required=False)
@click.option("--text", help="What the voice reads at once, instead of a prompt.")
@click.option("--pool", help="To those who wait for its agents; left out: to all who wait.")
def announce(prompt: str | None, text: str | None, pool: str | None) -> None:
    """Let all who wait hear PROMPT, or a text; each hears it once."""
    now = controller("POST", "/announcements", {"prompt": prompt, "text": text or "", "pool": pool})
    click.echo(f"announcement {now['id']}, to {now['callers']} who wait: {now['said']}")


def _change(path: str, given: dict[str, Any]) -> None:
    now = controller("POST", path, given)
    is_open = f"closed, callers hear {now['closed']}" if now["closed"] else "open"
    click.echo(f"{now['pool']} {now['name']}: {is_open}; {now['agents']} signed in, {now['ready']} ready")


def _pools(now: Any) -> RenderableType:
    table = Fitted("pool", "name", "signed in", "ready", "waiting", "closed: callers hear", least={"name": 12})
    for pool in now:
        counts = (str(pool[each]) for each in ("agents", "ready", "waiting"))
        table.add_row(pool["pool"], pool["name"], *counts, pool["closed"] or "")
    return table
