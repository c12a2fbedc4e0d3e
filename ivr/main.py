"""`hotline`: the command line, put together."""

from typing import Any

import click

from ivr.commands.access import accounts, audit_command, tokens
from ivr.commands.apply import history_command, reload_command
from ivr.commands.callbacks import callbacks
from ivr.commands.callers import callers
from ivr.commands.calling import call_out
from ivr.commands.experts import experts
from ivr.commands.floor import announce, close_pool, move, open_pool, pools, wrap_up
from ivr.commands.lines import lines
from ivr.commands.nuisance import nuisance
from ivr.commands.plan import check_command, diff_command, explain_command, prove_command, schema_command
from ivr.commands.planning import simulate, staffing
from ivr.commands.prompts import prompts_command
from ivr.commands.replay import replay_command
from ivr.commands.report import report
from ivr.commands.seats import seats, staff
from ivr.commands.switch import agents, calls, queues, recording_command, status, trunks
from ivr.commands.talk import talk
from ivr.errors import Trouble
from ivr.house.commands import up
from ivr.life import Surroundings, live
from ivr.town.commands import call, town
from routing.config import ConfigFaults, render


class Program(click.Group):
    """What a command cannot do is said in one plain sentence, whichever it is."""

    def invoke(self, ctx: click.Context) -> Any:
        """The command that was typed."""
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            raise click.ClickException(str(trouble)) from trouble
        except OSError as error:
            if error.filename is None:  # a pipe that nobody reads any more is click's affair
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from error


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hotline")
@click.option(
    "--token-file",
    type=click.Path(),
    envvar="HOTLINE_TOKEN_FILE",
    metavar="FILE",
    help="Ask the controller as the account whose token is in FILE (0600), not as the house.  Or: HOTLINE_TOKEN_FILE.",
)
@click.pass_context
def main(context: click.Context, token_file: str | None) -> None:
    """The engine that answers 12345 and every number merged into it."""
    context.obj = token_file


@main.command(hidden=True)
def controller() -> None:
    """One life of the controller; the house starts it."""
    try:
        live(Surroundings.read())
    except ConfigFaults as faults:
        raise click.ClickException(render(faults.faults)) from faults


for command in (
    up,
    check_command,
    explain_command,
    prove_command,
    diff_command,
    lines,
    callers,
    schema_command,
    call,
    status,
    calls,
    recording_command,
    agents,
    seats,
    staff,
    queues,
    trunks,
    callbacks,
    call_out,
    experts,
    nuisance,
    pools,
    announce,
    close_pool,
    open_pool,
    move,
    wrap_up,
    talk,
    report,
    replay_command,
    staffing,
    simulate,
    town,
    reload_command,
    history_command,
    prompts_command,
    accounts,
    tokens,
    audit_command,
):
    main.add_command(command)


def _in_short(command: click.Command) -> None:
    """A list of commands says of each the first clause of its help, and not as many letters as fit."""
    first = (command.help or "").strip().partition("\n")[0]
    command.short_help = first.partition(";")[0].rstrip(".") + "."
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _in_short(each)


_in_short(main)
