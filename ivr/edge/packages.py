"""Debian packages, unpacked into a folder with a package state of their own: nothing is installed, root is not needed.

The mirror is one of those that the machine uses already; what comes from it is checked with Debian's own keyring.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from ivr.edge.processes import dies_with_us
from ivr.errors import Trouble

Progress = Callable[[str, float | None], None]

APT = Path("/etc/apt")
KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")
EXPIRED = "Release file for .* is expired"
UNPACKERS = 2

# The machine's own settings hold (a proxy, a mirror's password), but for its sources, its state and its hooks
SETTINGS = """
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear APT::Architectures;
Dir::Etc::sourcelist "{work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{work}/state";
Dir::State::lists "{work}/lists";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Log "{work}/log";
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
"""


class Failed(Exception):
    """A command ended with another code than 0; `said` is all that it printed."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said

    def reason(self) -> str:
        """Its first complaint, on one line."""
        complaints = [line for line in self.said.splitlines() if line.startswith(("E:", "Err:", "W:", "dpkg"))]
        return (complaints or self.said.splitlines() or ["it said nothing"])[0]


async def run(*argv: str | Path, heard: Callable[[str], None] = lambda _line: None) -> list[str]:
    """All lines that a command prints; `heard` gets each as it comes.

    Raises `Failed` when it does.  It dies with us, and is killed when we are cancelled.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            process_group=0,
            preexec_fn=dies_with_us(signal.SIGKILL),
        )
    )
    said: list[str] = []
    try:
        process = await asyncio.shield(starting)
        while process.stdout and (line := await process.stdout.readline()):
            said.append(line.decode(errors="replace").rstrip())
            heard(said[-1])
        await process.wait()
    except asyncio.CancelledError:
        process = await starting  # cancelled before it ran, it has children all the same
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode:
        raise Failed("\n".join(said))
    return said


def keyring() -> Path:
    """Debian's own keys.  Raises `Trouble`."""
    for name in KEYRINGS:
        if (found := Path("/usr/share/keyrings", name)).exists():
            return found
    raise Trouble("Debian's keys are not on this machine: apt-get install debian-archive-keyring, then start again.")


async def mirrors() -> list[str]:
    """The Debian mirrors that this machine's apt uses, surest first."""
    form = "$(REPO_URI)|$(ORIGIN)|$(LABEL)|$(RELEASE)"
    rows = [row.split("|") for row in await run("apt-get", "indextargets", "--format", form, "Created-By: Packages")]
    known = [uri for uri, origin, label, _ in rows if (origin, label) == ("Debian", "Debian")]
    # before the first `apt-get update` of a machine nothing is known but the addresses; the keys decide
    likely = [uri for uri, origin, _, release in rows if not origin and "security" not in uri + release]
    likely = likely or written(APT)
    return list(dict.fromkeys(uri for uri in known + likely if uri.startswith(("http", "file", "mirror", "copy"))))


def written(apt: Path) -> list[str]:
    """The addresses that apt's own files name; Debian 12's tells of none before its lists are there."""
    files = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()]
    named = re.findall(r"^(?:deb\s+(?:\[[^]]*]\s+)?|URIs:\s*)(\S+)", "\n".join(texts), re.MULTILINE)
    return [uri for uri in dict.fromkeys(named) if "security" not in uri]


class Private:
    """A package state of our own in the folder `work`, reading one suite."""

    def __init__(self, work: Path, suite: str, remedy: str, progress: Progress) -> None:
        self.work = work
        self.suite = suite
        self.remedy = remedy
        self.progress = progress
        for folder in ("lists/partial", "cache/archives/partial", "state", "log", "root"):
            (work / folder).mkdir(parents=True)
        (work / "status").touch()
        (work / "apt.conf").write_text(SETTINGS.format(work=work))

    async def apt(self, *arguments: str, doing: str) -> list[str]:
        """Run apt-get on this state, telling how far it is."""

        def heard(line: str) -> None:
            if found := re.match(r"dlstatus:\d+:([\d.]+):", line):
                self.progress(doing, float(found[1]) / 100)

        return await run("apt-get", "-c", self.work / "apt.conf", "-o", "APT::Status-Fd=1", *arguments, heard=heard)

    async def update(self) -> None:
        """Read the suite's list from the first mirror that has it.  Raises `Trouble`."""
        why = "no Debian mirror is in this machine's apt sources"
        for uri in await mirrors():
            source = f"deb [signed-by={keyring()}] {uri} {self.suite} main\n"
            (self.work / "sources.list").write_text(source)
            try:
                return await self._update()
            except Failed as failed:
                why = failed.reason()
        raise Trouble(f"Debian's packages cannot be had ({why}): is there a network?  {self.remedy}")

    async def _update(self) -> None:
        strict = ("-o", "APT::Update::Error-Mode=any", "update")
        try:
            await self.apt(*strict, doing="reading Debian's list")
        except Failed as failed:
            if not re.search(EXPIRED, failed.said):
                raise
            self.progress("this machine's clock is ahead of the mirror: going on with its list, signed by Debian", None)
            await self.apt("-o", "Acquire::Check-Valid-Until=false", *strict, doing="reading Debian's list")

    async def unpack(self, package: str) -> None:
        """Download the package and all that it needs, and unpack everything into `root`."""
        await self.apt("install", "--download-only", package, doing="downloading")
        archives = sorted((self.work / "cache/archives").glob("*.deb"))
        done = 0
        turns = asyncio.Semaphore(UNPACKERS)

        async def one(archive: Path) -> None:
            nonlocal done
            async with turns:
                await run("dpkg", "-x", archive, self.work / "root")
            done += 1
            self.progress(f"unpacking {len(archives)} packages", done / len(archives))

        async with asyncio.TaskGroup() as group:
            for archive in archives:
                group.create_task(one(archive), name=f"unpack:{archive.name}")


async def unpack(package: str, suite: str, work: Path, remedy: str, progress: Progress) -> None:
    """Unpack a package of the Debian `suite`, with all that it needs, into `work/root`.  Raises `Trouble`."""
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise Trouble(f"{tool} is not on this machine, so Debian's packages cannot be unpacked.  {remedy}")
    state = Private(work, suite, remedy, progress)
    try:
        await state.update()
        await state.unpack(package)
    except Failed as failed:
        raise Trouble(f"Debian's package {package} could not be unpacked ({failed.reason()}).  {remedy}") from failed
    except ExceptionGroup as group:
        raise Trouble(f"Debian's package {package} could not be unpacked ({group.exceptions[0]}).  {remedy}") from group
