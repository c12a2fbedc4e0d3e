"""A server that dies is started again at once, one that hangs is killed, one that is stopped stays so."""

import asyncio
import contextlib
import errno
import io
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from rich.console import Console

from ivr.edge.processes import Child
from ivr.errors import Trouble
from ivr.house import keeper
from ivr.house.house import House
from ivr.house.keeper import Keeper, Server
from ivr.house.report import Report
from tests.asterisk.waiting import eventually, passes

if TYPE_CHECKING:
    from ivr.house.settings import Settings

SOON = 10.0


async def is_ready(child: Child, flag: Path) -> None:
    await child.ready(flag.exists, SOON, "")
    flag.unlink()


def server(folder: Path, program: str, healthy: bool | None = None, deaf_after: float = 8.0) -> Server:
    async def answer() -> None:
        if not healthy:
            raise ConnectionRefusedError

    return Server(
        name="the server",
        launch=lambda: Child.start("the server", ["sh", "-c", program], folder / "log", cwd=folder),
        ready=lambda child: is_ready(child, folder / "ready"),
        healthy=None if healthy is None else answer,
        deaf_after=deaf_after,
    )


@contextlib.asynccontextmanager
async def kept(what: Server, news: list[str]) -> AsyncIterator[Keeper]:
    one = Keeper(what, news.append, lambda: None)
    await one.start()
    keeping = asyncio.create_task(one.keep())
    try:
        yield one
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        await one.stop()


async def test_a_killed_server_is_started_again_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "BACK_OFF_S", (keeper.BACK_OFF_S[0], 3600.0))
    news: list[str] = []
    async with kept(server(tmp_path, "touch ready; exec sleep 60"), news) as one:
        first = one.pid
        assert first
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: len(news) > 1, SOON, "the second start")
        assert one.pid not in {None, first}
        assert news[0] == "the server was ended by SIGKILL; starting it again"
    assert one.pid is None


async def test_a_server_that_dies_at_once_again_and_again_is_tried_more_and_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "BACK_OFF_S", (0.0, 0.05, 0.2))
    news: list[str] = []
    program = "[ -e born ] && exit 7; touch born ready; exec sleep 60"
    async with kept(server(tmp_path, program), news) as one:
        began = time.monotonic()
        assert one.pid
        os.kill(one.pid, signal.SIGKILL)
        await eventually(lambda: len(news) > 4, SOON, "four attempts")
        assert time.monotonic() - began > 0.05 + 0.2 + 0.2
        assert "ended at once (code 7)" in news[1]


async def test_a_server_that_does_not_answer_is_killed(tmp_path: Path) -> None:
    news: list[str] = []
    async with kept(server(tmp_path, "touch ready; exec sleep 60", healthy=False, deaf_after=0.1), news):
        await eventually(lambda: len(news) > 2, SOON, "its second life")
    assert "has not answered" in news[0]
    assert "SIGKILL" in news[1]


async def test_a_server_that_answers_is_left_alone_and_stops_when_told(tmp_path: Path) -> None:
    news: list[str] = []
    async with kept(server(tmp_path, "touch ready; exec sleep 60", healthy=True, deaf_after=0.1), news) as one:
        await passes(0.3)
        assert one.pid
    assert news == []


async def test_one_that_never_gets_ready_leaves_nothing(tmp_path: Path) -> None:
    script = f"'{sys.executable}' -c 'import sys; sys.exit(\"no such database\")'"
    one = Keeper(server(tmp_path, script), print, lambda: None)
    with pytest.raises(Trouble, match=r"(?s)ended at once \(code 1\).*no such database"):
        await one.start()
    assert one.pid is None


async def test_a_full_disk_ends_no_house_when_a_server_was_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_house: House) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    said = io.StringIO()
    house = House(cast("Settings", None), Report(Console(file=said, width=200)))
    monkeypatch.setattr(House, "write", refuses)
    async with house.kept("it", server(tmp_path, "touch ready; exec sleep 60")) as one:
        keeping = asyncio.create_task(house.keep())
        first = one.pid
        assert first
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: "ready again" in said.getvalue(), SOON, "its second life")
        assert one.pid not in {None, first}
        assert "No space left" in said.getvalue()
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
