"""Everything together: sources -> Config, or all faults of all files at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from routing.config.errors import ConfigFault, ConfigFaults, in_order
from routing.config.lines_file import read_lines
from routing.config.nodes import Node, Source, parse
from routing.config.prompts_file import read_prompts
from routing.config.site import Config
from routing.config.site_file import read_site
from routing.hours import civil
from routing.ids import PromptId

FILES = ("site.yaml", "lines.yaml", "prompts.yaml")


@dataclass(frozen=True)
class Built:
    """What came of building: a config if there is no fault, and faults and warnings in any case."""

    config: Config | None
    faults: tuple[ConfigFault, ...]


def build(sources: Mapping[str, str]) -> Config:
    """The config that `sources` (file name -> text) say.  Raises `ConfigFaults` with every fault of every file."""
    built = attempt(sources)
    if built.config is None:
        raise ConfigFaults(built.faults)
    return built.config


def check(
    sources: Mapping[str, str],
    lengths: Mapping[PromptId, int] | None = None,
    previous: Config | None = None,
    now: datetime | None = None,
) -> tuple[ConfigFault, ...]:
    """Every fault and warning.

    `lengths` in ms are those of prompts whose audio exists.  `previous` is the version applied before: a number that it
    has cancelled by `now` (civil time; left out: whatever the day) must stay so.
    """
    return attempt(sources, lengths, previous, now).faults


def attempt(
    sources: Mapping[str, str],
    lengths: Mapping[PromptId, int] | None = None,
    previous: Config | None = None,
    now: datetime | None = None,
) -> Built:
    """Build, and keep what was found; the arguments are those of `check`."""
    files = {name: Source(name, sources.get(name, "")) for name in FILES}
    roots: dict[str, Node | None] = {}
    for name, source in files.items():
        if name in sources:
            roots[name] = parse(source)
        else:
            roots[name] = None
            source.fault((0, 0), f"the file {name} is missing")
    config = _typed(files, roots, lengths or {}, _cancelled(previous, now))
    faults = in_order(fault for source in files.values() for fault in source.faults)
    return Built(config if all(fault.is_warning for fault in faults) else None, faults)


def _cancelled(previous: Config | None, now: datetime | None) -> dict[str, date]:
    """Numbers that were cancelled already, and since when."""
    lines = previous.lines.values() if previous is not None else ()
    return {
        line.number: line.cancel_on
        for line in lines
        if line.cancel_on is not None and (now is None or line.cancel_on <= civil(now).date())
    }


def _typed(
    files: Mapping[str, Source],
    roots: Mapping[str, Node | None],
    lengths: Mapping[PromptId, int],
    cancelled: Mapping[str, date],
) -> Config | None:
    """A config if nothing stood in the way; it may still hold what faults were noted about."""
    site_root, lines_root, prompts_root = (roots[name] for name in FILES)
    site = read_site(files["site.yaml"], site_root) if site_root is not None else None
    if site is None or lines_root is None:  # without lines nobody knows which prompts are heard
        return None
    lines = read_lines(files["lines.yaml"], lines_root, site, cancelled)
    if site.number not in lines:
        files["lines.yaml"].fault(lines_root, f"the hall's own line {site.number} (site.yaml: number) is not here")
    if prompts_root is None:
        return None
    return Config(site, lines, read_prompts(files["prompts.yaml"], prompts_root, site, lines, lengths))
