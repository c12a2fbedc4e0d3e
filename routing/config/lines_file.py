"""`lines.yaml` -> the lines, by canonical number; what contradicts itself, the plan or the site is a fault."""

import re
from collections.abc import Collection, Mapping
from datetime import date, timedelta

from routing.config.entry import Entry, entries
from routing.config.fields import choice, day, duration, lasting, matching, one_of, refer, undefined, window, yes
from routing.config.nodes import Node, Source
from routing.config.site import Mode, Site, TargetKind
from routing.config.site_file import WIDEST_ANY_AGENT
from routing.ids import LanguageId, PoolId, SkillId, TargetId
from routing.lines import MANY, AnsweredBy, Cancelled, Host, Line, Reading, Seats, Section
from routing.numbers import EMERGENCY

TABLES = {Section.FULL_MERGE: "一", Section.DUAL_NUMBER: "二", Section.SUB_CENTRE: "三"}
ROW = re.compile(r"[一二三]\.[1-9][0-9]?")
LINE_KEYS = Line.__struct_fields__
_section, _reading, _host, _seats = choice(Section), choice(Reading), choice(Host), choice(Seats)
_answered_by, _when_cancelled = choice(AnsweredBy), choice(Cancelled)
_row = matching(ROW, "a row of the plan, 一.1 to 三.5")
"""Readers of fields, made once: there may be ten thousand lines."""

_OUTSIDE = {AnsweredBy.CENTRE, AnsweredBy.SUB_CENTRE}
_SEATS_OF = {Seats.RETAINED: {AnsweredBy.RETAINED_SEATS}, Seats.OWN: {AnsweredBy.SUB_CENTRE, AnsweredBy.RETAINED_SEATS}}


def read_lines(source: Source, root: Node, site: Site, cancelled: Mapping[str, date]) -> dict[str, Line]:
    """Every line; each number once, whatever its spelling.

    `cancelled`: numbers that the version applied before has cancelled, and when; none of them comes back.
    """
    file = Entry(source, root, "lines.yaml", ("lines",))
    lines: dict[str, Line] = {}
    first: dict[str, int] = {}
    rows: dict[str, str] = {}
    read = [(entry, _line(entry, site)) for entry in entries(source, file.child("lines"), "a line", LINE_KEYS)]
    for entry, line in read:
        if line.number in lines:
            entry.fault("number", f"{line.number} stands here twice, first in line {first[line.number] + 1}")
        if line.row is not None and line.row != MANY and rows.setdefault(line.row, line.number) != line.number:
            entry.warn("row", f"row {line.row} of the plan is one line, and {rows[line.row]} has it already")
        lines.setdefault(line.number, line)
        first.setdefault(line.number, entry.place("number").line)
    staff = _staff(site)
    for entry, line in read:
        _somebody_answers(entry, line, site, staff)
        _leads_elsewhere(entry, line, site, lines)
        _stays_cancelled(entry, line, cancelled.get(line.number))
    for number in cancelled:
        if number not in lines:
            source.warn(root, f"{number} was cancelled and is not here any more: its callers will not be told so")
    return lines


def _stays_cancelled(entry: Entry, line: Line, since: date | None) -> None:
    if since is not None and (line.cancel_on is None or line.cancel_on > since):
        key = "cancel_on" if entry.has("cancel_on") else "number_kept" if entry.has("number_kept") else "number"
        entry.fault(key, f"{line.number} was cancelled on {since}, and a cancelled number is not restored (二.（一）2)")


def _staff(site: Site) -> set[tuple[PoolId, SkillId | None]]:
    """Which pools have agents, and which skills these have there."""
    return {
        (competence.pool, skill)
        for agent in site.agents.values()
        for competence in agent.competences
        for skill in (None, *dict(competence.skills))
    }


def _somebody_answers(entry: Entry, line: Line, site: Site, staff: Collection[tuple[PoolId, SkillId | None]]) -> None:
    if line.pool in site.pools and (line.pool, None) not in staff:
        note = entry.fault if line.answered_by is AnsweredBy.RETAINED_SEATS else entry.warn
        note("pool", f"no agent works in pool '{line.pool}': nobody answers at the line's own seats")
    for name in line.fallback:
        if name in site.pools and (PoolId(name), None) not in staff:
            entry.warn("fallback", f"no agent works in pool '{name}': every call passes it at once")
    if line.skill in site.skills and (site.hall, line.skill) not in staff:
        entry.warn("skill", f"no agent of the hall has skill '{line.skill}': every call waits for one in vain")
    if line.language in site.languages and line.language not in _spoken(site):
        entry.warn("language", f"no agent of the hall speaks '{line.language}': every call is answered in Chinese")
    if line.number == site.number and (site.hall, None) not in staff:
        entry.fault("number", f"no agent works in the hall '{site.hall}': every call ends nowhere")


def _spoken(site: Site) -> set[LanguageId]:
    """The languages in which somebody in the hall answers."""
    theirs = (one for agent in site.agents.values() for one in agent.competences if one.pool == site.hall)
    return {language for competence in theirs for language in competence.languages}


def _leads_elsewhere(entry: Entry, line: Line, site: Site, lines: Collection[str]) -> None:
    for key, name in (("target", line.target), *(("fallback", each) for each in line.fallback)):
        target = site.targets.get(TargetId(name)) if name else None
        if target is not None and site.dialled(target) in lines:
            entry.warn(key, f"'{target.id}' is dialled as {target.number}, a line of ours: calls would come back")
        if target is not None and target.kind is TargetKind.EMERGENCY:
            entry.fault(key, f"'{target.id}' is an emergency desk; no line leads there by itself")
    for name in line.fallback:
        if name in (site.hall, line.own_pool, line.own_target):
            entry.fault("fallback", f"'{name}' comes anyhow; leave it out of 'fallback'")
    waits = sum(name in site.pools for name in (line.own_pool, *line.fallback))
    if waits * (line.ring_for or site.timing.own_seats_for) > WIDEST_ANY_AGENT:
        entry.warn("fallback", "the waits at the pools before the hall add up to more than 10 s")


