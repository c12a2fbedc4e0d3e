"""How long 10,000 lines take to be checked, compared and proved.

.venv/bin/python scripts/bench_check.py [LINES] [--write docs/performance.md]
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from routing.config import Config, build, check  # noqa: E402  # the repository, wherever this is called from
from routing.diff import diff  # noqa: E402
from routing.prove import prove  # noqa: E402
from scripts import bench_page  # noqa: E402

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
    """Measure, print it, and perhaps write it down."""
    parser = argparse.ArgumentParser(prog="scripts/bench_check.py")
    parser.add_argument("lines", nargs="?", type=int, default=10_000)
    parser.add_argument("--write", type=Path, help="put the figures into this page")
    given = parser.parse_args()
    made = section(given.lines)
    print(made)
    if given.write:
        bench_page.write(given.write, made)


def section(count: int) -> str:
    """The page's section; the best of three, of one where it takes long."""
    lines = (ROOT / "config/lines.yaml").read_text("utf-8")
    sources = {
        "lines.yaml": lines + "".join(ENTRY.format(number=3_000_000 + n) for n in range(count)),
        "site.yaml": (ROOT / "config/site.yaml").read_text("utf-8"),
        "prompts.yaml": (ROOT / "recordings/prompts.yaml").read_text("utf-8"),
    }
    old, own = build(sources), build({**sources, "lines.yaml": lines})
    hundred, all_ = (
        build({**sources, "lines.yaml": sources["lines.yaml"].replace("until: 2021-11-01}", "until: 2021-10-31}", n)})
        for n in (100, -1)
    )
    mib, took = len(sources["lines.yaml"].encode()) / 1024**2, fastest(lambda: check(sources))
    return f"""## Ten thousand lines

`.venv/bin/python scripts/bench_check.py {count}`

{bench_page.machine()}

| | took | to reach / aim |
|---|---|---|
| check of {count:,} entries, {mib:.1f} MiB | {took:.2f} s | 2 / 1 s |
| diff, {changed(old, hundred):,} of them changed | {fastest(lambda: diff(old, hundred)):.2f} s | |
| diff, {changed(old, all_):,} of them changed | {fastest(lambda: diff(old, all_), 1):.2f} s | |
| prove of the list, {len(own.lines)} lines | {fastest(lambda: prove(own)):.2f} s | |
| prove of all {len(old.lines):,} | {fastest(lambda: prove(old), 1):.1f} s | |
"""


def changed(old: Config, new: Config) -> int:
    """How many numbers a diff names."""
    return len({change.number for change in diff(old, new).changed})


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
