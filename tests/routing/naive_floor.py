"""The Floor as one would write it without caring for speed: lists, and a look at everything, every time.

It shares no line with `routing.floor` but the vocabulary, so that where both agree, both are probably right.
"""

from dataclasses import dataclass

from routing.ids import AgentId, Instant, PoolId, PromptId, SeatId, TicketId
from routing.tickets import (
    Accepted,
    Action,
    AgentState,
    Alternative,
    Announce,
    AnyEvent,
    Changed,
    Closed,
    Competence,
    Configured,
    Consulted,
    Directed,
    Entered,
    Held,
    Left,
    Lost,
    Moved,
    Offer,
    Opened,
    Overdue,
    Overflowed,
    Paused,
    Rang,
    Reached,
    Readied,
    Refusal,
    Refused,
    Requirement,
    Resumed,
    Rung,
    SignedIn,
    SignedOut,
    Withdraw,
    WrappedUp,
)

S = AgentState


@dataclass(eq=False)
class Person:
    agent: AgentId
    seat: SeatId
    competences: tuple[Competence, ...]
    state: AgentState
    since: Instant
    reason: str = ""
    ticket: TicketId | None = None
    by: str = ""
    last: TicketId | None = None
    then: tuple[AgentState, str, str] | None = None
    until: int | None = None

    def level(self, alternative: Alternative) -> int | None:
        """How good the person is at what is wanted: None is not at all."""
        if alternative.agent is not None:
            return 0 if alternative.agent == self.agent else None
        best = None
        for competence in self.competences:
            if competence.pool == alternative.pool and alternative.language in (None, *competence.languages):
                if alternative.skill is None:
                    return -min(len([*competence.skills, *competence.languages]), 4)
                for skill, level in competence.skills:
                    if skill == alternative.skill and level >= alternative.level:
                        best = max(level, best or 0)
        return best


@dataclass(eq=False)
class Claim:
    ticket: TicketId
    ladder: list[Rung]
    rank: int
    first_entry: Instant
    entered: Instant
    rung: int = 0
    agent: AgentId | None = None
    accepted: bool = False
    offers: int = 0
    limit: int | None = None

    def key(self) -> tuple[int, TicketId]:
        return self.rank, self.ticket

    def requirement(self) -> Requirement:
        return self.ladder[self.rung].requirement

    def next_climb(self) -> int | None:
        if self.accepted or self.rung < 0 or self.rung + 1 >= len(self.ladder):
            return None
        return self.entered + self.ladder[self.rung + 1].after_ms

    def wakes(self) -> int | None:
        """When time changes something for it."""
        limit = self.limit if self.agent is None else None
        return min((at for at in (self.next_climb(), limit) if at is not None), default=None)


