"""`site.yaml` -> Site."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from routing.config.entry import Entry, entries, named
from routing.config.fields import (
    between,
    choice,
    duration,
    each_of,
    hours,
    matching,
    moment,
    one_of,
    refer,
    size,
    text,
    undefined,
    yes,
)
from routing.config.nodes import Fields, Node, Scalar, Source
from routing.config.site import (
    AnswersWith,
    CallerId,
    Dtmf,
    Limits,
    Mode,
    NumberIn,
    Ports,
    Site,
    Survival,
    Target,
    TargetKind,
    Timing,
    Trunk,
)
from routing.hours import ALWAYS
from routing.ids import AgentId, PoolId, SeatId, SkillId, TargetId
from routing.numbers import bare
from routing.people import LEVELS, Agent, Pool, Seat, SeatKind, Skill
from routing.tickets import Competence

Made = TypeVar("Made")

WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")
DIGITS = re.compile(r"[0-9]{3,6}")
WORKING_NUMBER = re.compile(r"[0-9]{4}")
NODE = re.compile(r"[a-z][a-z0-9]{0,15}")
AREA = re.compile(r"0[0-9]{2,3}")
COUNTRY = re.compile(r"[1-9][0-9]{0,2}")
SIP_REFUSAL = (400, 699)
WIDEST_ANY_AGENT = timedelta(seconds=10)
"""A skill is worth at most this wait: the standard's clock is 15 s."""

a_word = matching(WORD, "a name: small letters, digits and hyphens, as in 'housing-fund'")

SECTIONS = (
    "site",
    "ports",
    "timing",
    "limits",
    "survival",
    "skills",
    "pools",
    "seats",
    "agents",
    "trunks",
    "targets",
)


def read_site(source: Source, root: Node) -> Site | None:
    """The city's switch; None when faults make it impossible to go on."""
    file = Entry(source, root, "site.yaml", SECTIONS)
    skills = _by_name(source, file.child("skills"), "skill", ("name", "good"), _skill)
    pools = _by_name(source, file.child("pools"), "pool", ("name", "hours", "wrap_up"), _pool)
    seats = _by_id(_list(file, "seats", "a seat", ("id", "kind", "pool")), lambda e: _seat(e, pools))
    agents = _by_id(
        _list(file, "agents", "an agent", ("id", "name", "seat", "works_in")),
        lambda e: _agent(e, {str(s) for s in seats}, pools, skills),
    )
    trunks = _by_id(_list(file, "trunks", "a trunk", Trunk.__struct_fields__, renamed=_TRUNK_KEYS), _trunk)
    targets = _by_id(_list(file, "targets", "a target", Target.__struct_fields__), lambda e: _target(e, trunks))
    head_node = file.child("site")
    if head_node is None:
        return None
    head = Entry(source, head_node, "'site'", HEAD)
    site = Site(
        node=matching(NODE, "a node's name: small letters and digits, as in 'handan1'")(head, "node"),
        city=head.text("city"),
        short_city=head.text("short_city"),
        number=head.text("number"),
        area_code=matching(AREA, "an area code with its 0, as in 0310")(head, "area_code"),
        country_code=matching(COUNTRY, "a country code without +, as in 86")(head, "country_code"),
        population=between(1, 10_000_000_000)(head, "population"),
        mode=choice(Mode)(head, "mode"),
        rehearsal=head.maybe("rehearsal", moment, None),
        hall=PoolId(one_of({str(p) for p in pools}, "pool")(head, "hall")),
        ports=_ports(file),
        timing=_timing(file),
        limits=_limits(file),
        survival=_survival(file, {str(s) for s in seats}),
        pools={PoolId(k): v for k, v in pools.items()},
        skills={SkillId(k): v for k, v in skills.items()},
        seats={SeatId(k): v for k, v in seats.items()},
        agents={AgentId(k): v for k, v in agents.items()},
        trunks=trunks,
        targets={TargetId(k): v for k, v in targets.items()},
    )
    _hall_is_always_open(file, site)
    _production_is_earnest(file, head, site)
    return site


HEAD = (
    "node",
    "city",
    "short_city",
    "number",
    "area_code",
    "country_code",
    "population",
    "mode",
    "rehearsal",
    "hall",
)
_TRUNK_KEYS = {"ptime_ms": "ptime"}


def _hall_is_always_open(file: Entry, site: Site) -> None:
    hall = site.pools.get(site.hall)
    if hall is not None and hall.hours != ALWAYS:
        file.fault("pools", f"the hall '{site.hall}' must be open always: it takes every call that nobody else took")


