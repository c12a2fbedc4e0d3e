"""The project's own configuration as text, and small changes to it."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from routing.config import Config, build, check

ROOT = Path(__file__).parents[2]
PATHS = {
    "lines.yaml": ROOT / "config/lines.yaml",
    "site.yaml": ROOT / "config/site.yaml",
    "prompts.yaml": ROOT / "recordings/prompts.yaml",
}


@lru_cache(maxsize=1)
def ours() -> Mapping[str, str]:
    """What stands in the repository."""
    return {name: path.read_text("utf-8") for name, path in PATHS.items()}


@lru_cache(maxsize=1)
def config() -> Config:
    """What the repository's files say."""
    return build(ours())


def changed(file: str, old: str, new: str) -> dict[str, str]:
    """The repository's files, with the first `old` in `file` replaced by `new`."""
    assert old in ours()[file], f"{old!r} does not stand in {file}"
    return {**ours(), file: ours()[file].replace(old, new, 1)}


def with_line(text: str) -> dict[str, str]:
    """The repository's files with one line more, its fields one below the other."""
    fields = [field.strip() for field in text.strip().splitlines()]
    entry = "\n  - " + "\n    ".join(fields) + "\n"
    return {**ours(), "lines.yaml": ours()["lines.yaml"].rstrip() + entry}


def told(sources: Mapping[str, str]) -> list[str]:
    """Each fault without its snippet."""
    return [str(fault).splitlines()[0] for fault in check(sources)]
