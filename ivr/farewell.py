"""What a citizen still hears when the talk is over: that nobody heard them, or the survey, or nothing."""

from ivr import parties, survey
from ivr.speech import say, spoken
from ivr.visit import Call
from routing.prompts import SILENT_CALL


async def farewell(call: Call) -> None:
    """Say it; then the call ends."""
    if not parties.is_silent(call.ledger):
        await survey.ask(call)
        return
    for ticket in (call.ticket, *parties.tickets(call.ledger)):
        call.service.dispatcher.leave(ticket)
    call.parting(SILENT_CALL, call.service.audio.length_ms(SILENT_CALL))
    await say(call, spoken(call, SILENT_CALL))
