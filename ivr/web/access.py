"""Accounts, tokens and sign-ins: who somebody is.  Kept in a file of its own, so that no database is asked at a desk.

The file has one whole value a line, the last of a name counts; of passwords and tokens it has digests.  What a role
may do is not known here.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from ivr import kept
from ivr.edge.protocols import Clock, Disk, Locksmith
from ivr.errors import DiskError
from ivr.lockout import Lockout
from ivr.web.rights import HOUSE, Role, Who
from routing.ids import AgentId

log = logging.getLogger(__name__)

FIRST = "admin"
"""The account of the first start: a system admin."""

SESSION = timedelta(hours=12)
"""A sign-in lasts for a shift."""

SESSIONS_MOST = 8
"""Of one account; the oldest ends when there are more."""


class Account(msgspec.Struct, frozen=True, tag="account"):
    """Somebody who may sign in; moments are real, ms UTC."""

    name: str
    roles: tuple[Role, ...]
    password: str
    made: int
    agent: AgentId | None = None
    is_disabled: bool = False


class Token(msgspec.Struct, frozen=True, tag="token"):
    """A right to ask, in the name of an account: of a sign-in, or made for a program (`label` says for which)."""

    id: str
    digest: str
    account: str
    made: int
    expires: int
    label: str = ""
    roles: tuple[Role, ...] = tuple(Role)


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """A token that is none any more."""

    id: str


class Made(msgspec.Struct, frozen=True):
    """A token as it is told, once."""

    token: Token
    secret: str


def _nobody(_: str) -> None:
    """Nobody is told."""


class Access:
    """Owns the accounts and tokens."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        locksmith: Locksmith,
        house: str,
        lockout: Lockout,
        spent: Callable[[str], None] = _nobody,
    ) -> None:
        """`house` is the token of the state directory: whoever can read it is the house.

        `spent` is told of an account that has another password than at its first sign-in.
        """
        self._spent = spent
        self._disk, self._clock, self._locksmith = disk, clock, locksmith
        self._house = _digest(house)
        self.accounts: dict[str, Account] = {}
        self._opening: dict[str, AgentId | None] = {}
        self.tokens: dict[str, Token] = {}
        self._by_digest: dict[str, str] = {}
        self.lockout = lockout
        unread: list[bytes] = []
        for each in kept.values(disk, Account | Token | Gone, "access", unread):
            self._know(each)
        self._compact(unread)

    # --- who

    def identify(self, secret: str) -> Who | None:
        """The bearer of a token; None when it is nobody's, or no more."""
        digest = _digest(secret)
        if digest == self._house:
            return HOUSE
        token = self.tokens.get(self._by_digest.get(digest, ""))
        account = self.accounts.get(token.account) if token else None
        if token is None or account is None or account.is_disabled or token.expires <= self.now():
            return None
        return Who(account.name, frozenset(account.roles) & frozenset(token.roles), account.agent, token.id)

    async def sign_in(self, name: str, password: str) -> Made | None:
        """A token for a shift; None when that is not the password.  Look at `lockout` before."""
        account = self.accounts.get(name)
        hashed = account.password if account and not account.is_disabled else None
        self.lockout.failed(name, self.now())  # before the answer is known: many at once are not one guess
        if not await self._locksmith.matches(hashed, password) or self._is_other(account):
            return None
        self.lockout.forget(name)
        mine = [each for each in self.tokens.values() if each.account == name and not each.label]
        for each in mine[: max(0, len(mine) + 1 - SESSIONS_MOST)]:
            self._try(Gone(each.id))
        made = self._token(name, "", SESSION, tuple(Role))
        self._try(made.token)  # a disk that is full must not keep anybody from their desk
        return made

    def _is_other(self, account: Account | None) -> bool:
        """Whether an account has been disabled, or given another password, while we looked at the old one."""
        known = self.accounts.get(account.name) if account else None
        return known is None or account is None or known.is_disabled or known.password != account.password

    def stands(self, who: Who) -> bool:
        """Whether somebody who was identified would be so still, and as the same."""
        if not who.token:
            return True
        token, account = self.tokens.get(who.token), self.accounts.get(who.name)
        if token is None or account is None or account.is_disabled or token.expires <= self.now():
            return False
        return frozenset(account.roles) & frozenset(token.roles) == who.roles and account.agent == who.agent

    def lacks(self, token: str, role: Role) -> str:
        """Why whoever had this role by a token, by its id, has it no more; empty while they have, and of the house."""
        if not token:
            return ""
        known = self.tokens.get(token)
        if known is None or known.expires <= self.now():
            return "the token counts no more"
        account = self.accounts.get(known.account)
        if account is None or account.is_disabled:
            return f"the account {known.account} is disabled"
        if role not in account.roles:
            return f"{account.name} has the role {role} no more"
        return ""

    @property
    def names(self) -> dict[str, AgentId | None]:
        """Every account, and those whose password is being hashed, with the 工号 of each."""
        return self._opening | {account.name: account.agent for account in self.accounts.values()}

    # --- changes.  All raise `DiskError`, and then nothing has changed

    async def open(
        self, name: str, roles: tuple[Role, ...], agent: AgentId | None = None, password: str | None = None
    ) -> str:
        """Make an account; its password, made here unless one is given.  Look at `names` before.

        Name and 工号 are taken from the first moment on: whoever asks for them while a password is hashed is too late.
        """
        self._opening[name] = agent
        try:
            secret = password or self._locksmith.password()
            hashed = await self._locksmith.hash(secret)
            await self._keep(Account(name, roles, hashed, self.now(), agent))
        finally:
            del self._opening[name]
        return secret

    async def change(self, account: Account, **fields: Any) -> Account:
        """Another role, 工号 or state."""
        changed = msgspec.structs.replace(account, **fields)
        await self._keep(changed)
        return changed

    async def set_password(self, account: Account, password: str | None) -> str:
        """Another password, made here unless one is given; who has signed in with the old one is signed out."""
        secret = password or self._locksmith.password()
        hashed = await self._locksmith.hash(secret)
        await self._keep(msgspec.structs.replace(self.accounts[account.name], password=hashed))
        for token in [each for each in self.tokens.values() if each.account == account.name and not each.label]:
            await self.revoke(token.id)
        self.lockout.forget(account.name)
        self._spent(account.name)
        return secret

    async def issue(self, account: str, label: str, lasts: timedelta, roles: tuple[Role, ...]) -> Made:
        """A token for a program, with no more roles than its account has."""
        made = self._token(account, label, lasts, roles)
        await self._keep(made.token)
        return made

    async def revoke(self, token: str) -> None:
        """End a token."""
        await self._keep(Gone(token))

    def now(self) -> int:
        """The real moment, ms."""
        return int(self._clock.real().timestamp() * 1000)

    # --- keeping

    def _token(self, account: str, label: str, lasts: timedelta, roles: tuple[Role, ...]) -> Made:
        secret, now = self._locksmith.token(), self.now()
        digest = _digest(secret)
        expires = now + int(lasts.total_seconds() * 1000)
        return Made(Token(digest[:12], digest, account, now, expires, label, roles), secret)

    async def _keep(self, value: "Account | Token | Gone") -> None:
        self._disk.append(kept.line(value) + b"\n")
        self._know(value)
        await self._disk.sync()

    def _try(self, value: "Token | Gone") -> None:
        try:
            self._disk.append(kept.line(value) + b"\n")
        except DiskError as fault:
            log.error("access: %s; the sign-in lasts until the next restart", fault)  # noqa: TRY400 - says all
        self._know(value)

    def _know(self, value: "Account | Token | Gone") -> None:
        match value:
            case Account():
                self.accounts[value.name] = value
            case Token():
                self.tokens[value.id] = value
                self._by_digest[value.digest] = value.id
            case Gone():
                token = self.tokens.pop(value.id, None)
                if token is not None:
                    del self._by_digest[token.digest]

    def _compact(self, unread: list[bytes]) -> None:
        """At a start: what has expired or was replaced is left behind, not what only another version can read."""
        now = self.now()
        for token in [each for each in self.tokens.values() if each.expires <= now]:
            self._know(Gone(token.id))
        try:
            known = (*self.accounts.values(), *self.tokens.values())
            self._disk.replace([*map(kept.line, known), *unread])
        except DiskError as fault:
            log.error("access: %s; it stays as it is", fault)  # noqa: TRY400 - says all


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