def _production_is_earnest(file: Entry, head: Entry, site: Site) -> None:
    if site.mode is not Mode.PRODUCTION:
        return
    if site.rehearsal is not None:
        head.fault("rehearsal", "production lives now; a rehearsal needs mode: demo")
    for trunk in site.trunks.values():
        if trunk.sets_moment:
            file.fault("trunks", f"trunk '{trunk.id}' has sets_moment: yes, which only mode: demo allows")


def _list(
    file: Entry, key: str, what: str, keys: tuple[str, ...], renamed: dict[str, str] | None = None
) -> list[Entry]:
    known = [(renamed or {}).get(k, k) for k in keys]
    return entries(file.source, file.child(key), what, known)


def _by_id(found: list[Entry], make: Callable[[Entry], Made]) -> dict[str, Made]:
    made: dict[str, Made] = {}
    for entry in found:
        value = make(entry)
        name = entry.peek("id")
        if name in made:
            entry.fault("id", f"'{name}' stands here twice")
        made[name] = value
    return made


def _by_name(
    source: Source, node: Node | None, noun: str, keys: tuple[str, ...], make: Callable[[str, Entry], Made]
) -> dict[str, Made]:
    made: dict[str, Made] = {}
    for key, entry in named(source, node, noun, keys):
        if WORD.fullmatch(key.text) is None:
            source.fault(key, f"'{key.text}' is not a name: small letters, digits and hyphens, as in 'housing-fund'")
        made[key.text] = make(key.text, entry)
    return made


def _skill(name: str, entry: Entry) -> Skill:
    return Skill(SkillId(name), entry.text("name"), entry.maybe("good", between(LEVELS[0], LEVELS[-1]), 3))


def _pool(name: str, entry: Entry) -> Pool:
    return Pool(
        PoolId(name),
        entry.text("name"),
        entry.maybe("hours", hours, ALWAYS),
        entry.maybe("wrap_up", duration, timedelta(0)),
    )


def _seat(entry: Entry, pools: dict[str, Pool]) -> Seat:
    pool = entry.maybe("pool", one_of(pools, "pool"), "")
    return Seat(
        SeatId(matching(DIGITS, "a seat's number of three to six digits")(entry, "id")),
        entry.maybe("kind", choice(SeatKind), SeatKind.DESK),
        PoolId(pool) if pool else None,
    )


def _agent(entry: Entry, seats: set[str], pools: dict[str, Pool], skills: dict[str, Skill]) -> Agent:
    seat = entry.maybe("seat", one_of(seats, "seat"), "")
    return Agent(
        AgentId(matching(WORKING_NUMBER, "a 工号 of four digits")(entry, "id")),
        entry.text("name"),
        tuple(_competences(entry, pools, skills)),
        SeatId(seat) if seat else None,
    )


def _competences(entry: Entry, pools: dict[str, Pool], skills: dict[str, Skill]) -> list[Competence]:
    node = entry.child("works_in")
    if not isinstance(node, Fields):
        if node is not None:
            entry.fault("works_in", "'works_in' names pools, and for each the skills: {hall: {housing-fund: 5}}")
        return []
    found: list[Competence] = []
    for pool, value in node.fields.values():
        refer(entry.source, pool, pools, "pool")
        known = Entry(entry.source, value, f"pool '{pool.text}' of an agent", skills)
        levels = [(SkillId(s), between(LEVELS[0], LEVELS[-1])(known, s)) for s in skills if known.has(s)]
        found.append(Competence(PoolId(pool.text), tuple(levels)))
    return found


def _trunk(entry: Entry) -> Trunk:
    fresh = Trunk(id="", name="", carrier="")
    channels = entry.maybe("channels", between(1, 100_000), fresh.channels)
    trunk = Trunk(
        id=a_word(entry, "id"),
        name=entry.text("name"),
        carrier=entry.text("carrier"),
        addresses=tuple(word.text for word in entry.words("addresses")),
        registers=entry.maybe("registers", yes, fresh.registers),
        dialled_in=entry.maybe("dialled_in", choice(NumberIn), fresh.dialled_in),
        trusts_diversion=entry.maybe("trusts_diversion", yes, fresh.trusts_diversion),
        trusts_identity=entry.maybe("trusts_identity", yes, fresh.trusts_identity),
        sets_moment=entry.maybe("sets_moment", yes, fresh.sets_moment),
        ptime_ms=int(entry.maybe("ptime", duration, timedelta(milliseconds=20)) / timedelta(milliseconds=1)),
        dtmf=entry.maybe("dtmf", choice(Dtmf), fresh.dtmf),
        external_address=entry.maybe("external_address", text, "") or None,
        session_expires=entry.maybe("session_expires", duration, fresh.session_expires),
        session_least=entry.maybe("session_least", duration, fresh.session_least),
        options_every=entry.maybe("options_every", duration, fresh.options_every),
        rtp_timeout=entry.maybe("rtp_timeout", duration, fresh.rtp_timeout),
        early_media=entry.maybe("early_media", yes, fresh.early_media),
        channels=channels,
        reserve_out=entry.maybe("reserve_out", between(0, 100_000), fresh.reserve_out),
        reserve_emergency=entry.maybe("reserve_emergency", between(0, 100_000), fresh.reserve_emergency),
        refuse_with=entry.maybe("refuse_with", between(*SIP_REFUSAL), fresh.refuse_with),
        caller_id=entry.maybe("caller_id", choice(CallerId), fresh.caller_id),
    )
    if trunk.channels_in < 1:
        entry.fault("channels", f"{channels} channels leave none for arriving calls when the reserves are taken off")
    return trunk


