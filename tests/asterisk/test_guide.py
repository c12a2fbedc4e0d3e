"""The admin's guide, docs/lines.md, typed from one end to the other in an open house: every answer is as it says."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.asterisk.house import ROOT, opened

pytestmark = pytest.mark.asterisk

GUIDE = (ROOT / "docs" / "lines.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```shell-session\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
BESIDE = ("config", "recordings", "docs")


def typed(session: str) -> list[tuple[str, str]]:
    """Each command, and what stands under it."""
    parts = [part.partition("\n") for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]]
    return [(command, answer.strip()) for command, _, answer in parts]


def is_as_shown(said: str, shown: str) -> bool:
    """`…` stands for any text, lines included."""
    pattern = ".*".join(re.escape(piece.strip("\n")) for piece in shown.split("…"))
    return re.fullmatch(rf"\s*{pattern}\s*", said, re.DOTALL) is not None


def test_every_command_of_the_guide_is_typed_somewhere() -> None:
    blocks = "".join(re.findall(r"^```[\w-]+\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
    told = set(re.findall(r"`hotline ([a-z]+)", GUIDE)) - {"schema"}  # which has a test of its own
    assert told
    assert told <= set(re.findall(r"^\$ hotline ([a-z]+)", blocks, re.MULTILINE))


def test_the_guide_can_be_followed(tmp_path: Path) -> None:
    city = tmp_path / "a city"
    for name in BESIDE:
        shutil.copytree(ROOT / name, city / name)
    with opened(city / "var", HOTLINE_CONFIG=str(city), HOTLINE_DEMO_AGENTS="yes") as house:
        for command, shown in [each for session in SESSIONS for each in typed(session)]:
            program, *arguments = shlex.split(command)
            ran = subprocess.run(
                [Path(sys.executable).with_name(program), *arguments],
                cwd=city, env=house.environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            said = "\n".join(line.rstrip() for line in ran.stdout.splitlines())
            assert ran.returncode == 0, f"$ {command}\n{said}\n{ran.stderr}"
            assert is_as_shown(said, shown), f"$ {command}\n{said}\n\ninstead of\n{shown}"
