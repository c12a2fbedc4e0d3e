"""A busy morning: 60 agents, 600 calls with the numbers of a real city, people who give up, transfers, a kill.

Some agents ask a colleague or the waterworks, or hand over to them; some citizens say how it was.
"""

import random
from collections import Counter
from functools import partial

from routing.config import Config, build
from routing.conversing import refusal
from routing.ids import CallId, SeatId
from routing.talk import Do, Kind, Whom
from tests.calls.scenes import CENTRE, WATER
from tests.calls.simulated import SOURCES, SimulatedHouse
from tests.fake.world import Party, Phone

AGENTS, CALLS, LASTS_S = 60, 600, 1_250

NUMBERS = {"12345": 62.7, "12333": 15.7, "12315": 15.0, "12328": 3.7, "12348": 2.9}
"""Of 56,466 calls of Pingdingshan, August 2023, in per cent."""

REFUSED = 17
"""Callers whom the dialplan refuses, busy: no controller hears of them, Asterisk's own list does."""

ASKED_FOR = 120
"""How often an agent looks for somebody else, of whom most are in a talk just then."""
THEN = (Do.COMPLETE, Do.COMPLETE, Do.THREE_WAY, Do.CANCEL, Do.HANG_UP)
"""What comes of a consultation."""
RATES = 0.4
"""How many of those who are asked how it was press a key."""
AWAY_S = 5.0
"""Before and after the kill nobody presses one: it could be lost, or its thanks."""


def staffed_sources() -> dict[str, str]:
    """The city's files with as many agents in the hall."""
    site = SOURCES["site.yaml"]
    more = range(40)
    seats = "".join(f"  - {{id: {9000 + n}, kind: desk, pool: hall}}\n" for n in more)
    agents = "".join(
        f"  - {{id: {3000 + n}, name: x, seat: {9000 + n}, works_in: {{hall: {{market: {n % 6 or 1}}}}}}}\n"
        for n in more
    )
    site = site.replace("\nseats:\n", f"\nseats:\n{seats}").replace("\nagents:\n", f"\nagents:\n{agents}")
    return SOURCES | {"site.yaml": site}


def staffed() -> Config:
    """The same as configuration."""
    return build(staffed_sources())