def _target(entry: Entry, trunks: dict[str, Trunk]) -> Target:
    number = entry.text("number")
    if number and bare(number) is None:
        entry.fault("number", f"'{number}' is not a telephone number")
    over = entry.maybe("trunks", each_of(trunks, "trunk"), ())
    if not over:
        entry.fault("trunks", "a target needs 'trunks': the trunk over which it is dialled, as in [town]")
    fresh = Target(id=TargetId(""), name="", kind=TargetKind.CENTRE, number="", trunks=())
    return Target(
        id=TargetId(a_word(entry, "id")),
        name=entry.text("name"),
        kind=choice(TargetKind)(entry, "kind"),
        number=bare(number) or "",
        trunks=over,
        hours=entry.maybe("hours", hours, ALWAYS),
        answers_with=entry.maybe("answers_with", choice(AnswersWith), fresh.answers_with),
        ring_for=entry.maybe("ring_for", duration, fresh.ring_for),
        return_within=entry.maybe("return_within", duration, fresh.return_within),
        caller_id=entry.maybe("caller_id", choice(CallerId), fresh.caller_id),
    )


def _ports(file: Entry) -> Ports:
    names = Ports.__struct_fields__
    node = file.child("ports")
    if node is None:
        return Ports()
    entry = Entry(file.source, node, "'ports'", names)
    read = {name: entry.maybe(name, between(1, 65_535), getattr(Ports(), name)) for name in names}
    ports = Ports(**read)
    single = [ports.sip, ports.web, ports.ari, ports.town_sip]
    if len(set(single)) < len(single):
        file.source.fault(entry.node, "two of the ports sip, web, ari and town_sip are the same")
    if ports.rtp_from >= ports.rtp_to or ports.town_rtp_from >= ports.town_rtp_to:
        file.source.fault(entry.node, "a range of RTP ports ends before it begins")
    return ports


def _timing(file: Entry) -> Timing:
    names = Timing.__struct_fields__
    node = file.child("timing")
    if node is None:
        return Timing()
    entry = Entry(file.source, node, "'timing'", names)
    timing = Timing(**{name: entry.maybe(name, duration, getattr(Timing(), name)) for name in names})
    if timing.any_agent_after > WIDEST_ANY_AGENT:
        entry.fault("any_agent_after", "a call waits at most 10 s before any agent of the hall may take it")
    if timing.lower_level_after > timing.any_agent_after:
        entry.fault("lower_level_after", "'lower_level_after' is later than 'any_agent_after'")
    if timing.own_seats_for > WIDEST_ANY_AGENT:
        entry.fault("own_seats_for", "a call waits at most 10 s at a line's own seats before the hall may take it")
    if timing.renew * 2 > timing.lease:
        entry.fault("renew", "'renew' must be at most half of 'lease', or one late renewal loses the caller")
    return timing


def _limits(file: Entry) -> Limits:
    node = file.child("limits")
    if node is None:
        return Limits()
    entry = Entry(file.source, node, "'limits'", ("calls", "journal"))
    return Limits(
        entry.maybe("calls", between(1, 1_000_000), Limits().calls),
        entry.maybe("journal", size, Limits().journal_bytes),
    )


def _survival(file: Entry, seats: set[str]) -> Survival:
    node = file.child("survival")
    if node is None:
        return Survival()
    entry = Entry(file.source, node, "'survival'", ("seats", "ring_for"))
    phones = entry.maybe("seats", each_of(seats, "seat"), ())
    if not phones:
        entry.fault("seats", "survival needs 'seats': the phones that ring when nothing else of ours is left")
    return Survival(tuple(SeatId(phone) for phone in phones), entry.maybe("ring_for", duration, timedelta(seconds=10)))


__all__ = ["Scalar", "read_site", "undefined"]
