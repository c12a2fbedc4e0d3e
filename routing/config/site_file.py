"""`site.yaml` -> Site: the head, ports, timing, limits and survival; people and trunks have modules of their own."""

import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from routing.config import (
    calendar_file,
    callbacks_file,
    experts_file,
    network_file,
    people_file,
    queue_file,
    trunks_file,
)
from routing.config.entry import Entry, entries, named
from routing.config.fields import (
    A_WORD,
    WORD,
    between,
    choice,
    duration,
    each_of,
    lasting,
    matching,
    moment,
    one_of,
    size,
    yes,
)
from routing.config.nodes import Fields, Node, Source
from routing.config.site import (
    OUTBOUND_ROLES,
    Limits,
    Mode,
    Network,
    Outbound,
    OutboundClass,
    Ports,
    Recording,
    Site,
    Surveys,
    Survival,
    Target,
    TargetKind,
    Timing,
    Trunk,
    Voice,
)
from routing.hours import ALWAYS
from routing.ids import AgentId, LanguageId, PoolId, SeatId, SkillId, TargetId
from routing.keys import SEQUENCE, Keys
from routing.numbers import EMERGENCY, Numbering
from routing.people import AGENTS_A_SEAT, Agent, Language, Pool, Seat, Skill, seats_needed

Made = TypeVar("Made")
Id = TypeVar("Id", bound=str)

NODE = re.compile(r"[a-z][a-z0-9]{0,15}")
AREA = re.compile(r"0[0-9]{2,3}")
COUNTRY = re.compile(r"[1-9][0-9]{0,2}")
WIDEST_ANY_AGENT = timedelta(seconds=10)
"""A skill, or a line's own seats, are worth at most this wait: the standard's clock is 15 s."""

LONGEST_WHISPER = timedelta(seconds=2)
"""From the answer to the talk: an agent who is there and says nothing for longer is taken for nobody."""

WAITS = ("ring_for", "own_seats_for", "lease", "renew", "request_within", "desk_silent_for", "key_within")
"""Limits in `timing` that are never nothing."""

SECTIONS = (
    *("site", "ports", "network", "timing", "limits", "survival", "survey", *queue_file.SECTIONS, "recording", "voice"),
    *("skills", "languages", "pools", "departments", "pause_reasons", "seats", "agents", "trunks", "targets"),
    *("outbound", "keys", "callbacks", "experts"),
    *calendar_file.SECTIONS,
)
HEAD = (
    *("node", "city", "short_city", "number", "area_code", "country_code", "population"),
    *("mode", "rehearsal", "hall"),
)


@dataclass(frozen=True, slots=True)
class _Head:
    node: str
    city: str
    short_city: str
    number: str
    area_code: str
    country_code: str
    population: int
    mode: Mode
    rehearsal: datetime | None


def read_site(source: Source, root: Node) -> Site | None:
    """The city's switch; None when it has no head to speak of."""
    file = Entry(source, root, "site.yaml", SECTIONS)
    head_node = file.child("site")
    if head_node is None:
        return None
    entry = Entry(source, head_node, "'site'", HEAD)
    head = _head(entry)
    pools = _by_name(file, "pools", people_file.POOL_KEYS, people_file.pool, PoolId)
    timing, ports, network = _timing(file), _ports(file), network_file.network(file)
    trunks = _trunks(file, head.mode, network, ports)
    targets = _targets(file, trunks)
    keys = people_file.SKILL_KEYS
    skills = _by_name(file, "skills", keys, lambda name, one: people_file.skill(name, one, pools, targets), SkillId)
    languages = _languages(file, Numbering(head.area_code, head.country_code))
    seats = _seats(file, pools, entry, head.population)
    agents = _agents(file, seats, pools, skills, languages)
    outbound = _outbound(file, trunks)
    site = Site(
        node=head.node,
        city=head.city,
        short_city=head.short_city,
        number=head.number,
        area_code=head.area_code,
        country_code=head.country_code,
        population=head.population,
        mode=head.mode,
        rehearsal=head.rehearsal,
        hall=PoolId(one_of(pools, "pool")(entry, "hall")),
        ports=ports,
        network=network,
        timing=timing,
        limits=_limits(file),
        survival=_survival(file, seats),
        survey=_survey(file),
        announcements=queue_file.announcements(file),
        help_out=queue_file.help_out(file, pools, timing),
        voicemail=queue_file.voicemail(file),
        callback_offer=queue_file.callback_offer(file),
        priorities=queue_file.priorities(file, Numbering(head.area_code, head.country_code)),
        nuisance=queue_file.nuisance(file),
        recording=_recording(file),
        voice=_voice(file),
        pools=pools,
        skills=skills,
        languages=languages,
        seats=seats,
        agents=agents,
        trunks=trunks,
        targets=targets,
        outbound=outbound,
        experts=experts_file.experts(file, trunks, seats, agents.values()),
        keys=_keys(file),
        callbacks=callbacks_file.callbacks(file, outbound),
        departments=tuple(word.text for word in file.words("departments")),
        pause_reasons=tuple(word.text for word in file.words("pause_reasons")),
        calendar=calendar_file.calendar(file),
    )
    for name, one in targets.items():
        if site.dialled(one) in EMERGENCY and one.kind is not TargetKind.EMERGENCY:
            file.fault("targets", f"'{name}' is dialled as {one.number}, an emergency desk: it needs kind: emergency")
    queue_file.overflows(file, pools, targets)
    queue_file.unkept(file, site)
    hall = site.pools.get(site.hall)
    if hall is not None and hall.hours != ALWAYS:
        entry.fault("hall", f"pool '{site.hall}' is not open always, and the hall takes what nobody else has taken")
    return site


