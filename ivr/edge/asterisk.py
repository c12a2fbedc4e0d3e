"""Where Asterisk comes from: one that the machine has, if it is new enough, else Debian's packages in a cache of ours.

Nothing is installed and no root is needed: the unpacked Asterisk is run through its own loader, with its own libraries.
What it is configured to do is not known here.
"""

import asyncio
import contextlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.edge.locks import Held, lock
from ivr.edge.packages import unpack
from ivr.errors import Trouble

Progress = Callable[[str, float | None], None]
"""Told what is being done and how much of it is done, 0 to 1 (None: unknown)."""

Version = tuple[int, int, int]

# the fixes of GHSA-wcvv-g26m-wx5c and GHSA-vrfp-mg3q-3959, by branch
SAFE_SINCE: Mapping[int, Version] = {20: (20, 20, 1), 22: (22, 10, 1), 23: (23, 4, 1)}
BROKEN = ("22.11.0-rc1",)  # a client's PONG frame crashes it (asterisk#2085)
NEEDED_MODULES = ("chan_pjsip", "res_stasis", "res_ari_channels", "res_http_websocket", "app_queue", "app_mixmonitor")
NEEDED_MIB = 450  # 80 of packages, 270 unpacked, 20 of lists, and air
SUITE = "forky"  # the first Debian that carries Asterisk 22
REMEDY = "Install Asterisk 22.10.1 or newer, or name a folder that holds one in HOTLINE_ASTERISK, then start again."


@dataclass(frozen=True)
class Asterisk:
    """An Asterisk that can be run: `[*program, "-C", conf, "-f"]`."""

    version: str
    program: tuple[str, ...]
    modules: Path
    data: Path
    origin: str

    def works(self) -> bool:
        """Whether the modules that we need are there."""
        return all((self.modules / f"{name}.so").exists() for name in NEEDED_MODULES)


