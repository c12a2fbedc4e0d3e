"""Handles on what lives in Asterisk: thin, ids chosen by us, the traps of ARI enforced.

- A running `channels/play` makes `answer`, bridge changes and variables of that channel wait, and all that is behind
  them on the socket: the handle stops the playback first, in the same breath; a variable is set when it is over.
- 404, 409 and 412 on a channel that has ended are met here once: inside `alive()` they leave as `CallerHungUp`.
- What need not be awaited (`-> None`) is sent and forgotten; what is awaited raises.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import msgspec

from ivr.ari.client import SETTLE_S, Ari, Query
from ivr.ari.scope import Scope
from ivr.ari.vitals import Ended, Heard, Vitals
from ivr.errors import AriError, CallerHungUp, Conflict, Gone, Precondition, Refused, TakenBack, Unprocessable
from routing.causes import ABSENT, NO_ANSWER
from routing.ids import BridgeId, ChannelId, PlaybackId

STASIS = "Stasis"  # the application of the dialplan in which a channel is ours
SILENCE = "silence"  # a class of music
BRIDGE_TYPE = "mixing,proxy_media,dtmf_events"  # never native_rtp: it hides keys from us and spoils music on a member
SNOOP_S = 3.0  # an ear's own StasisStart follows within some milliseconds


class Up(msgspec.Struct, frozen=True):
    """The leg has answered and is in Stasis."""


class Channel:
    """One leg that is in our application."""

    def __init__(self, ari: Ari, name: ChannelId) -> None:
        self.ari = ari
        self.id = name
        self.vitals: Vitals = ari.vitals(name)
        self.vitals.claimed = True
        self._music: bool | None = None

    @property
    def ended(self) -> Ended | None:
        """How the channel left us; None while it is here."""
        return self.vitals.ended

    def alive(self) -> "Alive":
        """`async with channel.alive():` the channel's end ends the block, as `CallerHungUp` or `TakenBack`."""
        return Alive(self.vitals)

    async def gone(self) -> Ended:
        """Wait until the channel is no longer ours."""
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

        def watcher(ended: Ended) -> None:
            if not future.done():
                future.set_result(ended)

        self.vitals.on_end(watcher)
        try:
            return await future
        finally:
            self.vitals.forget(watcher)

    async def request(self, method: str, path: str = "", query: Query | None = None, body: Any = None) -> Any:
        """A request on this channel (`path` as in `/answer`); 404 means that it has ended."""
        try:
            return await self.ari.request(method, f"channels/{self.id}{path}", query=query, body=body)
        except Gone:
            self.vitals.end(Ended(hung_up=True, cause=self.vitals.cause))
            raise
        except (Conflict, Precondition, Refused):  # 500: it hung up while `answer` waited
            await self.settle()
            raise

    def send(self, method: str, path: str = "", query: Query | None = None) -> None:
        """The same, not awaited."""
        if self.vitals.ended is None:
            self.ari.send(method, f"channels/{self.id}{path}", query=query)

    async def settle(self) -> None:
        """Wait a moment for the word that the channel has left: a request on it was refused."""
        try:
            async with asyncio.timeout(SETTLE_S):
                await self.gone()
        except TimeoutError:
            pass

    async def answer(self) -> None:
        """Pick up.  A prompt that plays as early media is cut."""
        self.quiet()
        await self.request("POST", "/answer")

    def hang_up(self, cause: int | None = None) -> None:
        """End the channel, with a Q.850 cause if given (an unanswered caller hears what it stands for)."""
        self.send("DELETE", query={"reason_code": cause} if cause is not None else None)

    async def set(self, variable: str, value: str) -> None:
        """Set a channel variable, or a function that can be written: `TIMEOUT(absolute)`.  Stops what plays."""
        self.quiet()
        await self.request("POST", "/variable", {"variable": variable, "value": value})

    def put(self, variables: Mapping[str, str]) -> None:
        """Set channel variables as soon as nothing plays: at once, or after the playback.  Not awaited."""
        if self.vitals.playing:
            self.vitals.waiting |= variables
        elif self.vitals.ended is None:
            self.ari.assign(self.id, variables)

    def music(self, kind: str | None = None) -> None:
        """Music for this party, in or out of a bridge; goes on after every `play` until `music_off`."""
        self._music = True
        self.send("POST", "/moh", {"mohClass": kind} if kind else None)

    def music_off(self) -> None:
        """Stop the music: before a second party enters the bridge, or this one goes on hearing it."""
        if self._music is not False:
            self._music = False
            self.send("DELETE", "/moh")

    def silence(self) -> None:
        """Send silence: a party alone in a bridge gets no packet at all, and its phone may give up."""
        self.send("POST", "/silence")

    def silence_off(self) -> None:
        """Stop `silence`."""
        self.send("DELETE", "/silence")

    def ringing(self) -> None:
        """Let this party hear that somebody is being rung; before anybody enters their bridge: `ringing_off`."""
        self.send("POST", "/ring")

    def ringing_off(self) -> None:
        """Stop `ringing`."""
        self.send("DELETE", "/ring")

    def mute(self) -> None:
        """Nobody hears this party any more; they go on hearing.  In the recording of this channel they fall silent."""
        self.send("POST", "/mute", {"direction": "in"})  # without a direction: 400

    def unmute(self) -> None:
        """Undo `mute`."""
        self.send("DELETE", "/mute", {"direction": "in"})

    async def snoop(self, name: ChannelId) -> "Channel":
        """A channel that hears what this party says and hears, and is heard by this party alone.

        It is in Stasis, in no bridge, and ends with this channel.  `out` is towards the owner of the channel.
        """
        ear = Channel(self.ari, name)
        query = {"spy": "both", "whisper": "out", "app": self.ari.app, "appArgs": "leg"}
        try:
            await self.request("POST", f"/snoop/{name}", query)
            async with asyncio.timeout(SNOOP_S):
                await ear.vitals.started.wait()
        except AriError:
            ear.vitals.end(Ended(hung_up=True))
            raise
        except TimeoutError:
            ear.hang_up()
            raise
        return ear

    async def continue_to(self, context: str, exten: str = "s", priority: int = 1) -> None:
        """Give the channel back to the dialplan; `TakenBack` follows."""
        self.quiet()
        await self.request("POST", "/continue", {"context": context, "extension": exten, "priority": priority})

    def play(self, media: Sequence[str], name: PlaybackId) -> "Playback":
        """`async with channel.play(["sound:/abs/prompt"], id) as playback: await playback.over()`."""
        return Playback(self, media, name)

    def quiet(self) -> None:
        """Stop every playback that runs or waits on this channel."""
        for name in tuple(self.vitals.playing):
            self.ari.send("DELETE", f"playbacks/{name}")


