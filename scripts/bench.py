"""In one run: what an event costs the Floor, what a long list costs, what a call costs the engine and plain app_queue.

    scripts/bench [--write docs/performance.md] [--calls N] [--floor-events N]

It takes some minutes, says what it is doing, and leaves nothing behind.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ivr.errors import Trouble  # noqa: E402
from ivr.house.report import Report  # noqa: E402
from scripts import bench_calls, bench_page  # noqa: E402
from scripts.bench_load import Load, sipp_program  # noqa: E402
from scripts.bench_stage import SIDES  # noqa: E402

TALK_S = 2.0


def alone(title: str, script: str, *given: str, report: Report) -> str:
    """The section of a bench in a process of its own: nothing else is in its caches.  Raises `Trouble`."""
    with report.step(title):
        argv = [sys.executable, str(ROOT / "scripts" / script), *given]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Trouble(f"{script} failed:\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Measure all, print it, and perhaps write it down."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Every bench, the engine beside app_queue.")
    parser.add_argument("--calls", type=int, default=140, help="calls of which the cost is counted, 7 a second")
    parser.add_argument("--floor-events", type=int, default=200_000)
    parser.add_argument("--write", type=Path, help="put the figures into this page, with machine and command")
    arguments = parser.parse_args()
    report = Report()
    command = " ".join(["scripts/bench", *sys.argv[1:]])
    try:
        sipp_program()  # or nothing is begun
        events = str(arguments.floor_events)
        sections = [
            alone("Floor", "bench_floor.py", "--events", events, report=report),
            alone("Ten thousand lines", "bench_check.py", report=report),
        ]
        load = Load(bench_calls.RATE, arguments.calls, TALK_S)
        results = bench_calls.compared(load, list(SIDES), bench_calls.ALSO, report)
        sections.append(bench_calls.section(results, command))
    except Trouble as trouble:
        report.trouble(str(trouble))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    for section in sections:
        print(f"\n{section}")
        if arguments.write:
            bench_page.write(arguments.write, section)


if __name__ == "__main__":
    main()
