"""Operations of a conversation, by the agent who is in it: hold, consult, transfer, an emergency desk, hang up."""

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec

from ivr.facts import Disposition, Matter
from ivr.journal import DISPOSITION
from ivr.ledger import ARRIVED
from ivr.visit import Conversing
from ivr.web import views
from ivr.web.operations import Operation
from ivr.web.rights import OPERATORS, SUPERVISORS
from ivr.web.switchboard import Asked, Refusal
from ivr.web.views import ShownTalk
from routing import outward
from routing.config.site import TargetKind
from routing.ids import AgentId, TargetId
from routing.talk import Do, Kind, Whom
from routing.tickets import AgentState

TalkerPath = Annotated[
    AgentId, msgspec.Meta(pattern="^[0-9A-Za-z._() -]{1,74}$", description="工号, or of a supervisor their account")
]
"""A supervisor who has taken over is the agent of that talk; see `_supervisor`."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Detail = Annotated[str, msgspec.Meta(max_length=64)]


class Bringing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be brought in: an agent, a pool (`detail`: a skill), a target, a number, an industry's experts.

    `language`: of a pool those first who speak it.  An emergency number is none of these: at `emergency` the citizen
    is not held meanwhile, and the agent stays.  Nor is a seat: a phone rings for whoever has signed in there.
    """

    kind: Literal["agent", "pool", "target", "number", "expert"]
    name: Name
    detail: Detail = ""
    language: Detail = ""

    def whom(self) -> Whom:
        """As the talk knows them."""
        return Whom(Kind(self.kind), self.name, self.detail, self.language)


class Emergency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which desk: of the county, where it has one of its own."""

    number: Literal["110", "119", "120", "122"]
    county: Detail = ""


class Utility(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which: a target of kind utility."""

    target: Name


class Industry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which experts: a name under `experts` of site.yaml."""

    industry: Name


async def pause_recording(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """What is said from now on is silence in the finished recording, which keeps its time."""
    return await _done(asked, agent, Do.PAUSE_RECORDING)


async def resume_recording(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """What is said from now on is in the recording again."""
    return await _done(asked, agent, Do.RESUME_RECORDING)


async def silent(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """Nobody is heard there (无声): the citizen is told so and the call ends; its disposition is `silent`."""
    return await _done(asked, agent, Do.SILENT)


async def nuisance(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The citizen hears a warning (骚扰), and the number is marked for a supervisor; the talk goes on."""
    conversation = _of(asked, agent)
    refused = conversation.ask(agent, Do.NUISANCE)
    if refused:
        raise Refusal(HTTPStatus.CONFLICT, refused)
    controller, service, call = asked.board.controller, asked.board.service, conversation.talk.call
    said = Disposition(service.clock.instant(), agent, Matter.NUISANCE)
    service.journal.write(DISPOSITION, call, said)
    controller.nuisances.mark(
        service.config.site, call, controller.register.ledgers[call][ARRIVED].arrival.caller, agent
    )
    await conversation.agreed()
    return _shown(asked, conversation)


