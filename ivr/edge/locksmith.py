"""Passwords and tokens, made by chance, kept as digests.  Argon2id is slow on purpose: it has a thread of its own."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from ivr.errors import TooMany

_MEMORY_KIB, _ROUNDS, _LANES = 19_456, 2, 1  # OWASP's least for Argon2id: 30 ms of one core, measured
_WAITING_MOST = 200  # sign-ins at once: a whole shift; more is no shift
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else
_GROUPS, _LETTERS = 4, 4  # 79 bits


class Argon2Locksmith:
    """`protocols.Locksmith`."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(_ROUNDS, _MEMORY_KIB, _LANES, type=Type.ID)
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._waiting = 0
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """With its salt and cost, as text."""
        return str(await self._slowly(self._hasher.hash, password))

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password; where there is none, no sooner said."""
        return bool(await self._slowly(self._verify, hashed, password))

    def password(self) -> str:
        """A new one, to be read from a screen and typed."""
        return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS)) for _ in range(_GROUPS))

    def pin(self) -> str:
        """A new one of six digits, to be keyed at a phone."""
        return f"{secrets.randbelow(10**6):06}"

    def token(self) -> str:
        """A new one."""
        return secrets.token_urlsafe(32)

    def _verify(self, hashed: str | None, password: str) -> bool:
        try:
            self._hasher.verify(hashed or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None

    async def _slowly(self, work: object, *values: object) -> object:
        if self._waiting >= _WAITING_MOST:
            raise TooMany(f"{self._waiting} sign-ins are waiting already: try again in some seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)  # type: ignore[arg-type]
        finally:
            self._waiting -= 1
