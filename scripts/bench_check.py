"""How long 10,000 lines take to be checked, compared and proved: `python scripts/bench_check.py [LINES]`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from routing.config import build, check, render  # noqa: E402  # the repository, wherever this is called from
from routing.diff import diff  # noqa: E402
from routing.prove import prove  # noqa: E402

ENTRY = """  - number: {number}
    name: 地方服务热线{number}
    short: 地方
    department: 市民政局
    section: full-merge
    row: 一.10
    reading: own
    host: city
    number_kept: no
    seats: merged
    answered_by: hall
    skill: housing-fund
    transition: {{from: 2021-09-01, until: 2021-11-01}}
    cancel_on: 2021-11-01
"""


def main() -> None:
    """Print the best of three (of one where it takes long)."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    lines = (ROOT / "config/lines.yaml").read_text("utf-8")
    sources = {
        "lines.yaml": lines + "".join(ENTRY.format(number=3_000_000 + n) for n in range(count)),
        "site.yaml": (ROOT / "config/site.yaml").read_text("utf-8"),
        "prompts.yaml": (ROOT / "recordings/prompts.yaml").read_text("utf-8"),
    }
    faults = check(sources)
    size = len(sources["lines.yaml"].encode()) / 1024**2
    best = fastest(lambda: check(sources))
    print(f"check of {count} entries ({size:.1f} MiB): {best:.2f} s; at least 2 s, aim 1 s")
    old = build(sources)
    hundred = sources["lines.yaml"].replace("until: 2021-11-01}", "until: 2021-10-31}", 100)
    new = build({**sources, "lines.yaml": hundred})
    changed = len({change.number for change in diff(old, new).changed})
    print(f"diff, {changed} of them changed: {fastest(lambda: diff(old, new)):.2f} s; at least 2 s")
    new = build({**sources, "lines.yaml": sources["lines.yaml"].replace("until: 2021-11-01}", "until: 2021-10-31}")})
    changed = len({change.number for change in diff(old, new).changed})
    print(f"diff, {changed} of them changed: {fastest(lambda: diff(old, new), 1):.2f} s")
    print(f"prove of all of them: {fastest(lambda: prove(old), 1):.2f} s")
    own = build({**sources, "lines.yaml": lines})
    print(f"prove of the list, {len(own.lines)} lines: {fastest(lambda: prove(own)):.2f} s; at least 5 s")
    print(render(faults))


def fastest(work: Callable[[], object], times: int = 3) -> float:
    """The best of some times, in seconds."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


if __name__ == "__main__":
    main()
