"""The parts of `site.yaml` about people: skills, languages, pools, seats, agents."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from itertools import zip_longest

from routing.config.entry import Entry
from routing.config.fields import (
    between,
    choice,
    duration,
    each_of,
    hours,
    numbered,
    one_of,
    refer,
    telephones,
    undefined,
)
from routing.config.nodes import Fields, Items
from routing.config.site import AnswersWith, Target, TargetKind
from routing.hours import ALWAYS
from routing.ids import AgentId, LanguageId, PoolId, SeatId, SkillId, TargetId
from routing.numbers import Numbering
from routing.overflow import Overflow
from routing.people import LEVELS, SEAT, Agent, Answer, Language, Pool, Seat, SeatKind, Skill
from routing.tickets import Competence

_WORKING_NUMBER = re.compile(r"[0-9]{4}")

SKILL_KEYS = ("name", "good", "shared_by")
LANGUAGE_KEYS = ("name", "callers")
POOL_KEYS = ("name", "hours", "wrap_up", "overflow")
SEAT_KEYS = ("id", "kind", "pool", "answer")
AGENT_KEYS = ("id", "name", "seat", "works_in", "speaks", "answer")


def skill(name: str, entry: Entry, pools: Collection[PoolId], targets: Mapping[TargetId, Target]) -> Skill:
    """A skill, the level from which on it is good, and who shares it: pools, and targets where a person answers."""
    shared_by = entry.maybe("shared_by", each_of((*pools, *targets), "pool or target"), ())
    for target in (targets[TargetId(each)] for each in shared_by if each in targets):
        why = unfit(target)
        if why:
            entry.fault("shared_by", f"'{target.id}' shares no skill: {why}")
    good = entry.maybe("good", between(LEVELS[0], LEVELS[-1]), 3)
    return Skill(SkillId(name), entry.text("name"), good, shared_by)


def unfit(target: Target) -> str:
    """Why no wait in a queue may lead to a target; empty if it may."""
    if target.answers_with is AnswersWith.MENU:
        return "a machine answers there, and the caller would have lost their place for it"
    return "that is an emergency desk; no wait leads there by itself" if target.kind is TargetKind.EMERGENCY else ""


def language(name: str, entry: Entry, numbering: Numbering, theirs: dict[str, str]) -> Language:
    """A language; `theirs` knows each caller who is listed, and gains those who are listed here."""
    callers: set[str] = set()
    for word, number in telephones(entry, "callers", numbering):
        if theirs.setdefault(number, name) != name:
            entry.source.fault(word, f"'{word.text}' is listed under language '{theirs[number]}' already")
        callers.add(number)
    return Language(LanguageId(name), entry.text("name"), tuple(sorted(callers)))


def pool(name: str, entry: Entry) -> Pool:
    """A pool of agents."""
    return Pool(
        PoolId(name),
        entry.text("name"),
        entry.maybe("hours", hours, ALWAYS),
        entry.maybe("wrap_up", duration, timedelta(0)),
        _overflow(entry),
    )


def _overflow(entry: Entry) -> tuple[Overflow, ...]:
    """One rule, or a list of them."""
    node = entry.child("overflow") if entry.has("overflow") else None
    if node is None:
        return ()
    rules = node.items if isinstance(node, Items) else [node]
    return tuple(_rule(Entry(entry.source, rule, "'overflow'", Overflow.__struct_fields__)) for rule in rules)


def _rule(rule: Entry) -> Overflow:
    never = timedelta(0)
    if not any(rule.has(key) for key in ("length", "expected", "waited")):
        rule.warn("to", "nothing ever overflows there: say from which 'length', 'expected' or 'waited' on")
    return Overflow(
        rule.text("to"),
        rule.maybe("length", between(1, 10_000), 0),
        rule.maybe("expected", duration, never),
        rule.maybe("waited", duration, never),
    )


def seats(entry: Entry, pools: Collection[PoolId]) -> list[Seat]:
    """A place with a phone, or a range of them: `id: 8021-8095`."""
    pool = entry.maybe("pool", one_of(pools, "pool"), "")
    kind = entry.maybe("kind", choice(SeatKind), SeatKind.DESK)
    numbers = numbered(SEAT, "a seat's number of three to six digits")(entry, "id")
    in_range = len(numbers) > 1
    answer = entry.maybe("answer", choice(Answer), Answer.MANUAL)
    return [Seat(SeatId(number), kind, PoolId(pool) if pool else None, answer, in_range) for number in numbers]


def agents(
    entry: Entry,
    seats: Collection[SeatId],
    pools: Collection[PoolId],
    skills: Collection[SkillId],
    languages: Collection[LanguageId],
) -> list[Agent]:
    """An agent, with what they can do in each pool; or a range of them, each at a seat of a range as long."""
    numbers = numbered(_WORKING_NUMBER, "a 工号 of four digits")(entry, "id")
    own = entry.maybe("seat", numbered(SEAT, "a seat's number of three to six digits"), ())
    for each in own:
        if each not in seats:
            entry.wrong("seat", each, undefined(seats, "seat", each))
            break
    if own and numbers and len(own) != len(numbers):
        entry.fault("seat", f"{len(numbers)} agents cannot belong at {len(own)} seats: write ranges of the same length")
    speaks = tuple(LanguageId(each) for each in entry.maybe("speaks", each_of(languages, "language"), ()))
    name, competences = entry.text("name"), tuple(_competences(entry, pools, skills, speaks))
    answer, in_range = entry.maybe("answer", choice(Answer), None), len(numbers) > 1
    places = [SeatId(each) for each in own[: len(numbers)]]
    return [
        Agent(AgentId(number), f"{name}{number}" if in_range else name, competences, place, answer, in_range)
        for number, place in zip_longest(numbers, places)
    ]


def _competences(
    entry: Entry, pools: Collection[PoolId], skills: Collection[SkillId], speaks: tuple[LanguageId, ...]
) -> list[Competence]:
    node = entry.child("works_in")
    if not isinstance(node, Fields):
        if node is not None:
            entry.fault("works_in", "'works_in' names pools, and for each the skills: {hall: {housing-fund: 5}}")
        return []
    found: list[Competence] = []
    for name, value in node.fields.items():
        pool = node.keys[name]
        refer(entry.source, pool, pools, "pool")
        known = Entry(entry.source, value, f"pool '{pool.text}' of an agent", skills)
        levels = [(s, between(LEVELS[0], LEVELS[-1])(known, s)) for s in skills if known.has(s)]
        found.append(Competence(PoolId(pool.text), tuple(levels), speaks))
    return found