def _head(entry: Entry) -> _Head:
    area_code = matching(AREA, "an area code with its 0, as in 0310")(entry, "area_code")
    country_code = matching(COUNTRY, "a country code without +, as in 86")(entry, "country_code")
    written = entry.text("number")
    number = Numbering(area_code, country_code).normalise(written)
    if number is None:
        entry.wrong("number", written, "is not a telephone number")
    head = _Head(
        node=matching(NODE, "a node's name: small letters and digits, as in 'handan1'")(entry, "node"),
        city=entry.text("city"),
        short_city=entry.text("short_city"),
        number=number or written,
        area_code=area_code,
        country_code=country_code,
        population=between(1, 10_000_000_000)(entry, "population"),
        mode=choice(Mode)(entry, "mode"),
        rehearsal=entry.maybe("rehearsal", moment, None),
    )
    if head.mode is Mode.PRODUCTION and head.rehearsal is not None:
        entry.fault("rehearsal", "production lives now; a rehearsal needs mode: demo")
    return head


def _languages(file: Entry, numbering: Numbering) -> dict[LanguageId, Language]:
    theirs: dict[str, str] = {}
    if not file.has("languages"):
        return {}
    keys = people_file.LANGUAGE_KEYS
    return _by_name(
        file, "languages", keys, lambda name, one: people_file.language(name, one, numbering, theirs), LanguageId
    )


def _seats(file: Entry, pools: dict[PoolId, Pool], entry: Entry, population: int) -> dict[SeatId, Seat]:
    found = entries(file.source, file.child("seats"), "a seat", people_file.SEAT_KEYS)
    seats: dict[SeatId, Seat] = {}
    for one in found:
        for seat in people_file.seats(one, pools):
            _is_new(one, seat.id, seats)
            seats[seat.id] = seat
    hall = entry.peek("hall")
    there, demanded = sum(seat.pool == hall for seat in seats.values()), seats_needed(population)
    if there != demanded:
        plan = f"{population} residents demand {demanded} (the plan, 二.（二）1)"
        entry.warn("population", f"pool '{hall}' has {there} seats, and {plan}")
    return seats


def _agents(
    file: Entry,
    seats: dict[SeatId, Seat],
    pools: dict[PoolId, Pool],
    skills: dict[SkillId, Skill],
    languages: dict[LanguageId, Language],
) -> dict[AgentId, Agent]:
    found = entries(file.source, file.child("agents"), "an agent", people_file.AGENT_KEYS)
    agents: dict[AgentId, Agent] = {}
    belong: Counter[SeatId] = Counter()
    for one in found:
        for agent in people_file.agents(one, seats, pools, skills, languages):
            _is_new(one, agent.id, agents)
            agents[agent.id] = agent
            if agent.seat is not None:
                belong[agent.seat] += 1
                if belong[agent.seat] == AGENTS_A_SEAT + 1:
                    one.fault("seat", f"seat '{agent.seat}' has two agents already, who share it in shifts")
        if not one.has("seat"):
            one.warn("id", f"{one.peek('id')} belongs at no seat: write 'seat: 8001'")
    return agents


def _is_new(entry: Entry, name: str, known: Collection[str]) -> None:
    if name in known:
        entry.fault("id", f"'{name}' stands here twice")


def _trunks(file: Entry, mode: Mode, network: Network, ports: Ports) -> dict[str, Trunk]:
    found = entries(file.source, file.child("trunks"), "a trunk", trunks_file.TRUNK_KEYS)
    made = _by_id(found, lambda one: trunks_file.trunk(one, mode), str)
    network_file.side_by_side([(one, made[one.peek("id")]) for one in found], network, ports, mode)
    return made


def _targets(file: Entry, trunks: dict[str, Trunk]) -> dict[TargetId, Target]:
    found = entries(file.source, file.child("targets"), "a target", trunks_file.TARGET_KEYS)
    return _by_id(found, lambda one: trunks_file.target(one, trunks), TargetId)


