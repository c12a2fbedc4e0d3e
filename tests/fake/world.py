"""What lives in the fake Asterisk, and who hears what: channels, bridges, playbacks, the phones behind the channels.

It outlives every controller.  ARI, the dialplan and the wire stand in `tests.fake.asterisk`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Interval = tuple[int, int, str]


BY_US, DUMB = 32, 1
"""Flags of a channel that Asterisk itself ends: over ARI or by the dialplan; as nothing comes from the other side."""


@dataclass
class Phone:
    """How whoever we dial behaves, in seconds; None means never.

    `answers_after` ringing; then `talks` from the moment they share a bridge with somebody, or `leaves` from the
    answer, and hangs up; or `vanishes` from there, and Asterisk finds that out.  `rejects_after` ringing declines, with
    the SIP code `rejects_with` (cause 21).  `busy`: 486.  `off`: 480, as a carrier says it.  `dead`: not even ringing.
    `registered` false: Asterisk does not know where it is.
    """

    answers_after: float | None = None
    talks: float | None = 30.0
    leaves: float | None = None
    vanishes: float | None = None
    rejects_after: float | None = None
    rejects_with: int = 603
    busy: bool = False
    off: bool = False
    dead: bool = False
    registered: bool = True


@dataclass
class Party:
    """Somebody with a phone, citizen, seat or target, and all that they have heard."""

    label: str
    behaviours: deque[Phone] = field(default_factory=deque)
    many: bool = False
    """Many calls at once: a centre, not a phone."""
    talks: float | None = None
    channel: "Channel | None" = None
    channels: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    """What whoever was dialled last was sent beside the call: headers, by the function that adds them."""
    heard: list[Interval] = field(default_factory=list)
    hears: str = ""
    since: int = 0
    ended: str = ""
    """How a citizen's call ended: hung-up (the citizen), released (we), survived, lost."""
    survived: bool = False
    cause: int = 0
    shown: list[str] = field(default_factory=list)
    """The number that each call to them showed."""

    def behaviour(self) -> Phone:
        """For this call; the last one stays for all later calls."""
        return self.behaviours.popleft() if len(self.behaviours) > 1 else self.behaviours[0]


@dataclass
class Playback:
    """Media on a channel."""

    id: str
    uri: str
    items: list[str]
    channel: "Channel"
    state: str = "queued"
    timer: asyncio.TimerHandle | None = None

    def json(self) -> dict[str, Any]:
        uri = f"channel:{self.channel.id}"
        return {"id": self.id, "media_uri": self.uri, "target_uri": uri, "language": "zh", "state": self.state}


