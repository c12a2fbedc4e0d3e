"""A locksmith without chance and without effort: secrets are numbered."""

import asyncio


class PlainLocksmith:
    """A hash is the password backwards."""

    def __init__(self) -> None:
        self._made = 0

    async def hash(self, password: str) -> str:
        await asyncio.sleep(0.03)
        return password[::-1]

    async def matches(self, hashed: str | None, password: str) -> bool:
        await asyncio.sleep(0.03)
        return hashed == password[::-1]

    def password(self) -> str:
        self._made += 1
        return f"password-{self._made}"

    def pin(self) -> str:
        self._made += 1
        return f"{self._made:06}"

    def token(self) -> str:
        self._made += 1
        return f"token-{self._made}"
