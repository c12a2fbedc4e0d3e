"""A house of what is there already: the PostgreSQL that DATABASE_URL names, an Asterisk that is installed, today."""

import asyncio
import os
import shlex
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from ivr.edge import asterisk
from ivr.facts import CallRecord, Outcome
from routing.hours import SHANGHAI
from tests.asterisk.house import House, opened
from tests.asterisk.phones import Phones
from tests.asterisk.servers import given_postgres

pytestmark = pytest.mark.asterisk


def installed(prefix: Path, found: asterisk.Asterisk) -> Path:
    """The program of an Asterisk that was built with this prefix: the one that the other tests have."""
    for name, what in (("lib/asterisk/modules", found.modules), ("share/asterisk", found.data)):
        (prefix / name).parent.mkdir(parents=True)
        (prefix / name).symlink_to(what)
    program = prefix / "sbin" / "asterisk"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(found.program)} "$@"\n')
    program.chmod(0o755)
    return program


async def a_call(house: House) -> CallRecord:
    """Somebody dials, hears something, and hangs up."""
    async with Phones(house) as phones:
        citizen = await phones.citizen()
        await citizen.dials("12345")
        await citizen.begins_to_hear_something()
        await citizen.hangs_up()
        await house.is_quiet()
        return await house.record(citizen.name)


async def kept(dsn: str) -> list[str]:
    """The calls that a database has."""
    connection = await asyncpg.connect(dsn)
    try:
        return [row["call"] for row in await connection.fetch("select call from calls")]
    finally:
        await connection.close()


def test_a_house_uses_what_is_there_and_lives_today(tmp_path: Path) -> None:
    found = asyncio.run(asterisk.find(tmp_path, lambda _doing, _share: None))
    program = installed(tmp_path / "local", found)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    with given_postgres() as given:
        dsn = given.server.dsn()
        state = tmp_path / "state of it"
        with opened(state, ("--at", "now"), DATABASE_URL=dsn, HOTLINE_ASTERISK="", PATH=path) as house:
            says = house.says()
            assert sorted(says["pids"]) == ["asterisk", "controller", "town"]
            assert (says["asterisk"]["origin"], says["asterisk"]["program"]) == ("installed", [str(program)])
            record = asyncio.run(a_call(house))
            assert record.outcome is Outcome.ABANDONED
            assert record.rehearsal == ""
            assert abs(datetime.fromisoformat(record.moment) - datetime.now(SHANGHAI)) < timedelta(hours=1)
        assert not (state / "postgres").exists()
        assert asyncio.run(kept(dsn)) == [record.call]
