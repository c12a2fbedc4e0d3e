"""Children of ours: each dies with us, has its own process group and its own log, and is stopped in stages.

It knows nothing of what runs in them.  A child is only ever signalled through the process that we started and have not
yet reaped, so a number that the system has given to somebody else is never hit.
"""

import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ivr.errors import Trouble

PR_SET_PDEATHSIG = 1  # prctl(2)
NICE = 10
POLL_S = 0.02

_libc = ctypes.CDLL(None, use_errno=True)  # resolved before any fork: nothing may be loaded between fork and exec


def give_way() -> None:
    """From now on this process, with all it starts, works only where calls leave the machine time."""
    os.nice(NICE)


def dies_with_us(death: signal.Signals) -> Callable[[], None]:
    """What a child runs between fork and exec: the kernel sends it `death` when the thread that started it ends.

    Start children from the main thread: Linux means the thread, not the process.
    """
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:  # we died before the kernel knew
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def ordinary_user() -> pwd.struct_passwd | None:
    """Whom a server runs as that refuses to be root: None when we are an ordinary user ourselves, else `nobody`."""
    return None if os.geteuid() else pwd.getpwnam("nobody")


class Child:
    """A running process that we started; its output goes to the end of `log`."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._popen = popen
        self._ended: asyncio.Future[int] | None = None
        self._pidfd = os.pidfd_open(popen.pid)
        self.started = time.monotonic()

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: pwd.struct_passwd | None = None,
        death: signal.Signals = signal.SIGKILL,
    ) -> "Child":
        """Start `argv`.  Raises `Trouble` when there is no such program, or no way to run it."""
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("ab") as out:
                popen = subprocess.Popen(
                    [str(each) for each in argv],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=dict(env) if env is not None else None,
                    cwd=cwd,
                    user=user.pw_uid if user else None,
                    group=user.pw_gid if user else None,
                    extra_groups=[] if user else None,
                    process_group=0,  # a terminal's Ctrl-C reaches us alone: we stop the others in order
                    preexec_fn=dies_with_us(death),  # noqa: PLW1509 - it calls one function, resolved beforehand
                )
        except FileNotFoundError as error:
            said = f"{name} could not be started: there is no {argv[0]}.  Install it, then start again."
            raise Trouble(said) from error
        except OSError as error:
            raise Trouble(f"{name} could not be started: {error.strerror} ({argv[0]}).") from error
        return cls(name, popen, log)

    @property
    def pid(self) -> int:
        """Its process id; meaningful while it is running."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    async def ended(self) -> int:
        """Its exit code, when it has ended; negative: the signal that ended it."""
        if (code := self._popen.poll()) is not None:
            self._forget()
            return code
        if self._ended is None:
            loop = asyncio.get_running_loop()
            self._ended = loop.create_future()
            loop.add_reader(self._pidfd, self._reap, loop, self._ended)
        return await asyncio.shield(self._ended)

    def _reap(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[int]) -> None:
        loop.remove_reader(self._pidfd)
        ended.set_result(self._popen.wait())
        self._forget()

    def _forget(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, unless it has ended."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """`kill -9` of the process and of all that is left of its group."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, *stages: tuple[signal.Signals, float]) -> int:
        """Ask in stages, (signal, seconds to wait) each, the last resort being `kill -9`; returns the exit code."""
        for number, within in stages or ((signal.SIGTERM, 5.0),):
            self.send(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    return await self.ended()
        self.kill()
        return await self.ended()

    async def ready(self, look: Callable[[], bool], within: float, what_now: str) -> None:
        """Return once `look()` is true.

        Raises `Trouble`, with the end of its log, when it ends first or takes longer than `within` seconds.
        """
        deadline = time.monotonic() + within
        while not look():
            if not self.running:
                raise Trouble(f"{self.name} ended at once (code {self._popen.poll()}): {what_now}{self.last_words()}")
            if time.monotonic() > deadline:
                raise Trouble(f"{self.name} was not ready within {within:.0f} s: {what_now}{self.last_words()}")
            await asyncio.sleep(POLL_S)

    def last_words(self, lines: int = 8) -> str:
        """The end of its log, indented, ready to be put behind a sentence."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 4096))
                tail = file.read().decode(errors="replace").splitlines()[-lines:]
        except OSError:
            return f"  (its log: {self.log})"
        return f"  The end of {self.log}:\n" + "\n".join(f"    {line}" for line in tail)
