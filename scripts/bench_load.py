"""Calls by SIPp: a load is sent to a stage, and what it showed is a `Figures`.

Callers and phones are two SIPp, real SIP and A-law over loopback both ways.  In life they are elsewhere: their CPU is
not counted, and they have a core of their own, or what the servers leave of it.
"""

import asyncio
import csv
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from ivr.edge.processes import Child
from ivr.errors import Trouble
from ivr.house.report import Step
from ivr.town.rtp import tone
from scripts.bench_stage import LINE, YARDSTICK, Stage, counts

IDLE_S = 2.0
CALM, WINDOWS = 1.2, 10  # a server is at rest when it takes no more than that many times what it took just before
INTRODUCED_S = 3.5
"""What an agent waits for the line's name and their own number, before a talk of the given length begins."""

RATES_S = 9.0
"""From the answer to the key by which a caller rates a talk of no length: app_queue's survey begins just before."""

PATIENCE_S = 45.0
"""How long after the last call should be over we wait for the end of all."""

OVERLOAD = 400
"""Callers at once; SIPp dials no more, whatever the rate."""

CORES = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Load:
    """Calls that begin at a steady rate."""

    rate: float
    calls: int
    talk_s: float

    @property
    def rates_s(self) -> float:
        """From the answer until a caller presses the survey's key."""
        return RATES_S + self.talk_s

    @property
    def lasts_s(self) -> float:
        """About how long it will be until the last one is over."""
        return self.calls / self.rate + self.rates_s + 2


@dataclass(frozen=True)
class Figures:
    """What a load has shown.

    CPU is milliseconds a call by process, idle subtracted; `answer_ms` INVITE to 200, median and p99; `freed_ms` from
    each agent's hang-up to the next ring at the same phone; `counts` the controller's requests and events.
    """

    load: Load
    carried: int
    failed: int
    call_s: float
    cpu_ms: Mapping[str, float]
    answer_ms: tuple[float, float]
    freed_ms: tuple[float, ...]
    counts: Mapping[str, float]


def sipp_program() -> str:
    """Where SIPp is.  Raises `Trouble` when there is none."""
    program = shutil.which("sipp")
    if program is None:
        raise Trouble("sipp, which plays the callers, is missing: apt-get install sip-tester, then start again.")
    return program


class Meter:
    """CPU of the servers that do the work."""

    def __init__(self, stage: Stage) -> None:
        keepers = stage.house.keepers.items()
        self._processes = {name: psutil.Process(keeper.pid) for name, keeper in keepers if keeper.pid is not None}

    def read(self) -> dict[str, float]:
        """Milliseconds so far, by server; its children included."""
        return {name: sum(map(cpu_ms, [p, *p.children(recursive=True)])) for name, p in self._processes.items()}

    async def idle(self) -> dict[str, float]:
        """Milliseconds a second while nobody calls, once what earlier calls left to do is done."""
        last = await self._window()
        for _ in range(WINDOWS):
            found = await self._window()
            if sum(last.values()) <= CALM * sum(found.values()):
                return found
            last = found
        return last

    async def _window(self) -> dict[str, float]:
        before = self.read()
        await asyncio.sleep(IDLE_S)
        return {name: (ms - before[name]) / IDLE_S for name, ms in self.read().items()}


def cpu_ms(process: psutil.Process) -> float:
    """User and system time."""
    times = process.cpu_times()
    return float(times.user + times.system) * 1000


