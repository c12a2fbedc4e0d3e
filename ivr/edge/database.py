"""PostgreSQL behind one adapter: a pool that opens when it is needed, migrations, and one kind of error.

asyncpg says that a server is gone in four ways; all of them leave here as `StoreError`.
"""

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib import resources
from typing import Any

import asyncpg

from ivr.errors import StoreError, StoreRefused

NEWEST = "0009"
"""The revision that this code is written for: the head of `ivr.migrations`."""

_LOCK = 0x12345 << 16 | 0x4D47  # advisory, one for the database: who migrates
_CONNECT_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 30.0
_REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class Connection:
    """One connection, inside a transaction."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def rows(self, sql: str, *values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query."""
        with _told():
            return await self._raw.fetch(sql, *values)  # type: ignore[no-any-return]

    async def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None when there is none."""
        with _told():
            return await self._raw.fetchval(sql, *values)

    async def run(self, sql: str, *values: Any) -> None:
        """Run what answers nothing."""
        with _told():
            await self._raw.execute(sql, *values)


class _Stateless(asyncpg.Connection):
    """A session in which transactions leave nothing behind: no query need clean it after each of them."""

    def get_reset_query(self) -> str:
        """None."""
        return ""


class Database:
    """The way to one database.  Nothing is opened before it is needed; `close` when done."""

    def __init__(self, dsn: str, connections: int = 4) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """All or nothing.  Raises `StoreError`; whether a commit that failed has happened is then not known."""
        with _told():
            pool = await self._opened()
            async with pool.acquire(timeout=_CONNECT_WITHIN_S) as raw, raw.transaction():
                yield Connection(raw)

    async def migrate(self) -> None:
        """Bring the tables to `NEWEST`, once, whoever else starts at the same moment.  Raises `StoreError`."""
        async with self.transaction() as connection:
            await connection.run("select pg_advisory_xact_lock($1)", _LOCK)
            present = await connection.value("select to_regclass('alembic_version') is not null")
            version = await connection.value("select version_num from alembic_version") if present else None
            if version == NEWEST:
                return
            if version is not None and version > NEWEST:
                raise StoreError(f"the database is at revision {version}, this program knows {NEWEST}: it is too old")
            await connection.run(await asyncio.to_thread(steps, version))

    async def close(self) -> None:
        """Let go of the connections, at once."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._pool is None:
            pool = asyncpg.create_pool(
                self._dsn,
                min_size=0,
                max_size=self._connections,
                timeout=_CONNECT_WITHIN_S,
                command_timeout=_ANSWER_WITHIN_S,
                connection_class=_Stateless,
                server_settings={"application_name": "hotline", "timezone": "UTC"},
            )
            self._pool = pool
            await pool
        return self._pool


def steps(since: str | None) -> str:
    """The migrations from revision `since` (None: an empty database) to the newest, as SQL."""
    from alembic import command  # noqa: PLC0415 - 0.4 s of import, needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415

    script = io.StringIO()
    with resources.as_file(resources.files("ivr.migrations")) as folder:
        config = Config(output_buffer=script, stdout=io.StringIO())
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        command.upgrade(config, f"{since}:head" if since else "head", sql=True)
    return script.getvalue()


def named(package: str, file: str) -> dict[str, str]:
    """The queries of an SQL file in which each stands under `-- name: its_name`.

    A line `-- include: its_name` stands for one that comes before it.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        found[name] = re.sub(r"^ *-- include: (\w+)$", lambda line: found[line[1]], part.strip(), flags=re.MULTILINE)
    return found


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Translate what asyncpg raises; a bad value of ours (`StoreRefused`) is told from a server that is gone."""
    try:
        yield
    except _REFUSALS as error:
        raise StoreRefused(f"the database refuses a value: {error}") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StoreError(f"the database cannot be reached: {type(error).__name__}: {error}") from error
