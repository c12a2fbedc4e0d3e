"""The AGI script that Asterisk starts for a call whose controller is gone: STATE -> HOTLINE_WAY.

It reads the snapshot, asks `ivr.survival` and sets one variable; whatever goes wrong, it leaves without having set it,
and the dialplan goes its own last way.  It must start fast: a caller hears ringing meanwhile.
"""

import io
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # started as a file, without our package's folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec
from asterisk.agi import AGI

from ivr.survival import SNAPSHOT, Snapshot, Stamp, decide
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


def main(state: Path) -> None:
    """Decide for the call on standard input and output, and set HOTLINE_WAY."""
    agi = AGI(stderr=io.StringIO())
    snapshot = msgspec.json.decode((state / SNAPSHOT).read_bytes(), type=Snapshot)
    way = decide(snapshot, stamp(agi), Instant(time.time_ns() // 1_000_000), str(state / "prompts"))
    agi.set_variable("HOTLINE_WAY", way)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
