"""`hotline up`: the whole house from one command, until Ctrl-C."""

import asyncio
import errno
import shlex
import signal
import sys
import time
from pathlib import Path

import click
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from dialplans.transports import on_this_machine
from ivr.errors import Trouble
from ivr.house.house import House
from ivr.house.ladder import open_house
from ivr.house.report import Report
from ivr.house.settings import FIRST_LOGIN, Settings, state_directory, to_open
from routing.config import ConfigFaults, render

PRODUCTION_DRAIN_S = 300.0
FORMER = "The house opens with what was applied last; the files count once they are mended and reloaded."
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--at", metavar="MOMENT", help="The moment at which the demo lives, as 2021-09-15T09:00; or: now.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept: var/.")
@click.option(
    "--drain", type=click.FloatRange(min=0), help="Seconds to wait at the end for calls in progress (demo: 0)."
)
def up(at: str | None, state: Path | None, drain: float | None) -> None:
    """Start everything and keep it running: PostgreSQL, Asterisk, the demo town, agents and the controller."""
    report = Report()
    try:
        settings, faults = to_open(state, at)
        if faults:
            click.echo(render(faults), err=True)
            click.echo(f"{FORMER}\n", err=True)
        asyncio.run(live(settings, report, drain))
    except ConfigFaults as faults:
        click.echo(render(faults.faults), err=True)
        sys.exit(2)
    except Trouble as trouble:
        report.trouble(str(trouble))
        sys.exit(1)
    except OSError as error:
        report.trouble(_plain(error))
        sys.exit(1)


async def live(settings: Settings, report: Report, drain: float | None = None) -> None:
    """Open the house, and keep it until a signal says to stop; nothing is left afterwards."""
    began = time.monotonic()
    within = drain if drain is not None else 0.0 if settings.demo else PRODUCTION_DRAIN_S
    house = House(settings, report, within)
    life = asyncio.current_task()
    stopping = False

    def stop(number: signal.Signals) -> None:
        nonlocal stopping
        if stopping:
            report.done("at once")
            for keeper in house.keepers.values():
                keeper.hurry()
        elif life:
            stopping = True
            report.done(f"\n{number.name}: stopping, in order (once more: at once)")
            life.cancel()

    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop, number)
    try:
        async with open_house(house):
            report.console.print(invitation(settings, time.monotonic() - began))
            await house.keep()
    except asyncio.CancelledError:
        if not stopping:
            raise
    finally:
        for number in STOPS:
            loop.remove_signal_handler(number)
    report.done("all is stopped")


def invitation(settings: Settings, took: float) -> Panel:
    """What to do now."""
    rows = Table.grid(padding=(0, 2))
    if settings.state != state_directory(None, {}):  # the commands below look for the house where they are told
        told = escape(f"export HOTLINE_STATE={shlex.quote(str(settings.state))}")
        rows.add_row("In another terminal, first", f"[bold]{told}[/bold]")
    if settings.demo:
        town = f"{on_this_machine(settings.bind)}:{settings.ports['town_sip']}"
        secret = escape(str(settings.state / "secrets" / "citizen"))  # named, not shown: this may be a log
        phone = f"register at [bold]{town}[/bold] (UDP), user [bold]citizen[/bold], password in {secret}"
        rows.add_row("Dial, in another terminal", "[bold].venv/bin/hotline call 12345[/bold], or 12329, 12350, 12316")
        rows.add_row("From your own SIP phone", f"{phone}, then dial the same")
        moment = f"{settings.at:%Y-%m-%d %H:%M}" if settings.at else "today"
        rows.add_row("The demo lives at", f"{moment} (another moment: --at 2022-03-01T10:00, or --at now)")
    first = settings.state / "secrets" / FIRST_LOGIN
    if first.exists():
        rows.add_row("First login", f"[bold]admin[/bold], password in {escape(str(first))}")
    rows.add_row("See what happens", "[bold].venv/bin/hotline status[/bold]")
    rows.add_row("Logs", escape(str(settings.state / "log")))
    rows.add_row("Stop", "[bold]Ctrl-C[/bold]")
    title = f"{settings.config.site.city} {settings.config.site.number} is open, after {took:.1f} s"
    return Panel(rows, title=title, title_align="left", expand=False)


def _plain(error: OSError) -> str:
    """What the system refused, and what to do."""
    where = error.filename or "the state directory"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk is full ({where}): make room, then start again."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{where} may not be written: start as its owner, or choose another state directory with --state."
    return f"{where}: {error.strerror or error}."
