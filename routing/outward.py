"""How whoever is not here is reached: which numbers over which trunks showing what, or which requirement.

Pure: (config, whom, moment) -> what to dial, or a sentence why not; what has become of one way -> which are left.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from routing.causes import NO_ANSWER, NO_CHANNEL, REJECTED, USER_BUSY
from routing.config.site import CallerId, Config, OutboundClass, Site, Target, TargetKind, Trunk
from routing.experts import Expert
from routing.hours import is_open, milliseconds
from routing.ids import AgentId, LanguageId, PoolId, SkillId, TargetId
from routing.ladders import ladder
from routing.numbers import EMERGENCY, INTERNATIONAL, bare
from routing.plan import Destination
from routing.plan import Kind as To
from routing.talk import Kind, Whom
from routing.tickets import Alternative, Ladder, Requirement, Rung

_LOCAL = re.compile(r"[2-8]\d{6,7}")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_NATIONAL = re.compile(r"0((10|2\d)[2-8]\d{7}|[3-9]\d{2}[2-8]\d{6,7})")  # 010-168..., 0311-96...: not a subscriber's


PERSONAL = frozenset({USER_BUSY, NO_ANSWER, REJECTED})
"""Causes that are the other side's own word; any other may be the trunk's, and the next trunk is tried."""

REFUSES_CALLER = frozenset({403, 433})
"""SIP codes with which a carrier refuses the number that we show: forbidden, and (RFC 5079) none shown at all."""

CARRIERS = frozenset({401, 407}) | REFUSES_CALLER
"""SIP codes with which a carrier refuses us, not its customer; Asterisk makes REJECTED of them too."""

_FREELY = tuple(CallerId)
"""What a trunk permits, it permits with all that follow."""


class Way(msgspec.Struct, frozen=True):
    """One attempt: a number over a trunk, for so long, showing somebody's number.

    `pilot`: the trunk's own number, empty when it has none.  An `is_emergency` leg may take the trunk's last channels.
    `target`: whose number it is, empty when it is no target's.
    """

    number: str
    trunk: str
    ring_for_ms: int
    caller_id: CallerId
    pilot: str = ""
    is_emergency: bool = False
    target: TargetId = TargetId("")


def refusal(  # noqa: C901, PLR0911, PLR0912 - a sentence for each
    config: Config, whom: Whom, now: datetime, roles: Collection[str] = ()
) -> str:
    """Why nobody can be reached there, in one sentence; empty when somebody may be.

    `now` is civil time, `roles` what whoever asks works as.
    """
    site = config.site
    match whom.kind:
        case Kind.AGENT if AgentId(whom.name) not in site.agents:
            return f"no agent {whom.name!r} is in site.yaml"
        case Kind.POOL if PoolId(whom.name) not in site.pools:
            return f"no pool {whom.name!r} is in site.yaml"
        case Kind.POOL if whom.detail and SkillId(whom.detail) not in site.skills:
            return f"no skill {whom.detail!r} is in site.yaml"
        case Kind.POOL if whom.language and LanguageId(whom.language) not in site.languages:
            return f"no language {whom.language!r} is in site.yaml"
        case Kind.POOL if not is_open(site.pools[PoolId(whom.name)].hours, site.calendar, now):
            return f"pool {whom.name} is closed now"
        case Kind.TARGET if TargetId(whom.name) not in site.targets:
            return f"no target {whom.name!r} is in site.yaml"
        case Kind.TARGET if site.targets[TargetId(whom.name)].kind is TargetKind.EMERGENCY:
            return _only_as_emergency(site, site.targets[TargetId(whom.name)])
        case Kind.TARGET if not is_open(site.targets[TargetId(whom.name)].hours, site.calendar, now):
            return f"target {whom.name} is closed now"
        case Kind.NUMBER:
            return _forbidden(config, whom.name, roles)
        case Kind.EXPERT if whom.name not in site.experts:
            return f"no experts of {whom.name!r} are in site.yaml"
        case Kind.EXPERT:
            return site.experts[whom.name].refusal(site.calendar, now)
        case Kind.SEAT:
            return "a seat is rung for the supervisor there, and for nobody else"
        case Kind.EMERGENCY if not _desks(config, whom):
            return f"no target of kind emergency with number {whom.name} is in site.yaml"
        case _:
            return ""


def ways(config: Config, whom: Whom) -> tuple[Way, ...]:
    """What to dial, in this order, for somebody who is not ours; nothing when the config knows them no longer."""
    site = config.site
    if whom.kind is Kind.NUMBER and (number := _at_home(config, whom.name)):
        return over(config, number, site.outbound.trunks or site.trunks, milliseconds(site.timing.transfer_for))
    if whom.kind is Kind.EMERGENCY:
        return tuple(way for desk in _desks(config, whom) for way in _to(config, desk))
    target = site.targets.get(TargetId(whom.name)) if whom.kind is Kind.TARGET else None
    return _to(config, target) if target else ()


def _at_home(config: Config, written: str) -> str | None:
    """An outside number as it is dialled in the country: as it is written, if that does not begin as from abroad.

    What does is dialled as it was judged: a carrier might read `+8600…` as abroad.
    """
    digits = bare(written)
    return config.site.numbering.normalise(digits) if digits and digits.startswith(("+", INTERNATIONAL)) else digits


def return_within_ms(config: Config, whom: Whom | None) -> int:
    """How soon whoever is asked for was not reached, if they let go of a citizen who is left to them."""
    if whom is None:
        return 0
    target = config.site.targets.get(TargetId(whom.name)) if whom.kind is Kind.TARGET else None
    return milliseconds((target or config.site.timing).return_within)


def direct(config: Config, number: str) -> tuple[Way, ...]:
    """What is dialled when a seat dials an emergency number itself: the city's desks, and the number where none is.

    Whoever is dialled sees the hall's number, or what the trunk permits.
    """
    site = config.site
    found = ways(config, Whom(Kind.EMERGENCY, number)) or over(
        config, number, site.trunks, milliseconds(site.timing.transfer_for), is_emergency=True
    )
    return tuple(
        msgspec.structs.replace(way, caller_id=max(way.caller_id, CallerId.HALL, key=_FREELY.index)) for way in found
    )


def to_expert(config: Config, expert: Expert, ring_for: timedelta) -> tuple[Way, ...]:
    """An expert's number over each of their trunks; rosters are the admin's, so no rule for agents' numbers holds."""
    return over(config, expert.number, expert.trunks, milliseconds(ring_for))


