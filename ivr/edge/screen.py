"""The screen on which a command shows what it has found: a terminal's width, or room for everything."""

import os

from rich.console import Console

ROOM = 240
"""Columns for whoever is no terminal, a file or another program: nothing is left out for them."""


def screen() -> Console:
    """Where a command prints; COLUMNS wins."""
    console = Console()
    return console if console.is_terminal or os.environ.get("COLUMNS") else Console(width=ROOM)
