"""The models are what the Asterisk under test describes: over HTTP, while it runs."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.edge.wire import AsteriskWire
from tests.contract.real import PASSWORD, Running

ROOT = Path(__file__).resolve().parents[2]


async def served(asterisk: Running, folder: Path) -> None:
    """Everything at `/ari/api-docs/`, as files."""
    async with AsteriskWire(asterisk.address, "hotline", PASSWORD) as wire:
        for api in (await wire.fetch("api-docs/resources.json"))["apis"]:
            path = api["path"].removeprefix("/").format(format="json")
            (folder / Path(path).name).write_text(json.dumps(await wire.fetch(path)), "utf-8")


@pytest.mark.asterisk
def test_models_are_what_asterisk_describes(real_asterisk: Running, tmp_path: Path) -> None:
    asyncio.run(served(real_asterisk, tmp_path))
    command = [sys.executable, str(ROOT / "scripts" / "generate_ari"), str(tmp_path), "--check"]
    generated = subprocess.run(command, capture_output=True, text=True, check=False)
    assert generated.returncode == 0, generated.stderr
