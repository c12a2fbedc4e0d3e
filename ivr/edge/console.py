"""Asterisk's own command line, at the socket that it keeps for it: what ARI does not tell is asked here."""

import asyncio
from pathlib import Path

from ivr.errors import ConnectionLost

WITHIN_S = 3.0
MOST_BYTES = 1 << 20


async def ask(socket: Path, command: str) -> str:
    """What Asterisk prints for a command.  Raises `ConnectionLost` when nobody answers there in time."""
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(f"cli quit after {command}\0".encode())
                return await _all(reader)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise ConnectionLost(f"Asterisk's command line does not answer at {socket}: {error}") from error


async def _all(reader: asyncio.StreamReader) -> str:
    """Everything until Asterisk closes the connection, as it does when the command has ended."""
    said = b""
    while len(said) < MOST_BYTES and (more := await reader.read(65_536)):
        said += more
    return said.decode(errors="replace")
