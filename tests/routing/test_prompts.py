"""What is said of one of many local lines is put together from pieces, so that ten thousand cost as much as one."""

import pytest

from routing.config import build, check
from routing.ids import PromptId
from routing.prompts import Prompt, file_of, texts, words
from tests.routing.sources import changed, config, ours

CANCELLED = PromptId("cancelled-96300")
HEAD, TAIL = "“您好，”", "“已停止使用，今后请直接拨打幺二三四五，现在为您接通，通话将被录音。”"


def prompt(name: str) -> Prompt:
    return config().prompts[PromptId(name)]


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("cancelled-96300", (HEAD, "“九”", "“六”", "“三”", "“零”", "“零”", TAIL)),
        ("whisper-8000001", ("‹公交›",)),
        ("whisper-12349", ()),
        ("cancelled-12349", ()),
        ("greeting-12345", ()),
    ],
)
def test_only_one_of_many_lines_is_said_in_pieces(name: str, pieces: tuple[str, ...]) -> None:
    assert prompt(name).pieces == pieces
    assert prompt(name).sounds == (pieces or (name,))


def test_the_pieces_say_all_of_the_text() -> None:
    for each in config().prompts.values():
        if each.pieces:
            assert "".join(words(piece) or "?" for piece in each.pieces) == each.spoken


MORE = """
  - number: 712345{n}
    name: 某局
    short: 某某局
    department: 市民政局
    section: full-merge
    row: 一.10
    reading: own
    number_kept: no
    answered_by: hall
    cancel_on: 2021-12-01
"""


def test_ten_more_lines_add_no_more_than_their_short_names_to_what_the_voice_reads() -> None:
    before, extra = texts(config().prompts.values()), "".join(MORE.format(n=n) for n in range(10))
    after = texts(build({**ours(), "lines.yaml": ours()["lines.yaml"].rstrip() + extra}).prompts.values())
    fresh = {name: text for name, text in after.items() if name not in before}
    assert fresh == {"‹某某局›": "某某局"}  # every digit stands in some 工号
    assert after[PromptId("“零”")] == "零"


def test_a_sound_has_a_file_of_its_own() -> None:
    files = [file_of(sound) for sound in texts(config().prompts.values())]
    assert len(files) == len(set(files))
    assert file_of(PromptId("greeting-12345")) == "greeting-12345"
    assert file_of(PromptId("“零”")).startswith("pieces/")
    assert file_of(PromptId("“零”")).isascii()
    assert file_of(PromptId("‹热线›")) != file_of(PromptId("“热线”"))


def test_words_of_its_own_or_in_two_languages_are_one_sound() -> None:
    own = '  cancelled-96300: {text: "您好，96300已停止使用，通话将被录音。", must_hear: yes, notice: yes}\n'
    assert build(changed("prompts.yaml", "prompts:\n", f"prompts:\n{own}")).prompts[CANCELLED].pieces == ()
    two = "现在为您接通，通话将被录音。\", also: {en: 'We are connecting you, {number}.'}, must"
    both = build(changed("prompts.yaml", '现在为您接通，通话将被录音。", must', two)).prompts[CANCELLED]
    assert both.pieces == ()
    assert both.text.endswith("We are connecting you, 96300.")


def test_a_notice_says_that_the_call_is_recorded() -> None:
    without = changed("prompts.yaml", "{short}热线为您服务，通话将被录音。", "{short}热线为您服务。")
    (fault,) = (fault for fault in check(without) if not fault.is_warning)
    assert fault.message == "'notice: yes', and it does not say that the call is recorded (录音)"
    assert fault.line == 21


def test_what_is_made_of_pieces_is_as_long_as_they_are() -> None:
    lengths = dict.fromkeys(prompt("transition-96300").pieces, 4_000)
    warned = [fault.message for fault in check(ours(), lengths)]
    assert any(message.startswith("'transition-96300' takes about 36.0 s") for message in warned)
    del lengths[PromptId("“九”")]
    assert not any("36.0 s" in fault.message or "32.0 s" in fault.message for fault in check(ours(), lengths))
