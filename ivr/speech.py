"""What is said to the citizen: each prompt once in a call's life, however many lives the controller needs for it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from ivr.ari.handles import Playback
from ivr.ari.vitals import Heard as Played
from ivr.facts import Heard, Said
from ivr.ledger import SAID, SAYING
from ivr.scopes import alongside, over
from ivr.visit import Call
from routing.ids import PlaybackId, PromptId
from routing.plan import SpokenPrompt

log = logging.getLogger(__name__)

GRACE_S = 5.0
"""A playback that has not ended so long after its length never will: Asterisk has lost it."""


class Speech:
    """Prompts that are being said while the call goes on: what must be heard of them, and a way to cut the rest."""

    def __init__(self, call: Call, prompts: Sequence[SpokenPrompt]) -> None:
        self._call = call
        self._prompts = prompts
        self._must = {prompt.id for prompt in prompts if prompt.must_hear and SAID.of(prompt.id) not in call.ledger}
        self._heard = asyncio.Event()
        self.said = asyncio.Event()
        """The prompts are over, or will be: whatever else is to be said may begin."""
        self.news: asyncio.Task[None] | None = None
        """What is announced after them; see `ivr.announcing`."""
        self.task: asyncio.Task[None] | None = None
        self.playback: Playback | None = None
        self._is_handed_over = False
        self._settle()

    @property
    def is_interrupted(self) -> bool:
        """A prompt or an announcement was being said when our earlier life ended."""
        ledger = self._call.ledger
        return any(SAID.of(mark) not in ledger for mark in ledger.which(SAYING))

    async def run(self) -> None:
        """Say them, one after another; in a bridge, music goes on after each."""
        for prompt in self._prompts:
            if self._is_handed_over:
                return
            await say(self._call, prompt, self)
            self._must.discard(prompt.id)
            self._settle()
        self.said.set()

    async def nearly_heard(self, lead: timedelta) -> None:
        """Return when what must be heard is over in at most `lead`."""
        while (left := self._left_ms() / 1000 - lead.total_seconds()) > 0 and not self._heard.is_set():
            try:
                async with asyncio.timeout(left):
                    await self._heard.wait()
            except TimeoutError:
                continue

    async def cut(self) -> None:
        """Let what must be heard end, then stop the rest: somebody has answered."""
        await self._heard.wait()
        for task in (self.task, self.news):
            if task is not None:
                await over(task)
        ledger = self._call.ledger
        for mark in (*(prompt.id for prompt in self._prompts), *ledger.which(SAYING)):
            if SAID.of(mark) not in ledger:
                ledger.write(SAID.of(mark), Said(self._call.now(), Heard.CUT))
        self.said.set()

    def hand_over(self) -> None:
        """Leaving the block does not stop what is being said: whoever speaks next finds it running, and goes on.

        Announcements end with the place in the queue that they speak of.
        """
        self._is_handed_over = True
        ledger, own = self._call.ledger, {prompt.id for prompt in self._prompts}
        for mark in ledger.which(SAYING):
            if mark not in own and SAID.of(mark) not in ledger:
                ledger.write(SAID.of(mark), Said(self._call.now(), Heard.CUT))
        if self.playback is not None:
            self.playback.keep()

    def _left_ms(self) -> int:
        left = 0
        for prompt in self._prompts:
            if prompt.id in self._must:
                began = self._call.ledger.get(SAYING.of(prompt.id))
                past = 0 if began is None else self._call.now() - began
                left += max(0, self._call.service.audio.length_ms(prompt.id) - past)
        return left

    def _settle(self) -> None:
        if not self._must:
            self._heard.set()


@asynccontextmanager
async def speaking(call: Call, prompts: Sequence[SpokenPrompt]) -> AsyncIterator[Speech]:
    """Say `prompts` while the block does something else; leaving it stops them, unless they were handed over."""
    speech = Speech(call, prompts)
    if call.resumed and not speech.is_interrupted:
        call.citizen.music()  # it may have been stopped for a person who was then never connected
    async with alongside(speech.run(), f"speech:{call.id}") as speech.task:
        yield speech


def spoken(call: Call, prompt: PromptId) -> SpokenPrompt:
    """A prompt that no route names, as it is said to its end."""
    return SpokenPrompt(prompt, must_hear=True, text=call.service.config.prompts[prompt].text)


async def say(call: Call, prompt: SpokenPrompt, speech: Speech | None = None, mark: str = "") -> None:
    """Say a prompt to its end, unless it has been said; `speech` is told of the playback.

    `mark` is its name in the ledger where one prompt may be said several times.
    """
    mark = mark or prompt.id
    if SAID.of(mark) in call.ledger:
        return
    name = PlaybackId(f"{call.id}-{mark}")
    length_ms = prompt.length_ms or call.service.audio.length_ms(prompt.id)
    began = call.ledger.get(SAYING.of(mark))
    running = await Playback.adopt(call.citizen, name) if began is not None else None
    if began is not None and running is None and call.conversation is None:
        call.citizen.music()  # the life that began it may have died over both
    playback = running or call.citizen.play(call.service.audio.media(prompt.id), name)
    if speech is not None:
        speech.playback = playback
    try:
        async with asyncio.timeout(length_ms / 1000 + GRACE_S):
            if running is not None:
                played = await _to_its_end(running)
            elif began is not None and call.now() - began >= length_ms:
                played = Played.DONE  # it ended while nobody of us was there to hear it
            else:
                call.ledger.write(SAYING.of(mark), call.now())
                async with playback:
                    played = await playback.over()
    except TimeoutError:
        played = Played.FAILED
    if played is Played.FAILED:
        if call.citizen.ended is not None or call.citizen.vitals.hanging_up:
            await call.citizen.gone()  # they left in the middle of it: their end is on its way, and ends all this
            return
        log.warning("prompt %s could not be played", prompt.id)
    heard = Heard.FAILED if played is Played.FAILED else Heard.WHOLE
    call.ledger.write(SAID.of(mark), Said(call.now(), heard))


async def _to_its_end(playback: Playback) -> Played:
    try:
        return await playback.over()
    finally:
        playback.stop()
