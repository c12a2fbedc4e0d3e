"""Every configuration that was ever applied, with who, when and how: `<state>/applied/NNNN/`, only ever added to.

A version is a folder with the sources as they were and `version.json`; it appears whole, or not at all.
"""

import contextlib
import os
import pwd
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ivr.edge import files
from ivr.errors import Trouble

SAYS = "version.json"


class Version(msgspec.Struct, frozen=True):
    """One applied configuration; `at` is ISO text in UTC, `how` the word for it: start, reload, reload --to 3."""

    number: int
    at: str
    who: str
    how: str


class History:
    """The versions of one state directory."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "applied"

    def folder(self, number: int) -> Path:
        """Where a version lies."""
        return self._folder / f"{number:04}"

    def versions(self) -> list[Version]:
        """All of them, the oldest first."""
        numbers = sorted(int(path.name) for path in self._folder.glob("[0-9]*") if path.name.isdecimal())
        return [self._read(number) for number in numbers]

    def latest(self) -> Version | None:
        """The one that holds now; None before the first."""
        versions = self.versions()
        return versions[-1] if versions else None

    def sources(self, number: int) -> dict[str, str]:
        """File name -> text as it was applied.  Raises `Trouble`."""
        paths = sorted(self.folder(number).glob("*.yaml"))
        if not paths:
            known = [each.number for each in self.versions()]
            range_ = f"there are {known[0]} to {known[-1]}" if known else "there is none yet"
            raise Trouble(f"no version {number} was ever applied here: {range_} (hotline history).")
        return {path.name: path.read_text(encoding="utf-8") for path in paths}

    def add(self, sources: Mapping[str, str], *, at: str, who: str, how: str) -> Version:
        """Keep what is being applied; the latest version again when it says just the same.  Raises `OSError`."""
        latest = self.latest()
        if latest is not None and self.sources(latest.number) == dict(sources):
            return latest
        version = Version(latest.number + 1 if latest else 1, at, who, how)
        fresh = self._folder / ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        for name, text in sources.items():
            files.write(fresh / name, text.encode())
        files.write(fresh / SAYS, msgspec.json.encode(version))
        fresh.rename(self.folder(version.number))
        return version

    def _read(self, number: int) -> Version:
        path = self.folder(number) / SAYS
        try:
            return msgspec.json.decode(path.read_bytes(), type=Version)
        except (OSError, msgspec.DecodeError) as error:
            raise Trouble(f"{path} cannot be read: {error}.") from error


def user() -> str:
    """Who is at the keyboard, as the operating system knows them; behind sudo, the one who typed it."""
    if name := os.environ.get("SUDO_USER"):
        return name
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return f"uid {os.getuid()}"
