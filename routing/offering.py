"""When somebody who waits is told that they may be called back instead: the key, and the two reasons for saying so."""

from datetime import timedelta

import msgspec

KEY = "1"
"""What is pressed for it."""


class Offering(msgspec.Struct, frozen=True):
    """When somebody who waits is told that a key lets them be called back: after this wait, or at this expected one.

    0: never for that reason.
    """

    on: bool = False
    waited: timedelta = timedelta(seconds=60)
    expected: timedelta = timedelta(minutes=3)

    def is_due(self, waited_ms: int, expected_ms: int | None) -> bool:
        """Whether it is to be offered now."""
        if not self.on:
            return False
        is_long = 0 < self.waited_ms <= waited_ms
        return is_long or (expected_ms is not None and 0 < self.expected_ms <= expected_ms)

    @property
    def waited_ms(self) -> int:
        """`waited` in milliseconds."""
        return self.waited // timedelta(milliseconds=1)

    @property
    def expected_ms(self) -> int:
        """`expected` in milliseconds."""
        return self.expected // timedelta(milliseconds=1)