def _outbound(file: Entry, trunks: dict[str, Trunk]) -> Outbound:
    entry = file.part("outbound", ("allow", "trunks"))
    trunk_ids = entry.maybe("trunks", each_of(trunks, "trunk"), ())
    if not entry.has("allow") or not isinstance(entry.place("allow"), Fields):
        return Outbound(entry.maybe("allow", _classes, ()), trunk_ids)
    roles = Entry(file.source, entry.place("allow"), "'allow'", OUTBOUND_ROLES)
    return Outbound((), trunk_ids, {role: roles.maybe(role, _classes, ()) for role in OUTBOUND_ROLES})


def _keys(file: Entry) -> Keys:
    entry = file.part("keys", Keys.__struct_fields__)
    return Keys(entry.maybe("silent", matching(SEQUENCE, "two to four keys, the first * or #, as in '*0'"), ""))


def _classes(entry: Entry, key: str) -> tuple[OutboundClass, ...]:
    known = tuple(map(str, OutboundClass))
    return tuple(OutboundClass(word) for word in each_of(known, "kind of number")(entry, key) if word in known)


def _by_id(found: list[Entry], make: Callable[[Entry], Made], kind: Callable[[str], Id]) -> dict[Id, Made]:
    made: dict[Id, Made] = {}
    for entry in found:
        value = make(entry)
        name = kind(entry.peek("id"))
        _is_new(entry, name, made)
        made[name] = value
    return made


def _by_name(
    file: Entry, section: str, keys: tuple[str, ...], make: Callable[[str, Entry], Made], kind: Callable[[str], Id]
) -> dict[Id, Made]:
    made: dict[Id, Made] = {}
    for key, entry in named(file.source, file.child(section), section.removesuffix("s"), keys):
        if WORD.fullmatch(key.text) is None:
            file.source.fault(key, f"'{key.text}' is not {A_WORD}")
        made[kind(key.text)] = make(key.text, entry)
    return made


def _ports(file: Entry) -> Ports:
    names = Ports.__struct_fields__
    entry = file.section("ports", names)
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
    entry = file.section("timing", names)
    readers = dict.fromkeys(WAITS, lasting)
    timing = Timing(**{name: entry.maybe(name, readers.get(name, duration), getattr(Timing(), name)) for name in names})
    if timing.any_agent_after > WIDEST_ANY_AGENT:
        entry.fault("any_agent_after", "a call waits at most 10 s before any agent of the hall may take it")
    if timing.lower_level_after > timing.any_agent_after:
        entry.fault("lower_level_after", "'lower_level_after' is later than 'any_agent_after'")
    if timing.own_seats_for > WIDEST_ANY_AGENT:
        entry.fault("own_seats_for", "a call waits at most 10 s at a line's own seats before the hall may take it")
    if timing.whisper_for > LONGEST_WHISPER:
        entry.fault("whisper_for", "citizen and agent talk at most 2 s after the answer")
    if timing.renew * 2 > timing.lease:
        entry.fault("renew", "'renew' must be at most half of 'lease', or one late renewal loses the caller")
    return timing


def _limits(file: Entry) -> Limits:
    entry = file.section("limits", ("calls", "journal"))
    return Limits(
        entry.maybe("calls", between(1, 1_000_000), Limits().calls),
        entry.maybe("journal", size, Limits().journal_bytes),
    )


def _survival(file: Entry, seats: Collection[str]) -> Survival:
    node = file.child("survival")
    if node is None:
        return Survival()
    entry = Entry(file.source, node, "'survival'", ("seats", "ring_for"))
    phones = entry.maybe("seats", each_of(seats, "seat"), ())
    if not phones:
        entry.fault("seats", "survival needs 'seats': the phones that ring when nothing else of ours is left")
    return Survival(tuple(SeatId(phone) for phone in phones), entry.maybe("ring_for", duration, timedelta(seconds=10)))


def _survey(file: Entry) -> Surveys:
    entry = file.part("survey", ("on", "answer_within"))
    return Surveys(
        entry.maybe("on", yes, default=False), entry.maybe("answer_within", duration, Surveys().answer_within)
    )


def _recording(file: Entry) -> Recording:
    entry, usual = file.part("recording", Recording.__struct_fields__), Recording()
    read = Recording(
        entry.maybe("keep_months", between(1, 1200), usual.keep_months),
        entry.maybe("warn_below", size, usual.warn_below),
        entry.maybe("stop_below", size, usual.stop_below),
    )
    if read.warn_below < read.stop_below:
        entry.fault("warn_below", "'warn_below' is less than 'stop_below': nobody would be warned")
    return read


def _voice(file: Entry) -> Voice:
    node = file.child("voice") if file.has("voice") else None
    if node is None:
        return Voice()
    entry = Entry(file.source, node, "'voice'", ("command",))
    command = tuple(word.text for word in entry.words("command"))
    if not any("{text}" in word for word in command) or not any("{wav}" in word for word in command):
        entry.fault("command", "the voice's command needs '{text}' (what it reads) and '{wav}' (the file it writes)")
    return Voice(command)
