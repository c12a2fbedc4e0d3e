"""Every operation that there is, in one table."""

from ivr.web import agents, calls, house
from ivr.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (*house.OPERATIONS, *agents.OPERATIONS, *calls.OPERATIONS)
