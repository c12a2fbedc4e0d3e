#!/usr/bin/env python3
"""What a whole call costs, and how many a second can be carried to an agent: the engine beside plain app_queue.

    .venv/bin/python scripts/bench_calls.py [--rate 4] [--calls 120] [--talk 2] [--side both]

Both sides run the same Asterisk with the same configuration (trunk, 60 phones, prompts, music, stereo recording,
census) and carry the same calls: greeting, music until an agent's phone is answered, the line's name to the agent and
the agent's number to the caller, talk.  The yardstick does it with a dialplan and app_queue, the engine with its
controller.  Callers and phones are SIPp, real SIP and A-law over loopback both ways; its CPU is not counted.

Needs SIPp (Debian: apt-get install sip-tester).
"""

import argparse
import asyncio
import contextlib
import csv
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402
import msgspec  # noqa: E402
import psutil  # noqa: E402
import yaml  # noqa: E402
from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: E402

from ivr import life  # noqa: E402
from ivr.edge import probe  # noqa: E402
from ivr.edge.clock import SystemClock  # noqa: E402
from ivr.edge.processes import Child  # noqa: E402
from ivr.errors import Trouble  # noqa: E402
from ivr.house import ladder  # noqa: E402
from ivr.house.house import House  # noqa: E402
from ivr.house.report import Report, Step  # noqa: E402
from ivr.house.settings import Settings, read_sources  # noqa: E402
from ivr.survival import SNAPSHOT, Snapshot  # noqa: E402
from ivr.town.rtp import tone  # noqa: E402
from routing.config import build  # noqa: E402
from scripts.bench_page import machine, write  # noqa: E402

YARDSTICK = ROOT / "scripts" / "yardstick"
LINE = "12345"
AGENTS = 60
IDLE_S = 2.0
INTRODUCED_S = 3.5
"""What an agent waits for the line's name and their own number, before a talk of the given length begins."""

SECTION = "## Calls"


@dataclass(frozen=True)
class Load:
    """The calls of one run."""

    rate: float
    calls: int
    talk_s: float


@dataclass(frozen=True)
class Figures:
    """What a run has shown; CPU is milliseconds a call, by process, what it takes when idle subtracted."""

    side: str
    load: Load
    carried: int
    failed: int
    lasts_s: float
    took_s: float
    cpu_ms: Mapping[str, float]
    answer_ms: tuple[float, float]
    counts: Mapping[str, float]

    @property
    def rows(self) -> dict[str, str]:
        """Measure -> figure, as printed."""
        median, slowest = self.answer_ms
        rows = {
            "calls offered a second": f"{self.load.rate:g}",
            "carried to an agent": f"{self.carried} of {self.load.calls}"
            + (f", {self.failed} failed" if self.failed else ""),
            "calls a second": f"{self.carried / self.took_s:.2f}",
            "a call lasts": f"{self.lasts_s:.1f} s",
            "INVITE to 200, median / p99": f"{median:.0f} / {slowest:.0f} ms",
        }
        rows |= {f"CPU of {name} a call": f"{ms:.1f} ms" for name, ms in self.cpu_ms.items()}
        return rows | {name: f"{count:.1f}" for name, count in self.counts.items()}


# --- the stage that both sides share


def settings(state: Path) -> Settings:
    """A city of 60 agents at 60 seats, on ports that are free."""
    sources = read_sources(ROOT)
    site = yaml.load(sources["site.yaml"], Loader=yaml.BaseLoader)  # noqa: S506  # every scalar is text
    seats = [str(7001 + n) for n in range(AGENTS)]
    site["seats"] = [{"id": seat, "kind": "desk", "pool": "hall"} for seat in seats]
    site["seats"].append({"id": "7901", "kind": "desk", "pool": "safety"})
    site["agents"] = [
        {"id": str(1001 + n), "name": "王芳", "seat": seat, "works_in": {"hall": dict.fromkeys(site["skills"], "3")}}
        for n, seat in enumerate(seats)
    ]
    site["agents"].append({"id": "2001", "name": "梁勇", "seat": "7901", "works_in": {"safety": {}}})
    site["survival"]["seats"] = seats[:4]
    site["ports"] |= {"rtp_from": "40000", "rtp_to": "43999"}
    site["limits"]["calls"] = "170"
    sources["site.yaml"] = yaml.safe_dump(site, allow_unicode=True)
    names = ("sip", "web", "ari", "town_sip", "town_phones", "town_ari")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    return Settings(root=ROOT, state=state, sources=sources, config=build(sources), ports=ports, at=None, database="")


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now, UDP and TCP."""
    import socket  # noqa: PLC0415

    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            tcp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


@contextlib.asynccontextmanager
async def known_phones(house: House, say: Step) -> AsyncIterator[None]:
    """Phones need not register: all of them are one SIPp, at an address that is written down."""
    path, port = house.settings.state / "asterisk/etc/pjsip.conf", house.settings.ports["town_phones"]
    text = path.read_text("utf-8")
    for seat in house.settings.config.site.seats:
        aor = f"[{seat}]\ntype = aor\n"
        if aor not in text:
            raise Trouble(f"{path} has no aor of seat {seat}: the template has changed, and so must this bench.")
        text = text.replace(aor, f"{aor}contact = sip:{seat}@127.0.0.1:{port}\n")
    path.write_text(text, "utf-8")
    say.result = f"{AGENTS} at 127.0.0.1:{port}"
    yield


@contextlib.asynccontextmanager
async def plain_dialplan(house: House, say: Step) -> AsyncIterator[None]:
    """The yardstick's own dialplan and queue take the place of ours."""
    site = house.settings.config.site
    values = {
        "state": house.settings.state,
        "greeting": f"greeting-{LINE}",
        "whisper": f"whisper-{LINE}",
        "agent": "agent-1001",
        "seats": [seat.id for seat in site.seats.values() if seat.pool == site.hall],
    }
    templates = Environment(loader=FileSystemLoader(YARDSTICK), undefined=StrictUndefined, autoescape=False)  # noqa: S701
    for name in ("extensions.conf", "queues.conf"):
        text = templates.get_template(f"{name}.j2").render(values)
        (house.settings.state / "asterisk/etc" / name).write_text(text + "\n", "utf-8")
    say.result = "app_queue"
    yield


