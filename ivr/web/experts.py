"""Operations on rosters: who of which industry can be called now, and who is next."""

import msgspec

from ivr.web.operations import Operation
from ivr.web.rights import FLOOR, WATCHERS
from ivr.web.switchboard import Asked
from routing.experts import Expert, in_turn
from routing.hours import Window
from routing.ids import Instant


class ShownExpert(msgspec.Struct, frozen=True):
    """An expert, in the turn in which they are called; `next` null: never again.  `called`: the last time, or null."""

    expert: str
    name: str
    on_duty: bool
    next: str | None
    hours: str
    dates: str
    called: Instant | None


class ShownIndustry(msgspec.Struct, frozen=True):
    """An industry; `refusal`: why nobody can be called now, and when somebody can."""

    industry: str
    name: str
    refusal: str
    experts: list[ShownExpert]


async def experts(asked: Asked) -> list[ShownIndustry]:
    """Who is on duty in each industry, in the turn in which they are called, and when the others are."""
    service = asked.board.service
    site, now = service.config.site, service.clock.civil()

    def shown(expert: Expert) -> ShownExpert:
        at = expert.next_duty(site.calendar, now)
        is_there = expert.is_on_duty(site.calendar, now)
        called = service.turns.called.get(expert.id)
        written = at.isoformat(timespec="minutes") if at else None
        return ShownExpert(expert.id, expert.name, is_there, written, expert.hours.text, _dates(expert.dates), called)

    return [
        ShownIndustry(
            each.id,
            each.name,
            each.refusal(site.calendar, now),
            [shown(expert) for expert in in_turn(each.roster, service.turns.called)],
        )
        for each in site.experts.values()
    ]


def _dates(window: Window | None) -> str:
    return f"{window.begins} – {window.ends}" if window is not None else ""


OPERATIONS = (Operation("GET", "/experts", experts, FLOOR | WATCHERS),)