class BusyMorning:
    """The house in which it happens, and who takes part."""

    def __init__(self, seed: int) -> None:
        self.house = SimulatedHouse(seed)
        self.house.config = staffed()
        self.house.fake.lengths |= {f"agent-{agent}": 1_200 for agent in self.house.config.site.agents}
        self.dice = self.house.random
        self.dialled: dict[str, str] = {}
        self.pressed: dict[str, int] = {}
        """Who has said how it was: their key."""

    async def happens(self) -> None:
        """All of it, in virtual time."""
        house, dice = self.house, self.dice
        hall = [
            agent for agent in house.config.site.agents.values() if any(c.pool == "hall" for c in agent.competences)
        ]
        assert len(hall) >= AGENTS
        for agent in hall[:AGENTS]:
            house.agent(agent.id, *[self._phone() for _ in range(20)])
        house.fake.target(CENTRE, *[Phone(busy=True), Phone(answers_after=2.0, talks=40)] * 5)
        for _ in range(CALLS):
            self._dials(dice.choices([*NUMBERS], [*NUMBERS.values()])[0])
        for _ in range(8):
            self._dials("12316")
        house.fake.target(
            WATER, *[Phone(answers_after=2.0, talks=40), Phone(busy=True), Phone(answers_after=1.0, talks=2)] * 40
        )
        others = random.Random(f"others of {house.seed}")
        for _ in range(ASKED_FOR):
            house.fake.later(others.uniform(20, LASTS_S), partial(self._looks_for_somebody, others))
        for at in range(10, LASTS_S + 300, 3):
            if abs(at - LASTS_S / 2) > AWAY_S:
                house.fake.later(at, partial(self._rate, others))
        house.fake.later(LASTS_S / 2, house.kill)
        await house.lives(within_s=4 * LASTS_S)

    def _phone(self) -> Phone:
        if self.dice.random() < 0.002:
            return Phone()  # does not hear it ring, and is paused
        return Phone(answers_after=self.dice.uniform(0.5, 4), talks=self.dice.lognormvariate(4.7, 0.8))

    def _dials(self, number: str) -> None:
        party = self.house.fake.dials(
            number,
            after=self.dice.uniform(1, LASTS_S),
            hangs_up=self.dice.expovariate(1 / 20) if self.dice.random() < 0.12 else None,
            talks=self.dice.lognormvariate(4.6, 0.8) if self.dice.random() < 0.5 else None,
        )
        self.dialled[party.label] = number

    def _looks_for_somebody(self, dice: random.Random) -> None:
        """An agent who talks with a citizen transfers them, or consults and does something then."""
        house = self.house
        if house.controller is None or house.wires[-1].dead:
            return
        whom = dice.choice(
            [Whom(Kind.POOL, "hall"), Whom(Kind.AGENT, dice.choice(house.agents)), Whom(Kind.TARGET, "water")]
        )
        do, then = dice.choice([Do.TRANSFER, Do.CONSULT, Do.CONSULT]), dice.choice(THEN)
        talks = [each.talk for each in house.controller.conversations()]
        can = [talk.owner.name for talk in talks if talk.owner and not refusal(talk, talk.owner.name, do, whom)]
        if can:
            agent = dice.choice(can)
            house.asks(agent, do, whom)
            if do is Do.CONSULT:
                house.fake.later(dice.uniform(4, 15), partial(self._goes_on, agent, then))

    def _goes_on(self, agent: str, do: Do) -> None:
        if not self.house.wires[-1].dead:
            self.house.asks(agent, do)

    def _rate(self, dice: random.Random) -> None:
        """Some of those who are asked how it was press a key."""
        for party in self.house.citizens:
            if party.hears == "survey" and party.label not in self.pressed:
                self.pressed[party.label] = dice.randint(1, 5) if dice.random() < RATES else 0
                if self.pressed[party.label]:
                    self.house.fake.presses(party, str(self.pressed[party.label]))

    # --- what the telephones know

    def call(self, party: Party) -> CallId:
        """The id that the dialplan gave it."""
        return CallId(party.channels[0].replace(".", "-"))

    def became(self, party: Party) -> str:
        """What came of a call, as the citizen heard it."""
        heard = [what for _, _, what in self.house.fake.heard(party.label)]
        if any(what.startswith(("voice:8", "voice:9")) for what in heard):
            return "answered"
        if any(what.startswith("voice:") for what in heard):
            return "transferred"
        if party.survived:
            return "survival"
        return "abandoned" if party.ended == "hung-up" else party.ended

    def waited_ms(self, party: Party) -> int:
        """From the answer to the first word of an agent, by the citizen's ear."""
        heard = self.house.fake.heard(party.label)
        answered = next(since for since, _, what in heard if what not in {"unanswered", "ringing"})
        return next(since for since, _, what in heard if what.startswith("voice:")) - answered

    def counted(self) -> Counter[str]:
        """How many of each."""
        return Counter(self.became(party) for party in self.house.citizens)

    def rated(self) -> list[int]:
        """What they have pressed who were thanked for it."""
        thanked = {party.label for party in self.house.citizens if "survey-thanks" in self.house.heard(party)}
        return [level for label, level in self.pressed.items() if label in thanked]

    def first_agents(self) -> Counter[str]:
        """At which seat a citizen's first agent sat, of all who had one."""
        firsts = [
            [what for _, _, what in self.house.fake.heard(party.label) if what.startswith(("voice:8", "voice:9"))]
            for party in self.house.citizens
        ]
        return Counter(heard[0].removeprefix("voice:") for heard in firsts if heard)

    def talks_at(self, seat: SeatId) -> int:
        """In how many calls somebody was heard at that phone; it rings once for each of its channels."""
        party, rings = self.house.fake.parties[seat], []
        for _, _, what in self.house.fake.heard(seat):
            if what == "unanswered":
                rings.append(False)
            elif what.startswith("voice:"):
                rings[-1] = True
        assert len(rings) == len(party.channels)
        calls = [name.partition("-agent-")[0].partition("-talk-")[0] for name in party.channels]
        return len({call for call, has_talked in zip(calls, rings, strict=True) if has_talked})
