"""The AGI script that Asterisk starts for a call whose controller is gone: STATE -> HOTLINE_WAY.

It looks the line up in what was applied, asks `ivr.survival` and sets one variable; whatever goes wrong, it leaves
without having set it, and the dialplan goes its own last way.  It must start fast: a caller hears ringing meanwhile.
"""

import io
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # started as a file, without our package's folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec
from asterisk.agi import AGI

from ivr.snapshot import COMPILED, SNAPSHOT, Compiled, Snapshot
from ivr.survival import Stamp, decide, moment
from routing.config import build
from routing.ids import Instant


def stamp(agi: AGI) -> Stamp:
    """The stamp of the call that `agi` speaks for."""
    return Stamp(
        dialled=agi.get_variable("HOTLINE_DIALLED"),
        diversion=agi.get_variable("HOTLINE_DIVERSION"),
        history=agi.get_variable("HOTLINE_HISTORY"),
        trunk=agi.get_variable("HOTLINE_TRUNK"),
        caller=agi.get_variable("HOTLINE_CALLER"),
        at=agi.get_variable("HOTLINE_AT"),
        greeted=agi.get_variable("HOTLINE_GREETED") == "1",
    )


def way(state: Path, came: Stamp) -> str:
    """The way of the call, by the values that were applied; by the texts where these values are another engine's."""
    now, folder = Instant(time.time_ns() // 1_000_000), str(state / "prompts")
    try:
        values = msgspec.json.decode((state / COMPILED).read_bytes(), type=Compiled)
        return decide(values.glance(), came, moment(came, now, values.ahead_ms), folder)
    except (OSError, msgspec.DecodeError):
        texts = msgspec.json.decode((state / SNAPSHOT).read_bytes(), type=Snapshot)
        return decide(build(texts.sources), came, moment(came, now, texts.ahead_ms), folder)


def main(state: Path) -> None:
    """Decide for the call on standard input and output, and set HOTLINE_WAY."""
    agi = AGI(stderr=io.StringIO())
    agi.set_variable("HOTLINE_WAY", way(state, stamp(agi)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
