"""What a change of the configuration is, and those of `site.yaml` that are no number's own: whoever calls meets them.

Who is listed is counted, and named nowhere.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import timedelta
from itertools import chain

import msgspec

from routing.config.site import Site
from routing.ids import LanguageId, PoolId
from routing.people import Language

TIMES = 3
"""Times of the week that are named; the rest is counted."""

SECTIONS = (
    *("timing", "survival", "survey", "announcements", "callback_offer", "voicemail", "priorities", "nuisance"),
    "callbacks",
)
"""Parts of `site.yaml` that hold for the calls of every number."""

ELSEWHERE = frozenset({"own_seats_for", "lower_level_after", "any_agent_after", "numbers"})
"""Fields of theirs that are told of each number which has them, or counted."""

CLOCK = {"opens": "from", "closes": "until"}
"""Fields that are a time of day, as they are called in the file."""


class Change(msgspec.Struct, frozen=True, rename={"begins": "from"}):
    """What becomes of a number otherwise than before.

    `begins` and `until` are days, None where it has always been so or goes on; `times` name the moments of a week, or
    of each of these days, from which it holds, where it does not hold all the time.  `day` is the name of special ones.
    """

    number: str
    words: str
    before: str
    after: str
    begins: str | None = None
    until: str | None = None
    times: tuple[str, ...] = ()
    day: str | None = None

    def __str__(self) -> str:
        """`12329: from 2021-10-31 no longer says that the hall has taken it over`."""
        since = f"from {self.begins} " if self.begins else ""
        ends = [self.day] if self.day else []
        ends += [f"until {self.until}"] if self.until else []
        more = f" and {len(self.times) - TIMES} more" if len(self.times) > TIMES else ""
        at = [f"at {', '.join(self.times[:TIMES])}{more}"] if self.times else []
        brackets = f" ({'; '.join([*ends, *at])})" if ends or at else ""
        return f"{self.number}: {since}{self.words}{brackets}"


def of_every_number(old: Site, new: Site) -> Iterator[Change]:
    """The changes that no number has for itself."""
    for name in SECTIONS:
        yield from _section(name, getattr(old, name), getattr(new, name))
    before, after = _staff(old), _staff(new)
    for pool in (pool for pool in new.pools if pool in old.pools):
        wrap_up = shown(old.pools[pool].wrap_up), shown(new.pools[pool].wrap_up)
        if wrap_up[0] != wrap_up[1]:
            yield Change(f"pool {pool}", f"wrap_up: {wrap_up[1]} instead of {wrap_up[0]}", *wrap_up)
        if before[pool] != after[pool]:
            words = f"{after[pool]} agent{'s' * (after[pool] != 1)} instead of {before[pool]}"
            yield Change(f"pool {pool}", words, str(before[pool]), str(after[pool]))
    yield from _listed(old.priorities.numbers, new.priorities.numbers, "have a head start")
    for language in dict.fromkeys(chain(old.languages, new.languages)):
        yield from _listed(
            _speakers(old.languages, language), _speakers(new.languages, language), f"are answered in {language}"
        )


def shown(value: object) -> str:
    """A value of a field as it is read in a change."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    return {True: "yes", False: "no", None: ""}[value] if value is None or isinstance(value, bool) else str(value)


def _section(name: str, old: msgspec.Struct, new: msgspec.Struct) -> Iterator[Change]:
    for field in (each for each in new.__struct_fields__ if each not in ELSEWHERE):
        before, after = ((_clock if field in CLOCK else shown)(getattr(side, field)) for side in (old, new))
        if before != after:
            words = f"{CLOCK.get(field, field)}: {after or 'nothing'} instead of {before or 'nothing'}"
            yield Change(name, words, before, after)


def _clock(since_midnight: timedelta) -> str:
    minutes = since_midnight // timedelta(minutes=1)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _staff(site: Site) -> Counter[PoolId]:
    """How many agents work in each pool."""
    return Counter(competence.pool for agent in site.agents.values() for competence in agent.competences)


def _speakers(languages: dict[LanguageId, Language], id_: LanguageId) -> tuple[str, ...]:
    return languages[id_].callers if id_ in languages else ()


def _listed(old: Collection[str], new: Collection[str], have: str) -> Iterator[Change]:
    more, fewer = len({*new} - {*old}), len({*old} - {*new})
    if more or fewer:
        yield Change("callers", f"{more} more, {fewer} fewer {have}", str(len(old)), str(len(new)))
