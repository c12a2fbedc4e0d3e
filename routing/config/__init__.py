"""YAML text -> typed config.  Reading files is the caller's; here is text in, values or all faults at once out."""

from routing.config.site import (
    AnswersWith,
    CallerId,
    Config,
    Dtmf,
    Limits,
    Mode,
    NumberIn,
    Ports,
    Site,
    Survival,
    Target,
    TargetKind,
    Timing,
    Trunk,
)

__all__ = [
    "AnswersWith",
    "CallerId",
    "Config",
    "Dtmf",
    "Limits",
    "Mode",
    "NumberIn",
    "Ports",
    "Site",
    "Survival",
    "Target",
    "TargetKind",
    "Timing",
    "Trunk",
]
