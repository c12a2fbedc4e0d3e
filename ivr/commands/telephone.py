"""A telephone number as it is typed into a command."""

import re

import click

from routing.numbers import bare

DIALLED = re.compile(r"\+?[0-9().-]+")
"""What a telephone can send as it stands; of any other spelling only the digits are dialled."""


class Telephone(click.ParamType[str]):
    """A number in any spelling, or one of the words that mean something else here."""

    name = "number"

    def __init__(self, *words: str) -> None:
        self._words = words

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The number as it can be dialled."""
        if value in self._words:
            return value
        digits = bare(value)
        if digits is None:
            known = "".join(f", or {word}" for word in self._words if word)
            self.fail(
                f"{value!r} is not a telephone number: write its digits, as 12345, 0310-12345 or +8631012345{known}.",
                param,
                ctx,
            )
        return value if DIALLED.fullmatch(value) else digits


NUMBER = Telephone()
CALLER = Telephone("", "anonymous")
MAYBE = Telephone("")
