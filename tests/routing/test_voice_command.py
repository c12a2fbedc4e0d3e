"""The city's own voice, as site.yaml names it."""

import pytest

from routing.config.build import build
from routing.config.errors import ConfigFaults
from tests.routing.sources import ours


def with_voice(command: str) -> dict[str, str]:
    """The config of this repository, with a voice."""
    files = dict(ours())
    files["site.yaml"] += f"\nvoice:\n  command: {command}\n"
    return files


def test_without_one_the_built_in_voice_speaks() -> None:
    assert build(ours()).site.voice.command == ()


def test_a_command_is_kept_as_written() -> None:
    site = build(with_voice('[city-tts, --text, "{text}", "--out={wav}"]')).site
    assert site.voice.command == ("city-tts", "--text", "{text}", "--out={wav}")


@pytest.mark.parametrize("command", ['[city-tts, "{text}"]', '[city-tts, "{wav}"]', "[city-tts]"])
def test_a_command_that_cannot_work_is_a_fault(command: str) -> None:
    with pytest.raises(ConfigFaults, match="the voice's command needs"):
        build(with_voice(command))
