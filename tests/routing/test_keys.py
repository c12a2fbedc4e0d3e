"""Which keys of an agent's phone ask for what."""

import re

import pytest

from routing.config import build, check
from routing.ids import Instant
from routing.keys import Keys, Typed
from routing.talk import Do
from tests.routing.sources import changed, ours

KEYS = Keys(silent="*0")


def typed(*keys: tuple[str, int]) -> Typed:
    said = Typed()
    for key, at in keys:
        said = said.then(key, Instant(at))
    return said


def test_a_sequence_is_found_at_the_end_of_whatever_was_typed() -> None:
    assert typed(("*", 10_000), ("0", 10_400)).means(KEYS) is Do.SILENT
    assert typed(("1", 9_000), ("*", 10_000), ("0", 10_400)).means(KEYS) is Do.SILENT
    assert typed(("*", 10_000), ("0", 10_400), ("1", 10_800)).means(KEYS) is None


def test_keys_that_come_too_far_apart_belong_to_nothing() -> None:
    assert typed(("*", 10_000), ("0", 13_001)).means(KEYS) is None
    assert typed(("*", 10_000), ("0", 13_000)).means(KEYS) is Do.SILENT


def test_without_a_sequence_no_key_means_anything() -> None:
    assert typed(("*", 10_000), ("0", 10_400)).means(Keys()) is None


def test_a_city_without_keys() -> None:
    assert build(ours()).site.keys == KEYS
    gone = re.sub(r"(?m)^keys:\n  .*\n", "", ours()["site.yaml"])
    assert build({**ours(), "site.yaml": gone}).site.keys == Keys()


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ("silent: 10", "two to four keys, the first * or #, as in '*0'"),
        ('silence: "*0"', "did you mean 'silent'?"),
    ],
)
def test_a_fault_of_the_keys_is_told_in_words(new: str, fault: str) -> None:
    assert fault in "\n".join(str(each) for each in check(changed("site.yaml", 'silent: "*0"', new)))
