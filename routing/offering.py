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

    def is_slow(self, expected_ms: int | None) -> bool:
        """Whether it is to be offered because so long a wait is expected."""
        expected = self.expected // timedelta(milliseconds=1)
        return self.on and expected_ms is not None and 0 < expected <= expected_ms

    @property
    def waited_ms(self) -> int:
        """`waited` in milliseconds."""
        return self.waited // timedelta(milliseconds=1)
