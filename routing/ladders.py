"""Who is asked for a call that waits in our own pools, and after how long for whom else: (config, pools) -> Ladder.

Pure.  Nothing here is a veto: whatever a call asks for, any agent of the hall may take it in the end.
"""

from collections.abc import Sequence

import msgspec

from routing.config.site import Config
from routing.hours import milliseconds
from routing.ids import LanguageId, PoolId, SkillId
from routing.overflow import CALLBACK, VOICEMAIL, Overflow
from routing.plan import Destination, Kind
from routing.tickets import Alternative, Ladder, Requirement, Rung


def ladder(config: Config, destinations: Sequence[Destination]) -> Ladder:
    """The rungs of one ticket for a run of our own pools.

    What was good enough stays so, in order of preference: a skilled agent who becomes free later still comes first.
    Any agent of the last pool may take the call after `any_agent_after` at the latest, or when the waits at the pools
    before it are over; after that who helps the hall out.  Raises ValueError when a destination is not ours.
    """
    good: list[Alternative] = []
    rungs: dict[int, Requirement] = {}
    begins = 0
    for place in destinations:
        if not place.is_ours:
            raise ValueError(f"{place.kind} '{place.name}' is not a pool of ours")
        latest = max(begins, milliseconds(config.site.timing.any_agent_after))
        for alternative, after in _steps(config, place):
            good.append(alternative)
            rungs[min(begins + after, latest)] = Requirement(tuple(good))
        if place.name == config.site.hall:
            rungs |= _helping(config, place, begins, good)
        begins += place.ring_for_ms
    return tuple(Rung(requirement, after) for after, requirement in sorted(rungs.items()))


def moved(config: Config, pool: PoolId, skill: SkillId | None, language: LanguageId | None) -> Ladder:
    """The rungs of a ticket that a supervisor moves to `pool`, and on to the hall after a while.

    What it asks for it asks for there too, and gives it up as everywhere.
    """
    last = Destination(Kind.POOL, config.site.hall, skill, is_ours=True, language=language)
    if pool == config.site.hall:
        return ladder(config, known(config, (last,)))
    wait_ms = milliseconds(config.site.timing.own_seats_for)
    return ladder(config, known(config, (msgspec.structs.replace(last, name=pool, ring_for_ms=wait_ms), last)))


def known(config: Config, places: Sequence[Destination]) -> list[Destination]:
    """The same pools; of a skill or a language that the config has forgotten since, anybody is good enough."""
    skills, languages = config.site.skills, config.site.languages
    return [
        msgspec.structs.replace(
            pool,
            skill=pool.skill if pool.skill in skills else None,
            language=pool.language if pool.language in languages else None,
        )
        for pool in places
    ]


def _helping(config: Config, place: Destination, begins: int, good: list[Alternative]) -> dict[int, Requirement]:
    """Who helps the hall out: supervisors, then pools that share the skill; behind all who were good before."""
    helping = config.site.help_out
    steps: list[tuple[Alternative, int]] = []
    if helping.supervisors is not None:
        steps += _at(milliseconds(helping.supervisors_after), Alternative(helping.supervisors), place.language)
    for pool in _sharing(config, place):
        if pool in config.site.pools:
            steps += _at(milliseconds(helping.shared_after), Alternative(PoolId(pool), place.skill, 1), place.language)
    rungs = {}
    for alternative, after in sorted(steps, key=lambda step: step[1]):
        good.append(alternative)
        rungs[begins + after] = Requirement(tuple(good))
    return rungs


def overflows(config: Config, place: Destination) -> tuple[Overflow, ...]:
    """What a wait in one pool of ours leads to beside it: by the pool's own rules, and as the last rung of the hall.

    That are the targets that share the skill asked for: a sub-centre, or seats at a bureau.
    """
    rules = promised(config, PoolId(place.name))
    if place.name != config.site.hall:
        return rules
    targets = (name for name in _sharing(config, place) if name in config.site.targets)
    return (*rules, *(Overflow(name, waited=config.site.help_out.shared_after) for name in targets))


def promised(config: Config, pool: PoolId) -> tuple[Overflow, ...]:
    """A pool's own rules; without those that promise a call back, where citizens are not called back."""
    rules = config.site.pools[pool].overflow
    return rules if config.site.callbacks.on else tuple(rule for rule in rules if rule.to not in {CALLBACK, VOICEMAIL})


def _sharing(config: Config, place: Destination) -> tuple[str, ...]:
    skill = config.site.skills.get(place.skill) if place.skill is not None else None
    return skill.shared_by if skill is not None else ()


def _steps(config: Config, place: Destination) -> list[tuple[Alternative, int]]:
    """Who may take a call in one pool, and how long after it came there.

    Where the call does not stay, nobody is waited for; those who have what it asks for are asked first.
    """
    steps = _preferred(config, place)
    return [(one, 0) for one, _ in steps] if place.ring_for_ms else steps


def _preferred(config: Config, place: Destination) -> list[tuple[Alternative, int]]:
    """A language is worth as much as a skill, and more than one: who is not understood cannot be helped."""
    pool, timing = PoolId(place.name), config.site.timing
    lower, anyone = milliseconds(timing.lower_level_after), milliseconds(timing.any_agent_after)
    if place.skill is None:
        if place.language is None:
            return [(Alternative(pool), 0)]
        return [(Alternative(pool, language=place.language), 0), (Alternative(pool), anyone)]
    good = config.site.skills[place.skill].good
    skilled = [(Alternative(pool, place.skill, good), 0)]
    if good > 1:
        skilled.append((Alternative(pool, place.skill, 1), lower))
    if place.language is None:
        return [*skilled, (Alternative(pool), anyone)]
    speaking = [(msgspec.structs.replace(one, language=place.language), after) for one, after in skilled]
    speaking.append((Alternative(pool, language=place.language), lower))
    return [*speaking, *((one, anyone) for one, _ in skilled), (Alternative(pool), anyone)]


def _at(after: int, one: Alternative, language: LanguageId | None) -> list[tuple[Alternative, int]]:
    """Asked from one moment on: those who speak the language first."""
    steps = [] if language is None else [(msgspec.structs.replace(one, language=language), after)]
    return [*steps, (one, after)]
