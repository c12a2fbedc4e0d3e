"""A real PostgreSQL for the tests of this folder, started by them, killed with them."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from ivr.edge.database import Database
from ivr.edge.postgres import DATABASE, USER, Server
from ivr.edge.processes import Child
from ivr.store import PostgresStore
from tests.asterisk.waiting import holds


class Postgres:
    """A server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder, folder / "log" / "postgres.log")
        self.child: Child | None = None
        self.databases = 0

    async def start(self) -> None:
        await self.server.prepare()
        # what is killed leaves its writes to the kernel; syncing each file of all databases takes half a minute
        (self.server.data / "postgresql.auto.conf").write_text("fsync = off\n")
        self.child = self.server.launch()
        await self.server.ready(self.child)

    async def kill(self) -> None:
        """`kill -9` of all of it at once, as the out-of-memory killer or a power cut would."""
        assert self.child is not None
        os.killpg(self.child.pid, signal.SIGKILL)
        await self.child.ended()

    async def fresh(self) -> str:
        """The address of an empty database."""
        self.databases += 1
        name = f"test_{self.databases}"
        connection = await asyncpg.connect(self.server.dsn(DATABASE))
        await connection.execute(f"create database {name} owner {USER}")
        await connection.close()
        return self.server.dsn(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="hotline-test-"))
    folder.chmod(0o755)
    server = Postgres(folder)
    asyncio.run(server.start())
    yield server
    if server.child is not None:
        os.killpg(server.child.pid, signal.SIGKILL)
        holds(lambda: server.child is None or not server.child.running, 10)
    shutil.rmtree(folder)


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(await postgres.fresh())
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return PostgresStore(database)
