"""What the commands share that bring tables into the city's files: how a table is read, and a file kept."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click

from ivr.house.settings import SOURCES, city, read_sources
from routing.sheet import Fault


def files(name: str) -> tuple[dict[str, str], Path]:
    """The city's files, and where `name` of them lies: that one as it stands, with its own line ends.

    Raises `Trouble`.
    """
    path = city() / SOURCES[name] / name
    return {**read_sources(), name: path.read_bytes().decode("utf-8")}, path


def text(file: Path) -> str:
    """UTF-8, or the GB 18030 that spreadsheets in Chinese write."""
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def refuse(file: Path, faults: Iterable[Fault]) -> NoReturn:
    """Tell every fault, and end: nothing was changed."""
    for fault in faults:
        click.echo(f"{file.name}, {fault}", err=True)
    click.echo("nothing was changed", err=True)
    sys.exit(2)


def keep(path: Path, old: str, new: str, *, write: bool) -> None:
    """Put the new text there if that was asked for; say so, or what would do it: the end of a line."""
    if write and new != old:
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text("", encoding="utf-8")
        fresh.chmod(path.stat().st_mode & 0o777)  # it names callers: whoever could not read it still cannot
        fresh.write_text(new, encoding="utf-8", newline="")
        fresh.replace(path)
        click.echo(f": written to {path}")
    else:
        click.echo("" if write else "; --write keeps it")
