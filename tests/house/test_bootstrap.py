"""`scripts/run` before there is a `.venv`, in a small tree that needs one package, which an index of ours sends.

Whatever goes wrong is a sentence with its remedy; one that is ended midway leaves nothing, and the next one goes on.
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pip
import psutil
import pytest

from tests.asterisk.servers import free_port
from tests.asterisk.waiting import holds
from tests.reading import ROOT

WITHIN = 60.0
AS_A_TERMINAL = (shutil.which("env") or "env", "--default-signal=INT,HUP")  # whoever runs us may ignore them
COPIED = ("scripts/run", "scripts/find-python.sh", "scripts/bootstrap.py", "pyproject.toml")
HOUSE = """
import small

def main() -> None:
    print("the house opens with", small.__name__)
"""
SMALL = "small-1.0-py3-none-any.whl"
LARGE_MIB = 40
NEEDS = "Python 3.11 to 3.14 is needed, and this machine has %s: install one ("
PACKAGE = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
NO_ENSUREPIP = """
import sys

class Without:
    def __init__(self, finder):
        self.find_spec = lambda name, *given: None if name == "ensurepip" else finder.find_spec(name, *given)

sys.meta_path[:] = map(Without, sys.meta_path)
"""


def wheel(size: int = 0) -> bytes:
    """The package `small`, with so many bytes of zeros in it."""
    told = "small-1.0.dist-info"
    files = {
        "small.py": b"",
        "zeros": bytes(size),
        f"{told}/METADATA": b"Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        f"{told}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{told}/RECORD"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | {f"{told}/RECORD": record.encode()}).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # of no moment: the same each time
    return packed.getvalue()


class Index:
    """A package index that has `small`, and sends it while its door is open."""

    def __init__(self, sends: bytes) -> None:
        self.sends = sends
        self.door = threading.Event()
        self.door.set()
        self.asked: list[str] = []

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Its address meanwhile."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Asked, self))
        serves = threading.Thread(target=server.serve_forever, args=(0.02,))
        serves.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.door.set()
            server.shutdown()
            serves.join()
            server.server_close()


class Asked(BaseHTTPRequestHandler):
    """One request to an index."""

    def __init__(self, index: Index, *connection: object) -> None:
        self.index = index
        super().__init__(*connection)  # type: ignore[arg-type]  # as socketserver hands it over

    def do_GET(self) -> None:
        self.index.asked.append(self.path)
        self.index.door.wait(WITHIN)
        is_file = self.path.endswith(SMALL)
        answer = self.index.sends if is_file else f'<!DOCTYPE html><a href="/{SMALL}">{SMALL}</a>'.encode()
        with contextlib.suppress(OSError):  # whoever asked was ended
            self.send_response(200)
            self.send_header("Content-Type", "application/zip" if is_file else "text/html")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@dataclass(frozen=True)
class Tree:
    """A clone in which nothing is set up yet."""

    root: Path
    environment: Mapping[str, str]
    started: contextlib.ExitStack

    def start(self, **more: str) -> subprocess.Popen[str]:
        """`scripts/run`, in a terminal of its own."""
        return self.under(self.root / "scripts" / "run", **more)

    def under(self, *command: str | Path, **more: str) -> subprocess.Popen[str]:
        """Another command in the same environment."""
        process = subprocess.Popen(
            [*AS_A_TERMINAL, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self.environment, **more},
            start_new_session=True,
        )
        self.started.enter_context(process)
        self.started.callback(process.terminate)  # at the end; all of them have ended by then
        return process

    def locks(self, package: bytes) -> None:
        """From now on its lock file names this package."""
        digest = hashlib.sha256(package).hexdigest()
        (self.root / "requirements.lock").write_text(f"small==1.0 \\\n    --hash=sha256:{digest}\n")

    def has_a_venv(self) -> None:
        """`.venv` is there, with a pip and nothing else: the pip that runs here, as to make one takes seconds."""
        made = self.root / ".venv"
        venv.create(made, symlinks=True)
        site = next(made.glob("lib/python*/site-packages"))
        shutil.copytree(Path(pip.__file__).parent, site / "pip")
        (made / "bin" / "pip").touch()


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    root = tmp_path / "a clone"
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / "ivr").mkdir()
    (root / "ivr" / "main.py").write_text(HOUSE)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}",  # nobody listens there
    }
    with contextlib.ExitStack() as started:
        tree = Tree(root, environment, started)
        tree.locks(wheel())
        yield tree


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code, and all that it has said."""
    said, _ = process.communicate(timeout=WITHIN)
    assert "Traceback" not in said
    return process.returncode, said