def over(
    config: Config,
    number: str,
    trunks: Iterable[str],
    ring_for_ms: int,
    caller_id: CallerId = CallerId.HALL,
    *,
    is_emergency: bool = False,
) -> tuple[Way, ...]:
    """A number over each of these trunks; one that the config knows no longer is left out."""
    known = (config.site.trunks[trunk] for trunk in trunks if trunk in config.site.trunks)
    return tuple(
        Way(bare(number) or number, trunk.id, ring_for_ms, _permitted(trunk, caller_id), trunk.pilot, is_emergency)
        for trunk in known
    )


def after(ways: tuple[Way, ...], cause: int, sip: int = 0) -> tuple[Way, ...]:
    """What is left to be tried when the first of `ways` has come to nothing: `cause` is Q.850, `sip` SIP's code or 0.

    A carrier that refuses the number shown is asked once more with the trunk's pilot.  A number's own word is taken for
    all of its trunks, not for another number.
    """
    way, *rest = ways
    if sip in REFUSES_CALLER and way.pilot and way.caller_id is not CallerId.PILOT:
        return (msgspec.structs.replace(way, caller_id=CallerId.PILOT), *rest)
    if cause in PERSONAL and sip not in CARRIERS:
        return tuple(each for each in rest if each.number != way.number)
    return tuple(rest)


def shown(way: Way, citizen: str, hall: str) -> str:
    """The number that the other side sees: the hall's where there is none to show."""
    return {CallerId.CITIZEN: citizen, CallerId.PILOT: way.pilot}.get(way.caller_id, "") or hall


