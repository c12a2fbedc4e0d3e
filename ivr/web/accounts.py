"""Operations on accounts and tokens: sign in and out, and what a system admin does.  Secrets are told once."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.web.access import Access, Account, Token
from ivr.web.operations import SECRET, Operation
from ivr.web.rights import ADMINS, EVERYBODY, HOUSE, OPEN, Role
from ivr.web.switchboard import Asked, Refusal
from routing.ids import AgentId

Name = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z._-]{1,64}$", description="an account's name")]
NewPassword = Annotated[str, msgspec.Meta(min_length=10, max_length=200, extra_json_schema=SECRET)]
Password = Annotated[str, msgspec.Meta(max_length=200, extra_json_schema=SECRET)]
TokenPath = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$", description="a token's id")]
Roles = Annotated[tuple[Role, ...], msgspec.Meta(min_length=1, max_length=5)]
AgentName = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z_-]{1,64}$")]


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody says they are."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    password: Password


class LoggedIn(msgspec.Struct, frozen=True):
    """The token to be sent with every request until it expires."""

    token: str
    expires: str
    name: str
    roles: tuple[Role, ...]
    agent: AgentId | None


class Me(msgspec.Struct, frozen=True):
    """Whoever asks."""

    name: str
    roles: tuple[Role, ...]
    agent: AgentId | None


class Changing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One's own password, and the one in its place."""

    old: Password
    new: NewPassword


class Done(msgspec.Struct, frozen=True):
    """It is done."""

    done: bool = True


class ShownAccount(msgspec.Struct, frozen=True):
    """An account; `locked_s`: for so many seconds no sign-in is looked at."""

    name: str
    roles: tuple[Role, ...]
    agent: AgentId | None
    made: str
    is_disabled: bool
    locked_s: int


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be made; without a password one is made for it."""

    name: Name
    roles: Roles
    agent: AgentName | None = None
    password: NewPassword | None = None


class Opened(msgspec.Struct, frozen=True):
    """An account, with its password, told this once."""

    account: ShownAccount
    password: str


class Working(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody works as from now on; the 工号 stays unless one, or null, is given."""

    roles: Roles
    agent: AgentName | msgspec.UnsetType | None = msgspec.UNSET


class Disabling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the account is of no use for now."""

    is_disabled: bool = True


class Resetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another password; none: one is made."""

    password: NewPassword | None = None


class ShownToken(msgspec.Struct, frozen=True):
    """A token; `label` is empty for a sign-in."""

    id: str
    account: str
    label: str
    roles: tuple[Role, ...]
    made: str
    expires: str


class Issuing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token for a program; without roles it has all of its account's."""

    account: Name
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    roles: Roles | None = None


class Issued(msgspec.Struct, frozen=True):
    """A token, with its secret, told this once."""

    token: ShownToken
    secret: str


async def login(asked: Asked, body: Login) -> LoggedIn:
    """Sign in: a token for a shift."""
    access = asked.board.access
    _demand_unlocked(access, body.name)
    made = await access.sign_in(body.name, body.password)
    if made is None:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "the name or the password is wrong")
    account = access.accounts[body.name]
    return LoggedIn(made.secret, _moment(made.token.expires), account.name, account.roles, account.agent)


async def logout(asked: Asked) -> Done:
    """Sign out: the token that is sent with this is none any more."""
    if not asked.who.token:
        raise Refusal(HTTPStatus.CONFLICT, "the token of the state directory cannot be signed out")
    await asked.board.access.revoke(asked.who.token)
    return Done()


async def me(asked: Asked) -> Me:
    """Who asks, and as what."""
    return Me(asked.who.name, tuple(role for role in Role if role in asked.who.roles), asked.who.agent)


async def change_password(asked: Asked, body: Changing) -> Done:
    """Change one's own password; all who have signed in with the old one are signed out."""
    access = asked.board.access
    account = _account(access, asked.who.name)
    _demand_unlocked(access, account.name)
    if await access.sign_in(account.name, body.old) is None:
        raise Refusal(HTTPStatus.FORBIDDEN, "the old password is wrong")
    await access.set_password(account, body.new)
    return Done()


async def accounts(asked: Asked) -> list[ShownAccount]:
    """Everybody who may sign in."""
    access = asked.board.access
    return [_shown(access, account) for account in access.accounts.values()]


async def open_account(asked: Asked, body: Opening) -> Opened:
    """Make an account; its password is told this once."""
    access = asked.board.access
    if body.name in access.names or body.name == HOUSE.name:
        raise Refusal(HTTPStatus.CONFLICT, f"there is an account {body.name!r} already")
    agent = _agent(asked, body.agent, body.name)
    _demand_own_name(asked, body.name, agent)
    password = await access.open(body.name, _once(body.roles), agent, body.password)
    return Opened(_shown(access, access.accounts[body.name]), password)


