"""People in a conversation: the citizen and those who come and go, until fewer than two are left.

What was asked for and what happened is written down and folded (`routing.talk`); what follows from it is brought about
by comparing where everybody should be with where Asterisk has them.  So a restart folds the ledger, looks at Asterisk,
and goes on; and whatever comes in the middle of a change is another change.
"""

import asyncio
import logging
from functools import partial

from ivr import parties
from ivr.ari.handles import Bridge, Channel
from ivr.ari.models import ChannelDtmfReceived, ChannelHold, ChannelUnhold
from ivr.ari.vitals import Ended
from ivr.errors import AriError, CallerHungUp, Gone
from ivr.facts import Disposition, Matter, Released, Returned
from ivr.facts import Party as Who
from ivr.journal import DISPOSITION
from ivr.ledger import RELEASED, RETURNED, TALK
from ivr.reach import Person
from ivr.scopes import Crew, crew
from ivr.seek import Search
from ivr.speech import say, spoken
from ivr.visit import Call
from routing import outward
from routing.conversing import follow, refusal
from routing.ids import AgentId, ChannelId, PromptId
from routing.keys import Typed
from routing.plan import Destination
from routing.prompts import WARNING, unanswered
from routing.talk import AnyFact, Asked, Do, Doing, Joined, Parted, Party, Role, Room, Sound, Talk, Whom
from routing.tickets import Consulted, Held, Resumed

log = logging.getLogger(__name__)

ALONE = 2
"""Citizen and agent."""

TURNED: dict[Doing, type[Held | Resumed]] = {Doing.TALKING: Resumed, Doing.HOLDING: Held}
"""What the Floor is told when an agent does so; else that they consult."""


async def over(call: Call, person: Person) -> Released:
    """Wait until fewer than two are left; says who left last, and with which cause."""
    known = call.ledger.get(RELEASED)
    if known is not None:
        return known
    conversation = Conversation(call, person)
    call.conversation = conversation
    try:
        async with call.citizen.alive(), crew() as searches:
            return await conversation.go_on(searches)
    except CallerHungUp as left:
        return Released(call.now(), Who.CITIZEN, left.cause)
    finally:
        call.conversation = None
        conversation.close()


def came_back(call: Call, n: int | str, place: Destination, person: Person, released: Released) -> bool:
    """Whether the `n`-th destination let go so soon after its answer that it counts as no answer at all."""
    is_early = released.at - person.since < place.return_within_ms
    if released.who is not Who.TARGET or not is_early:
        return False
    call.citizen.music()
    call.ledger.write(RETURNED.of(n), Returned(released.at, "released", released.cause))
    return True


