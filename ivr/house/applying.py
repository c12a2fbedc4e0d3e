"""Applying a configuration: everything is made of it first, then all that follows it is changed over.

The same for a start and for a reload; a reload changes over while calls go on, and keeps to what an Asterisk that runs
can take without harm to them.  What cannot follow before the next start is said.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from dialplans.render import UnusablePath, render, town_prompts
from ivr.edge import files, probe, snapshots, voice
from ivr.edge.applied import History, Version
from ivr.edge.asterisk import Asterisk
from ivr.edge.clock import SystemClock
from ivr.edge.http import ask
from ivr.edge.locks import Held, lock
from ivr.errors import Trouble
from ivr.house.exchange import paths
from ivr.house.house import House
from ivr.house.report import Report, Step
from ivr.house.settings import Settings, applied_config, applied_sources
from ivr.snapshot import Snapshot
from routing.config import Config, build
from routing.ids import PromptId
from routing.prompts import texts as said

MODULES: Mapping[str, tuple[str, ...]] = {
    "pjsip": ("res_pjsip", "res_pjsip_endpoint_identifier_ip", "res_pjsip_outbound_registration"),
    "extensions": ("pbx_config",),
    "queues": ("app_queue",),
}
"""File -> the modules that read it again without touching a call; every other file counts from Asterisk's next start.
Registered phones stay, and a channel in the dialplan goes on where it is (measured on Asterisk 22)."""

RELOAD_WITHIN_S = 10.0


@dataclass
class Outcome:
    """What became of a reload; `lives_on` is how many calls keep what they began with, None when nobody told."""

    version: Version
    is_new: bool
    lives_on: int | None = None
    reloaded: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)


async def make_prompts(
    house: House, say: Step | None = None, unfit: Collection[PromptId] = ()
) -> Mapping[PromptId, int]:
    """Every text as a file that Asterisk can play, where it is not one yet; recordings win, but for those `unfit`.

    Raises `Trouble`.
    """
    config = house.settings.config
    texts = said(config.prompts.values())
    if house.settings.demo:
        texts |= town_prompts(config)
    try:
        return await voice.render(
            texts,
            house.settings.state / "prompts",
            recordings=house.settings.city / "recordings",
            unfit=unfit,
            command=config.site.voice.command,
            progress=lambda done, of: say(f"{of} prompts", done / max(of, 1)) if say else None,
        )
    except (voice.VoiceFailed, TimeoutError) as failed:
        raise Trouble(f"the prompts could not be made: {type(failed).__name__} {failed}.") from failed


def rendered(house: House) -> Mapping[str, str]:
    """Both Asterisks' files.  Raises `Trouble`."""
    try:
        return render(house.settings.config, paths(house))
    except UnusablePath as unusable:
        raise Trouble(f"{unusable}.") from unusable


def keep(house: House, who: str, how: str) -> Version:
    """Write down what is applied: in the history, for survival, and for the controller's next life."""
    settings = house.settings
    at = SystemClock().real().isoformat(timespec="seconds")
    version = History(settings.state).add(settings.sources, at=at, who=who, how=how)
    ahead_ms = int(settings.at.timestamp() * 1000) - house.since_ms if settings.at else 0
    snapshots.write(settings.state, Snapshot(dict(settings.sources), ahead_ms, version.number), settings.config)
    return version


