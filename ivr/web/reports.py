"""The figures of a period, as `docs/metrics.md` explains them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.errors import StoreError
from ivr.figures import AgentTimes, Figures
from ivr.store import Cells
from ivr.web.operations import Operation
from ivr.web.rights import WATCHERS
from ivr.web.switchboard import Asked, Refusal
from routing.hours import civil
from routing.windows import Every, cells, period, starts

Moment = Annotated[str, msgspec.Meta(max_length=40, description="2021-09-15, or 2021-09-15T09:00, in Shanghai")]

LOOKED_THROUGH = timedelta(days=34)
"""Of a longer period the lowest 24 hours are not looked for: 5 minutes by 5 minutes, that is a question of its own."""


class By(StrEnum):
    """What calls are told apart by."""

    LINE = "line"
    POOL = "pool"
    SKILL = "skill"
    AGENT = "agent"
    DISPOSITION = "disposition"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """The period `[from, to)`, by default today until now; in windows; `rolling`: of 24 hours, every 5 minutes."""

    from_: Moment = ""
    to: Moment = ""
    by: By | None = None
    every: Every | None = None
    rolling: bool = False


class Report(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What came of the calls that arrived in the period; rates are shares of 1, times are seconds.

    `agents`: what each did, if they are told apart.  `lowest_connection`, `lowest_service_level`: the 24 hours that end
    in the period in which `connection_rate`, or `service_level_since_answer`, was lowest.
    """

    from_: datetime
    to: datetime
    by: By | None
    every: Every | None
    rolling: bool
    answer_within: float
    rows: list[Figures]
    agents: list[AgentTimes] = []
    lowest_connection: Figures | None = None
    lowest_service_level: Figures | None = None


async def report(asked: Asked, query: Wanted) -> Report:
    """The figures of a period: amounts, rates, service levels, times."""
    store, service = asked.board.store, asked.board.service
    within = service.config.site.timing.answer_within
    now = service.clock.real()
    try:
        begins, ends = period(query.from_, query.to, now)
        made = _cells(query, begins, ends)
        rows = await store.figures(made, query.by or "", within)
        agents = await store.agent_times(made, now, within) if query.by is By.AGENT and not query.rolling else []
        is_short = query.by is None and ends - begins <= LOOKED_THROUGH
        rolling = await store.figures(Cells(*_rolling(begins, ends)), "", within) if is_short else []
    except (ValueError, OverflowError) as fault:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(fault)) from fault
    except StoreError as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    return Report(
        begins,
        ends,
        query.by,
        query.every,
        query.rolling,
        within.total_seconds(),
        [_here(row) for row in rows],
        [msgspec.structs.replace(each, since=civil(each.since)) for each in agents],
        _lowest(rolling, "connection_rate"),
        _lowest(rolling, "service_level_since_answer"),
    )


def _cells(query: Wanted, begins: datetime, ends: datetime) -> Cells:
    if query.rolling and query.every:
        raise ValueError("rolling windows are of 24 hours, every 5 minutes: ask for them, or for other windows")
    return Cells(*_rolling(begins, ends)) if query.rolling else Cells(starts(begins, ends, query.every), ends)


def _rolling(begins: datetime, ends: datetime) -> tuple[Sequence[datetime], datetime, int]:
    begin, width = cells(begins, ends)
    return begin, ends, width


def _lowest(rolling: list[Figures], name: str) -> Figures | None:
    known = [row for row in rolling if getattr(row, name) is not None]
    return _here(min(known, key=lambda row: getattr(row, name))) if known else None


def _here(row: Figures) -> Figures:
    return msgspec.structs.replace(row, since=civil(row.since), until=civil(row.until))


OPERATIONS = (Operation("GET", "/report", report, WATCHERS),)