def next_line(process: subprocess.Popen[str]) -> str:
    """The next line that it says."""
    assert process.stdout
    return process.stdout.readline()


def started_by(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """What it has started, and what those have."""
    return psutil.Process(process.pid).children(recursive=True)


def is_interrupted(process: subprocess.Popen[str], number: signal.Signals, when: Callable[[], object]) -> int:
    """Its exit code; `when` comes to be true, then it gets the signal, and nothing that it has started is left."""
    assert holds(lambda: bool(when()), WITHIN)
    started = started_by(process)
    assert started
    os.killpg(process.pid, number)  # as a terminal does
    code, _ = ended(process)
    assert holds(lambda: not any(each.is_running() for each in started), WITHIN), started
    return code


@pytest.mark.slow
def test_a_set_up_that_is_ended_leaves_nothing_and_two_that_follow_make_it_once(tree: Tree) -> None:
    index = Index(wheel())
    with index.serving() as address:
        start = partial(tree.start, PIP_INDEX_URL=address)
        first = start()
        assert next_line(first).startswith("  making .venv with Python ")
        assert is_interrupted(first, signal.SIGTERM, lambda: len(started_by(first)) > 1) == 128 + signal.SIGTERM
        index.door.clear()
        assert is_interrupted(start(), signal.SIGINT, lambda: index.asked) == 128 + signal.SIGINT
        index.asked.clear()
        one = start()
        assert holds(lambda: bool(index.asked), WITHIN)
        other = start()
        assert next_line(other) == "  another set-up is running here: waiting for it …\n"
        index.door.set()
        code, said = ended(one)
        assert (code, said.splitlines()[-1]) == (0, "the house opens with small")
        assert ".venv is ready" in said
        assert "making .venv" not in said  # the second one had made it
        assert ended(other) == (0, "the house opens with small\n")
        assert len(index.asked) == 2  # a page, a file
    assert ended(start()) == (0, "the house opens with small\n")  # without an index


def test_a_command_that_is_interrupted_while_it_is_loaded_says_nothing(tree: Tree) -> None:
    tree.has_a_venv()
    (tree.root / "ivr" / "main.py").write_text(
        "import threading\nprint('loads', flush=True)\nthreading.Event().wait()\n"
    )
    with Index(wheel()).serving() as address:
        process = tree.start(PIP_INDEX_URL=address)
        assert "loads\n" in iter(partial(next_line, process), "")
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == (128 + signal.SIGINT, "")


def test_without_a_network_it_says_so(tree: Tree) -> None:
    tree.has_a_venv()
    code, said = ended(tree.start())
    assert code == 1
    assert "the packages of requirements.lock could not be installed: is there a network, and a way to PyPI?" in said


def test_another_file_than_was_locked_is_not_installed(tree: Tree) -> None:
    tree.has_a_venv()
    with Index(wheel(size=1)).serving() as address:
        code, said = ended(tree.start(PIP_INDEX_URL=address))
    assert code == 1
    assert "what the package index sent is not what requirements.lock names (its hash differs)" in said
    assert "is there a network" not in said
    assert not [*tree.root.glob(".venv/lib/*/site-packages/small*")]


def on_a_disk_of(mib: int, tree: Tree, folder: Path, **more: str) -> subprocess.Popen[str]:
    """`scripts/run` of a copy of the tree in `folder`, a disk of so many MiB that is gone with it."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us mount nothing")
    folder.mkdir()
    script = 'mount -t tmpfs -o size="$1" none "$3" && cp -a "$2/." "$3" && exec "$3/scripts/run"'
    return tree.under("unshare", "-rm", "sh", "-c", script, "sh", f"{mib}m", tree.root, folder, **more)


def test_a_disk_that_is_full_from_the_start_is_told_before_anything_is_made(tree: Tree, tmp_path: Path) -> None:
    code, said = ended(on_a_disk_of(8, tree, tmp_path / "a full disk"))
    assert code == 1
    assert re.match("scripts/run: the set-up needs [0-9]{3} MiB: 7 MiB are free in ", said)
    assert said.endswith("Make room, then start again.\n")
    assert said.count("\n") == 1


def test_a_disk_that_fills_up_on_the_way_is_told(tree: Tree, tmp_path: Path) -> None:
    large = wheel(LARGE_MIB << 20)
    tree.has_a_venv()
    tree.locks(large)
    with Index(large).serving() as address:
        code, said = ended(on_a_disk_of(LARGE_MIB, tree, tmp_path / "a full disk", PIP_INDEX_URL=address))
    assert code == 1
    assert "scripts/run: the disk is full: " in said
    assert "Make room, then start again." in said
    assert "is there a network" not in said


def tools(folder: Path, **programs: str) -> str:
    """A PATH with nothing but these, each by its lines of shell, and what `scripts/run` itself is written with."""
    folder.mkdir()
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    for name, lines in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def python_of(version: str) -> str:
    """A Python that takes itself for another version; it only says so when it shall run something."""
    numbers = f"({version.replace('.', ', ')}, 'final', 0)"
    tells = f"import sys; sys.version_info = {numbers}; exec(sys.argv[1])"
    return f"""case "$1" in
        -V) echo "Python {version}" ;;
        -c) exec '{sys.executable}' -c "{tells}" "$2" ;;
        *) echo "Python {version} runs $2" ;;
    esac"""


@pytest.mark.parametrize(
    ("there", "says"),
    [
        ({}, NEEDS % "none"),
        ({"python3": "3.9.2"}, NEEDS % "Python 3.9.2"),
        ({"python3": "3.15.0"}, NEEDS % "Python 3.15.0"),
        ({"python3": "3.9.2", "python3.13": "3.13.1"}, "Python 3.13.1 runs run"),
    ],
)
def test_a_python_that_suits_is_found_or_asked_for(
    tree: Tree, tmp_path: Path, there: Mapping[str, str], says: str
) -> None:
    path = tools(tmp_path / "bin", **{name: python_of(version) for name, version in there.items()})
    code, said = ended(tree.start(PATH=path))
    assert said.startswith(says)
    assert said.count("\n") == 1
    assert code == said.startswith("Python 3.11 to 3.14 is needed")


@pytest.fixture
def without_venv(tree: Tree, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """`scripts/run` on a Debian without python3-venv, with these programs."""
    (tmp_path / "sitecustomize.py").write_text(NO_ENSUREPIP)
    python = f"exec '{sys.executable}' \"$@\""

    def start(**programs: str) -> subprocess.Popen[str]:
        return tree.start(PATH=tools(tmp_path / "bin", python3=python, **programs), PYTHONPATH=str(tmp_path))

    return start


def test_a_missing_venv_module_is_asked_for(without_venv: Callable[..., subprocess.Popen[str]]) -> None:
    code, said = ended(without_venv())
    assert code == 1
    missing = f"Python's venv module is missing: sudo apt-get install {PACKAGE}, then start again."
    assert said.endswith(f"\nscripts/run: {missing}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs it")
def test_root_has_the_venv_module_installed_and_hears_why_that_fails(
    without_venv: Callable[..., subprocess.Popen[str]],
) -> None:
    code, said = ended(without_venv(**{"apt-get": 'echo "apt-get $*"; [ "$1" = update ]'}))
    assert code == 1
    assert f"scripts/run: {PACKAGE} could not be installed: look at apt-get's words, install it by hand" in said
    assert f"apt-get install -q -y --no-install-recommends {PACKAGE}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs it")
def test_what_installs_the_venv_module_ends_with_the_set_up(
    without_venv: Callable[..., subprocess.Popen[str]],
) -> None:
    process = without_venv(**{"apt-get": "/bin/sleep 600 & wait"})
    assert [next_line(process).split()[0] for _ in range(2)] == ["making", "installing"]
    assert is_interrupted(process, signal.SIGHUP, lambda: len(started_by(process)) > 1) == 128 + signal.SIGHUP
