"""The models are what the Asterisk under test describes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.real import Running

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.asterisk
def test_models_are_what_asterisk_describes(real_asterisk: Running) -> None:
    docs = real_asterisk.found.data / "rest-api"
    command = [sys.executable, str(ROOT / "scripts" / "generate_ari"), str(docs), "--check"]
    generated = subprocess.run(command, capture_output=True, text=True, check=False)
    assert generated.returncode == 0, generated.stderr
