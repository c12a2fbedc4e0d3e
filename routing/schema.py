"""JSON Schema of the configuration files, for editors: made from the loader's own tables of fields and types.

An editor reads YAML without our dialect, so a number may be text or a number, and yes a word or a truth value.  What
refers to another place (a pool's name) is any word here: `hotline check` knows more.
"""

import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from routing.config import callbacks_file
from routing.config.calendar_file import HOLIDAY_KEYS
from routing.config.experts_file import EXPERT_KEYS, INDUSTRY_KEYS
from routing.config.lines_file import LINE_KEYS
from routing.config.people_file import AGENT_KEYS, LANGUAGE_KEYS, POOL_KEYS, SEAT_KEYS, SKILL_KEYS
from routing.config.prompts_file import PROMPT_KEYS
from routing.config.site import (
    OUTBOUND_ROLES,
    Announcements,
    HelpOut,
    Limits,
    Mode,
    Network,
    Outbound,
    OutboundClass,
    Ports,
    Recording,
    Site,
    Surveys,
    Survival,
    Target,
    Timing,
    Trunk,
    Voicemail,
)
from routing.config.site_file import HEAD, SECTIONS
from routing.config.trunks_file import TARGET_KEYS, TRUNK_KEYS
from routing.experts import Expert, Industry
from routing.hours import Hours, Window
from routing.keys import SEQUENCE, Keys
from routing.lines import Line
from routing.nuisance import Nuisance
from routing.offering import Offering
from routing.overflow import Overflow
from routing.people import Agent, Language, Pool, Seat, Skill
from routing.priorities import Priorities
from routing.prompts import FIXED, LANGUAGES, TEMPLATES
from routing.terms import Terms

Schema = dict[str, Any]

SCALAR: Schema = {"type": ["string", "number"]}
YES: Schema = {"enum": ["yes", "no", True, False]}
DURATION: Schema = {"type": "string", "pattern": "^[0-9]{1,9} ?(ms|s|min|h|d)$"}
SIZE: Schema = {"type": "string", "pattern": "^[0-9]{1,9} ?(KiB|MiB|GiB|TiB)$"}
DAY: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
WORDS: Schema = {"type": "array", "items": SCALAR}

_OF: dict[object, Schema] = {
    bool: YES,
    int: {"type": "integer"},
    timedelta: DURATION,
    date: DAY,
    Hours: {"type": "string"},
    datetime: {"type": "string"},
}

OPTIONAL = frozenset(
    {
        *(
            "network",
            "survey",
            "announcements",
            "callback_offer",
            "help_out",
            "voicemail",
            "priorities",
            "nuisance",
            "recording",
        ),
        *("voice", "departments", "pause_reasons", "holidays", "working_weekends", "outbound", "keys", "callbacks"),
        *("experts", "languages"),
    }
)

REQUIRED: dict[str, tuple[str, ...]] = {
    "line": ("number", "name", "short", "department", "answered_by"),
    "site": ("node", "city", "short_city", "number", "area_code", "country_code", "population", "mode", "hall"),
    "skill": ("name",),
    "language": ("name",),
    "pool": ("name",),
    "overflow": ("to",),
    "seat": ("id",),
    "agent": ("id", "name", "works_in"),
    "trunk": ("id", "name", "carrier"),
    "target": ("id", "name", "kind", "number", "trunks"),
    "industry": ("name", "roster"),
    "expert": ("id", "name"),
    "survival": ("seats",),
    "voice": ("command",),
    "prompt": ("text",),
    "holiday": ("name",),
    "sections": tuple(name for name in SECTIONS if name not in OPTIONAL),
}
"""What must stand there; a test asks the loader."""


def schemas() -> Mapping[str, Schema]:
    """File name -> schema."""
    return {
        "lines.schema.json": _file("What every number does", {"lines": _list(_line())}, ("lines",)),
        "site.schema.json": _file("This city's switch", _site(), REQUIRED["sections"]),
        "prompts.schema.json": _file("What callers and agents hear", _prompts(), ("templates", "prompts")),
    }


