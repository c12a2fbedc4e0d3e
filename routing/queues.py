"""Who waits and who is free: the Floor's records and the indexes that find the right one of them in O(log n).

Nothing here decides; `routing.floor` does.  Names are interned: two tickets with an equal ladder share one `Way`, two
ways with an equal requirement one `Queue`, two agents of equal competence one `Profile`.  All three are counted and
forgotten with the last who needs them, but for some ways, which the next ticket is likely to need.  Only a `Bucket`
stays: no more than pools x skills x levels x languages, and one for each agent who was ever asked for by name.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from sortedcontainers import SortedList

from routing.ids import AgentId, Instant, LanguageId, PoolId, PromptId, SeatId, SkillId, TicketId
from routing.tickets import AgentState, Alternative, Competence, Ladder, Requirement

HIGHEST_LEVEL = 5
MANY_SKILLS = 4
"""Whoever has this many skills in a pool or more, languages counted in, is asked last for its unskilled work."""

SPARE_WAYS = 64
"""Ways that are kept for the next who comes with that ladder: to make one anew costs as much as ten events."""

Spot = tuple[PoolId, SkillId | None, int, LanguageId | None]
"""Of a bucket: a pool, a skill and a level, or how much was learnt beside; and a language, or any."""

Key = tuple[int, TicketId]
"""A ticket's rank, constant for its life: `(first_entry - priority_ms, ticket)`; the lowest is served first."""


class Bucket:
    """Those who can do one thing: a skill of one pool at exactly one level; any of its work, having learnt so much;
    either of these in one language; or what one agent is asked for by name.
    """

    __slots__ = ("idle", "is_closed", "people", "queues")

    def __init__(self) -> None:
        self.is_closed = False  # nobody is asked here
        self.idle: OrderedDict[Agent, None] = OrderedDict()  # ready, longest idle first; O(1) at both ends, unlike dict
        self.people = 0  # signed in, in whatever state
        self.queues: dict[Queue, None] = {}  # those served from here in which somebody waits


class Profile:
    """What an agent is competent for."""

    __slots__ = ("buckets", "competences", "people")

    def __init__(self, competences: tuple[Competence, ...], buckets: tuple[Bucket, ...]) -> None:
        self.competences = competences
        self.buckets = buckets
        self.people = 0


class Agent:
    """A person who is signed in."""

    __slots__ = (
        *("by", "id", "last", "own", "profile", "reason", "seat", "since", "state"),
        *("then", "then_by", "then_reason", "ticket", "turn", "until"),
    )

    def __init__(self, agent: AgentId, seat: SeatId, profile: Profile, own: Bucket | None, since: Instant) -> None:
        self.id = agent
        self.seat = seat
        self.own = own  # None: nobody has ever asked for them by name
        self.profile = profile
        self.state = AgentState.SIGNED_OUT
        self.since = since
        self.reason = ""
        self.by = ""
        self.ticket: Ticket | None = None  # reserved for it, or talking
        self.last: TicketId | None = None  # for which they talked last
        self.then: AgentState | None = None  # asked for meanwhile: PAUSED or SIGNED_OUT
        self.then_reason = self.then_by = ""
        self.turn = 0  # grows each time that somebody becomes ready: the order of idleness
        self.until: Instant | None = None  # the state's limit

    @property
    def is_engaged(self) -> bool:
        """Whether the agent is reserved for a ticket or talking."""
        return self.ticket is not None

    def best_queue(self) -> "Queue | None":
        """The queue whose first ticket is the first of all that the agent may take."""
        best: Queue | None = None
        first: Key | None = None
        buckets = self.profile.buckets if self.own is None else (*self.profile.buckets, self.own)
        for bucket in buckets:
            if bucket.is_closed:
                continue
            for queue in bucket.queues:
                head = queue.head
                if first is None or head < first:  # type: ignore[operator]  # a bucket lists no empty queue
                    first, best = head, queue
        return best


class Queue:
    """The tickets that wait with one requirement, by rank."""

    __slots__ = ("buckets", "common", "gone", "head", "keys", "requirement", "served_by", "ways")

    def __init__(self, requirement: Requirement, buckets: tuple[Bucket, ...], served_by: tuple[Bucket, ...]) -> None:
        self.requirement = requirement
        self.common = requirement.common
        self.buckets = buckets  # in order of preference
        self.served_by = served_by  # those of `common`
        self.keys: SortedList[Key] = SortedList()
        self.head: Key | None = None
        self.ways = 0
        self.gone = False  # none of its pools exists any longer, or they are closed

    @property
    def is_deserted(self) -> bool:
        """Whether nobody who is signed in could ever serve it."""
        if not self.gone:
            for bucket in self.served_by:
                if bucket.people and not bucket.is_closed:
                    return False
        return True

    def pool_of(self, agent: Agent) -> PoolId | None:
        """For which of its pools the agent works; None when they no longer do for any."""
        known = {each.pool: each for each in agent.profile.competences}
        for a in self.requirement.alternatives:
            if a.agent is not None:
                if a.agent == agent.id:
                    return a.pool
            elif a.pool in known and known[a.pool].serves(a):
                return a.pool
        return None

    def longest_idle(self) -> Agent | None:
        """The ready agent who is to be asked first."""
        for bucket in self.buckets:
            if bucket.idle and not bucket.is_closed:
                return next(iter(bucket.idle))
        return None

    def add(self, key: Key) -> None:
        """A ticket begins to wait here."""
        self.keys.add(key)
        if self.head is None:
            self.head = key
            for bucket in self.buckets:
                bucket.queues[self] = None
        elif key < self.head:
            self.head = key

    def remove(self, key: Key) -> None:
        """A ticket that waits here no longer does."""
        if key != self.head:
            self.keys.remove(key)
            return
        del self.keys[0]
        if self.keys:
            self.head = self.keys[0]
        else:
            self.head = None
            for bucket in self.buckets:
                del bucket.queues[self]


