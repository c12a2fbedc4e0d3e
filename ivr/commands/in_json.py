"""`--json`: what a command says, for programs."""

from typing import Any

import click
import msgspec

AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


def say(value: Any) -> None:
    """Print a value, on lines that a person can read too."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