async def carried(stage: Stage, load: Load, say: Step) -> Figures:
    """Send the calls, wait until all are over, and say what they cost."""
    house, folder, meter = stage.house, stage.folder(), Meter(stage)
    ports = house.settings.ports
    (folder / "voice.alaw").write_bytes(tone(440).alaw * 50)
    idle = await meter.idle()
    phones = sipp(
        *("agent", folder, ports["town_phones"], "-d", f"{(INTRODUCED_S + load.talk_s) * 1000:.0f}"),
        *("-trace_shortmsg", "-shortmessage_file", "agent.messages"),
    )
    asked, before, began = await counts(house), meter.read(), time.monotonic()
    callers = sipp(
        *("caller", folder, ports["town_sip"], f"127.0.0.1:{ports['sip']}", "-s", LINE),
        *("-r", f"{load.rate * 10:.0f}", "-rp", "10000", "-m", str(load.calls), "-l", str(OVERLOAD)),
        *("-trace_rtt", "-rtt_freq", "1", "-d", f"{load.rates_s * 1000:.0f}"),
    )
    try:
        await _over(callers, load, say)
        heard = await counts(house)
        await meter.idle()  # recordings are finished after the calls; and the phones write their last counts
        took, after = time.monotonic() - began, meter.read()
    finally:
        for child in (callers, phones):
            await child.stop()
    done, failed = int(_counted(folder, "agent", "talks(C)")), int(_counted(folder, "caller", "FailedCall(C)"))
    cpu = {name: (after[name] - before[name] - idle[name] * took) / max(done, 1) for name in after}
    per_call = {name: (heard[name] - asked[name]) / max(done, 1) for name in asked}
    return Figures(
        load, done, failed, _length_s(folder), cpu, _answer_times(folder), tuple(sorted(_freed(folder))), per_call
    )


async def _over(callers: Child, load: Load, say: Step) -> None:
    """Until all calls are over; a load that the stage cannot carry ends with our patience."""
    ended, began = asyncio.ensure_future(callers.ended()), time.monotonic()
    deadline = began + load.lasts_s + PATIENCE_S
    while not ended.done() and time.monotonic() < deadline:
        say(f"{load.calls} calls, {load.rate:g} a second", min((time.monotonic() - began) / load.lasts_s, 1.0))
        await asyncio.wait({ended}, timeout=0.5)
    ended.cancel()


@contextmanager
def one_core() -> Iterator[None]:
    """What is started within has the first core to itself, SIPp apart; where there is one core, all share it."""
    os.sched_setaffinity(0, CORES[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def sipp(name: str, folder: Path, port: int, *arguments: str) -> Child:
    """One SIPp, which writes its counts to `<name>.csv`."""
    elsewhere = ",".join(map(str, CORES[1:] or CORES))
    return Child.start(
        f"sipp {name}",
        [
            *("taskset", "--cpu-list", elsewhere, "nice"),
            *(sipp_program(), "-sf", YARDSTICK / f"{name}.xml", "-i", "127.0.0.1", "-p", str(port), "-aa", "-nostdin"),
            *("-trace_stat", "-stf", f"{name}.csv", "-fd", "1", "-trace_err", "-error_file", f"{name}.err"),
            *arguments,
        ],
        folder / f"{name}.log",
        cwd=folder,
    )


def _counted(folder: Path, name: str, column: str) -> str:
    """What a SIPp has counted."""
    with (folder / f"{name}.csv").open(encoding="utf-8") as lines:
        last = list(csv.DictReader(lines, delimiter=";"))[-1]
    return last[column]


def _length_s(folder: Path) -> float:
    """How long a call lasts, on average."""
    hours, minutes, seconds, microseconds = map(int, _counted(folder, "caller", "CallLength(C)").split(":"))
    return hours * 3600 + minutes * 60 + seconds + microseconds / 1e6


def _answer_times(folder: Path) -> tuple[float, float]:
    """INVITE to 200 in milliseconds: median and p99."""
    times: list[float] = []
    for path in folder.glob("caller_*_rtt.csv"):
        with path.open(encoding="utf-8") as lines:
            times += [float(row["response_time_ms"]) for row in csv.DictReader(lines, delimiter=";")]
    return median_and_p99(times)


def median_and_p99(times: list[float]) -> tuple[float, float]:
    """Of at least one; zeros of none."""
    times = sorted(times)
    return (times[len(times) // 2], times[len(times) * 99 // 100]) if times else (0.0, 0.0)


def _freed(folder: Path) -> Iterator[float]:
    """From each agent's hang-up (our 200 to it) to the next INVITE at the same phone, in milliseconds."""
    seats: dict[str, str] = {}
    free: defaultdict[str, float] = defaultdict(float)
    for line in (folder / "agent.messages").read_text("utf-8", "replace").splitlines():
        _, _, when, way, call, method, first = line.split("\t", 6)
        if way == "R" and first.startswith("INVITE"):
            seats[call] = first.partition("sip:")[2].partition("@")[0]
            if since := free.pop(seats[call], 0.0):
                yield (float(when) - since) * 1000
        elif way == "R" and method.endswith("BYE"):
            free[seats.get(call, "")] = float(when)