class Way:
    """A ladder, its requirements looked up: `rungs` holds `(after_ms, queue)`."""

    __slots__ = ("ladder", "rungs", "tickets")

    def __init__(self, ladder: Ladder, rungs: tuple[tuple[int, Queue], ...]) -> None:
        self.ladder = ladder
        self.rungs = rungs
        self.tickets = 0


class Ticket:
    """A claim on an agent's time."""

    __slots__ = (
        *("agent", "climbs_at", "entered", "first_entry", "id", "is_accepted", "key"),
        *("limit", "next_climb", "offers", "queue", "rung", "way"),
    )

    def __init__(self, key: Key, first_entry: Instant, entered: Instant, way: Way) -> None:
        self.id = key[1]
        self.key = key
        self.first_entry = first_entry
        self.entered = entered
        self.way = way
        self.agent: Agent | None = None
        self.is_accepted = False
        self.offers = 0
        self.limit: Instant | None = None  # when it overflows, unless it is on offer
        self.climbs_at: Instant | None = None  # the alarm that is set
        self.stand_on(0)

    @property
    def wakes_at(self) -> Instant | None:
        """When time changes something for it: it climbs, or its wait is over.  An offer has a limit of its own."""
        if self.limit is None or self.agent is not None:
            return self.next_climb
        return self.limit if self.next_climb is None else min(self.next_climb, self.limit)

    def is_over(self, now: Instant) -> bool:
        """Whether it has waited here for long enough, or in vain."""
        if self.limit is None:
            return False
        return now >= self.limit or (self.next_climb is None and self.queue.is_deserted)

    def stand_on(self, rung: int) -> None:
        """This rung of the way holds now; -1: the only rung of the hall's own ladder."""
        rungs = self.way.rungs
        self.rung = rung
        self.queue = rungs[rung][1]  # where it stands, or would stand if it were not on offer
        self.next_climb: Instant | None = None  # None: no later rung exists
        if 0 <= rung < len(rungs) - 1:
            self.next_climb = Instant(self.entered + rungs[rung + 1][0])


