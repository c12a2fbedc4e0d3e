"""What tests of the Floor begin with."""

import pytest

from tests.routing.floor_house import House


@pytest.fixture
def house() -> House:
    """Nobody is in, and nobody waits."""
    return House()