@contextlib.asynccontextmanager
async def signed_in(house: House, say: Step) -> AsyncIterator[None]:
    """All agents sit at their seats and are ready, as the command line would have it."""
    agents, token = house.settings.config.site.agents.values(), house.secrets.get("api-token")
    for agent in agents:
        url = house.url(f"/agents/{agent.id}/sign-in?seat={agent.seat}")
        await probe.post(url, within=5.0, token=token)
    say.result = f"{len(agents)} ready"
    yield


def be_the_controller() -> None:
    """The engine's controller, in a process of its own, for the city of this bench."""
    state = Path(os.environ["HOTLINE_STATE"])
    config = build(msgspec.json.decode((state / SNAPSHOT).read_bytes(), type=Snapshot).sources)
    ari, web = int(os.environ["HOTLINE_ARI_PORT"]), int(os.environ["HOTLINE_WEB_PORT"])
    life.live(life.Surroundings(state, config, ari, web, os.environ["DATABASE_URL"], SystemClock(), ""))


async def counts(house: House) -> dict[str, float]:
    """What the controller has asked of Asterisk, and heard from it; nothing where there is no controller."""
    if "controller" not in house.keepers:
        return {}
    headers = {"Authorization": f"Bearer {house.secrets.get('api-token')}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(house.url("/status")) as answer:
        ari = (await answer.json())["ari"]
    return {f"{name} a call": float(ari[name]) for name in ("requests", "awaited", "events")}


STAGE: ladder.Ladder = (
    ("State directory", ladder.state_directory),
    ("Ports", ladder.ports),
    ("Secrets", ladder.secrets),
    ("Prompts", ladder.prompts),
    ("Asterisk's programs", ladder.telephony),
    ("Asterisk's settings", ladder.configuration),
    ("Phones", known_phones),
)
SIDES: Mapping[str, ladder.Ladder] = {
    "plain": (*STAGE, ("Plain dialplan", plain_dialplan), ("Asterisk", ladder.exchange)),
    "engine": (
        *STAGE,
        ("PostgreSQL", ladder.database),
        ("Asterisk", ladder.exchange),
        ("Controller", ladder.controller),
        ("Agents", signed_in),
    ),
}
"""How each side is set up.  What differs stands after the stage."""


# --- load and measurement


class Meter:
    """CPU of the servers that do the work."""

    def __init__(self, house: House) -> None:
        self._processes = {
            name: psutil.Process(keeper.pid) for name, keeper in house.keepers.items() if keeper.pid is not None
        }
        self._idle_ms: Mapping[str, float] = {}

    def read(self) -> dict[str, float]:
        """Milliseconds so far, by server; its children included."""
        return {name: sum(map(cpu_ms, [p, *p.children(recursive=True)])) for name, p in self._processes.items()}

    async def idle(self) -> dict[str, float]:
        """Milliseconds a second while nobody calls."""
        before = self.read()
        await asyncio.sleep(IDLE_S)
        return {name: (ms - before[name]) / IDLE_S for name, ms in self.read().items()}


def cpu_ms(process: psutil.Process) -> float:
    """User and system time."""
    times = process.cpu_times()
    return float(times.user + times.system) * 1000


def sipp(name: str, folder: Path, port: int, *arguments: str) -> Child:
    """One SIPp, which writes its counts to `<name>.csv`."""
    program = shutil.which("sipp")
    if program is None:
        raise Trouble("there is no sipp on this machine: apt-get install sip-tester, then start again.")
    return Child.start(
        f"sipp {name}",
        [
            *(program, "-sf", YARDSTICK / f"{name}.xml", "-i", "127.0.0.1", "-p", str(port), "-aa", "-nostdin"),
            *("-trace_stat", "-stf", f"{name}.csv", "-fd", "1", "-trace_err", "-error_file", f"{name}.err"),
            *arguments,
        ],
        folder / f"{name}.log",
        cwd=folder,
    )


def counted(folder: Path, name: str, column: str) -> str:
    """What a SIPp has counted."""
    with (folder / f"{name}.csv").open(encoding="utf-8") as lines:
        last = list(csv.DictReader(lines, delimiter=";"))[-1]
    return last[column]


def answer_times(folder: Path) -> tuple[float, float]:
    """INVITE to 200 in milliseconds: median and p99."""
    times: list[float] = []
    for path in folder.glob("caller_*_rtt.csv"):
        with path.open(encoding="utf-8") as lines:
            times += [float(row["response_time_ms"]) for row in csv.DictReader(lines, delimiter=";")]
    times.sort()
    return (times[len(times) // 2], times[len(times) * 99 // 100]) if times else (0.0, 0.0)


async def carried(house: House, side: str, load: Load, folder: Path) -> Figures:
    """Send the calls, wait until all are over, and say what they cost."""
    ports, meter = house.settings.ports, Meter(house)
    idle = await meter.idle()
    phones = sipp("agent", folder, ports["town_phones"], "-d", f"{(INTRODUCED_S + load.talk_s) * 1000:.0f}")
    said, before, began = await counts(house), meter.read(), time.monotonic()
    callers = sipp(
        *("caller", folder, ports["town_sip"], f"127.0.0.1:{ports['sip']}", "-s", LINE),
        *("-r", f"{load.rate * 10:.0f}", "-rp", "10000", "-m", str(load.calls), "-l", "1000"),
        *("-trace_rtt", "-rtt_freq", "1"),
    )
    try:
        async with asyncio.timeout(load.calls / load.rate + load.talk_s + 90):
            await callers.ended()
        took, after = time.monotonic() - began, meter.read()
        heard = await counts(house)
        await asyncio.sleep(1.5)  # the last line of the phones' counts
    finally:
        for child in (callers, phones):
            await child.stop()
    done, failed = int(counted(folder, "agent", "talks(C)")), int(counted(folder, "caller", "FailedCall(C)"))
    hours, minutes, seconds, microseconds = map(int, counted(folder, "caller", "CallLength(C)").split(":"))
    lasts_s = hours * 3600 + minutes * 60 + seconds + microseconds / 1e6
    cpu = {name: (after[name] - before[name] - idle[name] * took) / max(done, 1) for name in after}
    per_call = {name: (heard[name] - said[name]) / max(done, 1) for name in said}
    offered_s = max(load.calls / load.rate, 1)
    return Figures(side, load, done, failed, lasts_s, offered_s, cpu, answer_times(folder), per_call)


async def measured(side: str, load: Load, report: Report) -> Figures:
    """One side, set up, loaded and taken away again."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as work:
        house = House(settings(Path(work) / "state"), report)
        house.controller = (sys.executable, ROOT / "scripts" / "bench_calls.py", "--controller")
        async with ladder.open_house(house, SIDES[side]):
            warm = replace(load, calls=min(20, load.calls))
            await carried(house, side, warm, loaded(Path(work) / "warm"))
            return await carried(house, side, load, loaded(Path(work) / "load"))


def loaded(folder: Path) -> Path:
    """A folder for one load, with the voice that all parties have."""
    folder.mkdir()
    (folder / "voice.alaw").write_bytes(tone(440).alaw * 50)
    return folder


# --- what is printed


def section(results: list[Figures]) -> str:
    """The section for the document: the sides side by side."""
    names = list(dict.fromkeys(name for figures in results for name in figures.rows))
    lines = [
        SECTION,
        "",
        f"`.venv/bin/python scripts/bench_calls.py {' '.join(sys.argv[1:])}`".replace(" `", "`"),
        "",
        machine(),
        "",
        "| | " + " | ".join(figures.side for figures in results) + " |",
        "|---|" + "---|" * len(results),
        *(f"| {name} | " + " | ".join(figures.rows.get(name, "") for figures in results) + " |" for name in names),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="What a whole call costs, the engine beside plain app_queue.")
    parser.add_argument("--rate", type=float, default=4.0, help="calls a second")
    parser.add_argument("--calls", type=int, default=120)
    parser.add_argument("--talk", type=float, default=2.0, help="seconds, after the introduction")
    parser.add_argument("--side", choices=[*SIDES, "both"], default="both")
    parser.add_argument("--write", type=Path, help="put the result into this page, section Calls")
    parser.add_argument("--controller", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.controller:
        be_the_controller()
        return
    load = Load(arguments.rate, arguments.calls, arguments.talk)
    sides = list(SIDES) if arguments.side == "both" else [arguments.side]
    report = Report()
    try:
        results = [asyncio.run(measured(side, load, report)) for side in sides]
    except Trouble as trouble:
        report.trouble(str(trouble))
        sys.exit(1)
    page = section(results)
    print(f"\n{page}")
    if arguments.write:
        write(arguments.write, page)


if __name__ == "__main__":
    main()