class Index:
    """Everything interned, and the pools that exist; `agents` are those who are signed in, kept by others."""

    __slots__ = ("_agents", "_buckets", "_own", "_pools", "_profiles", "_spare", "_ways", "closed", "queues")

    def __init__(self, agents: dict[AgentId, Agent]) -> None:
        self._agents = agents
        self._buckets: dict[Spot, Bucket] = {}
        self._own: dict[AgentId, Bucket] = {}
        self.closed: dict[PoolId, PromptId] = {}
        self._profiles: dict[tuple[Competence, ...], Profile] = {}
        self._ways: dict[Ladder, Way] = {}
        self._spare: OrderedDict[Way, None] = OrderedDict()  # on which nobody is, the longest unused first
        self._pools: frozenset[PoolId] | None = None  # None: nobody has said, all exist
        self.queues: dict[Requirement, Queue] = {}

    def join(self, competences: tuple[Competence, ...]) -> Profile:
        """The profile of one more agent."""
        profile = self._profiles.get(competences)
        if profile is None:
            places = dict.fromkeys(_places_of_agent(competences))
            profile = Profile(competences, tuple(self._bucket(place) for place in places))
            self._profiles[competences] = profile
        profile.people += 1
        for bucket in profile.buckets:
            bucket.people += 1
        return profile

    def sit_down(self, agent: AgentId) -> Bucket | None:
        """One more who may be asked for by this name; None: nobody has ever been."""
        own = self._own.get(agent)
        if own is not None:
            own.people += 1
        return own

    def stand_up(self, agent: Agent) -> list[Queue]:
        """One less; returns the queues with tickets that nobody can serve any longer."""
        left = self.part(agent.profile)
        if agent.own is not None:
            agent.own.people -= 1
            left += [queue for queue in agent.own.queues if queue.is_deserted and queue not in left]
        return left

    def part(self, profile: Profile) -> list[Queue]:
        """One agent less in `profile`; returns the queues with tickets that nobody can serve any longer."""
        profile.people -= 1
        if not profile.people:
            del self._profiles[profile.competences]
        for bucket in profile.buckets:
            bucket.people -= 1
        left = dict.fromkeys(queue for bucket in profile.buckets if not bucket.people for queue in bucket.queues)
        return [queue for queue in left if queue.is_deserted]

    def take(self, ladder: Ladder) -> Way:
        """The way of one more ticket."""
        way = self._ways.get(ladder)
        if way is None:
            way = Way(ladder, tuple((rung.after_ms, self._queue(rung.requirement)) for rung in ladder))
            for _, queue in way.rungs:
                queue.ways += 1
            self._ways[ladder] = way
        elif not way.tickets:
            del self._spare[way]
        way.tickets += 1
        return way

    def give_back(self, way: Way) -> None:
        """One ticket less on `way`."""
        way.tickets -= 1
        if way.tickets:
            return
        self._spare[way] = None
        if len(self._spare) <= SPARE_WAYS:
            return
        way, _ = self._spare.popitem(last=False)
        del self._ways[way.ladder]
        for _, queue in way.rungs:
            queue.ways -= 1
            if not queue.ways:
                del self.queues[queue.requirement]

    def set_pools(self, pools: Iterable[PoolId]) -> list[Queue]:
        """These pools exist from now on; returns the queues with tickets that lost their last one."""
        self._pools = frozenset(pools)
        return self._deserted()

    def close(self, pool: PoolId, prompt: PromptId) -> list[Queue]:
        """Nobody is asked as a member of this pool; returns the queues with tickets that nobody can serve."""
        self.closed[pool] = prompt
        for bucket in self._of(pool):
            bucket.is_closed = True
        return self._deserted()

    def open(self, pool: PoolId) -> list[Agent]:
        """Its members are asked again; returns those of them who are ready, longest idle first."""
        del self.closed[pool]
        buckets = self._of(pool)
        for bucket in buckets:
            bucket.is_closed = False
        self._deserted()
        return sorted({agent: None for bucket in buckets for agent in bucket.idle}, key=lambda agent: agent.turn)

    def why_closed(self, requirement: Requirement) -> PromptId | None:
        """What is said of the first of its pools that is closed."""
        return next((self.closed[a.pool] for a in requirement.alternatives if a.pool in self.closed), None)

    def beside(self, requirement: Requirement) -> list[Queue]:
        """The queues that stand in one line with this requirement: theirs is the same, but for an agent by name."""
        common = requirement.common
        return [queue for queue in self.queues.values() if queue.common == common]

    def _of(self, pool: PoolId) -> list[Bucket]:
        return [bucket for place, bucket in self._buckets.items() if place[0] == pool]

    def _deserted(self) -> list[Queue]:
        queues = self.queues.values()
        for queue in queues:
            queue.gone = self._is_gone(queue.requirement)
        return [queue for queue in queues if queue.head and queue.is_deserted]

    def _queue(self, requirement: Requirement) -> Queue:
        queue = self.queues.get(requirement)
        if queue is None:
            wanted = (requirement.alternatives, requirement.common.alternatives)
            queue = Queue(requirement, *(tuple(dict.fromkeys(self._who(each))) for each in wanted))
            queue.gone = self._is_gone(requirement)
            self.queues[requirement] = queue
        return queue

    def _is_gone(self, requirement: Requirement) -> bool:
        if self._pools is None:
            return False
        there = self._pools.difference(self.closed)
        return not any(a.agent or a.pool in there for a in requirement.common.alternatives)

    def _who(self, alternatives: tuple[Alternative, ...]) -> Iterator[Bucket]:
        """In order of preference: for unskilled work those who have learnt least, so that experts stay free."""
        for a in alternatives:
            if a.agent is not None:
                yield self._named(a.agent)
            elif a.skill is None:
                for skills in range(MANY_SKILLS + 1):
                    yield self._bucket((a.pool, None, skills, a.language))
            else:
                for level in range(HIGHEST_LEVEL, a.level - 1, -1):
                    yield self._bucket((a.pool, a.skill, level, a.language))

    def _named(self, agent: AgentId) -> Bucket:
        own = self._own.get(agent)
        if own is None:
            own = self._own[agent] = Bucket()
            present = self._agents.get(agent)
            if present is not None:
                present.own, own.people = own, 1
                if present.state is AgentState.READY:
                    own.idle[present] = None
        return own

    def _bucket(self, place: Spot) -> Bucket:
        bucket = self._buckets.get(place)
        if bucket is None:
            bucket = self._buckets[place] = Bucket()
            bucket.is_closed = place[0] in self.closed
        return bucket


def _places_of_agent(competences: tuple[Competence, ...]) -> Iterator[Spot]:
    for competence in competences:
        learnt = min(len(competence.skills) + len(competence.languages), MANY_SKILLS)
        for language in (None, *competence.languages):
            yield competence.pool, None, learnt, language
            for skill, level in competence.skills:
                yield competence.pool, skill, min(level, HIGHEST_LEVEL), language
