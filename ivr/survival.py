"""What survival does with a call when the controller is gone: the same plan, in steps that the dialplan can take.

Pure.  `ivr.edge.survival` is the script that Asterisk starts; `dialplans/hotline/extensions.conf.j2` takes the steps.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from routing import outward
from routing.arrival import recognise
from routing.config import CallerId, Config
from routing.ids import Instant, PromptId
from routing.plan import Destination, Kind, Route, plan
from routing.prompts import SURVIVAL_SORRY, file_of

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Stamp(msgspec.Struct, frozen=True):
    """What the dialplan stamped on the call, as it stands in the HOTLINE_ variables.

    `greeted`: the controller has already told the caller what must be told.
    """

    dialled: str
    diversion: str = ""
    history: str = ""
    trunk: str = ""
    caller: str = ""
    at: str = ""
    greeted: bool = False


def moment(stamp: Stamp, now: Instant, ahead_ms: int) -> datetime:
    """The civil moment of the call: the one it brought along (demo), else now, as rehearsed (`ahead_ms`)."""
    if stamp.at:
        at = datetime.fromisoformat(stamp.at)
        return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
    return datetime.fromtimestamp((now + ahead_ms) / 1000, SHANGHAI)


def decide(config: Config, stamp: Stamp, at: datetime, folder: str) -> str:
    """The way of a call that came at `at`: steps joined by `|` (see `steps`); `folder` holds the prompts.

    Raises what `plan` raises: then the dialplan has its own last way.
    """
    arrival = recognise(config, stamp.dialled, stamp.diversion, stamp.history, stamp.trunk, stamp.caller)
    route = plan(config, arrival, at)
    return "|".join(steps(config, route, folder, greeted=stamp.greeted))


def steps(config: Config, route: Route, folder: str, *, greeted: bool) -> Iterator[str]:
    """`say=FILE&FILE`, `queue=POOL,SECONDS`, `dial=NUMBER,TRUNK,SECONDS,CHANNELS,SHOWN,PILOT`, and `end=`.

    Nothing may follow `end`.  A caller who was greeted hears only that something went wrong; an empty SECONDS waits for
    as long as it takes, an empty SHOWN is the caller's own number.
    """
    announces = not route.destinations or route.destinations[-1].kind is Kind.ANNOUNCEMENT
    ids = [SURVIVAL_SORRY] if greeted and not announces else [prompt.id for prompt in route.prompts]
    if ids:
        yield "say=" + _files(config, folder, ids)
    for destination in route.destinations:
        yield from _attempt(config, destination, folder)
    if announces:
        yield "end="


def _attempt(config: Config, destination: Destination, folder: str) -> Iterator[str]:
    seconds = f"{math.ceil(destination.ring_for_ms / 1000)}" if destination.ring_for_ms else ""  # 0 would be for ever
    if destination.is_ours:
        yield f"queue={destination.name},{seconds}"
        return
    is_emergency = destination.kind is Kind.EMERGENCY
    shown = CallerId(destination.caller_id)
    for way in outward.over(config, destination.number, destination.trunks, 0, shown, is_emergency=is_emergency):
        trunk = config.site.trunks[way.trunk]
        channels = trunk.channels if is_emergency else trunk.channels_ordinary
        number = "" if way.caller_id is CallerId.CITIZEN else outward.shown(way, "", config.site.number)
        yield f"dial={way.number},{way.trunk},{seconds},{channels},{number},{way.pilot}"
    if destination.sorry:
        yield "say=" + _files(config, folder, [destination.sorry.id])


def _files(config: Config, folder: str, ids: list[PromptId]) -> str:
    sounds = [sound for id_ in ids for sound in config.prompts[id_].sounds]
    return "&".join(f"{folder}/{file_of(sound)}" for sound in sounds)
