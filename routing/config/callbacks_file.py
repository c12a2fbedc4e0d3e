"""`callbacks` of site.yaml: when citizens are called back, how often, and how many at once."""

import re
from datetime import timedelta

from routing.config.entry import Entry
from routing.config.fields import between, durations, lasting, yes
from routing.config.site import ON_BEHALF_OF, Outbound
from routing.terms import Terms

KEYS = ("on", "after", "from", "until", "ring_for", "at_once")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\Z", re.ASCII)
_MIDNIGHT = timedelta(hours=24)


def callbacks(file: Entry, outbound: Outbound) -> Terms:
    """How citizens are called back; not at all where nothing is said.  `outbound`: whom an operator may call."""
    entry, usual = file.part("callbacks", KEYS), Terms()
    read = Terms(
        entry.maybe("on", yes, default=False),
        entry.maybe("after", _waits, usual.after),
        entry.maybe("from", _clock, usual.opens),
        entry.maybe("until", _clock, usual.closes),
        entry.maybe("ring_for", lasting, usual.ring_for),
        entry.maybe("at_once", between(1, 1_000), usual.at_once),
    )
    if read.opens >= read.closes:
        entry.fault("until", f"citizens are called back from {_told(read.opens)}, and 'until' is not later than that")
    if read.on and not outbound.allowed(ON_BEHALF_OF):
        told = "citizens are called back as operators may call, and 'allow' of 'outbound' lets these call nobody"
        entry.fault("on", f"{told}: write allow: [local, mobile]")
    return read


def _waits(entry: Entry, key: str) -> tuple[timedelta, ...]:
    """Rising durations: when each try is, from the task's beginning."""
    waits = durations(entry, key)
    if not waits:
        entry.fault(key, "'after' needs a try at least: [5 min, 30 min, 120 min]")
    if list(waits) != sorted(waits):
        entry.fault(key, "each try of 'after' comes after the one before: all are counted from the task's beginning")
    return waits or Terms().after


def _clock(entry: Entry, key: str) -> timedelta:
    """A time of day: `08:00`, up to `24:00`."""
    written = entry.text(key)
    match = _CLOCK.match(written)
    read = timedelta(hours=int(match[1]), minutes=int(match[2])) if match else _MIDNIGHT
    if match is None or read > _MIDNIGHT:
        entry.wrong(key, written, "is not a time of day: write 08:00")
        return _MIDNIGHT
    return read


def _told(clock: timedelta) -> str:
    minutes = clock // timedelta(minutes=1)
    return f"{minutes // 60:02}:{minutes % 60:02}"
