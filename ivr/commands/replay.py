"""`hotline replay`: whether the Floor, told again what the journal says it was told, does the same."""

from datetime import datetime
from pathlib import Path

import click
import msgspec

from ivr.commands import in_json
from ivr.commands.in_json import AS_JSON
from ivr.dispatcher import kept
from ivr.edge.disk import whole_lines
from ivr.entries import trusted
from ivr.errors import DiskError
from ivr.house.settings import state_directory
from routing.hours import SHANGHAI
from routing.ids import Instant
from routing.replay import Difference, Replayed, replayed


@click.command("replay")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@AS_JSON
def replay_command(file: Path | None, *, as_json: bool) -> None:
    """Apply the Floor's events of the journal (or of FILE) once more, and compare what it does with what it did.

    Nothing is touched; the house may be open.  The digest is that of all actions: the same on any machine.  Exit code 1
    at the first difference.
    """
    path = file or state_directory(None) / "journal" / "journal"
    try:
        found = replayed(kept(trusted(whole_lines(path))))
    except DiskError as error:
        raise click.ClickException(f"{error}.") from error
    if as_json:
        in_json.say(found)
    else:
        click.echo(_told(path, found))
    if found.difference is not None:
        raise click.ClickException(_differs(found.difference))


def _told(path: Path, found: Replayed) -> str:
    if found.since is None or found.until is None:
        return f"{path}: the Floor was told nothing that could be told again."
    lines = [
        (
            f"{found.events:,} events, {found.actions:,} actions, {found.snapshots:,} snapshots: "
            f"{_clock(found.since)} – {_clock(found.until)}"
        )
    ]
    if found.skipped:
        lines.append(f"{found.skipped:,} events before them are left out: what they began with is not in the file")
    if found.unsealed:
        lines.append(f"{found.unsealed:,} are of an older version: of these only agents' states are compared")
    lines.append(f"digest {found.digest}")
    if found.difference is None:
        lines.append("The Floor does the same again, bit for bit.")
    return "\n".join(lines)


def _differs(difference: Difference) -> str:
    if difference.told is None:
        return f"entry {difference.seq}: the Floor stands otherwise than this snapshot says."
    now = msgspec.json.encode(difference.said).decode()
    event = msgspec.json.encode(difference.told.event).decode()
    at = _clock(difference.told.at)
    return f"entry {difference.seq}, {at}, {event}: the Floor did something else then; now it does {now}."


def _clock(at: Instant) -> str:
    return f"{datetime.fromtimestamp(at / 1000, SHANGHAI):%Y-%m-%d %H:%M:%S.%f}"[:-3]