def safe(version: str) -> bool:
    """Whether a version, as `asterisk -V` says it, is known to have the security fixes that we rely on."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if not found or version.startswith(BROKEN):
        return False
    numbers = (int(found[1]), int(found[2]), int(found[3]))
    newest = max(SAFE_SINCE)
    return numbers >= SAFE_SINCE.get(numbers[0], (newest + 1, 0, 0))


def _version(program: tuple[str, ...]) -> str | None:
    """What `-V` says after the word Asterisk; None when it does not run."""
    try:
        said = subprocess.run([*program, "-V"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.removeprefix("Asterisk").strip() or None


def _first(*candidates: Path, holding: str) -> Path | None:
    return next((each for each in candidates if (each / holding).exists()), None)


def _under(prefix: Path, program: tuple[str, ...], origin: str) -> Asterisk | None:
    """The Asterisk whose files lie under `prefix`, if it is whole."""
    triplet = f"{platform.machine()}-linux-gnu"
    libraries = ("usr/lib/" + triplet, "usr/lib", "usr/lib64", "lib/" + triplet, "lib", "lib64")
    modules = _first(*(prefix / each / "asterisk/modules" for each in libraries), holding="chan_pjsip.so")
    shares = ("usr/share/asterisk", "share/asterisk", "var/lib/asterisk", "../var/lib/asterisk")  # the last: of /usr
    data = _first(*(prefix / each for each in shares), holding="documentation")
    version = _version(program)
    if not (modules and data and version):
        return None
    asterisk = Asterisk(version, program, modules, data, origin)
    return asterisk if asterisk.works() else None


def unpacked(root: Path) -> Asterisk | None:
    """The Asterisk of Debian's packages unpacked into `root`, run through the loader that came with it."""
    libraries = root / "usr/lib" / f"{platform.machine()}-linux-gnu"
    loader = next(iter(sorted(libraries.glob("ld-linux*.so.*"))), None)
    if loader is None:
        return None
    program = (str(loader), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"))
    return _under(root, program, str(root))


def named(folder: Path) -> Asterisk:
    """The Asterisk that HOTLINE_ASTERISK names: unpacked packages, or a prefix it was installed under."""
    found = unpacked(folder)
    for where in ("usr/sbin", "sbin"):
        if not found and (folder / where / "asterisk").exists():
            found = _under(folder, (str(folder / where / "asterisk"),), str(folder))
    if not found:
        raise Trouble(f"HOTLINE_ASTERISK names {folder}, which holds no Asterisk that runs here.  {REMEDY}")
    if not safe(found.version):
        raise Trouble(f"the Asterisk in {folder} is {found.version}, which has known holes.  {REMEDY}")
    return found


def _place() -> str | None:
    """Where the program of this machine is."""
    return shutil.which("asterisk", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def installed() -> Asterisk | None:
    """The Asterisk of this machine, if it is safe and whole."""
    place = _place()
    found = _under(Path(place).resolve().parent.parent, (place,), "installed") if place else None
    return found if found and safe(found.version) else None


def passed_over() -> str:
    """Why the Asterisk of this machine is not used, as a sentence; empty where it is, or where there is none."""
    place = _place()
    if not place or installed():
        return ""
    version = _version((place,)) or "unknown"
    why = "parts of it are missing" if safe(version) else f"version {version} is too old, or has known holes"
    return f"the Asterisk of this machine, {place}, is not used: {why}."


def caches(state: Path) -> tuple[Path, ...]:
    """Where an unpacked Asterisk may lie: shared by all houses of this user, else beside the state directory."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - may have no home
    return (Path(home) / "hotline", state / "cache")


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


async def find(state: Path, progress: Progress) -> Asterisk:
    """An Asterisk: named, installed, in a cache, or downloaded now.  Raises `Trouble`."""
    if place := os.environ.get("HOTLINE_ASTERISK"):
        return named(Path(place).expanduser())
    if found := installed():
        return found
    name = f"asterisk-{SUITE}-{platform.machine()}"
    for cache in caches(state):
        if (found := unpacked(cache / name)) and safe(found.version):
            return found
    for cache in filter(_writable, caches(state)):
        return await download(cache, name, progress)
    raise Trouble(f"{state} cannot be written: choose another place with --state or HOTLINE_STATE.")


@contextlib.asynccontextmanager
async def _alone(path: Path, progress: Progress) -> AsyncIterator[None]:
    """Hold a lock file; whoever waits says so."""
    while True:
        try:
            with lock(path):
                yield
                return
        except Held:
            progress("another set-up is downloading it: waiting", None)
            await asyncio.sleep(0.2)


async def download(cache: Path, name: str, progress: Progress) -> Asterisk:
    """Unpack Debian's Asterisk into `cache/name`: whole, or not at all.  Others wait, and find it."""
    root = cache / name
    async with _alone(cache / f"{name}.lock", progress):
        found = unpacked(root)
        if not found or not safe(found.version):
            await _fill(cache, root, progress)
            found = unpacked(root)
    if not found:
        raise Trouble(f"Debian's Asterisk, unpacked into {root}, does not run on this machine.  {REMEDY}")
    if not safe(found.version):
        raise Trouble(f"Debian's mirror has Asterisk {found.version}, which has known holes.  {REMEDY}")
    return found


async def _fill(cache: Path, root: Path, progress: Progress) -> None:
    for left in cache.glob(".unpacking-*"):  # by one that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    free = shutil.disk_usage(cache).free >> 20
    if free < NEEDED_MIB:
        raise Trouble(f"Asterisk needs {NEEDED_MIB} MiB, and {cache} has {free}: make room, then start again.")
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=cache) as scratch:
        work = Path(scratch)
        await unpack("asterisk", SUITE, work, REMEDY, progress)
        if root.exists():
            root.rename(work / "old")
        (work / "root").chmod(0o755)
        (work / "root").rename(root)
