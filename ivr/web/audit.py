"""The audit log as the API writes it and shows it: which requests are worth an entry, and what it may say of them."""

import asyncio
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, get_args, get_type_hints

import msgspec

from ivr.audit import ANCHOR, Anchor, Audit, Deed, Entry, Link, anchored, joined
from ivr.edge.protocols import Clock, Request
from ivr.errors import StoreError
from ivr.web.operations import BODY, Operation
from ivr.web.rights import ADMINS, Role, Who
from ivr.web.switchboard import Asked

LONGEST = 2_000
"""Characters of what was given that an entry keeps."""

STRANGERS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
"""A refusal of these kinds always has its entry."""

SINGLY = 1000
"""So many refusals of strangers within `HOUR_MS` have an entry each; of more, those whose number is a power of two."""

HOUR_MS = 3_600_000
BAD = HTTPStatus.BAD_REQUEST
"""From here on it is a refusal."""

BROKEN_MOST = 100
KINDS_MOST = 10_000  # of refusals that are counted at once
_BREATH = 500  # lines between two turns of the loop


class Auditor:
    """Writes what is done and refused over HTTP."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._refused: dict[tuple[str, int, int], int] = {}

    def is_worth(self, operation: Operation, status: HTTPStatus) -> bool:
        """Whether it has an entry once it is done."""
        return status in STRANGERS or (operation.is_audited and not (operation.discloses and status < BAD))

    def write(
        self, operation: Operation, request: Request, who: Who, given: Mapping[str, Any], status: int, said: str = ""
    ) -> None:
        """An entry; of a flood of refusals fewer and fewer."""
        times = self._times(request.peer, status) if not who.roles and status >= BAD else 1
        if times > SINGLY and times & (times - 1):
            return
        told = f"{said} ({times} times)" if times > SINGLY else said
        source = f"{request.peer} token {who.token}" if who.token else request.peer
        self._audit.write(Deed(_named(who, given), operation.name, request.path, _shown(given), source, status, told))

    async def sync(self) -> None:
        """Return when the disk has it.  Raises `DiskError`."""
        await self._audit.sync()

    def _times(self, peer: str, status: int) -> int:
        kind = (peer, status, self._clock.instant() // HOUR_MS)
        times = self._refused.pop(kind, 0) + 1
        self._refused[kind] = times
        while len(self._refused) > KINDS_MOST:
            del self._refused[next(iter(self._refused))]
        return times


def _named(who: Who, given: Mapping[str, Any]) -> str:
    """Who it was; of somebody who signs in, who they say they are."""
    name = getattr(given.get(BODY), "name", "") if not who.roles else ""
    return f"{who.name}: {name}" if name else who.name


def _shown(given: Mapping[str, Any]) -> str:
    """What was given, without what is secret."""
    body = given.get(BODY)
    if body is None:
        return ""
    hidden = _secrets(type(body))
    told = {name: "…" if name in hidden and value else value for name, value in msgspec.to_builtins(body).items()}
    text = msgspec.json.encode(told).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _secrets(type_: type) -> frozenset[str]:
    """Fields whose type is `writeOnly`."""
    hints = get_type_hints(type_, include_extras=True)
    return frozenset(name for name, hint in hints.items() if any(_is_secret(each) for each in (hint, *get_args(hint))))


def _is_secret(hint: Any) -> bool:
    metas = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, msgspec.Meta)]
    return any((each.extra_json_schema or {}).get("writeOnly") for each in metas)


class Latest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many; `before` the entry of this number, to look further back."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    before: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None


class Log(msgspec.Struct, frozen=True):
    """Entries, the newest last; `held` have not reached the disk, `lost` never will."""

    entries: list[Entry]
    held: int
    lost: int


class Broken(msgspec.Struct, frozen=True):
    """A line of one of the log's files that is not what it was, or behind which one is missing."""

    file: str
    line: int
    fault: str


class Chain(msgspec.Struct, frozen=True):
    """How many entries there are in all files, and the first of those that do not hold together, or are not as the
    database has them.

    `error` says why the database could not be asked.
    """

    lines: int
    is_whole: bool
    broken: list[Broken]
    error: str = ""


async def audit_log(asked: Asked, query: Latest) -> Log:
    """Who did what, when, on what, from where, and what came of it."""
    audit = asked.board.audit
    return Log(audit.latest(query.limit, query.before), audit.held, audit.lost)


async def audit_chain(asked: Asked) -> Chain:
    """Whether the audit log is whole, in every file that it has: each entry carries the digest of the one before."""
    lines = place = 0
    broken: list[Broken] = []
    files = asked.board.audit.files()

    def links() -> Iterator[Link]:
        nonlocal lines, place
        for place, link in joined(content for _, content in files):  # noqa: B007 - the file that `anchored` is at
            lines += 1
            yield link

    try:
        facts = await asked.board.store.facts_of(ANCHOR)
        anchors = [msgspec.json.decode(fact.body, type=Anchor) for fact in facts if fact.topic == ANCHOR]
        error = ""
    except StoreError as fault:
        anchors, error = [], str(fault)
    for link in anchored(links(), anchors):
        if link.fault and len(broken) < BROKEN_MOST:
            broken.append(Broken(files[place][0], link.line, link.fault))
        if lines % _BREATH == 0:
            await asyncio.sleep(0)  # calls go on meanwhile
    return Chain(lines, not broken, broken, error)


READERS = ADMINS | {Role.AUDITOR}

OPERATIONS = (
    Operation("GET", "/audit", audit_log, READERS),
    Operation("GET", "/audit/chain", audit_chain, READERS),
)