def why(cause: int) -> str:
    """One word for why nobody was reached."""
    known = {USER_BUSY: "busy", NO_ANSWER: "unanswered", REJECTED: "rejected", NO_CHANNEL: "no-channel"}
    return known.get(cause, "unreachable")


def has_channel(trunk: Trunk, used: int, *, is_emergency: bool) -> bool:
    """Whether a trunk on which so many channels are in use has one for a leg of ours."""
    return used < (trunk.channels if is_emergency else trunk.channels_ordinary)


def _permitted(trunk: Trunk, wanted: CallerId) -> CallerId:
    return max(wanted, trunk.caller_id, key=_FREELY.index)


def sought(config: Config, whom: Whom) -> Ladder:
    """The ladder of a ticket for an agent, or for anybody of a pool."""
    if whom.kind is Kind.AGENT:
        return (Rung(Requirement((Alternative(config.site.hall, agent=AgentId(whom.name)),))),)
    skill = SkillId(whom.detail) if whom.detail in config.site.skills else None
    language = LanguageId(whom.language) if whom.language in config.site.languages else None
    return ladder(config, (Destination(To.POOL, whom.name, skill, is_ours=True, language=language),))


def _to(config: Config, target: Target) -> tuple[Way, ...]:
    """A target over each of its trunks; then its other number, over each."""
    numbers = (target.number, target.alternative) if target.alternative else (target.number,)
    is_emergency, ring_for_ms = target.kind is TargetKind.EMERGENCY, milliseconds(target.ring_for)
    return tuple(
        msgspec.structs.replace(way, target=target.id)
        for number in numbers
        for way in over(config, number, target.trunks, ring_for_ms, target.caller_id, is_emergency=is_emergency)
    )


def _only_as_emergency(site: Site, desk: Target) -> str:
    """As a target it would be rung while the citizen is held, and no alarm would say that nobody answers there."""
    number = desk.serves or site.dialled(desk)
    county = f" of {desk.county}" if desk.county else ""
    return (
        f"{desk.id!r} is an emergency desk: ask for emergency {number}{county}, the citizen and the agent stay together"
    )


def _desks(config: Config, whom: Whom) -> list[Target]:
    """The desk of the county, then the city's, which has none."""
    desks = [
        each
        for each in config.site.targets.values()
        if each.kind is TargetKind.EMERGENCY and (each.serves or config.site.dialled(each)) == whom.name
    ]
    near = [each for each in desks if each.county and each.county == whom.detail]
    return near + [each for each in desks if not each.county]


def _forbidden(config: Config, number: str, roles: Collection[str]) -> str:
    canonical = config.site.numbering.normalise(number)
    if canonical is None:
        return f"{number!r} is not a telephone number"
    return barred(config.site, canonical, roles)


def barred(site: Site, canonical: str, roles: Collection[str]) -> str:
    """Why nobody with these roles may dial an outside number: what is not allowed is forbidden, some is never allowed.

    Does not name the number.  Empty when it may be dialled.
    """
    if canonical in EMERGENCY:
        return "an emergency number is dialled by asking for it as one"
    kind, allowed = outbound_class(canonical), site.outbound.allowed(roles)
    if OutboundClass.TARGET in allowed and canonical in _listed(site):
        return ""
    if kind is None:
        return "abroad, a premium or a service number is never dialled"
    if kind not in allowed:
        of_whom = f" for {' or '.join(roles)}" if site.outbound.by_role else ""
        return f"{kind} numbers are not in outbound.allow of site.yaml{of_whom}"
    return ""


def _listed(site: Site) -> list[str | None]:
    """The numbers of targets, but of emergency desks."""
    targets = site.targets.values()
    return [site.dialled(each) for each in targets if each.kind is not TargetKind.EMERGENCY]


def outbound_class(canonical: str) -> OutboundClass | None:
    """What kind of number it is; None: abroad, premium, a service code: nobody dials these from a talk."""
    if _LOCAL.fullmatch(canonical):
        return OutboundClass.LOCAL
    if _MOBILE.fullmatch(canonical):
        return OutboundClass.MOBILE
    return OutboundClass.NATIONAL if _NATIONAL.fullmatch(canonical) else None
