"""Config and Site: one city's switch as typed values.  Any of them can be written as JSON by msgspec and read back."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from routing.estimate import Estimator
from routing.experts import Industry
from routing.hours import ALWAYS, ORDINARY, Calendar, Hours
from routing.ids import AgentId, LanguageId, PoolId, PromptId, SeatId, SkillId, TargetId
from routing.keys import Keys
from routing.lines import Line
from routing.nuisance import Nuisance
from routing.numbers import Numbering
from routing.offering import Offering
from routing.people import Agent, Language, Pool, Seat, Skill
from routing.priorities import Priorities
from routing.prompts import Prompt
from routing.terms import Terms


class Mode(StrEnum):
    """Outside production every outbound leg goes to the demo town, and the moment may be rehearsed."""

    DEMO = "demo"
    PRODUCTION = "production"


class Ports(msgspec.Struct, frozen=True):
    """Ports on the loopback or the house's network; the environment may override them (HOTLINE_SIP_PORT, ...)."""

    sip: int = 5060
    web: int = 8080
    ari: int = 8088
    town_sip: int = 5070
    rtp_from: int = 20000
    rtp_to: int = 21999
    town_rtp_from: int = 22000
    town_rtp_to: int = 23999


class Network(msgspec.Struct, frozen=True):
    """Where SIP and sound are: this machine's address (0.0.0.0: each of them), and who is on our side of a NAT."""

    bind: str = "127.0.0.1"
    local_nets: tuple[str, ...] = ()


class NumberIn(StrEnum):
    """Where a carrier writes the number that reached us."""

    REQUEST_URI = "request-uri"
    TO = "to"


class Dtmf(StrEnum):
    """How keys travel."""

    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"
    AUTO = "auto"


class CallerId(StrEnum):
    """Whose number an outbound leg shows: the citizen's (the carrier must permit it), the hall's, or the trunk's pilot.

    In this order: what a trunk permits, it permits with all that follow.
    """

    CITIZEN = "citizen"
    HALL = "hall"
    PILOT = "pilot"


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """The contract with one carrier.

    `addresses`: its SBCs in the order in which they are dialled, `host` or `host:port`.  `registers`: we log in there
    as `user` (else the trunk's id) of `domain`; else it knows our address.  `bind`, `port`: where we speak with this
    carrier, if not where we speak with all.  `external_address`, `external_media`: what we say to be where an address
    is translated on the way (NAT), for sound if that is another one.
    `dialled_in`: where the number is read.  `trusts_diversion`, `trusts_identity`: whether Diversion and History-Info,
    and P-Asserted-Identity, are believed.  `channels` of the contract, of which `reserve_out` and `reserve_emergency`
    are never given to arriving calls, and the latter to no leg of ours but an emergency's.  `refuse_with`: SIP code
    when full.  `caller_id`: the first that the carrier lets us show.  `pilot`: the number of the trunk itself, shown
    when the carrier refuses another one; empty: it has none.
    """

    id: str
    name: str
    carrier: str
    addresses: tuple[str, ...] = ()
    registers: bool = False
    user: str | None = None
    domain: str | None = None
    bind: str | None = None
    port: int | None = None
    dialled_in: NumberIn = NumberIn.REQUEST_URI
    trusts_diversion: bool = False
    trusts_identity: bool = False
    sets_moment: bool = False
    ptime_ms: int = 20
    dtmf: Dtmf = Dtmf.RFC4733
    external_address: str | None = None
    external_media: str | None = None
    session_expires: timedelta = timedelta(seconds=1800)
    session_least: timedelta = timedelta(seconds=90)
    options_every: timedelta = timedelta(seconds=30)
    rtp_timeout: timedelta = timedelta(seconds=30)
    early_media: bool = True
    channels: int = 200
    reserve_out: int = 30
    reserve_emergency: int = 4
    refuse_with: int = 486
    caller_id: CallerId = CallerId.CITIZEN
    pilot: str = ""

    @property
    def channels_in(self) -> int:
        """How many arriving calls the trunk carries at once."""
        return self.channels - self.reserve_out - self.reserve_emergency

    @property
    def channels_ordinary(self) -> int:
        """How many channels may be in use when anything but an emergency's leg is given one more."""
        return self.channels - self.reserve_emergency


class TargetKind(StrEnum):
    """What stands behind a number that we dial."""

    CENTRE = "centre"
    SUB_CENTRE = "sub-centre"
    RETAINED_SEATS = "retained-seats"
    DEPARTMENT = "department"
    UTILITY = "utility"
    EMERGENCY = "emergency"