@dataclass(eq=False)
class Channel:
    """One leg."""

    id: str
    name: str
    party: Party
    state: str
    originated: bool
    caller: str = ""
    app: str | None = None
    """The application it is in."""
    app_data: str = ""
    """With what it entered it."""
    subscriber: str | None = None
    """The application that hears of it."""
    place: str = "dialplan"
    variables: dict[str, str] = field(default_factory=dict)
    bridge: "Bridge | None" = None
    queue: deque[Playback] = field(default_factory=deque)
    music: bool = False
    quiet: bool = False
    ringing: bool = False
    muted: bool = False
    """Nobody hears it."""
    into: str = ""
    """Dialled by us into this place of the dialplan, which asks for the application as for a citizen."""
    spied: "Channel | None" = None
    """A snoop: the channel that it hears, and to whose owner it speaks."""
    gone: bool = False
    tries: int = 0
    talks: float | None = None
    """From the moment that it shares a bridge; a centre has many calls at once, each with its own end."""
    lease: asyncio.TimerHandle | None = None
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    leaving: Callable[[], None] | None = None
    """What a `continue` does once nothing plays."""
    waiters: list[Callable[[], None]] = field(default_factory=list)
    """Requests that wait until nothing plays."""

    @property
    def endpoint(self) -> str:
        """The seat or the trunk."""
        return self.name.removeprefix("PJSIP/").rpartition("-")[0]

    def json(self, shown: tuple[str, ...]) -> dict[str, Any]:
        """As ARI shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "protocol_id": "",
            "caller": {"name": "", "number": self.caller},
            "connected": {"name": "", "number": ""},
            "accountcode": "",
            "dialplan": {
                "context": self.place, "exten": "s", "priority": 1,
                "app_name": "Stasis" if self.app else "", "app_data": self.app_data if self.app else "",
            },
            "creationtime": "2021-09-15T09:00:00.000+0800",
            "language": "zh",
            "channelvars": {name: self.variables.get(name, "") for name in shown},
        }  # fmt: skip


@dataclass(eq=False)
class Bridge:
    """Who hears whom."""

    id: str
    kind: str
    members: list[Channel] = field(default_factory=list)
    is_mixed: bool = False

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "technology": "simple_bridge" if len(self.members) < 3 else "softmix",
            "bridge_type": "mixing",
            "bridge_class": "stasis",
            "creator": "Stasis",
            "name": "",
            "channels": [member.id for member in self.members],
            "creationtime": "2021-09-15T09:00:00.000+0800",
        }


def sound(uri: str) -> str:
    """`sound:/var/prompts/greeting-12345` is heard as `greeting-12345`."""
    return uri.removeprefix("sound:").rsplit("/", 1)[-1]


class World(ABC):
    """Channels, bridges and ears."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.playbacks: dict[str, list[Playback]] = {}
        self.parties: dict[str, Party] = {}
        self.endpoints: dict[str, Party] = {}
        self.lengths: dict[str, int] = {}
        """Length of a prompt in ms; what is not here is `length` long."""
        self.length = 2_000
        self.missing: set[str] = set()
        self.faults: list[str] = []
        """What must never happen, and did: two calls on one seat, a call without a way out."""
        self._epoch = self.loop.time()

    def now(self) -> int:
        """Milliseconds since the world began."""
        return round((self.loop.time() - self._epoch) * 1000)

    def later(self, seconds: float, what: Callable[[], object]) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, what)

    @abstractmethod
    def emit(self, kind: str, channel: Channel, **fields: Any) -> None:
        """Tell the application of this channel."""

    @abstractmethod
    def emit_bridge(self, kind: str, bridge: Bridge, channel: Channel) -> None:
        """Tell the application that somebody came into a bridge, or left it."""

    # --- hearing

    def hearing(self, channel: Channel) -> str:
        """What the party of this channel hears now."""
        if channel.place in {"survival", "retry"}:
            return "survival" if channel.place == "survival" else "ringing"
        if channel.queue and channel.queue[0].state == "playing":
            return sound(channel.queue[0].uri)
        if channel.music or channel.ringing:
            return "music" if channel.music else "ringback"
        voices = self._whispers(channel) if channel.quiet else self.voices(channel)
        if voices:
            return "+".join(f"voice:{voice}" for voice in voices)
        return "silence" if channel.state == "Up" else "unanswered"

    def voices(self, channel: Channel) -> list[str]:
        """Who in the bridge is to be heard: not whoever has a prompt in the ear, or is muted."""
        found = [*self._around(channel), *self._whispers(channel)]
        for snoop in (each.spied for each in (channel.bridge.members if channel.bridge else ()) if each.spied):
            found += [*([] if snoop.muted else [snoop.party.label]), *self._around(snoop)]
        return found

    def _whispers(self, channel: Channel) -> list[str]:
        ears = (each for each in self.channels.values() if each.spied is channel)
        return [voice for ear in ears for voice in self._around(ear)]

    def _around(self, channel: Channel) -> list[str]:
        members = channel.bridge.members if channel.bridge else []
        others = (each for each in members if each is not channel and not each.spied)
        return [each.party.label for each in others if not each.queue and not each.muted]

    def listen(self, *channels: Channel) -> None:
        """Note what these channels, and those who share a bridge with them, hear from now on."""
        near = [each for one in channels for each in (one, *(one.bridge.members if one.bridge else ()))]
        ears = [each for each in self.channels.values() if each.spied]
        near += [each for ear in ears for each in (ear.spied, *(ear.bridge.members if ear.bridge else ())) if each]
        for channel in dict.fromkeys(near):
            self._note(channel.party, "" if channel.gone else self.hearing(channel))

    def _note(self, party: Party, hears: str) -> None:
        if hears != party.hears:
            if party.hears and self.now() > party.since:
                party.heard.append((party.since, self.now(), party.hears))
            party.hears, party.since = hears, self.now()

    def heard(self, label: str) -> list[Interval]:
        """What a party has heard so far: (from ms, to ms, prompt | music | voice:label | silence | unanswered | …)."""
        party = self.parties[label]
        rest = [(party.since, self.now(), party.hears)] if party.hears and self.now() > party.since else []
        return party.heard + rest

    def times_heard(self, label: str, what: str) -> int:
        """How often something began."""
        return sum(1 for _, _, each in self.heard(label) if each == what)

    def longest(self, label: str, what: str = "silence") -> int:
        """The longest stretch of it, in ms."""
        return max((to - since for since, to, each in self.heard(label) if each == what), default=0)

    def leftovers(self) -> list[str]:
        """What still lives: empty when all calls are over."""
        return [
            *(f"channel {each.id} ({each.party.label}, {each.state}, {each.place})" for each in self.channels.values()),
            *(f"bridge {each.id} with {len(each.members)}" for each in self.bridges.values()),
        ]

    # --- playing

    def play(self, channel: Channel, name: str, media: list[str]) -> Playback:
        """Queue media on a channel."""
        playback = Playback(name, media[0], list(media), channel)
        channel.queue.append(playback)
        self.playbacks.setdefault(name, []).append(playback)
        if len(channel.queue) == 1:
            self._start(playback)
        return playback

    def _start(self, playback: Playback) -> None:
        playback.state = "playing"
        if playback.channel.bridge is None:  # music and silence come back after a prompt only inside of a bridge
            playback.channel.music = playback.channel.quiet = False
        self.emit("PlaybackStarted", playback.channel, playback=playback.json())
        self._item(playback)

    def _item(self, playback: Playback) -> None:
        """The next medium; a missing one is skipped."""
        if not playback.items:
            self.finish(playback, "failed" if sound(playback.uri) in self.missing else "done")
            return
        playback.uri = playback.items.pop(0)
        name = sound(playback.uri)
        length = 0 if name in self.missing else self.lengths.get(name, self.length)
        playback.timer = self.later(length / 1000, lambda: self._item(playback))
        self.listen(playback.channel)

    def finish(self, playback: Playback, state: str) -> None:
        """End a playback, running or waiting; the next one starts."""
        channel = playback.channel
        if playback.timer:
            playback.timer.cancel()
        was_first = channel.queue and channel.queue[0] is playback
        channel.queue.remove(playback)
        self.playbacks[playback.id].remove(playback)
        if not self.playbacks[playback.id]:
            del self.playbacks[playback.id]
        playback.state = state
        self.emit("PlaybackFinished", channel, playback=playback.json())
        if channel.queue and was_first and not channel.gone:
            self._start(channel.queue[0])
        if not channel.queue:
            self.settle(channel)
        self.listen(channel)

    def settle(self, channel: Channel) -> None:
        """Nothing plays: whoever waited for that goes on."""
        if channel.leaving is not None and not channel.gone:
            leaving, channel.leaving = channel.leaving, None
            leaving()
        waiters, channel.waiters = channel.waiters, []
        for waiter in waiters:
            waiter()

    def holds(self, party: Party, *, on: bool = True) -> None:
        """The hold button of a phone, pressed or (not `on`) pressed again: who is alone with it gets music, or not."""
        channel = party.channel
        if channel is None or channel.gone:
            return
        members = channel.bridge.members if channel.bridge else []
        others = [each for each in members if each is not channel and len(members) == 2]
        for other in others:
            other.music = on
        self.emit("ChannelHold" if on else "ChannelUnhold", channel)
        self.listen(*others)

    # --- bridges

    def join(self, bridge: Bridge, channel: Channel) -> None:
        """Into this bridge, out of any other; phones that were to talk for a while begin."""
        self.part(channel)
        bridge.members.append(channel)
        channel.bridge = bridge
        self.emit_bridge("ChannelEnteredBridge", bridge, channel)
        self.listen(channel)
        if len(bridge.members) > 1:
            for member in tuple(bridge.members):
                self._begin_talk(member)

    def part(self, channel: Channel) -> None:
        """Out of its bridge."""
        bridge = channel.bridge
        if bridge is not None:
            bridge.members.remove(channel)
            channel.bridge = None
            self.emit_bridge("ChannelLeftBridge", bridge, channel)
            self.listen(channel, *bridge.members)

    def _begin_talk(self, channel: Channel) -> None:
        talks, channel.talks = channel.talks, None
        if talks is not None:
            channel.timers.append(self.later(talks, lambda: self.hang_up(channel)))

    @abstractmethod
    def hang_up(self, channel: Channel, cause: int = 16) -> None:
        """The phone behind a channel hangs up."""
