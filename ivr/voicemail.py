"""A message instead of a person: a word, a tone, what the citizen says until they press # or the time is over.

The message is part of the call's own recording, which `ivr.recorder` cuts to it: it is kept, fetched and erased like
any other.  Whatever was said, or nothing, the citizen is called back.
"""

import asyncio
from collections.abc import Sequence

from ivr.ari.events import Mailbox
from ivr.ari.models import ChannelDtmfReceived
from ivr.facts import Message
from ivr.ledger import MESSAGE
from ivr.speech import speaking
from ivr.visit import Call
from routing.ids import PlaybackId
from routing.plan import SpokenPrompt
from routing.prompts import VOICEMAIL

TONE = ["tone:1000"]
"""What Asterisk plays for as long as it is let: 1000 Hz."""

TONE_S = 0.5
END = "#"


async def take(call: Call, prompts: Sequence[SpokenPrompt]) -> None:
    """Take a message, once `prompts` and the word of it have been said; a promise follows it."""
    known = call.service.config.prompts[VOICEMAIL]
    word = SpokenPrompt(VOICEMAIL, known.must_hear, known.text)
    async with call.leased():
        if MESSAGE not in call.ledger:
            async with speaking(call, (*prompts, word)) as speech:
                await speech.said.wait()
        with call.ari.mailbox(call.citizen.id) as keys:
            await _message(call, keys)


async def _message(call: Call, keys: Mailbox) -> None:
    """What they say; a restart in the middle of it goes on with what time is left."""
    message = call.ledger.get(MESSAGE)
    if message is not None and message.until is not None:
        return
    call.citizen.music_off()
    call.citizen.silence()
    if message is None:
        await _tone(call)
        message = Message(call.now())
        call.ledger.write(MESSAGE, message)
    longest_ms = call.service.config.site.voicemail.longest_ms
    try:
        async with asyncio.timeout(max(0, message.at + longest_ms - call.now()) / 1000):
            while (await keys.next(ChannelDtmfReceived)).digit != END:
                continue
    except TimeoutError:
        pass
    call.ledger.write(MESSAGE, Message(message.at, call.now()))
    call.citizen.silence_off()
    call.citizen.music()


async def _tone(call: Call) -> None:
    async with call.citizen.play(TONE, PlaybackId(f"{call.id}-tone")):
        await asyncio.sleep(TONE_S)
