"""Where events go: from the one reader to the mailboxes and channels that they name.  Never awaits anything."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ivr.ari import models
from ivr.errors import MailboxFull

LIMIT = 200  # events that wait in a mailbox; a call has some 24 in all, a fast typist 10 digits a second

E = TypeVar("E", bound=models.Event)
Event = models.Event


class Receiver(Protocol):
    """Whoever wants the events that name an id."""

    def put(self, event: Event) -> None:
        """Take an event; called by the reader, so it must be quick and must not fail."""

    def lost(self, error: Exception) -> None:
        """No event will come any more."""


def _of_channel(event: Any) -> tuple[str, ...]:
    return (event.channel.id,)


def _of_playback(event: Any) -> tuple[str, ...]:
    return (event.playback.id, event.playback.target_uri.partition(":")[2])


def _of_membership(event: Any) -> tuple[str, ...]:
    return (event.bridge.id, event.channel.id) if event.channel else (event.bridge.id,)


def _of_bridge(event: Any) -> tuple[str, ...]:
    return (event.bridge.id,)


NAMES: dict[type[Event], Callable[[Any], tuple[str, ...]]] = {
    models.StasisStart: _of_channel,
    models.StasisEnd: _of_channel,
    models.ChannelDestroyed: _of_channel,
    models.ChannelHangupRequest: _of_channel,
    models.ChannelStateChange: _of_channel,
    models.ChannelDtmfReceived: _of_channel,
    models.ChannelHold: _of_channel,
    models.ChannelUnhold: _of_channel,
    models.PlaybackStarted: _of_playback,
    models.PlaybackContinuing: _of_playback,
    models.PlaybackFinished: _of_playback,
    models.ChannelEnteredBridge: _of_membership,
    models.ChannelLeftBridge: _of_membership,
    models.BridgeDestroyed: _of_bridge,
}
"""Which ids an event names; types that are not here have no reader."""


class Mailbox:
    """The events that name some ids, in order, until somebody reads them."""

    __slots__ = ("_error", "_events", "_limit", "_waiter", "of")

    def __init__(self, of: str, limit: int = LIMIT) -> None:
        self.of = of
        self._limit = limit
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None

    def put(self, event: Event) -> None:
        """Take an event; one too many spoils the mailbox: an event was lost, and its owner must know."""
        if len(self._events) >= self._limit:
            self._error = MailboxFull(f"{self._limit} events wait in the mailbox of {self.of}")
        else:
            self._events.append(event)
        self._wake()

    def lost(self, error: Exception) -> None:
        """No event will come any more: `next` raises `error` when the last one has been read."""
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self, *kinds: type[E]) -> E:
        """The next event, of one of `kinds` if any are given: others are skipped.  One reader at a time.

        Raises `MailboxFull`, and `ConnectionLost` or `Replaced` once the socket has gone.
        """
        while True:
            while self._events and not isinstance(self._error, MailboxFull):
                event = self._events.popleft()
                if not kinds or isinstance(event, kinds):
                    return event  # type: ignore[return-value]  # without kinds E is Event
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None


class Post:
    """Who wants the events of which id.  What nobody wants is dropped, but for a StasisStart: that is an arrival."""

    def __init__(self, arrived: Callable[[models.StasisStart], None]) -> None:
        self._receivers: dict[str, tuple[Receiver, ...]] = {}
        self._arrived = arrived

    def open(self, receiver: Receiver, ids: tuple[str, ...]) -> None:
        """From now on `receiver` gets the events that name one of `ids`, each once."""
        for name in ids:
            self._receivers[name] = (*self._receivers.get(name, ()), receiver)

    def close(self, receiver: Receiver, ids: tuple[str, ...]) -> None:
        """Undo `open`."""
        for name in ids:
            rest = tuple(other for other in self._receivers.get(name, ()) if other is not receiver)
            if rest:
                self._receivers[name] = rest
            else:
                self._receivers.pop(name, None)

    def deliver(self, event: Event) -> None:
        """Hand an event to all whom it names."""
        names = NAMES.get(type(event))
        if names is None:
            return
        ids = names(event)
        receivers = self._receivers.get(ids[0], ())
        for name in ids[1:]:
            receivers += tuple(other for other in self._receivers.get(name, ()) if other not in receivers)
        if not receivers and isinstance(event, models.StasisStart):
            self._arrived(event)
        for receiver in receivers:
            receiver.put(event)

    def lost(self, error: Exception) -> None:
        """Tell everybody that no event will come any more."""
        for receivers in tuple(self._receivers.values()):
            for receiver in receivers:
                receiver.lost(error)
