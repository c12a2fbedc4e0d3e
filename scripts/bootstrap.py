"""Make `.venv` from the lock file, once, and go on in it.  Standard library only: nothing else is here yet.

    bootstrap.py run [ARGUMENTS]     what runs the house, then `hotline up ARGUMENTS`
    bootstrap.py check [ARGUMENTS]   what tests it too, then lint, types and the fast tests
    bootstrap.py test [ARGUMENTS]    the same, then lint, types and every test
    bootstrap.py seed N              the same, then one simulated morning, line by line
    bootstrap.py bench [ARGUMENTS]   what runs the house, then `scripts/bench.py ARGUMENTS`

A stamp in `.venv` says what it was made from, so the second time costs nothing.  Two at once wait for each other.
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
COVERS = {"run": ("run",), "dev": ("run", "dev")}  # whoever has what tests the house has what runs it
PURE = "tests/routing"  # they alone must take every branch of routing/: what decides is not tried by the way
REAL_TIME = ("tests/contract", "tests/asterisk")  # a real Asterisk, its seconds, and sound
HOUSES = 3  # side by side: most of a call is waiting, but those that are busy are in each other's way (mark `alone`)
WORKERS = min(len(os.sched_getaffinity(0)), 8)  # with twice as many, some tests failed on a busy machine
NEEDED_MIB = 850  # what .venv grows to, and pip's temporary copies
UNUSED = ("schemathesis", "anyio", "pytest_cov")  # by the fast tests: to load them takes each process a second
QUICK = ("-n", str(WORKERS), "-m", "not slow and not asterisk", "--hypothesis-profile", "check")
FAST = (
    "tests/routing",
    "tests/calls",
    "tests/test_architecture.py",
    "tests/test_docs.py",
)

# `#!` cannot name a path with spaces, so the shell reads the first lines, and Python takes them for a string
COMMAND = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

try:
    from ivr.main import main
except KeyboardInterrupt:  # to load all of it takes half a second
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
"""


class Trouble(Exception):
    """Why it cannot go on, and what to do: one plain sentence."""


def say(text: str) -> None:
    """Tell the person what is being done."""
    print(f"  {text}", flush=True)


def stamp(kind: str) -> str:
    """What a `.venv` of this kind is made from: lock, these lines, Python and place."""
    made_from = hashlib.sha256()
    for part in (
        (ROOT / LOCKS[kind]).read_bytes(),
        Path(__file__).read_bytes(),
        sys.version.encode(),
        os.fsencode(ROOT),
    ):
        made_from.update(part + b"\0")
    return f"{kind} {made_from.hexdigest()}"


def stamps() -> list[str]:
    """What `.venv` says that it has."""
    try:
        return (VENV / "stamp").read_text().splitlines()
    except OSError:
        return []


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One set-up at a time in this tree; the lock is on the folder itself, so it leaves nothing behind."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running here: waiting for it …")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM, and SIGHUP unless it is ignored, end us by an exception meanwhile, as Ctrl-C does."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    before = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}  # by nohup
    for number in before:
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def running(argv: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    """A command, whose words are its `stdout`; should anything end us meanwhile, all that it has started ends first."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,  # venv starts a pip of its own
    ) as process:
        try:
            yield process
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            raise


def call(argv: Sequence[str | Path], trouble: str) -> None:
    """Run a command quietly; if it fails, show the end of what it said, and `trouble`."""
    with running(argv) as process:
        said, _ = process.communicate()
    if process.returncode:
        tail = "\n".join(said.splitlines()[-12:])
        raise Trouble(f"{trouble}\n\n{tail}" if tail else trouble)


def install_venv_module() -> None:
    """Get Debian's python3-venv, without which Python makes no `.venv`."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Trouble(f"Python's venv module is missing: sudo apt-get install {package}, then start again.")
    say(f"installing Debian's {package} …")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    failed = f"{package} could not be installed: look at apt-get's words, install it by hand, then start again."
    call(["apt-get", "update", "-q"], failed)
    call(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], failed)


