"""YAML text -> typed config.  Reading files is the caller's; here is text in, values or all faults at once out."""

from routing.config.build import FILES, Built, attempt, build, check
from routing.config.errors import ConfigFault, ConfigFaults, render
from routing.config.site import (
    AnswersWith,
    CallerId,
    Config,
    Dtmf,
    Limits,
    Mode,
    Network,
    NumberIn,
    Ports,
    Site,
    Survival,
    Target,
    TargetKind,
    Timing,
    Trunk,
    Voice,
)

__all__ = [
    "FILES",
    "AnswersWith",
    "Built",
    "CallerId",
    "Config",
    "ConfigFault",
    "ConfigFaults",
    "Dtmf",
    "Limits",
    "Mode",
    "Network",
    "NumberIn",
    "Ports",
    "Site",
    "Survival",
    "Target",
    "TargetKind",
    "Timing",
    "Trunk",
    "Voice",
    "attempt",
    "build",
    "check",
    "render",
]