def opened(state: Path) -> House:
    """The house that is open in `state`, as it says of itself.  Raises `Trouble` when none is."""
    try:
        says = msgspec.json.decode((state / "house.json").read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Trouble(f"no house is open in {state}: start it with scripts/run.") from error
    sources = applied_sources(state)
    found = says["asterisk"]
    return House(
        Settings(
            root=Path(says["root"]),
            state=state,
            sources=sources,
            config=applied_config(state) or build(sources),
            ports=says["ports"],
            bind=says["bind"],
            at=datetime.fromisoformat(says["at"]) if says["at"] else None,
            database=says["database"],
            wants_agents=says["demo_agents"],
            city=Path(says["city"]),
        ),
        Report(),
        since_ms=says["started_ms"],
        asterisk=Asterisk(
            found["version"], tuple(found["program"]), Path(found["modules"]), Path(found["data"]), found["origin"]
        ),
        sockets={name: Path(socket).parent for name, socket in says["sockets"].items()},
    )


async def reload(house: House, sources: Mapping[str, str], config: Config, who: str, how: str) -> Outcome:
    """Change the open house over to `config`, which `sources` say and which has been checked.

    Raises `Trouble`: before anything was changed over, except that Asterisk may have new files for its next start.
    """
    old = house.settings.config
    demand_same_house(old, config)
    house = replace(house, settings=replace(house.settings, sources=sources, config=config))
    state = house.settings.state
    try:
        with lock(state / "reload.lock"):
            texts = rendered(house)
            with house.report.step("Prompts") as say:
                made = await make_prompts(house, say)
                say.result = f"{len(made)}"
            before = History(state).latest()
            changed = [name for name, text in texts.items() if _text(state / name) != text]
            for name in changed:
                files.write(state / name, texts[name].encode())
            outcome = Outcome(keep(house, who, how), is_new=False, later=list(_later(old, config)))
            outcome.is_new = before is None or outcome.version.number != before.number
            await _reread(house, changed, outcome)
            await _follow(house, outcome)
    except Held as held:
        raise Trouble(f"another reload is at work (process {held.holder}): try again when it has ended.") from held
    return outcome


def demand_same_house(old: Config, new: Config) -> None:
    """Some words say which house this is: they belong to its state directory.  Raises `Trouble`."""
    for name in ("node", "mode"):
        was, is_ = getattr(old.site, name), getattr(new.site, name)
        if was != is_:
            raise Trouble(
                f"site.yaml: {name} is {is_} now, and this house was begun as {was}: nothing was changed. "
                "Put it back, or start another house with --state."
            )


def _later(old: Config, new: Config) -> Iterator[str]:
    """What only a start reads."""
    for name in ("ports", "network", "rehearsal"):
        if getattr(old.site, name) != getattr(new.site, name):
            yield f"{name} (site.yaml)"
    if old.site.limits.journal_bytes != new.site.limits.journal_bytes:
        yield "limits: journal (site.yaml)"
    if _outside(old) != _outside(new):
        yield "trunks: bind, port, external_address, external_media (site.yaml)"


def _outside(config: Config) -> list[tuple[object, ...]]:
    """What is a transport's: Asterisk changes none while it runs."""
    return [
        (trunk.bind, trunk.port, trunk.external_address, trunk.external_media) for trunk in config.site.trunks.values()
    ]


async def _reread(house: House, changed: list[str], outcome: Outcome) -> None:
    """Let both Asterisks read again what has changed and can be read again."""
    for folder, user, secret, port in (
        ("asterisk", "hotline", "ari-password", "ari"),
        ("town", "town", "town-password", "town_ari"),
    ):
        for file in [Path(name).stem for name in changed if name.startswith(f"{folder}/")]:
            modules = MODULES.get(file, ())
            try:
                for module in modules:
                    url = f"http://127.0.0.1:{house.settings.ports[port]}/ari/asterisk/modules/{module}.so"
                    await probe.put(url, within=RELOAD_WITHIN_S, user=user, password=house.secrets.get(secret))
            except probe.NoAnswer:
                modules = ()
            (outcome.reloaded if modules else outcome.later).append(f"{file}.conf of the {_NAMES[folder]}")


_NAMES = {"asterisk": "hotline's Asterisk", "town": "town's Asterisk"}


async def _follow(house: House, outcome: Outcome) -> None:
    """Tell the controller; one that is just being started again reads it by itself."""
    given = {"version": outcome.version.number}
    try:
        told = await ask(house.url("/reload"), "POST", house.secrets.get("api-token"), given, outcome.version.who)
        outcome.lives_on = told["calls"]
    except Trouble as trouble:
        outcome.later.append(f"routes: {trouble} What was applied counts from the controller's next start")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
