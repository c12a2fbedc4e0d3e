"""What a reload of 10,000 lines costs, and what those notice who talk and wait meanwhile, on the real house.

.venv/bin/python scripts/bench_reload.py [LINES] [CALLERS] [--write docs/performance.md]
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import bench_page  # noqa: E402
from tests.asterisk.reloading import City, Reloaded, open_city, reload_under_calls  # noqa: E402

WATCH = """
import http.client, sys, time
longest = asked = 0
while True:
    link = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    try:
        while True:
            begun = time.perf_counter()
            link.request("GET", "/health")
            link.getresponse().read()
            longest, asked = max(longest, time.perf_counter() - begun), asked + 1
            print(f"{longest * 1000:.0f} {asked}", flush=True)
            time.sleep(0.01)
    except OSError:
        continue
"""
"""Asks the controller a hundred times a second whether it is there: what it prints last is the longest wait, in ms."""


def main() -> None:
    """Measure, print, and perhaps write it down."""
    parser = argparse.ArgumentParser(description="A reload under calls.")
    parser.add_argument("lines", type=int, nargs="?", default=10_000)
    parser.add_argument("callers", type=int, nargs="?", default=60)
    parser.add_argument("--write", type=Path, help="put the figures into this page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as work, open_city(Path(work) / "city") as city:
        waits, story = watched(city, given.lines, given.callers)
        text = section(given.lines, given.callers, story, waits)
    print(text)
    if given.write:
        bench_page.write(given.write, text)


def watched(city: City, lines: int, callers: int) -> tuple[int, Reloaded]:
    """The longest that the controller took for an answer, in ms, and how it went."""
    port = str(city.house.ports["web"])
    command = [sys.executable, "-c", WATCH, port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        try:
            story = asyncio.run(reload_under_calls(city, lines, callers))
        finally:
            watch.kill()
        said, _ = watch.communicate()
    if story.said.returncode:
        sys.exit(f"the reload failed:\n{story.said.stdout}{story.said.stderr}")
    return int(said.splitlines()[-1].split()[0]), story


def section(lines: int, callers: int, story: Reloaded, waits: int) -> str:
    """The page's section."""
    return f"""## A reload under calls

`.venv/bin/python scripts/bench_reload.py {lines} {callers}`

{bench_page.machine()}

| | |
|---|---|
| lines that come in, by one `hotline reload` | {lines:,} |
| calls meanwhile: talking, waiting | {len(story.talked)}, {len(story.waited)} |
| the reload, from the command to its last word | {story.took:.1f} s |
| longest silence that any of the {callers + 1} callers heard in the whole call | {story.longest_silence():.2f} s |
| longest that the controller took for an answer, asked 100 times a second | {waits} ms |
| calls that kept what they began with | {sum(each.line == "12345" for each in story.records.values())} |
| the next call | {story.records[story.follows.name].line}, {story.records[story.follows.name].phase} |
"""


if __name__ == "__main__":
    main()
