"""Recognising a call: which line it means, and who sent it.

Knows how numbers are written and which are lines; what happens to the call is `routing.plan`'s.
"""

from collections.abc import Sequence

import msgspec

from routing.config.site import Config
from routing.numbers import EMERGENCY, Forwarding, diversions, history


class Arrival(msgspec.Struct, frozen=True):
    """A call as it came in.

    `number`: canonical number of the line that was meant.  `dialled`, `caller`: as sent.  `recognised`: `number` stems
    from the call, not from our default.  `diverted_from`: the line or target that sent it on, canonical; `chain`: all
    forwardings, first dialled first; `reason` of the one that counts.
    """

    number: str
    dialled: str
    caller: str
    recognised: bool
    diverted_from: str | None
    trunk: str
    chain: tuple[str, ...] = ()
    reason: str = ""


def recognise(
    config: Config, dialled: str, diversion: str, history_info: str, trunk: str, from_number: str = ""
) -> Arrival:
    """Which line a call means: of the numbers that are lines, the first dialled.

    `diversion` and `history_info` are the raw headers, several joined by `|`, believed only on a trunk that says so.  A
    centre's number among the forwardings stands for its line.  No line at all: the hall, not `recognised`.
    """
    own = config.site.numbering.normalise(dialled)
    contract = config.site.trunks.get(trunk)
    is_believed = contract is not None and contract.trusts_diversion
    hops = _forwardings(config, own, diversion, history_info) if is_believed else []
    return arrived(config, dialled, hops, trunk, from_number)


def arrived(
    config: Config, dialled: str, hops: Sequence[tuple[str, str]], trunk: str = "", from_number: str = ""
) -> Arrival:
    """The arrival of a call whose forwardings (canonical number, reason; first dialled first) are believed."""
    chain = tuple(number for number, _ in hops)
    for number, reason in hops:
        meant = _line_of(config, number)
        if meant is not None:
            is_line = True
            return Arrival(meant, dialled, from_number, is_line, number, trunk, chain, reason)
    own = _dialled_line(config, config.site.numbering.normalise(dialled))
    sender, reason = hops[0] if hops else (None, "")
    return Arrival(own or config.site.number, dialled, from_number, own is not None, sender, trunk, chain, reason)


def _forwardings(config: Config, own: str | None, diversion: str, history_info: str) -> list[tuple[str, str]]:
    """The forwardings (canonical number, reason), first dialled first; History-Info ends with the request itself."""
    entries = [_hop(config, hop) for hop in history(history_info)]
    if entries and entries[-1] is not None and entries[-1][0] == own:
        entries.pop()
    entries += [_hop(config, hop) for hop in diversions(diversion)]
    hops: dict[str, str] = {}
    for entry in entries:
        if entry is not None:
            hops.setdefault(*entry)
    return list(hops.items())


def _hop(config: Config, hop: Forwarding) -> tuple[str, str] | None:
    number = config.site.numbering.normalise(hop.number)
    return None if number is None else (number, hop.reason)


def _dialled_line(config: Config, own: str | None) -> str | None:
    if own is None:
        return None
    with_area = config.site.numbering.normalise("0" + own)  # some carriers leave the area code's 0 out
    for number in (own, with_area):
        if number in config.lines or number in EMERGENCY:
            return number
    return None


def _line_of(config: Config, number: str) -> str | None:
    """The line that `number` is, or the only one whose centre or seats it is."""
    if number in config.lines:
        return number
    theirs = {id_ for id_, target in config.site.targets.items() if config.site.dialled(target) == number}
    found = [line.number for line in config.lines.values() if line.target in theirs] if theirs else []
    return found[0] if len(found) == 1 else None
