"""One number has many spellings, and one canonical form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.numbers import Forwarding, Numbering, bare, caller, diversions, history, mask, spoken

HANDAN = Numbering("0310", "86")
BEIJING = Numbering("010", "86")


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("12345", "12345"),
        ("031012345", "12345"),
        ("0310-12345", "12345"),
        ("+8631012345", "12345"),
        ("008631012345", "12345"),
        ("+86 310 12345", "12345"),
        ("+86031012345", "12345"),
        ("（0310）12345", "12345"),
        ("１２３４５", "12345"),
        ("+8612345", "12345"),
        ("sip:12345@10.0.0.1:5060;user=phone", "12345"),
        ("<sip:+8631012345@carrier>", "12345"),
        ("tel:+86-310-12345;phone-context=x", "12345"),
        ("12345;phone-context=+86", "12345"),
        ("sip:%31%32345@x", "12345"),
        ("0310-96119", "96119"),
        ("+8631096119", "96119"),
        ("3112345", "3112345"),
        ("0310-3112345", "3112345"),
        ("+863103112345", "3112345"),
        ("0311-12345", "031112345"),
        ("+8631112345", "031112345"),
        ("008631112316", "031112316"),
        ("01012345", "01012345"),
        ("+861012345", "01012345"),
        ("13800138000", "13800138000"),
        ("013800138000", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("+44 20 7946 0000", "+442079460000"),
        ("00442079460000", "+442079460000"),
        ("0310", "0310"),
        ("110", "110"),
        ("+86", "+86"),
        ("00", "00"),
        ("", None),
        ("anonymous", None),
        ("12345x", None),
        ("+", None),
        ("sip:alice@home", None),
        ("12+345", None),
        ("²³", "23"),
    ],
)
def test_every_spelling_has_one_canonical_form(raw: str, canonical: str | None) -> None:
    assert HANDAN.normalise(raw) == canonical


def test_another_citys_codes_are_read_with_its_own_area_code() -> None:
    assert BEIJING.normalise("+861012345") == "12345"
    assert BEIJING.normalise("0310-12345") == "031012345"


@given(st.text(alphabet="0123456789+-() ", max_size=20) | st.text(max_size=20))
def test_normalising_twice_changes_nothing(raw: str) -> None:
    once = HANDAN.normalise(raw)
    if once is not None:
        assert HANDAN.normalise(once) == once


@given(st.from_regex(r"(1[0-9]{4}|9[56][0-9]{3}|[2-8][0-9]{6})", fullmatch=True))
def test_every_spelling_of_a_local_number_is_the_number(local: str) -> None:
    spellings = [local, f"0310{local}", f"0310-{local}", f"+86310{local}", f"0086310{local}", f"+86 (0310) {local}"]
    assert {HANDAN.normalise(spelling) for spelling in spellings} == {local}


def test_bare_keeps_a_leading_plus_only() -> None:
    assert bare(" +86 310.12345 ") == "+8631012345"
    assert bare("310+") is None


@pytest.mark.parametrize("raw", ["", "anonymous", "Anonymous", " Unavailable", "restricted"])
def test_a_withheld_number_is_no_number(raw: str) -> None:
    assert caller(HANDAN, raw) is None
    assert mask(raw) == "anonymous"


def test_a_caller_is_read_like_any_number() -> None:
    assert caller(HANDAN, "+8613800138000") == "13800138000"
    assert caller(HANDAN, "alice") is None


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("13800138000", "138****8000"),
        ("+8613800138000", "+86*******8000"),
        ("3112345", "31***45"),
        ("110", "110"),
        ("12345", "12345"),
        ("alice", "*****"),
        ("somebody-with-a-name", "********"),
    ],
)
def test_a_log_never_shows_the_middle_of_a_number(raw: str, masked: str) -> None:
    assert mask(raw) == masked


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_masked_mobile_cannot_be_read_back(number: str) -> None:
    assert number[3:7] not in mask(number).replace(number[:3], "", 1).replace(number[7:], "")
    assert mask(number).count("*") == 4


def test_digits_are_spoken_one_by_one() -> None:
    assert spoken("12329和12345均可拨打") == "幺二三二九和幺二三四五均可拨打"
    assert spoken("工号0678") == "工号零六七八"
    assert spoken("") == ""


def test_the_last_diversion_is_the_first_dialled() -> None:
    raw = '"Centre" <sip:031112316@c>;reason=no-answer;counter=1|<sip:12316@city>;reason=unconditional'
    assert diversions(raw) == (Forwarding("12316", "unconditional"), Forwarding("031112316", "no-answer"))


def test_one_header_may_hold_several_diversions() -> None:
    assert [d.number for d in diversions("<tel:12350>;reason=user-busy, sip:12316@x;reason=away")] == ["12316", "12350"]


def test_history_is_read_by_its_indexes() -> None:
    raw = "<sip:12345@x;cause=302>;index=1.1,<sip:12350@x?Reason=SIP%3Bcause%3D486>;index=1|<sip:9@x>;index=1.10"
    assert [hop.number for hop in history(raw)] == ["12350", "12345", "9"]
    assert history(raw)[1].reason == "302"


def test_history_without_indexes_keeps_its_order() -> None:
    assert [hop.number for hop in history("<sip:1@x>, nonsense, <sip:2@x>")] == ["1", "2"]


@given(st.text(max_size=200))
def test_no_header_is_too_strange(raw: str) -> None:
    for hop in (*diversions(raw), *history(raw)):
        assert isinstance(hop.number, str)
