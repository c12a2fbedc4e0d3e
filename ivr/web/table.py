"""Every operation that there is, in one table."""

from ivr.web import accounts, agents, audit, calls, house
from ivr.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *house.OPERATIONS,
    *agents.OPERATIONS,
    *calls.OPERATIONS,
    *accounts.OPERATIONS,
    *audit.OPERATIONS,
)