class Conversation:
    """One talk: takes what is asked for, and keeps Asterisk as the talk has it."""

    def __init__(self, call: Call, person: Person) -> None:
        talk = parties.talk(call.ledger)
        if talk is None:
            raise RuntimeError("a conversation begins when somebody is there")
        self.talk: Talk = talk
        self._call = call
        self._facts = call.ledger.count(TALK)
        self._legs: dict[int, Channel] = {0: call.citizen, 1: person.leg}
        self._sounds: dict[int, Sound] = {} if call.resumed else {0: Sound.VOICES, 1: Sound.VOICES}
        self._muted: dict[int, bool] = {}
        self._mixed: dict[Room, bool] = {}
        self._dropped: set[int] = set()
        self._doing: dict[int, Doing] = {}
        self._ears: dict[int, Channel] = {}
        self._released = Released(call.now(), Who.ENGINE)
        self._changed = asyncio.Event()
        self._agreed = asyncio.Event()
        for party in talk.parties[2:]:
            if party.since is not None and party.left is None:
                self._took(party.n, Channel(call.ari, party.leg))
        self._watch(1)

    # --- what is asked for

    def ask(self, by: str, do: Do, whom: Whom | None = None, token: str = "") -> str:
        """Ask for something; why it may not be done now, or nothing.  A supervisor names the token they ask with."""
        refused = refusal(self.talk, by, do, whom)
        if not refused:
            if do is Do.SILENT:  # the agent need not say it once more, and may say otherwise in wrap-up
                said = Disposition(self._call.now(), AgentId(by), Matter.SILENT)
                self._call.service.journal.write(DISPOSITION, self._call.id, said)
            within = outward.return_within_ms(self._call.service.config, whom)
            self._note(Asked(at=self._call.now(), by=by, do=do, whom=whom, return_within_ms=within, token=token))
        return refused

    async def agreed(self) -> None:
        """Wait until Asterisk is as the talk has it, or the talk is over."""
        await self._agreed.wait()

    def close(self) -> None:
        """Nobody waits any more."""
        self._agreed.set()

    # --- what happens

    async def go_on(self, searches: Crew) -> Released:
        """Until it is over."""
        while not self.talk.is_over:
            self._changed.clear()
            await self._arrange(searches)
            if not self._changed.is_set():
                self._agreed.set()
                await self._changed.wait()
        for leg in (*self._legs.values(), *self._ears.values()):
            if leg is not self._call.citizen:
                leg.hang_up()  # a supervisor: nobody is left to be heard
        return self._released

    def _note(self, fact: AnyFact) -> None:
        """Write down what has happened; what ends the talk is written as `released`."""
        after = follow(self.talk, (fact,))
        if not after.is_over:
            self._facts += 1
            self._call.ledger.write(TALK.of(self._facts), fact)
        self.talk = after
        self._agreed.clear()
        self._changed.set()

    def _took(self, n: int, leg: Channel) -> None:
        self._legs[n] = leg
        self._call.others.append(leg)
        self._watch(n)

    def _watch(self, n: int) -> None:
        self._legs[n].vitals.on_end(partial(self._left, n))

    def _left(self, n: int, ended: Ended) -> None:
        """Told by the reader: a leg has ended."""
        party = self.talk.parties[n]
        if party.left is None:
            who = Who.AGENT if party.role is Role.AGENT else Who.TARGET
            self._released = Released(self._call.now(), who, ended.cause)
            self._note(Parted(at=self._call.now(), party=n, cause=ended.cause))

    async def _seek(self, party: Party) -> None:
        found = await Search(self._call, party, self._note).somebody()
        if isinstance(found, int):
            self._note(Parted(at=self._call.now(), party=party.n, cause=found))
        else:
            self._note(Joined(at=self._call.now(), party=party.n))
            self._took(party.n, found.channel)

    async def _phone_of(self, party: Party) -> None:
        """An agent asks for something at their phone: by keys, of which those for a menu are none of ours, or its hold.

        Asterisk plays music to a citizen whose agent's phone holds; ours goes on in its place, and ends with the hold.
        """
        call, typed = self._call, Typed()
        with call.ari.mailbox(self._legs[party.n].id) as phone:
            while True:
                match await phone.next(ChannelDtmfReceived, ChannelHold, ChannelUnhold):
                    case ChannelDtmfReceived(digit=digit):
                        typed = typed.then(digit, call.now())
                        do = typed.means(call.service.config.site.keys)
                    case ChannelHold():
                        do = Do.HOLD
                    case _:
                        do = Do.RETRIEVE
                if do is not None and (refused := self.ask(party.name, do)):
                    log.info("agent %s asked for %s at the phone: %s", party.name, do, refused)

    async def _say(self, prompt: PromptId, mark: str = "") -> None:
        """To the citizen, in the middle of their talk, which goes on should that be refused."""
        try:
            await say(self._call, spoken(self._call, prompt), mark=mark)
        except AriError as error:
            log.warning("prompt %s: %s", prompt, error)

    async def _say_so(self, party: Party) -> None:
        """Of an emergency desk at which nobody answers anywhere: to dial it themselves."""
        log.error("%s could not be reached, cause %s: the citizen is told to dial it", party.name, party.cause)
        prompt = unanswered(party.name)
        await self._say(prompt, f"{prompt}.{party.n}")

    # --- what follows

    async def _arrange(self, searches: Crew) -> None:
        """Make Asterisk agree; whatever happens meanwhile is arranged in the next round."""
        await self._search(searches)
        there = [party for party in self.talk.parties if party.is_there]
        for party in there:
            self._mute(party)
            if self.talk.sound(party) is Sound.VOICES:  # music, left on, would go on in company
                self._hear(party, Sound.VOICES)
        for room in (Room.CALL, Room.SIDE):
            people = [party for party in there if party.room is room]
            await self._move(self._call.room(room), room, people)
            self._mix(room, len(people))
        if self._changed.is_set():
            return
        for party in there:
            self._hear(party, self.talk.sound(party))
            self._tell(party)
        for party in there:
            if party.room is Room.EAR:
                await self._listen(party)

    async def _search(self, searches: Crew) -> None:
        """Look for those who are sought, let go those who are to leave, and tell the Floor which tickets are done."""
        for party in self.talk.parties[1:]:
            if not party.is_alive:
                await searches.dismiss(party.n)
                self._let_go(party)
            elif party.is_sought and party.n not in searches:
                searches.begin(party.n, self._seek(party), f"seek:{self._call.id}:{party.n}")
            elif party.is_there and party.role is Role.AGENT and ("phone", party.n) not in searches:
                searches.begin(("phone", party.n), self._phone_of(party), f"phone:{self._call.id}:{party.n}")
        for party in self.talk.unreached:
            if ("unreached", party.n) not in searches:
                searches.begin(("unreached", party.n), self._say_so(party), f"unreached:{self._call.id}:{party.n}")
        if self.talk.is_warned and WARNING not in searches:
            searches.begin(WARNING, self._say(WARNING), f"warning:{self._call.id}")
        for ticket in self.talk.freed():
            self._call.service.dispatcher.leave(ticket)

    def _let_go(self, party: Party) -> None:
        if party.n in self._legs:
            if party.n not in self._dropped:
                self._dropped.add(party.n)
                self._legs[party.n].hang_up()
                if party.n in self._ears:
                    self._ears[party.n].hang_up()
        elif party.is_leaving and party.left is None:
            self._note(Parted(at=self._call.now(), party=party.n))

    async def _listen(self, supervisor: Party) -> None:
        """An ear at the agent for a supervisor; should that fail, the supervisor is let go, and nobody else."""
        n, call = supervisor.n, self._call
        watched, bridge = self._legs[supervisor.asker], call.room(Room.EAR, n)
        try:
            if n not in self._ears:
                name = ChannelId(f"{call.id}-ear-{n}-{call.now()}")  # an earlier life's ear is swept away
                ear = self._ears[n] = await watched.snoop(name)
                call.others.append(ear)
                bridge.create()
                await bridge.add(ear)
            await self._move(bridge, Room.EAR, [supervisor])
        except (AriError, TimeoutError) as error:
            log.warning("agent %s cannot be listened to: %s", supervisor.name, error)
            self._legs[n].hang_up()

    async def _move(self, bridge: Bridge, room: Room, wanted: list[Party]) -> None:
        """Into a room those who should be there and are not."""
        rooms = self._call.rooms
        legs = [leg for party in wanted if rooms.get((leg := self._legs[party.n]).id) is not room]
        if not legs:
            return
        if room is not Room.CALL:
            bridge.create()
        try:
            await bridge.add(*legs)
        except Gone:
            if all(leg.ended is None for leg in legs):
                raise
        else:
            rooms.update({leg.id: room for leg in legs})

    def _mix(self, room: Room, people: int) -> None:
        """Once anybody was brought in: nobody's voice is kept from the recording, or from a supervisor."""
        is_company = len(self.talk.parties) > ALONE
        is_mixed, was_left_on = is_company and people > 1, is_company and self._call.resumed and people == 1
        if is_mixed is not self._mixed.get(room, was_left_on):
            self._mixed[room] = is_mixed
            bridge = self._call.room(room)
            bridge.mix() if is_mixed else bridge.mix_no_more()

    def _hear(self, party: Party, sound: Sound) -> None:
        leg, before = self._legs[party.n], self._sounds.get(party.n)
        if before is sound:
            return
        self._sounds[party.n] = sound
        if before in {None, Sound.MUSIC} and sound is not Sound.MUSIC:
            leg.music_off()
        if before in {None, Sound.SILENCE} and party.role is Role.AGENT:  # a life before may have left it on
            leg.silence_off()
        if before in {None, Sound.RINGING} and party.role is Role.AGENT:
            leg.ringing_off()
        match sound:
            case Sound.MUSIC:
                leg.music()
            case Sound.SILENCE:
                leg.silence()
            case Sound.RINGING:
                leg.ringing()
            case Sound.VOICES:
                pass

    def _tell(self, party: Party) -> None:
        """The Floor, of an agent who turns from the citizen or back."""
        doing = self.talk.doing(party)
        if party.ticket is None or party.agent is None or doing is self._doing.get(party.n, Doing.TALKING):
            return
        self._doing[party.n] = doing
        event = TURNED.get(doing, Consulted)
        self._call.service.dispatcher.apply(event(party.ticket, party.agent))

    def _mute(self, party: Party) -> None:
        """A life before may have left it otherwise."""
        before = self._muted.get(party.n, self._call.resumed and self._facts > 0 and not party.is_muted)
        self._muted[party.n] = party.is_muted
        if before is not party.is_muted and (party.agent or party.by):
            leg = self._legs[party.n]
            leg.mute() if party.is_muted else leg.unmute()
