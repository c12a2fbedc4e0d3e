"""Prompts are read aloud once for all houses of the tests: ten seconds of CPU that each would spend on the same sounds.

A house makes what it does not find, by the text of each prompt; so one with a city of its own makes only what differs.
Whoever changes the voice has them made anew.
"""

import contextlib
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
VOICE: Final = (ROOT / "ivr" / "prompts.py", ROOT / "ivr" / "edge" / "voice.py")
_READ_BY = hashlib.sha256(b"".join(path.read_bytes() for path in VOICE)).hexdigest()
SHELF: Final = ROOT / ".pytest_cache" / f"prompts-{_READ_BY[:16]}"


def lend(state: Path) -> None:
    """A house in `state`, before it opens, finds what others have made."""
    if SHELF.exists():
        shutil.copytree(SHELF, state / "prompts", dirs_exist_ok=True)


def keep(state: Path) -> None:
    """The first that has opened leaves what it has made to the others; two at once do no harm."""
    if SHELF.exists():
        return
    SHELF.parent.mkdir(exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=SHELF.parent))
    shutil.copytree(state / "prompts", fresh, dirs_exist_ok=True)
    with contextlib.suppress(OSError):
        fresh.rename(SHELF)
    shutil.rmtree(fresh, ignore_errors=True)
