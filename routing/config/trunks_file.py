"""The parts of `site.yaml` about the world outside: trunks and transfer targets."""

import re
from collections.abc import Mapping
from datetime import timedelta

from routing.config import network_file
from routing.config.entry import Entry
from routing.config.fields import a_word, between, choice, duration, each_of, hours, lasting, matching, yes
from routing.config.site import AnswersWith, CallerId, Dtmf, Mode, NumberIn, Target, TargetKind, Trunk
from routing.hours import ALWAYS
from routing.ids import TargetId
from routing.numbers import EMERGENCY, bare

_USER = re.compile(r"[A-Za-z0-9.+_@-]{1,64}")
SIP_REFUSAL = (400, 699)
TRUNK_KEYS = tuple("ptime" if name == "ptime_ms" else name for name in Trunk.__struct_fields__)
TARGET_KEYS = Target.__struct_fields__


def trunk(entry: Entry, mode: Mode) -> Trunk:
    """One contract with a carrier."""
    fresh = Trunk(id="", name="", carrier="")
    channels = entry.maybe("channels", between(1, 100_000), fresh.channels)
    made = Trunk(
        id=a_word(entry, "id"),
        name=entry.text("name"),
        carrier=entry.text("carrier"),
        addresses=network_file.addresses(entry),
        registers=entry.maybe("registers", yes, fresh.registers),
        user=entry.maybe("user", matching(_USER, "a user's name at a carrier"), None),
        domain=entry.maybe("domain", network_file.host, None),
        bind=entry.maybe("bind", network_file.own_address, None),
        port=entry.maybe("port", between(1, network_file.LAST_PORT), None),
        dialled_in=entry.maybe("dialled_in", choice(NumberIn), fresh.dialled_in),
        trusts_diversion=entry.maybe("trusts_diversion", yes, fresh.trusts_diversion),
        trusts_identity=entry.maybe("trusts_identity", yes, fresh.trusts_identity),
        sets_moment=entry.maybe("sets_moment", yes, fresh.sets_moment),
        ptime_ms=int(entry.maybe("ptime", duration, timedelta(milliseconds=20)) / timedelta(milliseconds=1)),
        dtmf=entry.maybe("dtmf", choice(Dtmf), fresh.dtmf),
        external_address=entry.maybe("external_address", network_file.host, None),
        external_media=entry.maybe("external_media", network_file.host, None),
        session_expires=entry.maybe("session_expires", duration, fresh.session_expires),
        session_least=entry.maybe("session_least", duration, fresh.session_least),
        options_every=entry.maybe("options_every", duration, fresh.options_every),
        rtp_timeout=entry.maybe("rtp_timeout", duration, fresh.rtp_timeout),
        early_media=entry.maybe("early_media", yes, fresh.early_media),
        channels=channels,
        reserve_out=entry.maybe("reserve_out", between(0, 100_000), fresh.reserve_out),
        reserve_emergency=entry.maybe("reserve_emergency", between(0, 100_000), fresh.reserve_emergency),
        refuse_with=entry.maybe("refuse_with", between(*SIP_REFUSAL), fresh.refuse_with),
        caller_id=entry.maybe("caller_id", choice(CallerId), fresh.caller_id),
        pilot=a_number(entry, "pilot"),
    )
    if made.caller_id is CallerId.PILOT and not made.pilot:
        entry.fault("caller_id", "a trunk that shows its pilot needs 'pilot': the number of the trunk itself")
    if made.sets_moment and mode is Mode.PRODUCTION:
        entry.fault("sets_moment", "in production no carrier sets the moment of a call")
    for key in ("user", "domain"):
        if entry.has(key) and not made.registers:
            entry.fault(key, f"'{key}' is for a carrier where we log in: it needs registers: yes")
    if made.external_media and not made.external_address:
        entry.fault("external_media", "'external_media' is told beside an 'external_address'")
    if made.channels_in < 1:
        entry.fault("channels", f"{channels} channels leave none for arriving calls when the reserves are taken off")
    return made


def target(entry: Entry, trunks: Mapping[str, Trunk]) -> Target:
    """One place that calls can be transferred to."""
    number = entry.text("number")
    if number and bare(number) is None:
        entry.fault("number", f"'{number}' is not a telephone number")
    serves = entry.maybe("serves", Entry.text, "")
    if serves and serves not in EMERGENCY:
        entry.wrong("serves", serves, f"is not an emergency number: {', '.join(EMERGENCY)}")
    over = entry.maybe("trunks", each_of(trunks, "trunk"), ())
    if not over:
        entry.fault("trunks", "a target needs 'trunks': the trunk over which it is dialled, as in [town]")
    fresh = Target(id=TargetId(""), name="", kind=TargetKind.CENTRE, number="", trunks=())
    caller_id = entry.maybe("caller_id", choice(CallerId), fresh.caller_id)
    for name in over if caller_id is CallerId.PILOT else ():
        if name in trunks and not trunks[name].pilot:
            entry.fault("caller_id", f"trunk '{name}' has no 'pilot' that this target could see")
    return Target(
        id=TargetId(a_word(entry, "id")),
        name=entry.text("name"),
        kind=choice(TargetKind)(entry, "kind"),
        number=bare(number) or "",
        trunks=over,
        hours=entry.maybe("hours", hours, ALWAYS),
        answers_with=entry.maybe("answers_with", choice(AnswersWith), fresh.answers_with),
        ring_for=entry.maybe("ring_for", lasting, fresh.ring_for),
        return_within=entry.maybe("return_within", duration, fresh.return_within),
        caller_id=caller_id,
        alternative=a_number(entry, "alternative"),
        serves=serves,
        county=entry.maybe("county", Entry.text, ""),
    )


def a_number(entry: Entry, key: str) -> str:
    """A telephone number that may be left out."""
    number = entry.maybe(key, Entry.text, "")
    if number and bare(number) is None:
        entry.fault(key, f"'{number}' is not a telephone number")
    return bare(number) or ""
