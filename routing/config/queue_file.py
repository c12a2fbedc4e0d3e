"""The parts of `site.yaml` about those who wait: what they hear, and who comes before whom."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from routing.config import people_file
from routing.config.entry import Entry
from routing.config.errors import did_you_mean
from routing.config.fields import choice, duration, lasting, one_of, telephones, yes
from routing.config.site import Announcements, HelpOut, Site, Target, Timing, Voicemail
from routing.estimate import Estimator
from routing.ids import PoolId, TargetId
from routing.nuisance import Nuisance
from routing.numbers import Numbering
from routing.offering import Offering
from routing.overflow import CALLBACK, VOICEMAIL
from routing.people import Pool
from routing.priorities import Priorities

SECTIONS = ("announcements", "callback_offer", "help_out", "voicemail", "priorities", "nuisance")

SLOWEST, LONGEST = timedelta(minutes=30), timedelta(days=365)
"""More than these would be a block, and for ever."""

STARTS = ("emergency", "listed", "callback", "returned")
"""The head starts among the fields of `Priorities`."""


def announcements(file: Entry) -> Announcements:
    """What is said to who waits."""
    entry, usual = file.part("announcements", Announcements.__struct_fields__), Announcements()
    return Announcements(
        entry.maybe("on", yes, default=False),
        entry.maybe("after", duration, usual.after),
        entry.maybe("every", duration, usual.every),
        entry.maybe("position", yes, default=True),
        entry.maybe("wait", choice(Estimator), usual.wait),
    )


def callback_offer(file: Entry) -> Offering:
    """When who waits is told that they may be called back."""
    entry, usual = file.part("callback_offer", Offering.__struct_fields__), Offering()
    return Offering(
        entry.maybe("on", yes, default=False),
        entry.maybe("waited", duration, usual.waited),
        entry.maybe("expected", duration, usual.expected),
    )


def unkept(file: Entry, site: Site) -> None:
    """Warn of what promises a call back where citizens are not called back: it is left out."""
    if site.callbacks.on:
        return
    why = "citizens are not called back, so nobody is offered that: write 'on: yes' under 'callbacks', or"
    if site.callback_offer.on:
        file.warn("callback_offer", f"{why} 'on: no' here")
    for pool in site.pools.values():
        for rule in pool.overflow:
            if rule.to in {CALLBACK, VOICEMAIL}:
                file.warn("pools", f"pool '{pool.id}' overflows to '{rule.to}': {why} take this rule out")


def help_out(file: Entry, pools: Collection[PoolId], timing: Timing) -> HelpOut:
    """Who is asked when the hall has been asked for long."""
    entry, usual = file.part("help_out", HelpOut.__struct_fields__), HelpOut()
    pool = entry.maybe("supervisors", one_of(pools, "pool"), "")
    starts = [entry.maybe(key, duration, getattr(usual, key)) for key in ("supervisors_after", "shared_after")]
    for key, after in zip(("supervisors_after", "shared_after"), starts, strict=True):
        if after < timing.any_agent_after:
            entry.fault(key, f"'{key}' is earlier than 'any_agent_after': the hall's own agents come first")
    return HelpOut(PoolId(pool) if pool else None, *starts)


def voicemail(file: Entry) -> Voicemail:
    """How long a message may be."""
    entry = file.part("voicemail", Voicemail.__struct_fields__)
    return Voicemail(entry.maybe("longest", lasting, Voicemail().longest))


def overflows(file: Entry, pools: Mapping[PoolId, Pool], targets: Mapping[TargetId, Target]) -> None:
    """Note a fault at whatever leads nowhere, to a machine, to itself or round in a circle."""
    for word in (CALLBACK, VOICEMAIL):
        if word in pools or word in targets:
            file.fault("pools", f"'{word}' is what a pool overflows to, and no name for a pool or a target")
    for pool in pools.values():
        for rule in pool.overflow:
            why = _leads_wrong(pool, rule.to, pools, targets)
            if why:
                file.fault("pools", f"pool '{pool.id}' overflows to '{rule.to}': {why}")


def _leads_wrong(pool: Pool, to: str, pools: Mapping[PoolId, Pool], targets: Mapping[TargetId, Target]) -> str:
    if to == pool.id:
        return "that is itself"
    if to in pools:
        return "they overflow to each other, in a circle" if pool.id in _reached(PoolId(to), pools) else ""
    return "" if to in {CALLBACK, VOICEMAIL} else _wrong_target(to, pools, targets)


def _wrong_target(to: str, pools: Mapping[PoolId, Pool], targets: Mapping[TargetId, Target]) -> str:
    target = targets.get(TargetId(to))
    if target is None:
        known = (*pools, *targets, CALLBACK, VOICEMAIL)
        return f"that is no pool and no target of this file, nor callback or voicemail{did_you_mean(to, known)}"
    return people_file.unfit(target)


def _reached(pool: PoolId, pools: Mapping[PoolId, Pool]) -> dict[PoolId, None]:
    """The pools that overflow leads to from here, one after another."""
    found: dict[PoolId, None] = {}
    open_ = [pool]
    while open_:
        for rule in pools[open_.pop()].overflow:
            to = PoolId(rule.to)
            if to in pools and to not in found:
                found[to] = None
                open_.append(to)
    return found


def priorities(file: Entry, numbering: Numbering) -> Priorities:
    """Who has a head start; `numbers` in any spelling."""
    entry, usual = file.part("priorities", Priorities.__struct_fields__), Priorities()
    numbers = {number for _, number in telephones(entry, "numbers", numbering)}
    starts = {name: entry.maybe(name, duration, getattr(usual, name)) for name in STARTS}
    return Priorities(**starts, numbers=tuple(sorted(numbers)))


def nuisance(file: Entry) -> Nuisance:
    """By how much later a number that a supervisor has confirmed counts as having come, and for how long."""
    entry, usual = file.part("nuisance", Nuisance.__struct_fields__), Nuisance()
    read = Nuisance(
        slower=entry.maybe("slower", duration, usual.slower), lasts=entry.maybe("lasts", lasting, usual.lasts)
    )
    if read.slower > SLOWEST:
        entry.fault("slower", "'slower' is at most 30 min: whoever is a nuisance waits longer, and reaches a person")
    if read.lasts > LONGEST:
        entry.fault("lasts", "'lasts' is at most 365 d: nobody is a nuisance for ever")
    return read