def make_venv() -> None:
    """A new `.venv` with pip, in place of whatever was there."""
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        install_venv_module()
    call([sys.executable, "-m", "venv", "--clear", VENV], f"{VENV} could not be made.")


def works() -> bool:
    """Whether `.venv` is there, was made by this Python, for this place, and has a pip."""
    if not PYTHON.exists() or not (VENV / "bin" / "pip").exists():
        return False
    ask = "import sys; print(sys.version, sys.prefix, sep='\\n')"
    said = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=False).stdout
    return said.strip() == f"{sys.version}\n{VENV}".strip()


def install(lock: str) -> None:
    """Install what the lock file names, each file checked against its hash, and say how far it is."""
    total = len(re.findall(r"^[A-Za-z0-9]", (ROOT / lock).read_text(), re.MULTILINE))
    # The lock is complete.  Left to look for dependencies, pip would take `coverage[toml]` for a name of its own, and
    # fail on the day on which PyPI has a newer one than is locked.
    checked = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
    quiet = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    argv: list[str | Path] = [PYTHON, "-m", "pip", "install", *checked, *quiet, "-r", ROOT / lock]
    heard: list[str] = []
    seen = 0
    with running(argv) as pip:
        for line in pip.stdout or ():
            heard.append(line.rstrip())
            if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied")):
                seen += 1
                if seen % 10 == 0:
                    say(f"  {seen} of {total}")
            elif line.startswith("Installing collected"):
                say("  installing …")
    if pip.returncode:
        raise Trouble("\n".join([why(lock, "\n".join(heard)), "", *heard[-12:]]))


def why(lock: str, said: str) -> str:
    """Why pip could not install the packages of a lock file, as a sentence with what to do."""
    if "DO NOT MATCH THE HASHES" in said:
        return (
            f"what the package index sent is not what {lock} names (its hash differs), and nothing was installed: "
            "start again, and if it stays so, choose another index (pip config list names the one in use)."
        )
    if f"[Errno {errno.ENOSPC}]" in said:
        return f"the disk is full: {disk()}  Make room, then start again."
    return f"the packages of {lock} could not be installed: is there a network, and a way to PyPI?  {disk()}"


def disk() -> str:
    """How much room there is, as a sentence."""
    return f"{shutil.disk_usage(ROOT).free >> 20} MiB are free in {ROOT}."


def link() -> None:
    """Make this tree importable, and `hotline` a command: what an editable install does, without building anything."""
    site = VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "hotline.pth").write_text(f"{ROOT}\n")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for old in site.glob("hotline-*.dist-info"):
        shutil.rmtree(old)
    told = site / f"hotline-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hotline\nVersion: {version}\n")
    command = VENV / "bin" / "hotline"
    command.write_text(COMMAND.format(python=PYTHON))
    command.chmod(0o755)


def set_up(kind: str) -> None:
    """Bring `.venv` to what `kind` needs; nothing to do when the stamp says so."""
    if stamp(kind) in stamps() and PYTHON.exists():
        return
    with alone():
        if stamp(kind) in stamps() and PYTHON.exists():
            return
        began = time.monotonic()
        if not works():
            if shutil.disk_usage(ROOT).free >> 20 < NEEDED_MIB:
                raise Trouble(f"the set-up needs {NEEDED_MIB} MiB: {disk()}  Make room, then start again.")
            say(f"making .venv with Python {sys.version.split()[0]} …")
            make_venv()
        (VENV / "stamp").unlink(missing_ok=True)
        say(f"installing what {LOCKS[kind]} names …")
        install(LOCKS[kind])
        link()
        (VENV / "stamp").write_text("".join(f"{stamp(each)}\n" for each in COVERS[kind]))
        say(f".venv is ready ({time.monotonic() - began:.0f} s)")


