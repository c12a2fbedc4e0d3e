"""How long 10,000 lines take to be read and checked: `python scripts/bench_check.py [LINES]`."""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from routing.config import check, render  # noqa: E402  # the repository, wherever this is called from

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
    """Print the best of three."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    lines = (ROOT / "config/lines.yaml").read_text("utf-8")
    sources = {
        "lines.yaml": lines + "".join(ENTRY.format(number=3_000_000 + n) for n in range(count)),
        "site.yaml": (ROOT / "config/site.yaml").read_text("utf-8"),
        "prompts.yaml": (ROOT / "recordings/prompts.yaml").read_text("utf-8"),
    }
    faults, best = check(sources), float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        check(sources)
        best = min(best, time.perf_counter() - begun)
    size = len(sources["lines.yaml"].encode()) / 1024**2
    print(f"check of {count} entries ({size:.1f} MiB): {best:.2f} s; at least 2 s, aim 1 s")
    print(render(faults))


if __name__ == "__main__":
    main()
