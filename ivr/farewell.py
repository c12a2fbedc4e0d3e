"""What a citizen still hears when the talk is over: that nobody heard them, or the survey, or nothing."""

from ivr import parties, survey
from ivr.speech import say
from ivr.visit import Call
from routing.plan import SpokenPrompt
from routing.prompts import SILENT_CALL


async def farewell(call: Call) -> None:
    """Say it; then the call ends."""
    if not parties.is_silent(call.ledger):
        await survey.ask(call)
        return
    for ticket in (call.ticket, *parties.tickets(call.ledger)):
        call.service.dispatcher.leave(ticket)
    call.parting(SILENT_CALL, call.service.audio.length_ms(SILENT_CALL))
    await say(call, SpokenPrompt(SILENT_CALL, must_hear=True, text=call.service.config.prompts[SILENT_CALL].text))