class Playback:
    """Prompts on a channel, one after another.  Leaving the block stops what is still to be heard, unless kept.

    Entering it waits for nothing: whether Asterisk has refused it is found out by whoever waits for its end.
    """

    def __init__(self, channel: Channel, media: Sequence[str], name: PlaybackId) -> None:
        self.id = name
        self._channel = channel
        self._media = ",".join(media)
        self._over: asyncio.Future[Heard] | None = None
        self._stopped = False
        self._kept = False

    async def __aenter__(self) -> Self:
        channel = self._channel
        self._over = channel.vitals.playing[self.id] = asyncio.get_running_loop().create_future()
        channel.ari.send(
            "POST", f"channels/{channel.id}/play/{self.id}", query={"media": self._media}, refused=self._refused
        )
        return self

    def _refused(self, error: AriError) -> None:
        """Told by the reader; of a channel that has gone the playbacks have failed already."""
        self._channel.vitals.playing.pop(self.id, None)
        if self._over is not None and not self._over.done():
            self._over.set_exception(error)
            self._over.exception()  # nobody may wait for its end

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def keep(self) -> None:
        """It outlives the block: somebody else adopts it."""
        self._kept = True

    def stop(self) -> None:
        """Cut it; `over` returns `STOPPED`."""
        if self._over is not None and not self._over.done() and not self._stopped and not self._kept:
            self._stopped = True
            self._channel.ari.send("DELETE", f"playbacks/{self.id}")

    async def over(self) -> Heard:
        """Wait for its end.  Raises the `AriError` of a refusal, once it is known whether the channel has left."""
        if self._over is None:
            raise RuntimeError("a playback is waited for inside its block")
        try:
            heard = await asyncio.shield(self._over)
        except AriError:
            await self._channel.settle()
            raise
        return Heard.STOPPED if self._stopped and heard is Heard.DONE else heard

    @classmethod
    async def adopt(cls, channel: Channel, name: PlaybackId) -> "Playback | None":
        """The playback of an earlier life of ours, if it is still running; use it without entering."""
        over: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        channel.vitals.playing[name] = over
        try:
            await channel.ari.request("GET", f"playbacks/{name}")
        except Gone:
            channel.vitals.playing.pop(name, None)
            return None
        playback = cls(channel, (), name)
        playback._over = over
        return playback


class Alive(Scope):
    """The block of `Channel.alive`."""

    __slots__ = ("_vitals",)

    def __init__(self, vitals: Vitals) -> None:
        super().__init__()
        self._vitals = vitals

    async def __aenter__(self) -> Self:
        self._vitals.on_end(self._left)
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._vitals.forget(self._left)
        await super().__aexit__(kind, error, trace)
        if isinstance(error, AriError) and self._vitals.ended is not None:
            raise departure(self._vitals.id, self._vitals.ended) from error

    def _left(self, ended: Ended) -> None:
        self.end(departure(self._vitals.id, ended))


