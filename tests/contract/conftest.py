"""Every test of the contract runs in both worlds: `plays(scenario)` runs `scenario(world)` to its end."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.real import PASSWORD, Running, running
from tests.contract.worlds import Fake, World, real_world
from tests.fake.loop import simulate

Scenario = Callable[[World], Coroutine[Any, Any, None]]
Plays = Callable[[Scenario], None]
WITHIN_S = 30.0


@pytest.fixture(scope="session")
def real_asterisk() -> Iterator[Running]:
    # pytest's own directories have paths too long for Asterisk's control socket
    home = Path(tempfile.mkdtemp(prefix="contract-"))
    try:
        with running(home) as asterisk:
            yield asterisk
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["fake", pytest.param("asterisk", marks=pytest.mark.asterisk)])
def plays(request: pytest.FixtureRequest) -> Plays:
    """Run a scenario in the world of this parameter; in the fake with several seeds."""
    if request.param == "fake":

        def in_fake(scenario: Scenario) -> None:
            for seed in range(5):

                async def main(seed: int = seed) -> None:
                    await scenario(Fake(seed))

                simulate(main, within_s=WITHIN_S)

        return in_fake

    asterisk: Running = request.getfixturevalue("real_asterisk")

    def in_real(scenario: Scenario) -> None:
        async def main() -> None:
            async with asyncio.timeout(WITHIN_S), real_world(asterisk.home, asterisk.address, PASSWORD) as world:
                await scenario(world)

        asyncio.run(main())

    return in_real
