"""The dialplan as a graph: the rendered one loses nobody, and each way to break it is shown as a path."""

from functools import lru_cache

import pytest

from dialplans.render import Settings, render
from routing import dialplan
from routing.dialplan import PERSON, REFUSED, TOLD, Walked, parse, prove, queues
from tests.routing.sources import config

SOMEWHERE = Settings(
    state="/s", modules="/m", data="/d", python="/p", survival="/v", ari_password="", town_password=""
)  # fmt: skip


LEASED_OUT = """\
exten => T,1,GotoIf($["${HOTLINE_DONE}" = "1"]?arrived,s,done)
 same => n,Goto(survival,s,1)
"""
"""What becomes of a caller whose lease has run out."""


@lru_cache(maxsize=1)
def texts() -> tuple[str, str]:
    files = render(config(), SOMEWHERE)
    return files["asterisk/etc/extensions.conf"], files["asterisk/etc/queues.conf"]


DESKS = {"110": ("town",), "119": ("town",)}


def broken(old: str, new: str) -> Walked:
    extensions, phones = texts()
    assert old in extensions, f"{old!r} does not stand in the dialplan"
    return prove(extensions.replace(old, new), phones, "hall", DESKS)


def test_every_path_of_the_rendered_dialplan_ends_well() -> None:
    found = prove(*texts(), "hall", DESKS)
    assert not found.broken, dialplan.render(found)
    assert found.paths > 100
    assert {PERSON, TOLD, REFUSED, dialplan.HELD, dialplan.OVER} <= set(found.ends)
    assert "with a person" in dialplan.render(found)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("n(survive),Goto(survival,s,1)", "n(survive),Goto(survivel,s,1)", "'survivel,s,1', which is nowhere"),
        ("n(survive),Goto(survival,s,1)", "n(survive),Hangup(34)", "no person, and no sentence"),
        (LEASED_OUT, "; nothing", "there is no extension T"),
        ("Set(TIMEOUT(absolute)=30)", "NoOp()", "no lease is set"),
        ("Set(HOTLINE_TRY=$[${HOTLINE_TRY} + 1])", "NoOp()", "a loop: nothing ends it"),
        ("GotoIf($[${HOTLINE_TRY} > 20]?survive)", "NoOp()", "a loop: nothing ends it"),
        ("n(enter),Set(TIMEOUT(absolute)=30)", "n(enter),Set(HOTLINE_TRY=1)\n same => n,Set(TIMEOUT(absolute)=30)",
         "a loop: its counter is set back in it"),
        ("n,GotoIf($[${HOTLINE_TRY} > 60]?nobody)\n same => n,MusicOnHold(default,5)\n same => n,Goto(plain)",
         "n(again),GotoIf($[${HOTLINE_TRY} > 60]?nobody)\n same => n,MusicOnHold(default,5)\n same => n,Goto(again)",
         "a loop: its counter never grows"),
        ("n(plain),Queue(survival)", "n(plain),Queue(nobody)", "queue 'nobody' has no phones"),
        ("n(plain),Queue(survival)", "n(plain),NoOp()", "no person, and no sentence"),
        ("n(nobody),Playback", "n(nobody),NoOp", "no person, and no sentence"),
        ("n(say),Playback", "n(said),Playback", "it goes to 'say', which is nowhere"),
        ("Gosub(header,s,1(Diversion))", "Gosub(headers,s,1(Diversion))", "'headers,s,1(Diversion)', which is nowhere"),
        ("n(refuse),Set(CDR(userfield)=refused)", "n(refuse),NoOp()", "no person, and no sentence"),
        ("Hangup(${HOTLINE_REFUSAL})", "Hangup()", "no person, and no sentence"),
        ("n(end),Hangup()", "n(end),NoOp()", "the dialplan ends here, and Asterisk hangs up"),
        ("StopMusicOnHold()", "Park()", "what Park does to the caller is not known"),
        ("[from-trunk]", "[from-carrier]", "there is no context 'from-trunk'"),
        ("exten => 110,1,Goto(emergency,110,1)", "", "there is no extension '110' in 'from-seats'"),
        ("Goto(emergency,110,1)", "Goto(emergency,s,1)", "it goes to 'emergency,s,1', which is nowhere"),
        ("Gosub(outward,s,1(119,town,", "Gosub(outward,s,1(119,elsewhere,", "no person, and no sentence"),
        ("Dial(PJSIP/${ARG1}@${ARG2},${ARG3},${ARG7})", "NoOp()", "no person, and no sentence after all phones"),
        ("Playback(/s/prompts/unanswered-119)", "NoOp()", "no person, and no sentence after all phones"),
        ("Set(HOTLINE_STEP=${SHIFT(HOTLINE_WAY,|)})", "Set(HOTLINE_STEP=${HOTLINE_WAY})", "a loop: "),
    ],
)  # fmt: skip
def test_each_way_to_lose_a_caller_is_found(old: str, new: str, why: str) -> None:
    found = broken(old, new)
    assert any(why in path[-1] for path in found.broken), dialplan.render(found)
    assert "a path on which a caller is lost:" in dialplan.render(found)


def test_a_path_is_told_from_the_trunk_on() -> None:
    path = broken("n(survive),Goto(survival,s,1)", "n(survive),Hangup(34)").broken[0]
    assert path[0].startswith("from-trunk,_[")
    assert any("Stasis(hotline,citizen)" in step for step in path)
    assert path[-2].endswith("(survive): Hangup(34)")


def test_the_last_line_of_a_context_can_be_shown_too() -> None:
    found = prove("[from-trunk]\nexten => _X.,1,NoOp\n", "", "hall")
    assert found.broken == (
        ("from-trunk,_X.,1: NoOp()", "from-trunk,_X.: after its last line",
         "the dialplan ends here, and Asterisk hangs up"),
    )  # fmt: skip


def test_extensions_and_queues_are_read() -> None:
    plan = parse("[general]\nstatic = yes\n[a]\nexten => 1,1,Wait(2)\n same => n(x),Hangup\nexten => T,1,Goto(1,x)\n")
    assert plan == {
        ("a", "1"): [dialplan.Priority("Wait", "2"), dialplan.Priority("Hangup", "", "x")],
        ("a", "T"): [dialplan.Priority("Goto", "1,x")],
    }
    assert queues("[general]\n[q](!)\n[p](q)\nmember => PJSIP/1\nmember => PJSIP/2\n") == {"general": 0, "q": 0, "p": 2}


def test_a_goto_within_its_context_and_to_a_number() -> None:
    text = """[from-trunk]
exten => a,1,Goto(from-trunk,b,2)
exten => b,1,Wait(1)
 same => n,Queue(survival)
 same => n,Queue(pool-hall)
 same => n,Playback(sorry)
 same => n,Hangup()
"""
    found = prove(text, "[survival]\nmember => a\n[pool-hall]\nmember => a\n", "hall")
    assert (found.broken, found.ends) == ((), {PERSON: 4, TOLD: 2})