async def set_roles(asked: Asked, account: Name, body: Working) -> ShownAccount:
    """What somebody works as; it counts at once."""
    access = asked.board.access
    known = _account(access, account)
    agent = known.agent if body.agent is msgspec.UNSET else _agent(asked, body.agent, account)
    if agent != known.agent:
        _demand_own_name(asked, account, agent)
    return _shown(access, await access.change(known, roles=_once(body.roles), agent=agent))


async def disable(asked: Asked, account: Name, body: Disabling) -> ShownAccount:
    """Take an account out of use, with all its tokens, or into use again."""
    access = asked.board.access
    return _shown(access, await access.change(_account(access, account), is_disabled=body.is_disabled))


async def reset_password(asked: Asked, account: Name, body: Resetting) -> Opened:
    """Give an account another password, told this once; it is signed out everywhere, and locked no more."""
    access = asked.board.access
    password = await access.set_password(_account(access, account), body.password)
    return Opened(_shown(access, access.accounts[account]), password)


async def tokens(asked: Asked) -> list[ShownToken]:
    """Every token that still counts: sign-ins, and those of programs."""
    access = asked.board.access
    return [_token(each) for each in access.tokens.values() if each.expires > access.now()]


async def issue_token(asked: Asked, body: Issuing) -> Issued:
    """Make a token for a program; it is told this once."""
    access = asked.board.access
    account = _account(access, body.account)
    roles = _once(body.roles or account.roles)
    more = [role for role in roles if role not in account.roles]
    if more:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{account.name} has not the role {', '.join(more)}")
    made = await access.issue(account.name, body.label, timedelta(days=body.days), roles)
    return Issued(_token(made.token), made.secret)


async def revoke_token(asked: Asked, token: TokenPath) -> Done:
    """End a token, from this moment on."""
    access = asked.board.access
    if token not in access.tokens:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no token {token!r} is known")
    await access.revoke(token)
    return Done()


def _demand_unlocked(access: Access, name: str) -> None:
    locked = access.lockout.locked_for(name, access.now())
    if locked:
        seconds = -(-locked // 1000)
        sentence = f"too many wrong passwords: try again in {seconds} s"
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, sentence, {"Retry-After": str(seconds)})


def _account(access: Access, name: str) -> Account:
    account = access.accounts.get(name)
    if account is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no account {name!r} is known")
    return account


def _agent(asked: Asked, agent: str | None, account: str) -> AgentId | None:
    """The 工号, if it is one, and nobody else's."""
    if agent is None:
        return None
    known = AgentId(agent)
    if known not in asked.board.service.config.site.agents:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no agent {agent!r} is in site.yaml")
    for other, theirs in asked.board.access.names.items():
        if theirs == known and other != account:
            raise Refusal(HTTPStatus.CONFLICT, f"agent {agent} is {other}")
    return known


def _demand_own_name(asked: Asked, account: str, agent: AgentId | None) -> None:
    """Nobody is taken for somebody else on the floor."""
    if account != agent and AgentId(account) in asked.board.service.config.site.agents:
        sentence = f"{account!r} is the 工号 of another agent: an account may be called only like its own"
        raise Refusal(HTTPStatus.CONFLICT, sentence)


def _once(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    return tuple(role for role in Role if role in roles)


def _shown(access: Access, account: Account) -> ShownAccount:
    locked_s = -(-access.lockout.locked_for(account.name, access.now()) // 1000)
    return ShownAccount(
        account.name, account.roles, account.agent, _moment(account.made), account.is_disabled, locked_s
    )


def _token(token: Token) -> ShownToken:
    return ShownToken(token.id, token.account, token.label, token.roles, _moment(token.made), _moment(token.expires))


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat()


OPERATIONS = (
    Operation("POST", "/login", login, OPEN),
    Operation("POST", "/logout", logout, EVERYBODY),
    Operation("GET", "/me", me, EVERYBODY),
    Operation("POST", "/me/password", change_password, EVERYBODY),
    Operation("GET", "/accounts", accounts, ADMINS),
    Operation("POST", "/accounts", open_account, ADMINS),
    Operation("POST", "/accounts/{account}/roles", set_roles, ADMINS),
    Operation("POST", "/accounts/{account}/disable", disable, ADMINS),
    Operation("POST", "/accounts/{account}/password", reset_password, ADMINS),
    Operation("GET", "/tokens", tokens, ADMINS),
    Operation("POST", "/tokens", issue_token, ADMINS),
    Operation("POST", "/tokens/{token}/revoke", revoke_token, ADMINS),
)
