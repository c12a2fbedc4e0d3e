"""A fake Asterisk that speaks ARI frames: the dialplan around Stasis, applications, events, the traps of the real one.

What it claims is held against the real one by tests/contract.  Scripted in seconds, heard in milliseconds:

    fake = FakeAsterisk(seed=7)
    fake.seat("8001", answers_after=2, talks=30)
    citizen = fake.dials("12345", after=1, hangs_up=20)
    life = fake.life(kill_at=17)        # a Wire
"""

import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from routing.numbers import EMERGENCY
from tests.fake.applications import Applications
from tests.fake.requests import Requests
from tests.fake.wire import ECHO, Life
from tests.fake.world import BY_US, DUMB, Bridge, Channel, Party, Phone, World

SHOWN = (
    "HOTLINE_CALL", "HOTLINE_DIALLED", "HOTLINE_DIVERSION", "HOTLINE_HISTORY", "HOTLINE_CALLER", "HOTLINE_TRUNK",
    "HOTLINE_ARRIVED", "HOTLINE_AT",
)  # fmt: skip
"""channelvars of ari.conf."""
LEASE_S = 30.0
TRIES = 20
SURVIVAL_S = 30.0
HUNG = -1
"""No status: the channel's thread hangs, and the socket waits for it for ever."""
EPOCH_MS = 1_631_667_600_000


