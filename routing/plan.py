"""What is said to a caller and where the call goes: (config, arrival, moment) -> Route.

Pure and total: every arrival at every moment has a route, and every route ends at the hall or, for a line set to
`announce-only`, at a spoken reason.
"""

from enum import StrEnum

import msgspec

from routing.ids import PromptId, SkillId
from routing.lines import Phase

__all__ = ["Arrival", "Destination", "Kind", "Phase", "Route", "SpokenPrompt"]


class Kind(StrEnum):
    """What a destination is."""

    POOL = "pool"
    TRANSFER = "transfer"
    SUB_CENTRE = "sub-centre"
    RETAINED_SEATS = "retained-seats"
    EMERGENCY = "emergency"
    ANNOUNCEMENT = "announcement"


class SpokenPrompt(msgspec.Struct, frozen=True):
    """A prompt of a route; `length_ms` is filled in by whoever has its audio."""

    id: PromptId
    must_hear: bool
    text: str
    length_ms: int = 0


class Destination(msgspec.Struct, frozen=True):
    """One place a call can go to.

    `name` is a pool (`is_ours`) or a target, `number` what to dial for a target over the first of `trunks` that works.
    `ring_for_ms`: for a target its ringing; for a pool how long the call waits for it alone, 0 for as long as it takes.
    A target that releases within `return_within_ms` of its answer has failed.  `sorry` is said when it fails.
    """

    kind: Kind
    name: str
    skill: SkillId | None = None
    number: str = ""
    trunks: tuple[str, ...] = ()
    ring_for_ms: int = 0
    return_within_ms: int = 0
    sorry: SpokenPrompt | None = None
    is_ours: bool = False
    answers_with: str = "person"
    caller_id: str = "citizen"


class Arrival(msgspec.Struct, frozen=True):
    """A call as it came in.

    `number`: canonical number of the line that was meant.  `dialled`, `caller`: as sent.  `recognised`: `number` stems
    from the call, not from our default.  `diverted_from`: the line or target that sent it on, canonical; `chain`: all
    forwardings, first dialled first; `reason` of the one that counts.
    """

    number: str
    dialled: str
    caller: str
    recognised: bool
    diverted_from: str | None
    trunk: str
    chain: tuple[str, ...] = ()
    reason: str = ""


class Route(msgspec.Struct, frozen=True):
    """Everything that is decided when a call arrives; kept for the call's life.

    Consecutive `is_ours` destinations form one ticket: `ladder`.  `whisper` is the line's short name for the agent.
    `marked`: why the call is out of the ordinary (`unknown-number`, `emergency`).  `priority_ms` moves it forward.
    """

    line: str
    name: str
    phase: Phase
    prompts: tuple[SpokenPrompt, ...]
    destinations: tuple[Destination, ...]
    whisper: PromptId
    marked: str | None = None
    priority_ms: int = 0
