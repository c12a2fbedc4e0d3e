"""What is known of one channel, kept by the reader: is it in Stasis, did it leave and how, what plays on it.

One `Vitals` a channel, shared by every handle on it.  Gone is gone, once: StasisEnd, ChannelDestroyed, 404 on a
request, absent from the lists after a reconnect; the first one wins.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from ivr.ari import models
from ivr.ari.events import Event
from routing.causes import CHANNEL_LOST

SILENT = 1
"""A flag: Asterisk ends the channel because nothing has come from the other side for its `rtp_timeout`."""


class Ended(msgspec.Struct, frozen=True):
    """The channel is no longer ours: it hung up (`cause` is Q.850, `sip` SIP's code, 0 when not said), or went back.

    Asterisk reads the cause of a refusal from its SIP code and lets a carrier's own word (Reason, RFC 3326) go: 480 is
    19 to it, no answer, also of a telephone that is switched off.  That one has not rung.
    """

    hung_up: bool
    cause: int = 0
    sip: int = 0
    rang: bool = False
    """It rang to the end, and nobody answered."""


class Heard(StrEnum):
    """How a playback ended."""

    DONE = "done"
    STOPPED = "stopped"  # by us; Asterisk says "done" to this as well
    FAILED = "failed"  # a missing file, or the channel has gone


class Keeper(Protocol):
    """The connection, as vitals see it."""

    def look_for(self, vitals: "Vitals") -> None:
        """Find out whether the channel lives on, and `end` it accordingly."""

    def settle(self, vitals: "Vitals") -> None:
        """Nothing plays any more: send what had to wait for that."""


class Vitals:
    """The state of one channel, as far as its events have told."""

    __slots__ = (
        "_keeper",
        "_watchers",
        "cause",
        "claimed",
        "ended",
        "hanging_up",
        "id",
        "playing",
        "started",
        "state",
        "waiting",
    )

    def __init__(self, channel: str, keeper: Keeper) -> None:
        self.id = channel
        self.claimed = False
        """A handle has been made of it."""
        self.started = asyncio.Event()
        """It is in Stasis (an originated leg: it has answered)."""
        self.state = ""
        """Asterisk's word for the channel's state, when the event filter lets it through."""
        self.hanging_up = False
        self.cause = 0
        self.ended: Ended | None = None
        self.playing: dict[str, asyncio.Future[Heard]] = {}
        """Playbacks that Asterisk has not finished, oldest first."""
        self.waiting: dict[str, str] = {}
        """Variables to be set once nothing plays."""
        self._keeper = keeper
        self._watchers: list[Callable[[Ended], None]] = []

    def put(self, event: Event) -> None:
        """Take an event that names the channel."""
        match event:
            case models.PlaybackFinished():
                waiter = self.playing.pop(event.playback.id, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(Heard.FAILED if event.playback.state == "failed" else Heard.DONE)
                if self.waiting and not self.playing:
                    self._keeper.settle(self)
            case models.StasisStart():
                self.started.set()
            case models.ChannelStateChange():
                self.state = event.channel.state
            case models.ChannelHangupRequest():
                self.hanging_up = True
                self.cause = self.cause or _cause(event)
            case models.StasisEnd():
                # Without a hang-up before it, the lease fired or we continued it; whether it lives on can be asked.
                if self.hanging_up:
                    self.end(Ended(hung_up=True, cause=self.cause))
                else:
                    self._keeper.look_for(self)
            case models.ChannelDestroyed():
                cause, sip, rang = event.cause or self.cause, event.tech_cause or 0, event.channel.state == "Ringing"
                self.end(Ended(hung_up=True, cause=cause, sip=sip, rang=rang))
            case _:
                pass

    def lost(self, error: Exception) -> None:
        """No event will come any more; what waits on this channel is cancelled with the connection."""

    def end(self, ended: Ended) -> None:
        """The channel is gone; told once."""
        if self.ended is not None:
            return
        self.ended = ended
        self.started.set()
        for waiter in self.playing.values():
            if not waiter.done():
                waiter.set_result(Heard.FAILED)
        self.playing.clear()
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher(ended)

    def on_end(self, watcher: Callable[[Ended], None]) -> None:
        """Call `watcher` when the channel is gone, at once if it is."""
        if self.ended is not None:
            watcher(self.ended)
        else:
            self._watchers.append(watcher)

    def forget(self, watcher: Callable[[Ended], None]) -> None:
        """Undo `on_end`."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)


def _cause(event: models.ChannelHangupRequest) -> int:
    """Q.850; what Asterisk itself has asked for (`soft`) says a flag in that place, which is no cause."""
    if event.soft:
        return CHANNEL_LOST if event.cause == SILENT else 0
    return event.cause or 0
