"""The figures of a report, by the names that the SQL, the reports, the metrics and docs/metrics.md share.  Values only.

Rates are shares of 1, times are seconds; null where there is nothing to divide by.
"""

from datetime import datetime

import msgspec


class Figures(msgspec.Struct, frozen=True):
    """What came of the calls that arrived in `[since, until)`; `key` is what they are told apart by, or empty.

    From `offered` to `in_progress` every call is counted once: the first is the sum of the others.
    """

    since: datetime
    until: datetime
    key: str
    offered: int
    answered: int
    abandoned_arrival: int
    abandoned_greeting: int
    abandoned_queue: int
    abandoned_ring: int
    abandoned_transfer: int
    missed: int
    refused: int
    called_back: int
    transferred: int
    announced: int
    survival: int
    failed: int
    in_progress: int
    survival_person: int
    survival_told: int
    survival_nobody: int
    abandoned: int
    agent_requests: int
    connected: int
    overflowed: int
    short_abandoned: int
    rated: int
    satisfied: int
    ewt_told: int
    handled: int
    in_time_since_answer: int
    in_time_since_prompt_end: int
    in_time_since_queue: int
    connection_rate: float | None
    connection_rate_lenient: float | None
    agent_connection_rate: float | None
    overall_connection_rate: float | None
    person_rate: float | None
    service_level_since_answer: float | None
    service_level_of_answered_since_answer: float | None
    service_level_with_quick_abandons_since_answer: float | None
    service_level_without_quick_abandons_since_answer: float | None
    service_level_of_offered_since_answer: float | None
    service_level_of_agent_requests_since_answer: float | None
    service_level_since_prompt_end: float | None
    service_level_of_answered_since_prompt_end: float | None
    service_level_with_quick_abandons_since_prompt_end: float | None
    service_level_without_quick_abandons_since_prompt_end: float | None
    service_level_of_offered_since_prompt_end: float | None
    service_level_of_agent_requests_since_prompt_end: float | None
    service_level_of_agent_requests_since_queue: float | None
    abandonment_rate: float | None
    short_abandonment_rate: float | None
    short_abandonment_rate_of_agent_requests: float | None
    satisfaction_rate: float | None
    asa_since_queue: float | None
    asa_since_arrival: float | None
    asa_since_answer: float | None
    asa_since_prompt_end: float | None
    longest_wait_since_answer: float | None
    longest_wait_since_prompt_end: float | None
    mean_patience: float | None
    mean_talk: float | None
    mean_hold: float | None
    mean_wrap_up: float | None
    mean_handle: float | None
    ewt_error_by_departures: float | None
    ewt_error_by_last: float | None


TERMS = Figures.__struct_fields__[4:18]
"""What becomes of a call, each by its name: together they are `offered`."""


class AgentTimes(msgspec.Struct, frozen=True):
    """What an agent did in `[since, until)` until now: seconds in each state, and what became of their offers."""

    since: datetime
    agent: str
    offers: int
    not_answered: int
    rejected: int
    signed_in: float
    ready: float
    reserved: float
    talking: float
    wrapping_up: float
    paused: float
    unreachable: float
    occupancy: float | None


NAMES = (*Figures.__struct_fields__[3:], *AgentTimes.__struct_fields__[2:])
"""Every figure that there is."""