def environment() -> dict[str, str]:
    """Ours, with `.venv` first on the path and nothing of another Python's.

    Compiled code is kept, whatever the shell says: the tests start some hundred processes, and each would compile the
    house anew.
    """
    others = {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    ours = {name: value for name, value in os.environ.items() if name not in others}
    return ours | {"VIRTUAL_ENV": str(VENV), "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def step(title: str, *argv: str | Path) -> None:
    """One check; ends everything with its exit code when it fails."""
    if code := ran(title, *argv):
        sys.exit(code if code > 0 else 1)


def ran(title: str, *argv: str | Path) -> int:
    """The exit code of one check."""
    print(f"== {title}", flush=True)
    began = time.monotonic()
    code = subprocess.run([PYTHON, "-m", *argv], cwd=ROOT, env=environment(), check=False).returncode
    if code:
        print(f"== {title}: failed", flush=True)
    else:
        say(f"{time.monotonic() - began:.1f} s")
    return code


def read() -> None:
    """What is found without running anything: lint, layout, types."""
    step("lint", "ruff", "check")
    step("layout", "ruff", "format", "--check")
    step("types", "mypy")


def check(*arguments: str) -> None:
    """Lint, types and the fast tests."""
    read()
    step("fast tests", "pytest", "-q", *QUICK, *(f"-pno:{plugin}" for plugin in UNUSED), *(arguments or FAST))


def test(*arguments: str) -> None:
    """Lint, types, every test, and that those of routing/ take every branch of it."""
    read()
    if arguments:
        step("tests", "pytest", *arguments)
        return
    options = ("-n", str(WORKERS), "--dist", "worksteal")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COVERAGE_FILE"] = f"{scratch}/coverage"
        step("what decides", "pytest", PURE, *options, "--cov", "--cov-report=term-missing:skip-covered")
    step("what acts", "pytest", "tests", *(f"--ignore={folder}" for folder in (PURE, *REAL_TIME)), *options)
    shaky = [
        *real("a real Asterisk", "not alone", "-n", str(HOUSES), "--dist", "loadfile"),
        *real("a real Asterisk, busy", "alone"),
    ]
    if shaky:
        print(f"== ATTENTION: {len(shaky)} failed at a real Asterisk, and passed when tried once more:", flush=True)
        for name in shaky:
            say(name)


def real(title: str, marks: str, *options: str) -> list[str]:
    """Tests at a real Asterisk; the names of those that failed, and passed when tried once more, by themselves.

    They live in real time, and calls are judged by ear: on a machine that is busy with something else, a scene can come
    apart without a fault of ours.
    """
    if not ran(title, "pytest", *REAL_TIME, "-m", marks, *options):
        return []
    known = json.loads((ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed").read_text())
    failed = [name for name in known if name.startswith(REAL_TIME)]
    step("what failed there, once more", "pytest", *REAL_TIME, "-m", marks, "--last-failed")
    return failed


def main() -> None:
    """Set up, then become the command."""
    command, *arguments = sys.argv[1:]
    try:
        with ended_by_signals():
            set_up("run" if command in {"run", "bench"} else "dev")
        match command:
            case "run":
                hotline = VENV / "bin" / "hotline"
                os.execve(PYTHON, [str(PYTHON), str(hotline), "up", *arguments], environment())  # noqa: S606
            case "check":
                check(*arguments)
            case "test":
                test(*arguments)
            case "seed":
                os.environ.setdefault("PYTHONHASHSEED", "random")  # it must not matter
                os.execve(PYTHON, [str(PYTHON), "-m", "tests.calls.replay", *arguments], environment())  # noqa: S606
            case "bench":
                bench = ROOT / "scripts" / "bench.py"
                os.execve(PYTHON, [str(PYTHON), str(bench), *arguments], environment())  # noqa: S606
            case other:
                sys.exit(f"{other!r} is not known here: run, check, test, seed or bench.")
    except Trouble as trouble:
        sys.exit(f"scripts/{command}: {trouble}")
    except OSError as error:
        sys.exit(f"scripts/{command}: {error.strerror}: {error.filename or ROOT}.  {disk()}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