def _line(entry: Entry, site: Site) -> Line:
    department = _department(entry, site, "department")
    cancel_on = entry.maybe("cancel_on", day, None)
    pool = entry.maybe("pool", one_of(site.pools, "pool"), "")
    target = entry.maybe("target", one_of(site.targets, "target"), "")
    skill = entry.maybe("skill", one_of(site.skills, "skill"), "")
    language = entry.maybe("language", one_of(site.languages, "language"), "")
    line = Line(
        number=_number(entry, site),
        name=entry.text("name"),
        short=entry.text("short"),
        department=department,
        unit=entry.maybe("unit", lambda one, key: _department(one, site, key), department),
        section=entry.maybe("section", _section, None),
        row=entry.maybe("row", _row, None),
        reading=entry.maybe("reading", _reading, None),
        host=entry.maybe("host", _host, Host.CITY),
        number_kept=entry.maybe("number_kept", yes, default=True),
        seats=entry.maybe("seats", _seats, Seats.NONE),
        answered_by=_answered_by(entry, "answered_by"),
        skill=SkillId(skill) if skill else None,
        language=LanguageId(language) if language else None,
        pool=PoolId(pool) if pool else None,
        target=TargetId(target) if target else None,
        ring_for=entry.maybe("ring_for", lasting, None),
        fallback=_fallback(entry, site),
        transition=entry.maybe("transition", window, None),
        cancel_on=cancel_on,
        when_cancelled=entry.maybe("when_cancelled", _when_cancelled, Cancelled.CONNECT),
        survey=entry.maybe("survey", yes, default=True),
        priority=entry.maybe("priority", duration, timedelta(0)),
        example=entry.maybe("example", yes, default=False),
    )
    _row_and_section(entry, line)
    _cancelled(entry, line)
    _answered(entry, line, site)
    if line.example and site.mode is Mode.PRODUCTION:
        entry.warn("example", f"{line.number} is an example and no number of the city's; take it out")
    return line


def _department(entry: Entry, site: Site, key: str) -> str:
    """A department of the city's list, or any where there is no list."""
    written = entry.text(key)
    if site.departments and written not in site.departments:
        entry.wrong(key, written, undefined(site.departments, "department", written))
    return written


def _number(entry: Entry, site: Site) -> str:
    written = entry.text("number")
    number = site.numbering.normalise(written)
    if number is None:
        entry.wrong("number", written, "is not a telephone number")
        return written
    if number in EMERGENCY:
        entry.fault("number", f"{number} is an emergency number, which is never merged (the plan, 一.（二）)")
    return number


def _fallback(entry: Entry, site: Site) -> tuple[str, ...]:
    words = entry.words("fallback")
    for word in words:
        refer(entry.source, word, {*site.pools, *site.targets}, "pool or target")
    return tuple(word.text for word in words)


def _row_and_section(entry: Entry, line: Line) -> None:
    together = [key for key in ("section", "row", "reading") if entry.has(key)]
    if together and len(together) < len(("section", "row", "reading")):
        entry.fault(together[0], "'section', 'row' and 'reading' belong together: what the plan says, and where")
    if line.section and line.row and ROW.fullmatch(line.row) and not line.row.startswith(TABLES[line.section]):
        entry.fault("row", f"row {line.row} is not in the table of '{line.section}', {TABLES[line.section]}")


def _cancelled(entry: Entry, line: Line) -> None:
    if line.host is not Host.CITY:
        for key in ("transition", "cancel_on"):
            if entry.has(key):
                entry.fault(key, f"a number of the {line.host} is not the city's to change: it has no '{key}'")
        if not line.number_kept:
            entry.fault("number_kept", f"a number of the {line.host} is not the city's to give up")
    elif line.number_kept and line.cancel_on is not None:
        entry.fault("cancel_on", "the number is kept (number_kept: yes), so it has no day on which it ends")
    elif not line.number_kept and line.cancel_on is None:
        entry.fault("number_kept", "a number that is not kept needs 'cancel_on', the day from which it is out of use")
    if line.cancel_on and line.transition and line.cancel_on < line.transition.ends:
        entry.fault("cancel_on", f"the number is cancelled on {line.cancel_on}, before its transition ends")


def _answered(entry: Entry, line: Line, site: Site) -> None:
    at = line.answered_by
    if at in _OUTSIDE and line.target is None:
        entry.fault("answered_by", f"answered_by: {at} needs 'target', the {at} to be dialled")
    if at is AnsweredBy.RETAINED_SEATS and (line.pool is None) == (line.target is None):
        entry.fault("answered_by", "answered_by: retained-seats needs either 'pool' or 'target': where the seats are")
    if at is not AnsweredBy.HALL and entry.has("seats") and at not in _SEATS_OF.get(line.seats, _OUTSIDE):
        entry.warn("seats", f"seats: {line.seats} does not go together with answered_by: {at}")
    if line.pool and line.ring_for is not None and line.ring_for > WIDEST_ANY_AGENT:
        entry.fault("ring_for", "a call waits at most 10 s at a line's own seats before the hall may take it")
    if line.pool == site.hall:
        entry.fault("pool", f"'{line.pool}' is the hall, which follows in any case; leave 'pool' out")
