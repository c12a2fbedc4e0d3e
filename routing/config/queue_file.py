"""The parts of `site.yaml` about those who wait: what they hear, and who comes before whom."""

from datetime import timedelta

from routing.config.entry import Entry
from routing.config.fields import choice, duration, lasting, yes
from routing.config.site import Announcements
from routing.estimate import Estimator
from routing.nuisance import Nuisance
from routing.numbers import Numbering
from routing.offering import Offering
from routing.priorities import Priorities

SECTIONS = ("announcements", "callback_offer", "priorities", "nuisance")

SLOWEST, LONGEST = timedelta(minutes=30), timedelta(days=365)
"""More than these would be a block, and for ever."""

STARTS = ("emergency", "listed", "callback", "returned")
"""The head starts among the fields of `Priorities`."""


def announcements(file: Entry) -> Announcements:
    """What is said to who waits."""
    node = file.child("announcements") if file.has("announcements") else None
    usual = Announcements()
    if node is None:
        return usual
    entry = Entry(file.source, node, "'announcements'", Announcements.__struct_fields__)
    return Announcements(
        entry.maybe("on", yes, default=False),
        entry.maybe("after", duration, usual.after),
        entry.maybe("every", duration, usual.every),
        entry.maybe("position", yes, default=True),
        entry.maybe("wait", choice(Estimator), usual.wait),
    )


def callback_offer(file: Entry) -> Offering:
    """When who waits is told that they may be called back."""
    node = file.child("callback_offer") if file.has("callback_offer") else None
    usual = Offering()
    if node is None:
        return usual
    entry = Entry(file.source, node, "'callback_offer'", Offering.__struct_fields__)
    return Offering(
        entry.maybe("on", yes, default=False),
        entry.maybe("waited", duration, usual.waited),
        entry.maybe("expected", duration, usual.expected),
    )


def priorities(file: Entry, numbering: Numbering) -> Priorities:
    """Who has a head start; `numbers` in any spelling."""
    node = file.child("priorities") if file.has("priorities") else None
    usual = Priorities()
    if node is None:
        return usual
    entry = Entry(file.source, node, "'priorities'", Priorities.__struct_fields__)
    numbers: dict[str, None] = {}
    for word in entry.words("numbers"):
        number = numbering.normalise(word.text)
        if number is None:
            file.source.fault(word, f"'{word.text}' is not a telephone number")
        else:
            numbers[number] = None
    starts = {name: entry.maybe(name, duration, getattr(usual, name)) for name in STARTS}
    return Priorities(**starts, numbers=tuple(sorted(numbers)))


def nuisance(file: Entry) -> Nuisance:
    """By how much later a number that a supervisor has confirmed counts as having come, and for how long."""
    node = file.child("nuisance") if file.has("nuisance") else None
    usual = Nuisance()
    if node is None:
        return usual
    entry = Entry(file.source, node, "'nuisance'", Nuisance.__struct_fields__)
    read = Nuisance(
        slower=entry.maybe("slower", duration, usual.slower), lasts=entry.maybe("lasts", lasting, usual.lasts)
    )
    if read.slower > SLOWEST:
        entry.fault("slower", "'slower' is at most 30 min: whoever is a nuisance waits longer, and reaches a person")
    if read.lasts > LONGEST:
        entry.fault("lasts", "'lasts' is at most 365 d: nobody is a nuisance for ever")
    return read