class AnswersWith(StrEnum):
    """A machine's answer never counts as being answered by a person."""

    PERSON = "person"
    MENU = "menu"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Somewhere outside that a call can be transferred to.

    `number` is dialled as it stands, over the first of `trunks` that works.  A leg not answered within `ring_for`, or
    released by the other side within `return_within` of its answer, comes back to us.  `alternative`: another number of
    the same, dialled when the first does not answer.  An emergency desk `serves` an emergency number, by default its
    own, and a `county`, by default the whole city.
    """

    id: TargetId
    name: str
    kind: TargetKind
    number: str
    trunks: tuple[str, ...]
    hours: Hours = ALWAYS
    answers_with: AnswersWith = AnswersWith.PERSON
    ring_for: timedelta = timedelta(seconds=15)
    return_within: timedelta = timedelta(seconds=5)
    caller_id: CallerId = CallerId.CITIZEN
    alternative: str = ""
    serves: str = ""
    county: str = ""


class OutboundClass(StrEnum):
    """Numbers by where they are; what is none of these is never dialled from a talk."""

    LOCAL = "local"
    MOBILE = "mobile"
    NATIONAL = "national"
    TARGET = "target"  # whatever number of a target, but an emergency desk's


OUTBOUND_ROLES = ("operator", "supervisor")
"""Who calls, or brings somebody into a talk."""


ON_BEHALF_OF = ("operator",)
"""As whom the engine calls citizens back: an agent talks.  So an arriving number, which anybody can forge, costs us no
more than what an operator may dial."""


class Outbound(msgspec.Struct, frozen=True):
    """Outside numbers that may be called, or brought into a talk; over which trunks (none: all, in their order).

    `allow` holds for everybody; where there is a `by_role`, that alone holds.
    """

    allow: tuple[OutboundClass, ...] = ()
    trunks: tuple[str, ...] = ()
    by_role: Mapping[str, tuple[OutboundClass, ...]] = {}

    def allowed(self, roles: Collection[str]) -> tuple[OutboundClass, ...]:
        """What somebody with these roles may dial."""
        if not self.by_role:
            return self.allow
        theirs = [self.by_role[role] for role in OUTBOUND_ROLES if role in roles and role in self.by_role]
        return tuple(dict.fromkeys(kind for each in theirs for kind in each))


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Named limits of waits.

    `ring_for`: one agent's phone.  `ring_lead`: how long before the end of what must be heard an agent's phone begins
    to ring.  `own_seats_for`: the wait at a line's own seats.  `lower_level_after`, `any_agent_after`: when a waiting
    call is content with less.  `lease`, `renew`: the dead man's lease on a caller.  `whisper_for`: an
    agent and a citizen who need hear nothing any more talk so long after the answer, at the latest.
    `transfer_for`: how long somebody is rung, or sought in a pool, who is brought into a talk.
    `return_within`: who lets go so soon of a citizen who was left to them was not reached; a target has its own.
    `request_within`: an answer of Asterisk's.  `answer_within`: the standard's clock (GB/T 33358: 15 s).
    `talk_limit`, `hold_limit`, `consult_limit`: after these somebody is told, and nobody is hung up.
    `unreachable_for`: after this an agent whose phone is gone is signed out.  `same_agent_for`: who calls again within
    this time after a talk comes to the same agent, if ready.
    `desk_silent_for`: after this an agent whose open desk says nothing is unreachable.
    `key_within`: how long the next key is waited for of whoever signs in at a phone.
    """

    ring_for: timedelta = timedelta(seconds=6)
    ring_lead: timedelta = timedelta(seconds=2)
    own_seats_for: timedelta = timedelta(seconds=10)
    lower_level_after: timedelta = timedelta(seconds=5)
    any_agent_after: timedelta = timedelta(seconds=10)
    lease: timedelta = timedelta(seconds=30)
    renew: timedelta = timedelta(seconds=10)
    whisper_for: timedelta = timedelta(seconds=2)
    transfer_for: timedelta = timedelta(seconds=20)
    return_within: timedelta = timedelta(seconds=5)
    request_within: timedelta = timedelta(seconds=5)
    answer_within: timedelta = timedelta(seconds=15)
    talk_limit: timedelta = timedelta(minutes=60)
    hold_limit: timedelta = timedelta(minutes=5)
    consult_limit: timedelta = timedelta(minutes=10)
    unreachable_for: timedelta = timedelta(seconds=60)
    same_agent_for: timedelta = timedelta(hours=24)
    desk_silent_for: timedelta = timedelta(seconds=15)
    key_within: timedelta = timedelta(seconds=10)