def departure(channel: str, ended: Ended) -> CallerHungUp | TakenBack:
    """The exception that stands for a channel's end."""
    return CallerHungUp(channel, ended.cause) if ended.hung_up else TakenBack(channel)


class Leg:
    """A channel that we dial.  Leaving the block hangs it up, unless it was kept.

    >>> async with Leg(ari, id, "PJSIP/8001", caller_id="12345", ring_for=timedelta(seconds=6)) as leg:
    >>>     match await leg.answered(): ...
    >>>     leg.keep()
    """

    def __init__(
        self,
        ari: Ari,
        name: ChannelId,
        endpoint: str,
        *,
        caller_id: str = "",
        ring_for: timedelta = timedelta(seconds=30),
        variables: Mapping[str, str] | None = None,
        context: str = "",
    ) -> None:
        """In a `context` of the dialplan, at extension s, it is up to that to bring whoever answers to us."""
        self.channel = Channel(ari, name)
        self.endpoint = endpoint
        self._ring_for = ring_for
        self._query: dict[str, str | int] = {
            "endpoint": endpoint,
            "timeout": math.ceil(ring_for.total_seconds()) + 2,  # ours comes first
        }
        if context:
            self._query |= {"context": context, "extension": "s", "priority": 1}
        else:
            self._query |= {"app": ari.app, "appArgs": "leg"}
        if caller_id:
            self._query["callerId"] = caller_id
        self._body = {"variables": dict(variables)} if variables else None
        self._kept = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self.channel.hang_up()

    def keep(self) -> None:
        """The leg outlives the block: somebody else hangs it up."""
        self._kept = True

    async def answered(self) -> Up | Ended:
        """Dial, and wait until it answers, ends, or `ring_for` is over (cause 19; it stops ringing).

        A phone that is not registered ends with cause 20.  `ring_for` counts from the moment of dialling.
        """
        vitals, ari = self.channel.vitals, self.channel.ari
        if (ended := self.channel.ended) is not None:
            return ended
        try:
            async with asyncio.timeout(self._ring_for.total_seconds()):
                await ari.originate(self.channel.id, self._query, self._body)
                await vitals.started.wait()
        except TimeoutError:
            self.channel.hang_up()
            return Ended(hung_up=True, cause=NO_ANSWER)
        except (Refused, Conflict):  # 500: nobody is registered; 409: no such endpoint, or the id lives
            self.channel.hang_up()
            vitals.end(Ended(hung_up=True, cause=ABSENT))
        return vitals.ended or Up()


class Bridge:
    """Where the parties of one call hear each other."""

    def __init__(self, ari: Ari, name: BridgeId) -> None:
        self.ari = ari
        self.id = name

    def create(self) -> None:
        """Make it; harmless when it exists.  Not awaited: should it fail, `add` does."""
        self.ari.send("POST", f"bridges/{self.id}", query={"type": BRIDGE_TYPE})

    def admit(self, channel: Channel) -> None:
        """Let a channel in on which nothing plays; not awaited.  A prompt or music in a bridge is heard by it alone."""
        self.ari.send("POST", f"bridges/{self.id}/addChannel", query={"channel": channel.id})

    async def add(self, *channels: Channel) -> None:
        """Let channels in, all or none, out of whatever bridge they are in; their playbacks are stopped first.

        Asterisk says 400 or 422 when one of them is leaving: then `Gone`, once that is known.
        """
        for channel in channels:
            channel.quiet()
        request = f"bridges/{self.id}/addChannel"
        try:
            await self.ari.request("POST", request, query={"channel": ",".join(each.id for each in channels)})
        except (Refused, Unprocessable) as error:
            for channel in channels:
                await channel.settle()
                if channel.ended is not None:
                    raise Gone(f"POST {request}", HTTPStatus.NOT_FOUND, f"channel {channel.id} has left") from error
            raise

    def mix(self) -> None:
        """Have Asterisk make each member's sound itself, from now on: a third one, who is silent, has it do so.

        With two members it hands on the packets of one to the other.  What listens to a channel (a recording, a
        supervisor's ear) takes those of whoever comes next for late ones of whoever was there before, if their numbers
        are lower, and drops them: up to 11 minutes of every second such talk (measured on 22.10).
        """
        self.ari.send("POST", f"bridges/{self.id}/moh", query={"mohClass": SILENCE})

    def mix_no_more(self) -> None:
        """Let the silent member go: whoever is alone in a bridge with it hears no ringing."""
        self.ari.send("DELETE", f"bridges/{self.id}/moh")

    def delete(self) -> None:
        """Undo the bridge; whoever is in it stays in Stasis."""
        self.ari.send("DELETE", f"bridges/{self.id}")