def encode(schema: Schema) -> str:
    """As it is written."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _line() -> Schema:
    return _object(_fields(Line, LINE_KEYS), REQUIRED["line"])


def _site() -> dict[str, Schema]:
    agent = _fields(Agent, (key for key in AGENT_KEYS if key != "works_in"))
    levels = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 5}}
    agent["speaks"] = WORDS
    agent["works_in"] = {"type": "object", "additionalProperties": levels}
    head = _fields(Site, HEAD)
    head["mode"] = {"enum": [str(mode) for mode in Mode]}
    days = _list(_object({key: DAY if key != "name" else SCALAR for key in HOLIDAY_KEYS}, REQUIRED["holiday"]))
    overflow = _object(_fields(Overflow, Overflow.__struct_fields__), REQUIRED["overflow"])
    pool = {**_fields(Pool, POOL_KEYS), "overflow": {"anyOf": [overflow, _list(overflow)]}}
    roster = _list(_object(_fields(Expert, EXPERT_KEYS), REQUIRED["expert"]))
    made: dict[str, Schema] = {
        "site": _object(head, REQUIRED["site"]),
        "ports": _object(_fields(Ports, Ports.__struct_fields__)),
        "network": _object(_fields(Network, Network.__struct_fields__)),
        "timing": _object(_fields(Timing, Timing.__struct_fields__)),
        "limits": _object({**_fields(Limits, ("calls",)), "journal": SIZE}),
        "survival": _object(_fields(Survival, Survival.__struct_fields__), REQUIRED["survival"]),
        "survey": _object(_fields(Surveys, Surveys.__struct_fields__)),
        "announcements": _object(_fields(Announcements, Announcements.__struct_fields__)),
        "callback_offer": _object(_fields(Offering, Offering.__struct_fields__)),
        "nuisance": _object(_fields(Nuisance, Nuisance.__struct_fields__)),
        "help_out": _object(_fields(HelpOut, HelpOut.__struct_fields__)),
        "voicemail": _object(_fields(Voicemail, Voicemail.__struct_fields__)),
        "priorities": _object(_fields(Priorities, Priorities.__struct_fields__)),
        "recording": _object({**_fields(Recording, ("keep_months",)), "warn_below": SIZE, "stop_below": SIZE}),
        "voice": _object({"command": WORDS}, REQUIRED["voice"]),
        "skills": _named(_object(_fields(Skill, SKILL_KEYS), REQUIRED["skill"])),
        "languages": _named(_object(_fields(Language, LANGUAGE_KEYS), REQUIRED["language"])),
        "pools": _named(_object(pool, REQUIRED["pool"])),
        "departments": WORDS,
        "pause_reasons": WORDS,
        "seats": _list(_object(_fields(Seat, SEAT_KEYS), REQUIRED["seat"])),
        "agents": _list(_object(agent, REQUIRED["agent"])),
        "trunks": _list(_object({**_fields(Trunk, TRUNK_KEYS), "ptime": DURATION}, REQUIRED["trunk"])),
        "targets": _list(_object(_fields(Target, TARGET_KEYS), REQUIRED["target"])),
        "outbound": _object({**_fields(Outbound, ("trunks",)), "allow": _outbound()}),
        "experts": _named(_object({**_fields(Industry, INDUSTRY_KEYS), "roster": roster}, REQUIRED["industry"])),
        "keys": _object(
            {key: {"type": "string", "pattern": f"^{SEQUENCE.pattern}$"} for key in Keys.__struct_fields__}
        ),
        "callbacks": _object(_callbacks()),
        "holidays": days,
        "working_weekends": days,
    }
    return {name: made[name] for name in SECTIONS}


def _outbound() -> Schema:
    kinds = _list(_type(OutboundClass))
    return {"oneOf": [kinds, _object(dict.fromkeys(OUTBOUND_ROLES, kinds))]}


def _callbacks() -> dict[str, Schema]:
    clock = {"type": "string", "pattern": "^([01][0-9]|2[0-4]):[0-5][0-9]$"}
    return {**_fields(Terms, callbacks_file.KEYS), "from": clock, "until": clock, "after": _list(DURATION)}


def _prompts() -> dict[str, Schema]:
    kinds: dict[str, Schema] = {"text": {"type": "string"}, "must_hear": YES, "notice": YES}
    kinds["also"] = _object({language: {"type": "string"} for language in LANGUAGES})
    one = _object({key: kinds[key] for key in PROMPT_KEYS}, REQUIRED["prompt"])
    own = {**_named(one), "required": list(FIXED)}
    return {"templates": _object(dict.fromkeys(TEMPLATES, one), tuple(TEMPLATES)), "prompts": own}


def _fields(struct: type[msgspec.Struct], keys: Iterable[str]) -> dict[str, Schema]:
    """The schema of each key that is a field of the struct, by its type."""
    hints = typing.get_type_hints(struct)
    return {key: _type(hints[key]) if key in hints else SCALAR for key in keys}


def _type(hint: Any) -> Schema:
    if isinstance(hint, types.UnionType):
        return _type(next(one for one in typing.get_args(hint) if one is not types.NoneType))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [str(word) for word in hint]}
    if hint is Window:
        return _object({"from": DAY, "until": DAY}, ("from", "until"))
    if typing.get_origin(hint) is tuple:
        return WORDS
    return _OF.get(hint, SCALAR)


def _object(properties: dict[str, Schema], required: Iterable[str] = ()) -> Schema:
    must = {"required": list(required)} if required else {}
    return {"type": "object", "additionalProperties": False, "properties": properties, **must}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _named(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def _file(title: str, properties: dict[str, Schema], required: Iterable[str]) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_object(properties, required),
    }