class Limits(msgspec.Struct, frozen=True):
    """Bounds of the switch: citizens at once over all trunks; bytes of journal before details are thinned."""

    calls: int = 150
    journal_bytes: int = 8 * 1024**3


class Survival(msgspec.Struct, frozen=True):
    """The phones that ring when nothing of ours is left, and how long each try rings."""

    seats: tuple[SeatId, ...] = ()
    ring_for: timedelta = timedelta(seconds=10)


class Surveys(msgspec.Struct, frozen=True):
    """Whether citizens rate a talk when the agent has hung up, and how long a key is waited for after the prompt."""

    on: bool = False
    answer_within: timedelta = timedelta(seconds=8)


class Announcements(msgspec.Struct, frozen=True):
    """What somebody who waits hears between the music: first `after` so long, then `every` so often.

    `position`: whether their place is said; `wait`: by whose estimate the time is, or that none is.
    """

    on: bool = False
    after: timedelta = timedelta(seconds=20)
    every: timedelta = timedelta(seconds=30)
    position: bool = True
    wait: Estimator = Estimator.DEPARTURES


class HelpOut(msgspec.Struct, frozen=True):
    """Who takes a call of the hall when any agent of the hall has been asked for long: agents of the pool `supervisors`
    after `supervisors_after`, and after `shared_after` those of pools that share the skill (`shared_by`).
    """

    supervisors: PoolId | None = None
    supervisors_after: timedelta = timedelta(seconds=60)
    shared_after: timedelta = timedelta(seconds=90)


class Voicemail(msgspec.Struct, frozen=True):
    """How long a message may be, where a wait ends in one (`overflow: {to: voicemail}` of a pool)."""

    longest: timedelta = timedelta(minutes=2)

    @property
    def longest_ms(self) -> int:
        """`longest` in milliseconds."""
        return self.longest // timedelta(milliseconds=1)


class Recording(msgspec.Struct, frozen=True):
    """How long conversations are kept, and how much room the disk must have: below `warn_below` it is said, below
    `stop_below` calls go on without being recorded.
    """

    keep_months: int = 24
    warn_below: int = 10 * 1024**3
    stop_below: int = 1024**3


class Voice(msgspec.Struct, frozen=True):
    """The voice that reads prompts: a command of the city's own with `{text}` and `{wav}` in it; none: the built-in."""

    command: tuple[str, ...] = ()


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """This city's switch.  `departments`, `pause_reasons`: those that lines and agents may name; none: any."""

    node: str
    city: str
    short_city: str
    number: str
    area_code: str
    country_code: str
    population: int
    mode: Mode
    rehearsal: datetime | None
    hall: PoolId
    ports: Ports
    timing: Timing
    limits: Limits
    survival: Survival
    survey: Surveys = Surveys()
    announcements: Announcements = Announcements()
    help_out: HelpOut = HelpOut()
    voicemail: Voicemail = Voicemail()
    callback_offer: Offering = Offering()
    priorities: Priorities = Priorities()
    recording: Recording = Recording()
    voice: Voice = Voice()
    outbound: Outbound = Outbound()
    keys: Keys = Keys()
    experts: dict[str, Industry] = {}
    nuisance: Nuisance = Nuisance()
    callbacks: Terms = Terms()
    pools: dict[PoolId, Pool]
    skills: dict[SkillId, Skill]
    languages: dict[LanguageId, Language] = {}
    seats: dict[SeatId, Seat]
    agents: dict[AgentId, Agent]
    trunks: dict[str, Trunk]
    targets: dict[TargetId, Target]
    departments: tuple[str, ...] = ()
    pause_reasons: tuple[str, ...] = ()
    calendar: Calendar = ORDINARY
    network: Network = Network()

    @property
    def numbering(self) -> Numbering:
        """How numbers are written here."""
        return Numbering(self.area_code, self.country_code)

    def language_of(self, caller: str | None) -> LanguageId | None:
        """In which language a caller (canonical) is to be answered; None: in Chinese, as far as is known."""
        if caller is None:
            return None
        return next((one.id for one in self.languages.values() if one.is_wanted_by(caller)), None)

    def dialled(self, target: Target) -> str | None:
        """The canonical form of the number under which a target is dialled."""
        return self.numbering.normalise(target.number)


class Config(msgspec.Struct, frozen=True):
    """Everything that `config/` and `recordings/prompts.yaml` say; `lines` is keyed by canonical number."""

    site: Site
    lines: Mapping[str, Line]
    prompts: Mapping[PromptId, Prompt]
