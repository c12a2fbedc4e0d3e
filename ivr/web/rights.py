"""Who asks, and what their roles let them do.  How they prove who they are is not known here."""

from enum import StrEnum

import msgspec

from routing.ids import AgentId


class Role(StrEnum):
    """What somebody works as; an account may have several."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    LINE_ADMIN = "line-admin"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system-admin"


class Who(msgspec.Struct, frozen=True):
    """Whoever asks; `agent` is the 工号 of an operator, by which they are known on the floor; `token` is an id."""

    name: str
    roles: frozenset[Role]
    agent: AgentId | None = None
    token: str = ""


OPEN: frozenset[Role] = frozenset()
"""For operations that need no sign-in."""

EVERYBODY = frozenset(Role)
OPERATORS = frozenset({Role.OPERATOR})
SUPERVISORS = frozenset({Role.SUPERVISOR})
FLOOR = OPERATORS | SUPERVISORS
"""Who works on the floor."""

WATCHERS = SUPERVISORS | {Role.AUDITOR}
"""Who sees every call."""

LINE_ADMINS = frozenset({Role.LINE_ADMIN})
ADMINS = frozenset({Role.SYSTEM_ADMIN})

NOBODY = Who("nobody", OPEN)
"""Whoever has not said who they are."""

HOUSE = Who("house", EVERYBODY)
"""Whoever has the token of the state directory: the command line and the supervisor, in the same house."""
