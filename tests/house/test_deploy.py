"""The files in deploy/, held against what they start: a unit that systemd accepts, sources and commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
import yaml

from ivr.house.commands import PRODUCTION_DRAIN_S
from ivr.main import main
from tests.reading import ROOT

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "hotline.service"
INSTRUCTIONS = {
    "CMD", "COPY", "ENV", "FROM", "HEALTHCHECK", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: each with its arguments, lines that go on joined."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def commands() -> set[str]:
    """What `hotline` can be told."""
    return set(main.commands)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    program = tmp_path / "hotline"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here.write_text(UNIT.read_text().replace("/opt/hotline/.venv/bin/hotline", str(program)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_the_unit_starts_reloads_and_waits_as_the_command_line_does() -> None:
    said = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if re.match(r"[A-Z]\w+=", line))
    for entry in ("ExecStart", "ExecReload"):
        program, command = said[entry].split()
        assert program == "/opt/hotline/.venv/bin/hotline"
        assert command in commands()
    assert said["KillMode"] == "mixed"


def test_the_image_copies_what_exists_and_starts_what_exists() -> None:
    found = instructions()
    assert {name for name, _ in found} <= INSTRUCTIONS
    assert [arguments for name, arguments in found if name == "FROM"] == ["debian:forky-slim"]
    for name, arguments in found:
        if name == "COPY":
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in (ROOT / ".dockerignore").read_text().split()
    for command in re.findall(r'"hotline", "([\w-]+)"', dict(found)["CMD"] + dict(found)["HEALTHCHECK"]):
        assert command in commands()
    assert dict(found)["USER"] == "hotline"


Size = Annotated[str, msgspec.Meta(pattern="^[0-9]+[bkmg]$")]
Duration = Annotated[str, msgspec.Meta(pattern="^([0-9]+h)?([0-9]+m)?([0-9]+s)?$")]
Mount = Annotated[str, msgspec.Meta(pattern="^(\\.{1,2}/|[a-z]+:)[^:]*(:/[^:]+)?(:ro)?$")]


class Build(msgspec.Struct, forbid_unknown_fields=True):
    """As much of the Compose specification as ours has; a field with another name would be passed over or refused."""

    context: str
    dockerfile: str


class Service(msgspec.Struct, forbid_unknown_fields=True):
    build: Build
    image: str
    init: bool
    restart: Literal["no", "always", "on-failure", "unless-stopped"]
    stop_grace_period: Duration
    network_mode: Literal["host"]
    shm_size: Size
    ulimits: dict[str, int]
    environment: dict[str, str]
    volumes: list[Mount]


class Compose(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    services: dict[str, Service]
    volumes: dict[str, None]


def test_compose_is_written_as_its_specification_says() -> None:
    read = msgspec.convert(yaml.safe_load((DEPLOY / "compose.yaml").read_text()), Compose)
    (service,) = read.services.values()
    named = {volume.split(":")[0] for volume in service.volumes if not volume.startswith(".")}
    assert named == set(read.volumes)
    waits = re.fullmatch(r"(\d+)s", service.stop_grace_period)
    assert waits
    assert int(waits[1]) > PRODUCTION_DRAIN_S


COMPOSE = Path("/usr/libexec/docker/cli-plugins/docker-compose")


@pytest.mark.skipif(not COMPOSE.exists(), reason="docker compose is not installed")
def test_docker_compose_reads_it() -> None:
    ran = subprocess.run(
        [COMPOSE, "-f", DEPLOY / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_compose_builds_that_image_and_gives_it_the_city_s_files() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    (service,) = compose["services"].values()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts.pop("state") == "/var/lib/hotline"
    for source, target in mounts.items():
        assert (DEPLOY / source).is_dir()
        assert target == f"{service['environment']['HOTLINE_CONFIG']}/{Path(source).name}"
