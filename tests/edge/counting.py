"""Figures counted a second time, slowly and in words: what the SQL must come to."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from ivr.facts import CallRecord, Outcome, Reached, Stage
from routing.ids import Instant

IN_TIME_MS, SHORT_MS = 15_000, 5_000
GOOD_ENOUGH = 3  # 基本满意

KEY: dict[str, Callable[[CallRecord], str]] = {
    "": lambda _: "",
    "line": lambda call: call.line,
    "pool": lambda call: call.asked_pool or "",
    "skill": lambda call: call.skill or "",
    "agent": lambda call: call.agent or "",
    "disposition": lambda _: "",
}


OUR_OWN = {Outcome.UNREACHED, Outcome.WITHDRAWN}
"""What becomes of calls of our own alone: they were not offered to us."""


def moment(at: Instant) -> datetime:
    """An instant as the database has it."""
    return datetime.fromtimestamp(at / 1000, UTC)


def of_agent(agent: str, calls: Sequence[CallRecord]) -> dict[str, float | None]:
    """What an agent has had to do with any of these calls, whoever was the first to answer it."""
    talks = [(call.call, each) for call in calls if call.outcome is Outcome.ANSWERED for each in call.talks]
    own = [(call, each.until - each.since, each.held_ms) for call, each in talks if each.agent == agent]
    handled = len({call for call, _, _ in own})
    talked, held = sum(ms for _, ms, _ in own) / 1000, sum(ms for _, _, ms in own) / 1000
    return {"handled": handled, "mean_talk": share(talked, handled), "mean_hold": share(held, handled)}


def counted(calls: Sequence[CallRecord]) -> dict[str, float | None]:
    """Every figure of these calls."""
    answered = [call for call in calls if call.outcome is Outcome.ANSWERED]
    left = [call for call in calls if call.outcome is Outcome.ABANDONED]
    queued = [call for call in calls if call.queued is not None]
    ratings = [call.rating for call in calls if call.rating is not None]
    short = [call for call in left if _end(call) - call.arrived < SHORT_MS]
    found: dict[str, float | None] = {
        "offered": len(calls),
        "answered": len(answered),
        **{f"abandoned_{stage}": sum(call.stage is stage for call in left) for stage in Stage},
        **{
            str(outcome).replace("-", "_"): sum(call.outcome is outcome for call in calls)
            for outcome in Outcome
            if outcome not in {Outcome.ANSWERED, Outcome.ABANDONED, *OUR_OWN}
        },
        **{
            f"survival_{reached}": sum(call.outcome is Outcome.SURVIVAL and call.reached is reached for call in calls)
            for reached in Reached
        },
        "abandoned": len(left),
        "agent_requests": len(queued),
        "connected": sum(call.connected is not None for call in calls),
        "overflowed": sum(bool(call.overflowed) or _elsewhere(call) for call in calls),
        "short_abandoned": len(short),
        "rated": len(ratings),
        "satisfied": sum(rating <= GOOD_ENOUGH for rating in ratings),
        "satisfaction_rate": share(sum(rating <= GOOD_ENOUGH for rating in ratings), len(ratings)),
        "connection_rate": share(len(answered), len(calls)),
        "connection_rate_lenient": share(len(answered), len(calls) - len(short)),
        "agent_connection_rate": share(len(answered), len(queued)),
        "overall_connection_rate": share(
            sum(call.outcome in {Outcome.ANSWERED, Outcome.TRANSFERRED, Outcome.ANNOUNCED} for call in calls),
            len(calls),
        ),
        "person_rate": share(sum(call.connected is not None for call in calls), len(calls)),
        "abandonment_rate": share(sum(call in left for call in queued), len(queued)),
        "short_abandonment_rate": share(len(short), len(calls)),
        "short_abandonment_rate_of_agent_requests": share(sum(call in short for call in queued), len(queued)),
        "asa_since_arrival": mean(_end(call) - call.arrived for call in answered),
        "asa_since_queue": mean(_waited(call, call.queued) for call in answered),
        "in_time_since_queue": sum(_waited(call, call.queued) <= IN_TIME_MS for call in answered),
        "service_level_of_agent_requests_since_queue": share(
            sum(_waited(call, call.queued) <= IN_TIME_MS for call in answered), len(queued)
        ),
        "mean_patience": mean(_end(call) - call.arrived for call in left),
        "mean_hold": mean(call.held_ms for call in answered),
        "handled": len(answered),
        "mean_talk": mean(_talked(call) for call in answered),
        "mean_handle": mean(sum(each.until - each.since for each in call.talks) for call in answered),
    }
    for clock, began in (("since_answer", _answered), ("since_prompt_end", _prompts_ended)):
        in_time = [call for call in answered if _waited(call, began(call)) <= IN_TIME_MS]
        quick = [call for call in left if _waited(call, began(call)) <= IN_TIME_MS]
        both = len(answered) + len(left)
        found |= {
            f"service_level_{clock}": share(len(in_time), both),
            f"service_level_of_answered_{clock}": share(len(in_time), len(answered)),
            f"service_level_with_quick_abandons_{clock}": share(len(in_time) + len(quick), both),
            f"service_level_without_quick_abandons_{clock}": share(len(in_time), both - len(quick)),
            f"service_level_of_offered_{clock}": share(len(in_time), len(calls)),
            f"service_level_of_agent_requests_{clock}": share(len(in_time), len(queued)),
            f"in_time_{clock}": len(in_time),
            f"longest_wait_{clock}": max((_waited(call, began(call)) / 1000 for call in answered), default=None),
            f"asa_{clock}": mean(_waited(call, began(call)) for call in answered),
        }
    return found


def share(part: float, whole: int) -> float | None:
    """A part of a whole, where there is one."""
    return part / whole if whole else None


def mean(times_ms: Iterable[int]) -> float | None:
    """In seconds."""
    all_ms = list(times_ms)
    return sum(all_ms) / len(all_ms) / 1000 if all_ms else None


def _answered(call: CallRecord) -> Instant | None:
    return call.answered


def _prompts_ended(call: CallRecord) -> Instant | None:
    return call.prompts_ended


def _end(call: CallRecord) -> Instant:
    """When the citizen heard a person, or was gone."""
    return call.connected or call.released or call.ended


def _waited(call: CallRecord, since: Instant | None) -> int:
    return max(0, _end(call) - since) if since is not None else 0


def _elsewhere(call: CallRecord) -> bool:
    return call.pool is not None and call.asked_pool not in {None, call.pool}


def _talked(call: CallRecord) -> int:
    return (call.released or call.ended) - (call.connected or 0)
