"""`/metrics`, for Prometheus: aggregates alone; docs/metrics.md names each."""

from collections.abc import AsyncGenerator

from ivr.edge.protocols import Flow
from ivr.web.operations import Operation
from ivr.web.rights import ADMINS, WATCHERS
from ivr.web.switchboard import Asked

TEXT = "text/plain"


async def metrics(asked: Asked) -> Flow:
    """The state of the house for Prometheus: aggregates, no caller's number and no name."""
    return Flow(_pieces(await asked.board.meters.told()), TEXT)


async def _pieces(text: bytes) -> AsyncGenerator[bytes]:
    yield text


OPERATIONS = (Operation("GET", "/metrics", metrics, WATCHERS | ADMINS, produces=TEXT),)
