"""`hotline callers export`, `import`: those who have a head start, or a language of their own, as a table.

Their numbers stand in that table and in `site.yaml`; what is said here counts them.
"""

from pathlib import Path

import click

from ivr.commands import tables
from ivr.edge import files
from routing import callers as listed
from routing.config import ConfigFaults, build, render


@click.group("callers")
def callers() -> None:
    """Listed callers: older people and people with disabilities, and those who are answered in another language."""


@callers.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def export_command(file: Path | None) -> None:
    """Write the listed callers of config/site.yaml as CSV: to FILE, which only its owner may read, or here."""
    sources, _ = tables.files(listed.FILE)
    try:
        table = listed.table(build(sources).site)
    except ConfigFaults as faults:
        raise click.ClickException(render(faults.faults)) from faults
    if file is None:
        click.echo(table, nl=False)
        return
    try:
        files.write(file, table.encode())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{table.count(chr(10)) - 1} numbers written to {file}")


@callers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--write", is_flag=True, help="Keep the difference in config/site.yaml; without it nothing is written.")
def import_command(file: Path, *, write: bool) -> None:
    """List the callers of FILE (CSV) in config/site.yaml, or take them off there.

    Says how many first.  Numbers that are not in the table stay as they are; with one fault in it nothing is changed.
    """
    sources, path = tables.files(listed.FILE)
    brought = listed.bring_in(sources, tables.text(file))
    if brought.text is None:
        tables.refuse(file, brought.faults)
    counts = (f"{each.name}: {each.more} more, {each.fewer} fewer" for each in brought.changes)
    click.echo("; ".join(counts), nl=False)
    tables.keep(path, sources[listed.FILE], brought.text, write=write)
