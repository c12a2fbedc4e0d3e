"""The types that name things.  A bare `str` or `int` never crosses a module's border."""

from typing import NewType

Instant = NewType("Instant", int)
"""Milliseconds since 1970-01-01 UTC, never rehearsed: waits, Floor, ledger.  See `ivr.edge.clock`."""

CallId = NewType("CallId", str)
"""One visit of a caller, stamped by the dialplan: Asterisk's UNIQUEID with its node, `[a-z0-9-]+`."""

TicketId = NewType("TicketId", str)
"""A claim on an agent's time in the Floor; the ticket of a visit is named after its call."""

AgentId = NewType("AgentId", str)
"""工号: the number of a person who answers, spoken to the caller."""

SeatId = NewType("SeatId", str)
"""A place with a phone; also the name of its PJSIP endpoint."""

PoolId = NewType("PoolId", str)
SkillId = NewType("SkillId", str)
LanguageId = NewType("LanguageId", str)
TargetId = NewType("TargetId", str)
"""Somewhere outside that a call can be transferred to: a provincial centre, a department."""

PromptId = NewType("PromptId", str)
ChannelId = NewType("ChannelId", str)
BridgeId = NewType("BridgeId", str)
PlaybackId = NewType("PlaybackId", str)