class FakeAsterisk(World):
    """The world, its dialplan, and who listens to it."""

    def __init__(self, seed: int = 0, app: str = "hotline", node: str = "handan1") -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.app = app
        self.node = node
        self.lease_s = LEASE_S
        self.down = False
        self.began_ms = EPOCH_MS - 60_000
        """When this Asterisk was started."""
        self.lag = (0.0002, 0.003)
        """Shortest and longest way of a frame, in seconds."""
        self.refuse: Callable[[str, str], int | None] = lambda _method, _path: None
        """Status with which to refuse a request (0: no reply; HUNG: nor to any behind it); None: do it."""
        self.applications = Applications(self.later)
        self.requests = Requests(self)
        self.dynamic: dict[tuple[str, str], dict[str, str]] = {}
        """What was put into SIP's memory, by its kind and name; a crash forgets it."""
        self.log: list[tuple[int, str, str]] = []
        """Every request that was done: ms, method, path."""
        self._serial = 0

    # --- scripting

    def life(self, kill_at: int | None = None) -> Life:
        """A controller's process, as a `Wire`."""
        return Life(self, kill_at)

    def seat(self, name: str, *calls: Phone, **behaviour: Any) -> Party:
        """A phone at `PJSIP/name`: `Phone`s for one call after another, or one behaviour for all."""
        return self._phone(f"PJSIP/{name}", name, calls or (Phone(**behaviour),))

    def target(self, number: str, *calls: Phone, trunk: str = "town", **behaviour: Any) -> Party:
        """A number outside, at `PJSIP/number@trunk`."""
        party = self._phone(f"PJSIP/{number}@{trunk}", number, calls or (Phone(**behaviour),))
        party.many = True
        return party

    def _phone(self, endpoint: str, label: str, calls: tuple[Phone, ...]) -> Party:
        party = self.parties[label] = Party(label, deque(calls))
        self.endpoints[endpoint] = party
        return party

    def dials(
        self,
        number: str,
        *,
        label: str = "citizen",
        after: float = 0.0,
        hangs_up: float | None = None,
        talks: float | None = None,
        caller: str = "13831000000",
        **stamps: str,
    ) -> Party:
        """A citizen dials after `after` seconds and hangs up `hangs_up` seconds later, or after `talks` with somebody.

        `stamps` are further channel variables, without their prefix: `diversion="<sip:12329@…>"`.
        """
        while label in self.parties:
            stem, _, serial = label.partition("-")
            label = f"{stem}-{int(serial or 1) + 1}"
        party = self.parties[label] = Party(label, talks=talks)
        self.later(after, lambda: self._arrives(party, number, caller, stamps, hangs_up))
        return party

    def hangs_up(self, party: Party) -> None:
        """Whoever has this phone hangs up now."""
        if party.channel is not None and not party.channel.gone:
            self.hang_up(party.channel)

    def presses(self, party: Party, digit: str) -> None:
        """A key."""
        if party.channel is not None:
            self.emit("ChannelDtmfReceived", party.channel, digit=digit, duration_ms=100)

    def crash(self, boots_after: float = 2.0) -> None:
        """Asterisk dies with all its calls, and boots again."""
        self.down = True
        self.applications.clear()
        for channel in tuple(self.channels.values()):
            self.hang_up(channel)
        self.bridges.clear()
        self.dynamic.clear()
        self.later(boots_after, self._boots)

    def _boots(self) -> None:
        self.down, self.began_ms = False, EPOCH_MS + self.now()

    # --- the dialplan

    def _arrives(self, party: Party, number: str, caller: str, stamps: dict[str, str], hangs_up: float | None) -> None:
        if self.down:
            party.ended = "refused"
            return
        self._serial += 1
        name = f"{self.node}-{EPOCH_MS // 1000}.{self._serial}"
        channel = Channel(name, f"PJSIP/town-{self._serial:08x}", party, "Ring", originated=False, caller=caller)
        channel.talks = party.talks
        channel.variables = {
            "HOTLINE_CALL": name.replace(".", "-"),
            "HOTLINE_DIALLED": number,
            "HOTLINE_CALLER": caller,
            "HOTLINE_TRUNK": "town",
            "HOTLINE_ARRIVED": str(EPOCH_MS + round(self.loop.time() * 1000)),
            **{f"HOTLINE_{stamp.upper()}": value for stamp, value in stamps.items()},
        }
        self._lives(channel)
        if hangs_up is not None:
            channel.timers.append(self.later(hangs_up, lambda: self.hang_up(channel)))
        self._enter(channel)

    def calls_from(self, seat: str, code: str) -> Party:
        """The phone at a seat dials a feature code, or an emergency number, which is the dialplan's alone: a talk."""
        self._serial += 1
        name = f"{self.node}-{EPOCH_MS // 1000}.{self._serial}"
        party = self.parties[seat]
        channel = Channel(name, f"PJSIP/{seat}-{self._serial:08x}", party, "Ring", originated=False, caller=seat)
        self._lives(channel)
        if code in EMERGENCY:
            channel.state = "Up"
        elif self.app in self.applications.links:
            self.enter_stasis(channel, self.app, ["seat", seat, code])
        else:
            channel.state = "Up"
            self.play(channel, f"{name}-not-now", ["sound:/prompts/seat-not-now"])
            channel.timers.append(self.later(self.length / 1000, lambda: self.hang_up(channel, soft=BY_US)))
        return party

    def _lives(self, channel: Channel) -> None:
        self.channels[channel.id] = channel
        channel.party.channel = channel
        channel.party.channels.append(channel.id)

    def _enter(self, channel: Channel) -> None:
        """`enter` of the dialplan: the lease, then Stasis; without a controller ring and try again."""
        if channel.gone:
            return
        self.set_lease(channel, self.lease_s)
        if self.app in self.applications.links:
            self.enter_stasis(channel, self.app, ["citizen"])
            return
        channel.tries += 1
        if channel.tries > TRIES:
            self.survive(channel)
        else:
            channel.place = "retry" if channel.state != "Up" else "dialplan"
            channel.timers.append(self.later(1.0, lambda: self._enter(channel)))
            self.listen(channel)

    def enter_stasis(self, channel: Channel, app: str, args: list[str]) -> None:
        """Stasis() with a controller behind it."""
        channel.place, channel.app, channel.subscriber = "stasis", app, app
        channel.app_data = ",".join([app, *args])
        self.emit("StasisStart", channel, args=args)
        self.listen(channel)

    def leave_stasis(self, channel: Channel, *, goes_on: bool) -> None:
        """Out of Stasis; `goes_on`: the channel lives."""
        if channel.app is None:
            return
        channel.leaving = None
        for playback in tuple(channel.queue):
            self.finish(playback, "failed")
        self.part(channel)
        channel.music = channel.quiet = channel.ringing = False
        channel.app = None
        self.emit("StasisEnd", channel)
        if goes_on and not channel.originated:
            channel.subscriber = None

    def set_lease(self, channel: Channel, seconds: float) -> None:
        """TIMEOUT(absolute); 0 takes it off."""
        if channel.lease:
            channel.lease.cancel()
        channel.lease = self.later(seconds, lambda: self._lease_fires(channel)) if seconds else None

    def _lease_fires(self, channel: Channel) -> None:
        if channel.originated and not channel.into:
            self.hang_up(channel)
            return
        self.leave_stasis(channel, goes_on=True)
        if channel.variables.get("HOTLINE_DONE") == "1":
            self.hang_up(channel, soft=BY_US)
        else:
            self.survive(channel)

    def continues(self, channel: Channel, context: str) -> None:
        """`continue`: on to another place of the dialplan, once nothing plays."""

        def leave() -> None:
            self.leave_stasis(channel, goes_on=True)
            if context == "survival":
                self.survive(channel)
            elif channel.variables.get("HOTLINE_DONE") == "1" or channel.originated:
                self.hang_up(channel, soft=BY_US)
            else:
                self.survive(channel)

        if channel.queue:
            channel.leaving = leave
        else:
            leave()

    def survive(self, channel: Channel) -> None:
        """The survival path: a sentence, then a person."""
        if channel.gone:
            return
        self.set_lease(channel, 0)
        channel.state, channel.place = "Up", "survival"
        channel.party.survived = True
        channel.timers.append(self.later(SURVIVAL_S, lambda: self.hang_up(channel)))
        self.listen(channel)

    # --- dialling out

    def originate(self, channel: Channel, app: str | None, args: list[str], timeout: float) -> None:
        """The phone behind a new channel is called."""
        self._lives(channel)
        channel.subscriber = app
        self.ring(channel, app, args, timeout)

    def create(self, channel: Channel, app: str) -> None:
        """A new channel comes into Stasis a moment later, its phone not called yet."""
        self._lives(channel)
        self.later(self.delay(), lambda: None if channel.gone else self.enter_stasis(channel, app, []))

    def ring(self, channel: Channel, app: str | None, args: list[str], timeout: float) -> None:
        """The phone behind a channel is called; without an `app` the channel stays where it is when it is answered."""
        phone = channel.party.behaviour()
        channel.talks = phone.talks
        busy = not channel.party.many and sum(each.party is channel.party for each in self.channels.values()) > 1
        if busy:
            self.faults.append(f"{self.now()} ms: {channel.party.label} was rung while on a call ({channel.id})")
        channel.timers.append(self.later(timeout, lambda: self._unanswered(channel)))
        ring_s = self.random.uniform(0.002, 0.01)

        def ring() -> None:
            if channel.gone:
                return
            if phone.busy or busy:
                self._refused(channel, 17, 486)
            elif phone.off:
                self._refused(channel, 19, 480)
            elif not phone.dead:
                self._state(channel, "Ringing")

        channel.timers.append(self.later(ring_s, ring))
        if phone.busy or busy or phone.off or phone.dead:
            return
        if phone.rejects_after is not None:
            wait_s = ring_s + phone.rejects_after
            channel.timers.append(self.later(wait_s, lambda: self._refused(channel, 21, phone.rejects_with)))
        if phone.answers_after is not None:
            wait_s = ring_s + phone.answers_after
            channel.timers.append(self.later(wait_s, lambda: self._answered(channel, app, args, phone)))

    def snoop(self, channel: Channel, name: str, app: str) -> Channel:
        """An ear at a channel, for its owner alone to hear; it comes into Stasis a moment later."""
        ear = Channel(name, f"Snoop/{channel.id}-{name}", Party(f"ear at {channel.party.label}"), "Up", originated=True)
        ear.spied, ear.subscriber = channel, app
        self._lives(ear)
        self.later(self.delay(), lambda: None if ear.gone else self.enter_stasis(ear, app, ["leg"]))
        return ear

    def _unanswered(self, channel: Channel) -> None:
        if not channel.gone and channel.state != "Up":
            self._ends(channel, 19, requested=None, sip=480)

    def _refused(self, channel: Channel, cause: int, sip: int) -> None:
        if not channel.gone and channel.state != "Up":
            self._ends(channel, cause, requested=cause, sip=sip)

    def _answered(self, channel: Channel, app: str | None, args: list[str], phone: Phone) -> None:
        if channel.gone:
            return
        self._state(channel, "Up")
        if phone.leaves is not None:
            channel.timers.append(self.later(phone.leaves, lambda: self.hang_up(channel)))
        if phone.vanishes is not None:
            channel.timers.append(self.later(phone.vanishes, lambda: self.hang_up(channel, 44, soft=DUMB)))
        if channel.app is not None:
            return
        if channel.into:
            self._enter(channel)
        elif app is not None and app in self.applications.links:
            self.enter_stasis(channel, app, args)
        else:
            self._ends(channel, 16, requested=None)

    def _state(self, channel: Channel, state: str) -> None:
        channel.state = state
        self.emit("ChannelStateChange", channel)
        self.listen(channel)

    def answer(self, channel: Channel) -> None:
        """200 OK to the caller."""
        if channel.state != "Up":
            self._state(channel, "Up")

    # --- the end of a channel

    def hang_up(self, channel: Channel, cause: int = 16, soft: int = 0) -> None:
        """Either side hangs up, or (`soft`) Asterisk does: for us, `BY_US`, or because no sound comes, `DUMB`."""
        if not channel.gone:
            if not channel.originated:
                party = channel.party
                party.ended = "survived" if party.survived else "released" if soft == BY_US else "hung-up"
                party.cause = cause
            self._ends(channel, cause, requested=cause, soft=soft)

    def _ends(self, channel: Channel, cause: int, requested: int | None, sip: int = 0, soft: int = 0) -> None:
        if requested is not None:
            self.emit("ChannelHangupRequest", channel, cause=soft or requested, soft=soft > 0)
        channel.gone = True
        for timer in channel.timers:
            timer.cancel()
        self.set_lease(channel, 0)
        self.leave_stasis(channel, goes_on=False)
        self.settle(channel)
        if channel.originated:
            self.emit("ChannelDestroyed", channel, cause=cause, cause_txt="", **({"tech_cause": sip} if sip else {}))
        del self.channels[channel.id]
        for ear in [each for each in self.channels.values() if each.spied is channel]:
            self.hang_up(ear)
        self.listen(channel)
        if channel.party.channel is channel:
            channel.party.channel = None

    # --- who listens

    def delay(self) -> float:
        """The way of one frame."""
        return self.random.uniform(*self.lag)

    def emit(self, kind: str, channel: Channel, **fields: Any) -> None:
        link = self.applications.listener(channel.subscriber, kind)
        if link is not None:
            frame = {"type": kind, "application": link.app, "timestamp": "2021-09-15T09:00:00.000+0800", **fields}
            if "playback" not in fields:
                frame["channel"] = channel.json(SHOWN)
            link.deliver(channel.id, frame)

    def emit_bridge(self, kind: str, bridge: Bridge, channel: Channel) -> None:
        link = self.applications.listener(channel.subscriber, kind)
        if link is not None:
            what = {"bridge": bridge.json(), "channel": channel.json(SHOWN)}
            link.deliver(bridge.id, {"type": kind, "application": link.app, "timestamp": "", **what})

    def listing(self, path: str) -> Any:
        """A list over HTTP."""
        match path:
            case "channels":
                return [channel.json(SHOWN) for channel in self.channels.values()]
            case "bridges":
                return [bridge.json() for bridge in self.bridges.values()]
            case "endpoints/PJSIP":
                phones = {name: each for name, each in self.endpoints.items() if "@" not in name}
                known = {name.removeprefix("PJSIP/"): each.behaviours[0].registered for name, each in phones.items()}
                known |= {name.rpartition("@")[2]: True for name in ("@town", *self.endpoints) if "@" in name}
                there = {name: [each.id for each in self.channels.values() if each.endpoint == name] for name in known}
                states = {name: "online" if here else "offline" for name, here in known.items()}
                return [{"technology": "PJSIP", "resource": name, "state": states[name], "channel_ids": ids}
                        for name, ids in there.items()]  # fmt: skip
            case "asterisk/info?only=status":
                began = datetime.fromtimestamp(self.began_ms / 1000, UTC).isoformat(timespec="milliseconds")
                return {"status": {"startup_time": began}}
            case "applications":
                held = {channel.app for channel in self.channels.values() if channel.app is not None}
                return [{"name": app} for app in sorted({*self.applications.links, *held})]
        return None

    def perform(self, request: dict[str, Any], replied: Callable[[int, Any], None]) -> None:
        """Do a request; `replied` is called now, or when what it has to wait for is over."""
        method, path = request["method"], request["uri"]
        refused = self.refuse(method, path)
        if path != ECHO:
            self.log.append((self.now(), method, path))
        if refused == HUNG:
            return
        if refused is not None:
            replied(refused, {"message": "refused by the script"})
        else:
            self.requests.do(request, replied)
