"""Chance: the only place that draws it."""

import secrets


class RandomIds:
    """Ids that nobody can guess and that do not repeat."""

    def fresh(self) -> str:
        """A new id of 16 hexadecimal digits."""
        return secrets.token_hex(8)
