"""A busy morning: 60 agents, 600 calls with the numbers of a real city, people who give up, transfers, a kill."""

from collections import Counter

from routing.config import Config, build
from routing.ids import CallId
from tests.calls.scenes import CENTRE
from tests.calls.simulated import SOURCES, SimulatedHouse
from tests.fake.world import Party, Phone

AGENTS, CALLS, LASTS_S = 60, 600, 1_250

NUMBERS = {"12345": 62.7, "12333": 15.7, "12315": 15.0, "12328": 3.7, "12348": 2.9}
"""Of 56,466 calls of Pingdingshan, August 2023, in per cent."""

REFUSED = 17
"""Callers whom the dialplan refuses, busy: no controller hears of them, Asterisk's own list does."""


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