class Supervising(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The seat whose phone rings; needed the first time only."""

    seat: Detail = ""


async def talk(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """Who is in the conversation of an agent, and what each does."""
    return _shown(asked, _of(asked, agent))


async def hang_up(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The agent's phone is hung up; whoever is left talks on, and with nobody left the call ends."""
    return await _done(asked, agent, Do.HANG_UP)


async def hold(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The citizen hears music until the agent is back."""
    return await _done(asked, agent, Do.HOLD)


async def retrieve(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The agent is back with the citizen."""
    return await _done(asked, agent, Do.RETRIEVE)


async def mute(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """Nobody hears the agent, who goes on hearing."""
    return await _done(asked, agent, Do.MUTE)


async def unmute(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The agent is heard again."""
    return await _done(asked, agent, Do.UNMUTE)


async def consult(asked: Asked, agent: TalkerPath, body: Bringing) -> ShownTalk:
    """Somebody is rung and talks with the agent; the citizen hears music, and none of it."""
    return await _done(asked, agent, Do.CONSULT, body.whom())


async def switch(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The agent turns to the citizen, and whoever was consulted hears music; or the other way round."""
    return await _done(asked, agent, Do.SWITCH)


async def three_way(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """Everybody hears everybody."""
    return await _done(asked, agent, Do.THREE_WAY)


async def complete(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """Whoever was consulted talks with the citizen, and the agent leaves."""
    return await _done(asked, agent, Do.COMPLETE)


async def cancel(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """Whoever was brought in last is let go, and the agent is back with the citizen."""
    return await _done(asked, agent, Do.CANCEL)


async def transfer(asked: Asked, agent: TalkerPath, body: Bringing) -> ShownTalk:
    """Somebody is rung for the citizen; when they answer the agent leaves, when they do not the agent is back."""
    return await _done(asked, agent, Do.TRANSFER, body.whom())


async def emergency(asked: Asked, agent: TalkerPath, body: Emergency) -> ShownTalk:
    """An emergency desk is rung into the call at once; the agent stays until they let go."""
    return await _done(asked, agent, Do.LINK, Whom(Kind.EMERGENCY, body.number, body.county))


async def link(asked: Asked, agent: TalkerPath, body: Bringing) -> ShownTalk:
    """Somebody is rung into the call at once, and all three hear each other; the agent stays until they let go."""
    return await _done(asked, agent, Do.LINK, body.whom())


async def utility(asked: Asked, agent: TalkerPath, body: Utility) -> ShownTalk:
    """A utility is rung into the call at once; the agent stays until they let go."""
    known = asked.board.service.config.site.targets.get(TargetId(body.target))
    if known is None or known.kind is not TargetKind.UTILITY:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{body.target!r} is no target of kind utility in site.yaml")
    return await _done(asked, agent, Do.LINK, Whom(Kind.TARGET, body.target))


async def expert(asked: Asked, agent: TalkerPath, body: Industry) -> ShownTalk:
    """Experts on duty are rung in turn, straight into the call; the agent stays until they let go."""
    return await _done(asked, agent, Do.LINK, Whom(Kind.EXPERT, body.industry))


async def listen(asked: Asked, agent: TalkerPath, body: Supervising) -> ShownTalk:
    """The supervisor hears the agent and whom the agent hears; nobody hears the supervisor."""
    return await _supervised(asked, agent, Do.LISTEN, body.seat)


async def whisper(asked: Asked, agent: TalkerPath, body: Supervising) -> ShownTalk:
    """The same, and the agent alone hears the supervisor."""
    return await _supervised(asked, agent, Do.WHISPER, body.seat)


async def barge(asked: Asked, agent: TalkerPath, body: Supervising) -> ShownTalk:
    """Everybody hears the supervisor."""
    return await _supervised(asked, agent, Do.BARGE, body.seat)


async def take_over(asked: Asked, agent: TalkerPath, body: Supervising) -> ShownTalk:
    """The supervisor talks with the citizen, and the agent leaves."""
    return await _supervised(asked, agent, Do.TAKE_OVER, body.seat)


async def stop(asked: Asked, agent: TalkerPath) -> ShownTalk:
    """The supervisor leaves."""
    return await _supervised(asked, agent, Do.STOP, "")


async def _supervised(asked: Asked, agent: AgentId, do: Do, seat: str) -> ShownTalk:
    conversation, by = _watched(asked, agent), _supervisor(asked)
    whom = None if do is Do.STOP or conversation.talk.supervisor(by) else Whom(Kind.SEAT, seat, agent)
    if whom is not None:
        _demand_free(asked, seat)
    refused = conversation.ask(by, do, whom, asked.who.token)
    if refused:
        raise Refusal(HTTPStatus.CONFLICT, refused)
    await conversation.agreed()
    return _shown(asked, conversation)


def _supervisor(asked: Asked) -> str:
    """Whoever asks, as the talk knows them: an account may be called like an agent who came to site.yaml later."""
    who = asked.who
    is_another = who.name != who.agent and AgentId(who.name) in asked.board.service.config.site.agents
    return f"{who.name} (account)" if is_another else who.name


def _demand_free(asked: Asked, seat: str) -> None:
    """A supervisor's phone is one to which no call is offered."""
    service = asked.board.service
    if seat not in service.config.site.seats:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no seat {seat!r} is in site.yaml: name the supervisor's")
    for view in service.dispatcher.agents():
        if view.seat == seat and view.state is not AgentState.PAUSED:
            raise Refusal(HTTPStatus.CONFLICT, f"agent {view.agent} sits at {seat} and is {view.state}: pause first")
    for conversation in asked.board.controller.conversations():
        above = (each for each in conversation.talk.parties if each.left is None and each.by)
        if any(each.whom and each.whom.name == seat for each in above):
            raise Refusal(HTTPStatus.CONFLICT, f"somebody supervises another conversation from seat {seat}")


def _of(asked: Asked, agent: AgentId) -> Conversing:
    for conversation in asked.board.controller.conversations():
        if conversation.talk.agent(agent) is not None:
            return conversation
    raise Refusal(HTTPStatus.CONFLICT, f"agent {agent} is in no conversation")


def _watched(asked: Asked, agent: AgentId) -> Conversing:
    """Where the supervisor has come to that agent, who may have left since; else as for anybody."""
    for conversation in asked.board.controller.conversations():
        me = conversation.talk.supervisor(_supervisor(asked))
        if me is not None and conversation.talk.parties[me.asker].agent == agent:
            return conversation
    return _of(asked, agent)


async def _done(asked: Asked, agent: AgentId, do: Do, whom: Whom | None = None) -> ShownTalk:
    """Ask for it; the answer is the conversation once everybody is where they should be."""
    conversation = _of(asked, agent)
    if whom is not None:
        _demand_reachable(asked, whom)
    refused = conversation.ask(agent, do, whom)
    if refused:
        raise Refusal(HTTPStatus.CONFLICT, refused)
    await conversation.agreed()
    return _shown(asked, conversation)


def _shown(asked: Asked, conversation: Conversing) -> ShownTalk:
    talk = conversation.talk if asked.who.roles & SUPERVISORS else views.unwatched(conversation.talk)
    return views.talk(talk, asked.board.service.clock.instant())


def _demand_reachable(asked: Asked, whom: Whom) -> None:
    service = asked.board.service
    refused = outward.refusal(service.config, whom, service.clock.civil(), tuple(map(str, sorted(asked.who.roles))))
    if refused:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, refused)
    if whom.kind is not Kind.AGENT:
        return
    state = {view.agent: view.state for view in service.dispatcher.agents()}.get(AgentId(whom.name), "signed out")
    if state is not AgentState.READY:
        raise Refusal(HTTPStatus.CONFLICT, f"agent {whom.name} is {state}")


OPERATIONS = (
    Operation("GET", "/agents/{agent}/talk", talk, SUPERVISORS, own=OPERATORS),
    *(
        Operation("POST", f"/agents/{{agent}}/talk/{run.__name__.replace('_', '-')}", run, SUPERVISORS, own=OPERATORS)
        for run in (
            *(hang_up, hold, retrieve, mute, unmute),
            *(consult, switch, three_way, complete, cancel, transfer, link, emergency, utility, expert),
            *(pause_recording, resume_recording, silent, nuisance),
        )
    ),
    *(
        Operation("POST", f"/agents/{{agent}}/talk/{run.__name__.replace('_', '-')}", run, SUPERVISORS, discloses=True)
        for run in (listen, whisper, barge, take_over)
    ),
    Operation("POST", "/agents/{agent}/talk/stop", stop, SUPERVISORS),
)
