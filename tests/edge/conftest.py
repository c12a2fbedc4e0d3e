"""A real PostgreSQL for the tests of this folder, started by them, killed with them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.edge.database import Database
from ivr.store import PostgresStore
from tests.asterisk.servers import Postgres, given_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with given_postgres() as server:
        yield server


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(await postgres.fresh())
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return PostgresStore(database)
