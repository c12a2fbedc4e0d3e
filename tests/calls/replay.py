"""Replay one morning and print all that was asked of Asterisk and all that was heard; `scripts/seed N` runs it."""

import logging
import sys
from hashlib import sha256

from tests.calls.mornings import a_morning
from tests.fake.loop import simulate


async def told(seed: int) -> tuple[list[str], list[str]]:
    """The morning in lines, and what is wrong with it."""
    house = await a_morning(seed)
    lines = [f"{ms:>8} ms  {method:<6} {path}" for ms, method, path in house.fake.log]
    for party in house.fake.parties.values():
        lines += [f"{party.label} heard {what} from {a} to {b} ms" for a, b, what in house.fake.heard(party.label)]
    lines += [str(record) for record in house.records()]
    return lines, house.faults()


def fingerprint(seed: int) -> str:
    """The same for the same seed, in whatever process."""
    lines, faults = simulate(lambda: told(seed))
    return sha256("\n".join([*lines, *faults]).encode()).hexdigest()


def main() -> int:
    """Print it; 1 if something is wrong."""
    logging.basicConfig(level=logging.INFO, format="          %(levelname)s %(message)s", stream=sys.stdout)
    lines, faults = simulate(lambda: told(int(sys.argv[1])))
    sys.stdout.write("\n".join([*lines, *(f"WRONG: {fault}" for fault in faults)]) + "\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
