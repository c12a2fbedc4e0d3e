"""What is shown of pools, of who is to be called back, and of the numbers that were marked.  Numbers are masked."""

from collections import Counter

import msgspec

from ivr.dispatcher import Dispatcher
from routing.callbacks import Result, Task, Why
from routing.config import Config
from routing.ids import AgentId, CallId, Instant, PoolId, PromptId
from routing.nuisance import Case
from routing.numbers import mask
from routing.tickets import AgentState


class ShownPool(msgspec.Struct, frozen=True):
    """A pool now: who is signed in, who is ready, and how many wait for its agents, among others perhaps.

    `closed` is the prompt of one that a supervisor has closed.
    """

    pool: PoolId
    name: str
    agents: int
    ready: int
    closed: PromptId | None
    waiting: int


class ShownTask(msgspec.Struct, frozen=True):
    """Somebody who is to be called back; `due` null: a supervisor decides, as it has been tried often enough.

    Or as the engine may not call the number by itself, and then `barred` says why.
    """

    call: CallId
    caller: str
    why: Why
    line: str
    first_entry: Instant
    due: Instant | None
    agent: AgentId | None
    tries: list[Result]
    joined: CallId | None
    barred: str


class ShownCase(msgspec.Struct, frozen=True):
    """A number that was marked: by whom, in which calls; `until` null: nobody has confirmed it, it is not slowed."""

    call: CallId
    caller: str
    marked: Instant
    last: Instant
    calls: list[CallId]
    agents: list[AgentId]
    until: Instant | None
    by: str


def pools(config: Config, dispatcher: Dispatcher) -> dict[PoolId, ShownPool]:
    """Every pool of the config."""
    there: Counter[PoolId] = Counter()
    ready: Counter[PoolId] = Counter()
    for view in dispatcher.agents():
        known = config.site.agents.get(view.agent)
        theirs = dict.fromkeys(each.pool for each in known.competences) if known else {}
        there.update(theirs.keys())
        if view.state is AgentState.READY:
            ready.update(theirs.keys())
    closed = dispatcher.closed()
    return {
        id_: ShownPool(id_, pool.name, there[id_], ready[id_], closed.get(id_), dispatcher.length(id_))
        for id_, pool in config.site.pools.items()
    }


def task(task: Task) -> ShownTask:
    """A task of calling back."""
    return ShownTask(
        task.id, mask(task.caller), task.why, task.line, task.first_entry, task.due, task.agent,
        [each.result for each in task.tries], task.joined, task.barred,
    )  # fmt: skip


def case(case: Case) -> ShownCase:
    """A number that was marked."""
    calls, agents = [each.call for each in case.marks], list(dict.fromkeys(each.agent for each in case.marks))
    first, last = case.marks[0].at, case.marks[-1].at
    return ShownCase(case.id, mask(case.caller), first, last, calls, agents, case.until, case.by)
