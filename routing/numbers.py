"""Telephone numbers: the dialled one (DNIS), the caller's (ANI), and how they are spoken.

Owns spelling only: which number is a line is known to `routing.lines` and `routing.plan`.  Canonical form of a number:
a short code or a number of the city without its area code, a number elsewhere in the country with the area code and its
leading 0, a mobile with its 11 digits, a foreign number with `+`.
"""

import re
import unicodedata
from urllib.parse import unquote

import msgspec

EMERGENCY = ("110", "119", "120", "122")
"""Police, fire, ambulance, traffic police: never a line (the plan, 一.（二））."""

SHORT_CODE = 6
"""Service codes have at most this many digits."""

MOBILE_LENGTH = 11
INTERNATIONAL = "00"
MARKS = str.maketrans("", "", " \t-.()/‐‑‒–—")
_ADDRESS = re.compile(r"\s*(?:<\s*)?(?:sips?|tel):([^@;>?\s]*)", re.IGNORECASE)
_MOBILE = re.compile(r"1[3-9]\d{9}\Z")
_DIGITS = re.compile(r"[0-9]+")
_SPOKEN = str.maketrans("0123456789", "零幺二三四五六七八九")
HIDDEN = frozenset({"", "anonymous", "restricted", "unavailable", "unknown", "asterisk", "s"})


class Numbering(msgspec.Struct, frozen=True):
    """The city's place in the country's numbering: area code with its 0 (`0310`), country code without + (`86`)."""

    area_code: str
    country_code: str

    def normalise(self, raw: str) -> str | None:
        """The canonical form of `raw` (digits in any spelling, or a sip: or tel: address); None if it is no number."""
        digits = bare(raw)
        while digits is not None and (shorter := self._shorter(digits)) != digits:
            digits = shorter
        return digits

    def _shorter(self, digits: str) -> str:
        """`digits` without the outermost prefix that says nothing here; unchanged when there is none."""
        if digits.startswith(INTERNATIONAL) and len(digits) > len(INTERNATIONAL):
            return "+" + digits.removeprefix(INTERNATIONAL)
        at_home = "+" + self.country_code
        if digits.startswith(at_home) and len(digits) > len(at_home):
            return _with_trunk_zero(digits.removeprefix(at_home))
        if digits.startswith(self.area_code) and len(digits) > len(self.area_code):
            return digits.removeprefix(self.area_code)
        return digits[1:] if digits.startswith("0") and _MOBILE.match(digits[1:]) else digits


def _with_trunk_zero(significant: str) -> str:
    """National significant number as dialled at home: area codes get their 0, mobiles and short codes stand alone.

    No area code begins with 1 except Beijing's 10.
    """
    if significant.startswith("0"):
        return "0" + significant.lstrip("0")
    is_code = len(significant) <= SHORT_CODE and significant.startswith(("1", "9"))
    is_mobile = significant.startswith("1") and not significant.startswith("10")
    return significant if is_code or is_mobile else "0" + significant


def bare(raw: str) -> str | None:
    """Only the digits of `raw`, with a leading + kept; None if anything else than digits and marks is in it."""
    text = unicodedata.normalize("NFKC", raw)
    address = _ADDRESS.match(text)
    text = unquote(address[1]) if address else text.partition(";")[0]
    text = text.translate(MARKS)
    plus = text.startswith("+")
    digits = text[1:] if plus else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    return "+" + digits if plus else digits


def caller(numbering: Numbering, raw: str) -> str | None:
    """The caller's number in canonical form; None when it is withheld or no number."""
    return None if raw.strip().lower() in HIDDEN else numbering.normalise(raw)


def mask(raw: str) -> str:
    """`raw` fit for a log: the middle of a number is starred; service numbers of up to six digits stay readable."""
    text = raw.strip()
    if text.lower() in HIDDEN:
        return "anonymous"
    digits = bare(text)
    if digits is None:
        return "*" * min(len(text), 8)
    if len(digits) <= SHORT_CODE:
        return digits
    head, tail = (3, 4) if len(digits) >= MOBILE_LENGTH else (2, 2)
    return digits[:head] + "*" * (len(digits) - head - tail) + digits[-tail:]


def spoken(text: str) -> str:
    """`text` as the voice must read it: every digit by itself, 1 as 幺."""
    return _DIGITS.sub(lambda match: match[0].translate(_SPOKEN), text)


class Forwarding(msgspec.Struct, frozen=True):
    """One forwarding on the way to us: the number that forwarded, raw, and why (`unconditional`, `no-answer`, ...)."""

    number: str
    reason: str = ""


_REASON = re.compile(r";\s*reason\s*=\s*\"?([^\";,>]+)", re.IGNORECASE)
_INDEX = re.compile(r";\s*index\s*=\s*\"?([0-9]+(?:\.[0-9]+)*)", re.IGNORECASE)
_CAUSE = re.compile(r"[;?&]cause=(\d{3})", re.IGNORECASE)
_ENTRY = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|<[^>]*>|[^,|])+")
LONGEST_HEADER = 8192
"""Characters of forwarding headers that are looked at; a SIP message has fewer."""


def diversions(raw: str) -> tuple[Forwarding, ...]:
    """Diversion headers (RFC 5806) joined by `|` in the message's order, as forwardings: first dialled first."""
    found = [_forwarding(entry, _REASON) for entry in _entries(raw)]
    return tuple(d for d in reversed(found) if d is not None)


def history(raw: str) -> tuple[Forwarding, ...]:
    """History-Info headers (RFC 7044) joined by `|` as forwardings, the lowest index first."""
    indexed: list[tuple[tuple[int, ...], Forwarding]] = []
    for entry in _entries(raw):
        index, hop = _INDEX.search(entry), _forwarding(entry, _CAUSE)
        if hop is not None:
            order = tuple(int(part[:9]) for part in index[1].split(".")) if index else (len(indexed) + 1,)
            indexed.append((order, hop))
    return tuple(hop for _, hop in sorted(indexed, key=lambda pair: pair[0]))


def _entries(raw: str) -> list[str]:
    return [entry.strip() for entry in _ENTRY.findall(raw[:LONGEST_HEADER])]


def _forwarding(entry: str, why: re.Pattern[str]) -> Forwarding | None:
    address = _ADDRESS.search(entry)
    if address is None:
        return None
    reason = why.search(entry)
    return Forwarding(unquote(address[1]), reason[1].strip() if reason else "")
