"""`hotline lines import`: local lines from a table."""

import sys
from pathlib import Path

import click

from ivr.errors import Trouble
from ivr.house.settings import SOURCES, city, read_sources
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
    path = city() / SOURCES[table.FILE] / table.FILE
    try:
        sources = read_sources()
        sources[table.FILE] = path.read_bytes().decode("utf-8")  # as it stands: with its own line ends
    except Trouble as trouble:
        raise click.ClickException(str(trouble)) from trouble
    brought = table.bring_in(sources, _text(file))
    if brought.text is None or brought.config is None:
        for fault in brought.faults:
            click.echo(f"{file.name}, {fault}", err=True)
        click.echo("nothing was changed", err=True)
        sys.exit(2)
    old = sources[table.FILE]
    now, then = (text.splitlines(keepends=True) for text in (old, brought.text))
    click.echo("".join(["--- now\n", "+++ then\n", *unified(now, then, CONTEXT)] if now != then else []), nl=False)
    click.echo(differing.render(differing.diff(build(sources), brought.config)))
    click.echo(f"{brought.added} lines added, {brought.changed} changed", nl=False)
    if write and brought.text != old:
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(brought.text, encoding="utf-8", newline="")
        fresh.replace(path)
        click.echo(f": written to {path}")
    else:
        click.echo("" if write else "; --write keeps it")


def _text(file: Path) -> str:
    """UTF-8, or the GB 18030 that spreadsheets in Chinese write."""
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")
