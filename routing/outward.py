"""How somebody who is to be brought into a talk is reached: which numbers over which trunks, or which requirement.

Pure: (config, whom, moment) -> what to dial, or a sentence why not.
"""

import re
from datetime import datetime, timedelta

import msgspec

from routing.config.site import CallerId, Config, OutboundClass, Target, TargetKind
from routing.hours import is_open
from routing.ids import AgentId, PoolId, SkillId, TargetId
from routing.numbers import EMERGENCY
from routing.plan import Destination, ladder
from routing.plan import Kind as To
from routing.talk import Kind, Whom
from routing.tickets import Alternative, Ladder, Requirement, Rung

_LOCAL = re.compile(r"[2-8]\d{6,7}")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_NATIONAL = re.compile(r"0[1-9]\d{8,10}")


class Way(msgspec.Struct, frozen=True):
    """One attempt: a number over a trunk, for so long, showing the citizen's number or the hall's."""

    number: str
    trunk: str
    ring_for_ms: int
    caller_id: CallerId


def refusal(config: Config, whom: Whom, now: datetime) -> str:  # noqa: PLR0911 - a sentence for each
    """Why nobody can be reached there, in one sentence; empty when somebody may be.  `now` is civil time."""
    site = config.site
    match whom.kind:
        case Kind.AGENT if AgentId(whom.name) not in site.agents:
            return f"no agent {whom.name!r} is in site.yaml"
        case Kind.POOL if PoolId(whom.name) not in site.pools:
            return f"no pool {whom.name!r} is in site.yaml"
        case Kind.POOL if whom.detail and SkillId(whom.detail) not in site.skills:
            return f"no skill {whom.detail!r} is in site.yaml"
        case Kind.POOL if not is_open(site.pools[PoolId(whom.name)].hours, site.calendar, now):
            return f"pool {whom.name} is closed now"
        case Kind.TARGET if TargetId(whom.name) not in site.targets:
            return f"no target {whom.name!r} is in site.yaml"
        case Kind.TARGET if not is_open(site.targets[TargetId(whom.name)].hours, site.calendar, now):
            return f"target {whom.name} is closed now"
        case Kind.NUMBER:
            return _forbidden(config, whom.name)
        case Kind.EMERGENCY if not _desks(config, whom):
            return f"no target of kind emergency with number {whom.name} is in site.yaml"
        case _:
            return ""


def ways(config: Config, whom: Whom) -> tuple[Way, ...]:
    """What to dial, in this order, for somebody who is not ours; nothing when the config knows them no longer."""
    site = config.site
    if whom.kind is Kind.NUMBER:
        ring_for = _ms(site.timing.transfer_for)
        return tuple(Way(whom.name, trunk, ring_for, CallerId.HALL) for trunk in site.outbound.trunks or site.trunks)
    if whom.kind is Kind.EMERGENCY:
        return tuple(way for desk in _desks(config, whom) for way in _to(desk))
    target = site.targets.get(TargetId(whom.name))
    return _to(target) if target else ()


def sought(config: Config, whom: Whom) -> Ladder:
    """The ladder of a ticket for an agent, or for anybody of a pool."""
    if whom.kind is Kind.AGENT:
        return (Rung(Requirement((Alternative(config.site.hall, agent=AgentId(whom.name)),))),)
    skill = SkillId(whom.detail) if whom.detail in config.site.skills else None
    return ladder(config, (Destination(To.POOL, whom.name, skill, is_ours=True),))


def _to(target: Target) -> tuple[Way, ...]:
    """A target over each of its trunks; then its other number, over each."""
    numbers = (target.number, target.alternative) if target.alternative else (target.number,)
    ring_for = _ms(target.ring_for)
    return tuple(Way(number, trunk, ring_for, target.caller_id) for number in numbers for trunk in target.trunks)


def _desks(config: Config, whom: Whom) -> list[Target]:
    """The desk of the county, then the city's, which has none."""
    desks = [
        each
        for each in config.site.targets.values()
        if each.kind is TargetKind.EMERGENCY and (each.serves or config.site.dialled(each)) == whom.name
    ]
    near = [each for each in desks if each.county and each.county == whom.detail]
    return near + [each for each in desks if not each.county]


def _forbidden(config: Config, number: str) -> str:
    """Why an outside number may not be dialled: what is not allowed is forbidden, and some is never allowed."""
    canonical = config.site.numbering.normalise(number)
    if canonical is None:
        return f"{number!r} is not a telephone number"
    if canonical in EMERGENCY:
        return f"{canonical} is an emergency number: ask for it as one"
    kind = outbound_class(canonical)
    if kind is None:
        return f"{number} is never dialled from a talk: it is abroad, a premium or a service number"
    if kind not in config.site.outbound.allow:
        return f"{kind} numbers are not in outbound.allow of site.yaml"
    return ""


def outbound_class(canonical: str) -> OutboundClass | None:
    """What kind of number it is; None: abroad, premium, a service code: nobody dials these from a talk."""
    if _LOCAL.fullmatch(canonical):
        return OutboundClass.LOCAL
    if _MOBILE.fullmatch(canonical):
        return OutboundClass.MOBILE
    return OutboundClass.NATIONAL if _NATIONAL.fullmatch(canonical) else None


def _ms(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
