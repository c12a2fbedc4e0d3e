"""A house for all tests with phones, and the phones of each."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.asterisk.house import House, opened
from tests.asterisk.phones import Phones


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The real house, once for the session; everybody cleans up after themselves, and it is checked."""
    with opened(tmp_path_factory.mktemp("a house") / "state of it") as house:
        yield house


@pytest.fixture
async def phones(house: House) -> AsyncIterator[Phones]:
    """The phones of one test; afterwards no channel and no bridge is left, and nobody is signed in."""
    async with Phones(house) as phones:
        yield phones
    await house.is_quiet()
    await house.signs_out(*await house.agents())
