"""`hotline lines import`: local lines from a table."""

from pathlib import Path

import click

from ivr.commands import tables
from routing import diff as differing
from routing import table
from routing.config import build
from routing.text_diff import unified

CONTEXT = 3
"""Lines shown around each that differs."""


@click.group("lines")
def lines() -> None:
    """The list of numbers."""


@lines.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--write", is_flag=True, help="Keep the difference in config/lines.yaml; without it nothing is written.")
def import_command(file: Path, *, write: bool) -> None:
    """Add the local lines of FILE (CSV) to config/lines.yaml, or change those that stand there.

    Shows the difference first.  With one fault in the table nothing is changed.
    """
    sources, path = tables.files(table.FILE)
    brought = table.bring_in(sources, tables.text(file))
    if brought.text is None or brought.config is None:
        tables.refuse(file, brought.faults)
    old = sources[table.FILE]
    now, then = (text.splitlines(keepends=True) for text in (old, brought.text))
    click.echo("".join(["--- now\n", "+++ then\n", *unified(now, then, CONTEXT)] if now != then else []), nl=False)
    click.echo(differing.render(differing.diff(build(sources), brought.config)))
    click.echo(f"{brought.added} lines added, {brought.changed} changed", nl=False)
    tables.keep(path, old, brought.text, write=write)
