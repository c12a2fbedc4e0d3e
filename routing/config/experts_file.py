"""The part of `site.yaml` about experts: an industry's roster, with the days and hours of each."""

from collections.abc import Collection, Mapping

from routing.config.entry import Entry, entries, named
from routing.config.fields import A_WORD, WORD, each_of, hours, lasting, one_of, window
from routing.config.site import Trunk
from routing.config.trunks_file import a_number
from routing.experts import Expert, Industry
from routing.hours import ALWAYS
from routing.ids import SeatId
from routing.numbers import EMERGENCY
from routing.people import Agent

INDUSTRY_KEYS = ("name", "ring_for", "roster")
EXPERT_KEYS = ("id", "name", "number", "trunks", "seat", "hours", "dates")


def experts(
    file: Entry, trunks: Mapping[str, Trunk], seats: Collection[str], agents: Collection[Agent]
) -> dict[str, Industry]:
    """Every industry, by its name."""
    if not file.has("experts"):
        return {}
    made: dict[str, Industry] = {}
    known: set[str] = set()
    for key, entry in named(file.source, file.child("experts"), "experts", INDUSTRY_KEYS):
        if WORD.fullmatch(key.text) is None:
            file.source.fault(key, f"'{key.text}' is not {A_WORD}")
        found = entries(file.source, entry.child("roster"), "an expert", EXPERT_KEYS)
        roster = tuple(_expert(one, trunks, seats, agents, known) for one in found)
        if not roster and entry.has("roster"):
            entry.fault("roster", "a roster has at least one expert")
        ring_for = entry.maybe("ring_for", lasting, Industry(id="", name="", roster=()).ring_for)
        made[key.text] = Industry(id=key.text, name=entry.text("name"), roster=roster, ring_for=ring_for)
    return made


def _expert(
    entry: Entry, trunks: Mapping[str, Trunk], seats: Collection[str], agents: Collection[Agent], known: set[str]
) -> Expert:
    name = entry.text("id")
    if name and WORD.fullmatch(name) is None:
        entry.wrong("id", name, f"is not {A_WORD}")
    if name in known:
        entry.fault("id", f"'{name}' stands here twice")
    known.add(name)
    seat = entry.maybe("seat", one_of(seats, "seat"), "")
    made = Expert(
        id=name,
        name=entry.text("name"),
        number=a_number(entry, "number"),
        trunks=entry.maybe("trunks", each_of(trunks, "trunk"), ()),
        seat=SeatId(seat) if seat else None,
        hours=entry.maybe("hours", hours, ALWAYS),
        dates=entry.maybe("dates", window, None),
    )
    _check(entry, made, agents)
    return made


def _check(entry: Entry, made: Expert, agents: Collection[Agent]) -> None:
    if entry.has("number") == entry.has("seat"):
        entry.fault("id", "an expert has a 'number' that is dialled, or a 'seat' whose phone rings: one of the two")
    if made.number in EMERGENCY:
        entry.fault("number", f"{made.number} is an emergency number: agents ask for it as one")
    if made.number and not made.trunks:
        entry.fault("number", "an expert's number needs 'trunks': the trunk over which it is dialled, as in [town]")
    owner = next((agent for agent in agents if made.seat is not None and agent.seat == made.seat), None)
    if owner is not None:
        entry.fault(
            "seat", f"agent {owner.id} sits at {made.seat}: an expert's phone is one that no call is offered to"
        )