class NaiveFloor:
    def __init__(self) -> None:
        self.people: list[Person] = []
        self.claims: list[Claim] = []
        self.idle: list[Person] = []  # longest idle first
        self.pools: tuple[PoolId, ...] | None = None
        self.hall = PoolId("")
        self.wrap_up_ms = 0
        self.wrap_ups: tuple[tuple[PoolId, int], ...] = ()
        self.limits: dict[AgentState, int] = {}
        self.closed: dict[PoolId, PromptId] = {}
        self.said: list[Action] = []
        self.now = Instant(0)

    # --- questions

    def person(self, agent: AgentId | None) -> Person | None:
        return next((p for p in self.people if p.agent == agent), None)

    def claim(self, ticket: TicketId | None) -> Claim | None:
        return next((c for c in self.claims if c.ticket == ticket), None)

    def waiting(self) -> list[Claim]:
        return sorted((c for c in self.claims if c.agent is None), key=Claim.key)

    def is_open(self, alternative: Alternative) -> bool:
        return alternative.agent is not None or alternative.pool not in self.closed

    def suits(self, person: Person, requirement: Requirement) -> bool:
        return any(self.is_open(a) and person.level(a) is not None for a in requirement.alternatives)

    def gone(self, requirement: Requirement) -> bool:
        if self.pools is None:
            return False
        exist = [a for a in anybody(requirement).alternatives if a.agent is not None or a.pool in self.pools]
        return not any(self.is_open(a) for a in exist)

    def deserted(self, requirement: Requirement) -> bool:
        return self.gone(requirement) or not any(self.suits(p, anybody(requirement)) for p in self.people)

    def due(self) -> int | None:
        moments = [p.until for p in self.people] + [c.wakes() for c in self.claims]
        return min((m for m in moments if m is not None), default=None)

    def chosen(self, requirement: Requirement) -> Person | None:
        for alternative in filter(self.is_open, requirement.alternatives):
            able = [(p.level(alternative), p) for p in self.idle]
            best = max((level for level, _ in able if level is not None), default=None)
            for level, person in able:
                if level is not None and level == best:
                    return person
        return None

    # --- events

    def apply(self, event: AnyEvent, now: Instant) -> tuple[Action, ...]:
        self.now, self.said = now, []
        getattr(self, f"on_{type(event).__name__.lower()}")(event)
        return tuple(self.said)

    def on_entered(self, e: Entered) -> None:
        if self.claim(e.ticket):
            return
        ladder = list(e.ladder) or [Rung(Requirement(()))]
        claim = Claim(e.ticket, ladder, e.first_entry - e.priority_ms, e.first_entry, self.now)
        claim.offers = e.offers
        if e.limit_ms is not None:
            claim.limit = self.now + e.limit_ms
        self.claims.append(claim)
        self.place(claim)

    def on_left(self, e: Left) -> None:
        claim = self.claim(e.ticket)
        if claim is None:
            return
        self.claims.remove(claim)
        person = self.person(claim.agent)
        if person is None:
            return
        if not claim.accepted:
            self.said.append(Withdraw(claim.ticket, person.agent))
            self.release(person, S.READY)
            return
        person.last = claim.ticket
        theirs = [a.pool for a in claim.requirement().alternatives if person.level(a) is not None]
        lasts = self.wrap_up_ms
        for pool, lasts_there in self.wrap_ups:
            if pool == (theirs[0] if theirs else self.hall):
                lasts = lasts_there
        if lasts > 0:
            person.ticket = None
            self.change(person, S.WRAP_UP)
            person.until = self.now + lasts
        else:
            self.release(person, S.READY)

    def on_accepted(self, e: Accepted) -> None:
        claim, person = self.claim(e.ticket), self.person(e.agent)
        if claim and person and claim.agent == e.agent and not claim.accepted:
            claim.accepted = True
            self.change(person, S.TALKING)

    def turned(self, e: Held | Consulted | Resumed, to: AgentState) -> None:
        claim, person = self.claim(e.ticket), self.person(e.agent)
        if claim and person and claim.agent == e.agent and claim.accepted:
            self.change(person, to)

    def on_held(self, e: Held) -> None:
        self.turned(e, S.HOLDING)

    def on_consulted(self, e: Consulted) -> None:
        self.turned(e, S.CONSULTING)

    def on_resumed(self, e: Resumed) -> None:
        self.turned(e, S.TALKING)

    def on_wrappedup(self, e: WrappedUp) -> None:
        person = self.person(e.agent)
        if person and person.state is S.WRAP_UP:
            self.release(person, S.READY)

    def on_refused(self, e: Refused) -> None:
        claim, person = self.claim(e.ticket), self.person(e.agent)
        if not claim or not person or claim.agent != e.agent:
            return
        self.claims.remove(claim)  # it is in nobody's sight while it is carried back
        claim.agent, claim.accepted = None, False
        if e.why is Refusal.WITHDRAWN:
            self.claims.append(claim)
            self.place(claim)
            self.release(person, S.READY)
        else:
            self.release(person, S.UNREACHABLE if e.why is Refusal.UNREACHABLE else S.PAUSED, e.why.value)
            self.claims.append(claim)
            self.place(claim)

    def on_signedin(self, e: SignedIn) -> None:
        person = self.person(e.agent)
        sitting = next((p for p in self.people if p.seat == e.seat), None)
        if person and person is sitting:
            if person.then and person.then[0] is S.SIGNED_OUT:
                person.then = None
            if person.competences != e.competences:
                if person in self.idle:
                    self.idle.remove(person)
                person.competences = e.competences
                self.displace()
                if person.state is S.READY:
                    self.free(person)
            return
        if (person and person.ticket) or (sitting and sitting.ticket):
            return
        newcomer = Person(e.agent, e.seat, e.competences, S.SIGNED_OUT, self.now)
        self.people.append(newcomer)
        self.sign_out(*((p, why) for p, why in ((sitting, "seat taken"), (person, "seat changed")) if p))
        if e.ready:
            self.free(newcomer)
        else:
            self.change(newcomer, S.PAUSED, "signed in")

    def on_signedout(self, e: SignedOut) -> None:
        person = self.person(e.agent)
        if person and person.ticket:
            person.then = (S.SIGNED_OUT, "", e.by)
            self.give_up(person)
        elif person:
            self.sign_out((person, ""), by=e.by)

    def on_readied(self, e: Readied) -> None:
        person = self.person(e.agent)
        if person:
            person.then = None
            if not person.ticket and person.state is not S.READY:
                self.free(person, e.by)

    def on_paused(self, e: Paused) -> None:
        person = self.person(e.agent)
        if person and person.ticket:
            if not person.then or person.then[0] is S.PAUSED:
                person.then = (S.PAUSED, e.reason, e.by)
                self.give_up(person)
        elif person:
            person.then = None
            self.change(person, S.PAUSED, e.reason, e.by)

    def give_up(self, person: Person) -> None:
        claim = self.claim(person.ticket)
        named = claim and all(each.agent for each in claim.requirement().alternatives)
        if claim and person.state is S.RESERVED and not named:
            self.said.append(Withdraw(claim.ticket, person.agent))
            self.claims.remove(claim)  # it is in nobody's sight while it is carried back
            claim.agent = None
            self.release(person, S.READY)
            self.claims.append(claim)
            self.place(claim)

    def on_reached(self, e: Reached) -> None:
        person = self.person(e.agent)
        if person and person.state is S.UNREACHABLE:
            self.release(person, S.READY)

    def on_lost(self, e: Lost) -> None:
        person = self.person(e.agent)
        if person and person.state in {S.READY, S.PAUSED}:
            if person.state is S.PAUSED:
                person.then = (S.PAUSED, person.reason, person.by)
            self.change(person, S.UNREACHABLE, e.why)

    def on_rang(self, e: Rang) -> None:
        claim, person = self.claim(e.ticket), self.person(e.agent)
        if claim and person and claim.agent == e.agent and not claim.accepted:
            self.change(person, S.RINGING)

    def on_configured(self, e: Configured) -> None:
        self.pools, self.hall, self.wrap_up_ms = (*e.pools, e.hall), e.hall, e.wrap_up_ms
        self.wrap_ups, self.limits = e.wrap_ups, dict(e.limits)
        self.displace()
        self.on_opened(Opened(self.hall))

    def on_closed(self, e: Closed) -> None:
        if self.pools is not None and e.pool != self.hall:
            self.closed[e.pool] = e.prompt
            self.displace()

    def on_opened(self, e: Opened) -> None:
        if self.closed.pop(e.pool, None) is not None:
            for person in list(self.idle):
                if any(self.suits(person, claim.requirement()) for claim in self.waiting()):
                    self.free(person)

    def on_directed(self, e: Directed) -> None:
        claim = self.claim(e.ticket)
        if claim is None or claim.accepted:
            return
        person, claim.agent = self.person(claim.agent), None
        if person:
            self.said.append(Withdraw(claim.ticket, person.agent))
        claim.ladder, claim.rung, claim.entered = list(e.ladder) or [Rung(Requirement(()))], 0, self.now
        claim.limit = None
        self.place(claim)
        if person:
            self.release(person, S.READY)

    def on_tick(self, _: object) -> None:
        while (due := self.due()) is not None and due <= self.now:
            at_limit = sorted((p for p in self.people if p.until == due), key=lambda p: p.agent)
            if at_limit:
                self.at_limit(at_limit[0])
                continue
            claim = min((c for c in self.claims if c.wakes() == due), key=Claim.key)
            if claim.agent is None:
                self.place(claim)
            else:
                self.climb(claim)

    def at_limit(self, person: Person) -> None:
        if person.state is S.WRAP_UP:
            self.release(person, S.READY)
        elif person.state is S.UNREACHABLE:
            self.sign_out((person, "unreachable"))
        else:
            self.said.append(Overdue(person.agent, person.state, person.ticket))
            self.limit(person)

    # --- what follows

    def place(self, claim: Claim) -> None:
        former = claim.requirement()
        self.climb(claim)
        is_over = claim.limit is not None and (self.now >= claim.limit or self.is_in_vain(claim))
        reasons = [self.closed[a.pool] for a in former.alternatives if a.pool in self.closed]
        if reasons and self.deserted(former) and (is_over or claim.requirement() != former):
            self.said.append(Announce(claim.ticket, reasons[0]))
        if is_over:
            self.claims.remove(claim)
            self.said.append(Overflowed(claim.ticket))
            return
        person = self.chosen(claim.requirement())
        if person:
            self.offer(claim, person)

    def climb(self, claim: Claim) -> None:
        before = claim.rung
        while 0 <= claim.rung < len(claim.ladder) - 1:
            above = claim.ladder[claim.rung + 1]
            if claim.entered + above.after_ms > self.now and not self.deserted(claim.requirement()):
                break
            claim.rung += 1
        if self.gone(claim.requirement()) and claim.limit is None:
            claim.ladder, claim.rung = [Rung(Requirement((Alternative(self.hall),)))], -1
            self.said.append(Moved(claim.ticket, -1))
        elif claim.rung != before:
            self.said.append(Moved(claim.ticket, claim.rung))

    def is_in_vain(self, claim: Claim) -> bool:
        return claim.next_climb() is None and self.deserted(claim.requirement())

    def displace(self) -> None:
        for claim in self.waiting():
            if self.deserted(claim.requirement()):
                self.place(claim)

    def offer(self, claim: Claim, person: Person) -> None:
        claim.agent, person.ticket = person.agent, claim.ticket
        claim.offers += 1
        self.change(person, S.RESERVED)
        self.said.append(Offer(claim.ticket, person.agent, person.seat, claim.offers))

    def free(self, person: Person, by: str = "") -> None:
        for claim in self.waiting():
            if self.suits(person, claim.requirement()):
                self.offer(claim, person)
                return
        self.change(person, S.READY, "", by)
        self.idle.append(person)

    def release(self, person: Person, state: AgentState, reason: str = "") -> None:
        person.ticket, by = None, ""
        if person.then:
            (state, reason, by), person.then = person.then, None
        if state is S.READY:
            self.free(person)
        elif state is S.SIGNED_OUT:
            self.sign_out((person, reason), by=by)
        else:
            self.change(person, state, reason, by)

    def sign_out(self, *leaving: tuple[Person, str], by: str = "") -> None:
        for person, reason in leaving:
            self.change(person, S.SIGNED_OUT, reason, by)
            self.people.remove(person)
        self.displace()

    def change(self, person: Person, state: AgentState, reason: str = "", by: str = "") -> None:
        if person in self.idle:
            self.idle.remove(person)
        if (person.state, person.reason) != (state, reason):
            person.state, person.reason, person.by, person.since = state, reason, by, self.now
            self.limit(person)
            self.said.append(Changed(person.agent, state, reason, by))

    def limit(self, person: Person) -> None:
        lasts = self.limits.get(person.state)
        person.until = self.now + lasts if lasts else None


def anybody(requirement: Requirement) -> Requirement:
    """Without those who are asked for by name, where somebody else is asked for too."""
    others = [a for a in requirement.alternatives if a.agent is None]
    return Requirement(tuple(others)) if others else requirement
