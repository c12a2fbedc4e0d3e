"""What was applied, left on the disk and read again: all of it, one line of it, and beside calls."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from ivr.edge import snapshots
from ivr.errors import DiskError, Trouble
from ivr.house.settings import applied, applied_config
from ivr.snapshot import COMPILED, SNAPSHOT, Compiled, Snapshot, compiled
from routing.config import Config, build
from tests.reading import ROOT

FILES = {"site.yaml": "config", "lines.yaml": "config", "prompts.yaml": "recordings"}
SOURCES = {name: (ROOT / folder / name).read_text("utf-8") for name, folder in FILES.items()}


@pytest.fixture(scope="module")
def config() -> Config:
    return build(SOURCES)


@pytest.fixture
def state(tmp_path: Path, config: Config) -> Path:
    """Where this repository's config was applied as version 7."""
    (tmp_path / "snapshot").mkdir()
    snapshots.write(tmp_path, Snapshot(SOURCES, version=7), config)
    return tmp_path


def test_what_is_left_is_what_was_applied(state: Path, config: Config) -> None:
    assert snapshots.config(state) == (7, config)
    assert snapshots.texts(state).sources == SOURCES
    glance = snapshots.values(state).glance()
    assert (dict(glance.lines), dict(glance.prompts), glance.site) == (config.lines, config.prompts, config.site)
    assert (len(glance.lines), glance.lines.get("99999")) == (len(config.lines), None)


def test_what_cannot_be_read_says_which_file(state: Path) -> None:
    for file, read in ((COMPILED, snapshots.config), (SNAPSHOT, snapshots.texts)):
        (state / file).write_bytes(b'{"lines": 1}')
        with pytest.raises(DiskError, match=f"{file} cannot be read"):
            read(state)


def test_what_an_older_engine_has_applied_is_built_again(state: Path, config: Config) -> None:
    (state / COMPILED).write_bytes(compiled(config, 7).replace(b'"12329"', b"12329"))
    assert applied_config(state) is None
    assert applied(state) == (7, config)
    (state / SNAPSHOT).unlink()
    with pytest.raises(Trouble, match="nothing is applied in"):
        applied(state)


async def test_calls_go_on_while_ten_thousand_lines_are_read(state: Path, config: Config) -> None:
    """The loop turns meanwhile; read on the loop itself they would let it turn once."""
    line = config.lines["12349"]
    many = {f"{3_000_000 + n}": msgspec.structs.replace(line, number=f"{3_000_000 + n}") for n in range(10_000)}
    snapshots.write(state, Snapshot({}, version=8), Config(config.site, {**config.lines, **many}, config.prompts))
    turns = 0
    reading = asyncio.create_task(snapshots.follow(state))
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    version, read, _ = await reading
    assert (version, len(read.lines)) == (8, len(config.lines) + 10_000)
    assert turns > 10


def test_one_line_of_ten_thousand_is_read_alone(config: Config) -> None:
    """What is broken elsewhere is no harm to a call that does not need it."""
    values = msgspec.json.decode(compiled(config, 1), type=Compiled)
    broken = msgspec.structs.replace(values, lines={**values.lines, "12329": msgspec.Raw(b"{}")})
    assert broken.glance().lines["12345"] == config.lines["12345"]
    with pytest.raises(msgspec.ValidationError):
        broken.config()
