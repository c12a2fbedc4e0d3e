"""Every operation that there is, in one table."""

from typing import Any

from ivr.web import (
    accounts,
    agents,
    audit,
    broadcasts,
    callbacks,
    calling,
    calls,
    experts,
    house,
    metrics,
    nuisance,
    pools,
    reports,
    seats,
    stream,
    talks,
)
from ivr.web.openapi import document
from ivr.web.operations import Operation
from ivr.web.switchboard import Asked


async def openapi(asked: Asked) -> dict[str, Any]:  # noqa: ARG001 - every operation is given it
    """This description, in OpenAPI 3.1."""
    return document(OPERATIONS)


OPERATIONS: tuple[Operation, ...] = (
    *house.OPERATIONS,
    Operation("GET", "/openapi.json", openapi),
    *agents.OPERATIONS,
    *seats.OPERATIONS,
    *pools.OPERATIONS,
    *broadcasts.OPERATIONS,
    *callbacks.OPERATIONS,
    *calling.OPERATIONS,
    *experts.OPERATIONS,
    *nuisance.OPERATIONS,
    *talks.OPERATIONS,
    *calls.OPERATIONS,
    *stream.OPERATIONS,
    *reports.OPERATIONS,
    *metrics.OPERATIONS,
    *accounts.OPERATIONS,
    *audit.OPERATIONS,
)
