"""What `prompts.yaml` says, and each way of being wrong in it, told with its place and what would be right."""

import pytest

from routing.config import build, check
from routing.ids import PromptId
from routing.prompts import estimated_ms
from tests.routing.sources import changed, config, ours, told

CANCELLED = "    cancel_on: 2021-11-01\n"


def test_every_prompt_has_a_text_and_is_spoken_digit_by_digit() -> None:
    prompts = config().prompts
    assert prompts[PromptId("greeting-12345")].text == "您好，邯郸12345，通话将被录音。"
    assert prompts[PromptId("transition-12329")].spoken.startswith("您好，公积金热线已由幺二三四五统一受理")
    assert prompts[PromptId("agent-1001")].spoken == "幺零零幺号为您服务"
    assert prompts[PromptId("whisper-12350")].text == "安全生产"
    assert all(prompt.text and "{" not in prompt.text for prompt in prompts.values())


PROMPT_FAULTS = [
    ("  transfer: ", "  transver: ", "there is no template 'transver'; did you mean 'transfer'?"),
    ("  transfer: ", "  transver: ", "templates are missing: transfer"),
    ("templates:", "x:", "prompts.yaml needs 'templates'"),
    ("{short}热线为您服务", "{shirt}热线为您服务", "'{shirt}' cannot be filled in here; did you mean 'short'?"),
    ("{short}热线为您服务", "{short热线为您服务", "a brace without its partner"),
    ("{short}热线为您服务", "short}热线为您服务", "a brace without its partner"),
    ("greeting-12345: ", "greeting-12354: ", "no call ever hears a prompt 'greeting-12354'; did you mean"),
    ("return-hall: ", "return-hell: ", "the prompt 'return-hall' is needed"),
    ("survival-sorry: ", "sorry: ", "the prompt 'survival-sorry' is needed"),
    ('录音。", must_hear: yes, notice: yes}', '录音。", must_hear: yes}', "it must say so, and needs 'notice: yes'"),
    (
        'greeting-12345: {text: "您好，{city}{hall}，通话将被录音。", must_hear: yes',
        'greeting-12345: {text: "您好"',
        "needs 'must_hear: yes'",
    ),
]


@pytest.mark.parametrize(("old", "new", "fault"), PROMPT_FAULTS)
def test_a_fault_of_a_prompt_is_told_in_words(old: str, new: str, fault: str) -> None:
    assert fault in "\n".join(told(changed("prompts.yaml", old, new)))


def test_prompts_that_take_too_long_are_warned_of_by_their_longest() -> None:
    whisper, _ = told(changed("prompts.yaml", '{text: "{short}"}', '{text: "{line}"}'))[::-1]
    assert "warning: 'whisper-12356' takes about 5" in whisper
    _, greeting = told(changed("prompts.yaml", "您好，{city}{hall}，", "您好，欢迎致电{city}{hall}政务服务便民热线，"))
    assert "'greeting-12345' takes about 6.3 s: a greeting should take 5 s at most" in greeting
    late = told(changed("site.yaml", "  ring_for: 6 s", "  ring_for: 8 s"))
    assert len(late) > len(told(ours()))
    assert all("with an agent's phone ringing for 8 s, a person may come too late" in one for one in late)


def test_lengths_of_audio_count_more_than_estimates() -> None:
    fault = check(ours(), {PromptId("whisper-12345"): 9000})[-1]
    assert fault.is_warning
    assert "takes about 9.0 s" in fault.message


def test_a_prompt_speaks_two_languages_one_after_the_other() -> None:
    prompt = config().prompts[PromptId("transfer-12367")]
    assert prompt.text.startswith("您好，正在为您转接移民管理热线，通话将被录音。 Hello, we are")
    assert prompt.spoken.splitlines()[1] == (
        "Hello, we are connecting you to the immigration hotline. This call will be recorded."
    )
    hall = build(changed("prompts.yaml", "Handan will", "Handan {hall} will")).prompts[PromptId("closed-12367")]
    assert hall.spoken.splitlines()[1].startswith("Handan 1 2 3 4 5 will help")
    assert 2 * estimated_ms(config().prompts[PromptId("transfer-12316")]) < 2 * estimated_ms(prompt)


def test_what_a_cancelled_line_and_a_sub_centre_say_exists() -> None:
    prompts = config().prompts
    assert "民政热线12349已并入12345" in prompts[PromptId("transition-12349")].text
    assert prompts[PromptId("cancelled-12349")].text.startswith("您好，12349已停止使用")
    assert PromptId("greeting-12349") not in prompts
    announced = build(changed("lines.yaml", CANCELLED, CANCELLED + "    when_cancelled: announce-only\n")).prompts
    assert announced[PromptId("cancelled-12349")].text == "您好，12349已停止使用，今后请直接拨打12345。"


@pytest.mark.parametrize("prompt", ["callback-notice", "calling-out-notice"])
def test_no_chain_to_a_recorded_conversation_that_we_begin_lacks_the_notice(prompt: str) -> None:
    sources = ours()
    line = next(line for line in sources["prompts.yaml"].splitlines() if line.startswith(f"  {prompt}:"))
    for flag in (", notice: yes", ", must_hear: yes"):
        without = sources["prompts.yaml"].replace(line, line.replace(flag, ""))
        assert any("a recorded call begins with this" in said for said in told({**sources, "prompts.yaml": without}))
