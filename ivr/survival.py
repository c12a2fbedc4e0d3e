"""What survival does with a call when the controller is gone: the same plan, in steps that the dialplan can take.

Pure.  `ivr.edge.survival` is the script that Asterisk starts; `dialplans/hotline/extensions.conf.j2` takes the steps.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from routing.arrival import recognise
from routing.config import Config
from routing.config.build import build
from routing.ids import Instant, PromptId
from routing.plan import Destination, Kind, Route, plan
from routing.prompts import SURVIVAL_SORRY

SNAPSHOT = "snapshot/survival.json"
"""Where the snapshot lies, below the state directory."""

COMPILED = "snapshot/config.json"
"""Where the same lies as values: reading 10,000 lines takes a second or two, and calls must not wait for it."""

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Snapshot(msgspec.Struct, frozen=True):
    """The applied config as text, its number, and by how much the civil clock is ahead (a rehearsal), in ms.

    Written by whoever applies a config: at start and after each reload.  Text, and built again for each call: so it can
    be read by a later version of us, and what was checked is what is used.
    """

    sources: dict[str, str]
    ahead_ms: int = 0
    version: int = 0

    def encode(self) -> bytes:
        """As it is written to `SNAPSHOT`."""
        return msgspec.json.encode(self)


class Compiled(msgspec.Struct, frozen=True):
    """The applied config as the controller takes it at a reload, checked and built by whoever applied it."""

    version: int
    config: Config


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


def moment(snapshot: Snapshot, stamp: Stamp, now: Instant) -> datetime:
    """The civil moment of the call: the one it brought along (demo), else now, as rehearsed."""
    if stamp.at:
        at = datetime.fromisoformat(stamp.at)
        return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
    return datetime.fromtimestamp((now + snapshot.ahead_ms) / 1000, SHANGHAI)


def decide(snapshot: Snapshot, stamp: Stamp, now: Instant, folder: str) -> str:
    """The way of a call: steps joined by `|` (see `steps`); `folder` holds the prompts.

    Raises what `build` and `plan` raise: then the dialplan has its own last way.
    """
    config = build(snapshot.sources)
    arrival = recognise(config, stamp.dialled, stamp.diversion, stamp.history, stamp.trunk, stamp.caller)
    route = plan(config, arrival, moment(snapshot, stamp, now))
    return "|".join(steps(config, route, folder, greeted=stamp.greeted))


def steps(config: Config, route: Route, folder: str, *, greeted: bool) -> Iterator[str]:
    """`say=FILE&FILE`, `queue=POOL,SECONDS`, `dial=NUMBER@TRUNK,SECONDS`, and `end=` where nothing else may follow.

    A caller who was greeted hears only that something went wrong; an empty SECONDS waits for as long as it takes.
    """
    announces = not route.destinations or route.destinations[-1].kind is Kind.ANNOUNCEMENT
    ids = [SURVIVAL_SORRY] if greeted and not announces else [prompt.id for prompt in route.prompts]
    if ids:
        yield "say=" + _files(folder, ids)
    for destination in route.destinations:
        yield from _attempt(config, destination, folder)
    if announces:
        yield "end="


def _attempt(config: Config, destination: Destination, folder: str) -> Iterator[str]:
    seconds = f"{destination.ring_for_ms // 1000}" if destination.ring_for_ms else ""
    if destination.is_ours:
        yield f"queue={destination.name},{seconds}"
        return
    known: Mapping[str, object] = config.site.trunks
    for trunk in destination.trunks:
        if trunk in known:
            yield f"dial={destination.number}@{trunk},{seconds}"
    if destination.sorry:
        yield "say=" + _files(folder, [destination.sorry.id])


def _files(folder: str, ids: list[PromptId]) -> str:
    return "&".join(f"{folder}/{id_}" for id_ in ids)
