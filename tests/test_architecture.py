"""What the layout promises, held: who may import whom, and who may touch what is not deterministic.

Each exception stands here with its reason; one that is needed no longer is a failure too.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.reading import Module, Sets, called, modules, owner, task_groups, within

OURS = modules("routing", "dialplans", "ivr")


@cache
def arrows() -> list[tuple[str, str]]:
    """Who imports whom, of ours."""
    return [(name, other) for name, module in OURS.items() for other in sorted(module.imports(OURS) & OURS.keys())]


FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"ivr.main", "ivr.__main__"}),
    frozenset({"ivr.commands", "ivr.house", "ivr.life", "ivr.town"}),
    frozenset({"ivr.web"}),
    frozenset({"ivr.app", "ivr.adopt"}),
    frozenset(
        {
            "ivr.call",
            "ivr.conversation",
            "ivr.reach",
            "ivr.seek",
            "ivr.outside",
            "ivr.trunks",
            "ivr.speech",
            "ivr.acquaintances",
            "ivr.announcing",
            "ivr.asking",
            "ivr.entering",
            "ivr.voicemail",
            "ivr.broadcasts",
            "ivr.callbacks",
            "ivr.dialling",
            "ivr.outgoing",
            "ivr.survey",
            "ivr.seating",
            "ivr.farewell",
            "ivr.nuisance",
            "ivr.inside",
            "ivr.presence",
            "ivr.turns",
            "ivr.visit",
            "ivr.service",
            "ivr.dispatcher",
            "ivr.watch",
        }
    ),
    frozenset(
        {
            "ivr.ari",
            "ivr.scopes",
            "ivr.ledger",
            "ivr.parties",
            "ivr.record",
            "ivr.register",
            "ivr.census",
            "ivr.recorder",
            "ivr.browsers",
        }
    ),
    frozenset({"ivr.entries", "ivr.journal", "ivr.store", "ivr.audit", "ivr.kept", "ivr.lockout", "ivr.pins"}),
    frozenset({"ivr.edge", "ivr.migrations", "ivr.sql"}),
    frozenset(
        {
            "ivr",
            "ivr.errors",
            "ivr.facts",
            "ivr.figures",
            "ivr.prompts",
            "ivr.loudness",
            "ivr.snapshot",
            "ivr.survival",
            "ivr.edge.protocols",
            "dialplans",
        }
    ),
    frozenset({"routing"}),
)
"""The house from the roof down: a module may import its own floor and those below it."""

ALONE = {
    "routing": frozenset({"routing"}),
    "dialplans": frozenset({"dialplans", "routing"}),
    "ivr.edge.protocols": frozenset({"ivr.edge.protocols", "routing.ids"}),
}
"""What of ours these may import, and nothing else."""

EDGE_IS_FOR = frozenset({"ivr.edge", "ivr.house", "ivr.commands", "ivr.life", "ivr.town.commands"})
"""Who puts real things together; everybody else is given them, as `ivr.edge.protocols` describes them."""

EDGE_ALSO = {("ivr.store", "ivr.edge.database"): "the store is the SQL itself; the database is given to it"}

PURE = frozenset(
    {"asyncio", "aiohttp", "asyncpg", "logging", "time", "random", "os", "pathlib", "socket", "subprocess", "io", "sys"}
)
"""What `routing` and `dialplans` never import."""

EFFECTS = frozenset(
    {
        "aiohttp", "asyncpg", "concurrent", "ctypes", "fcntl", "glob", "http.client", "multiprocessing", "os",
        "pathlib", "psutil", "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "subprocess",
        "tempfile", "threading", "time", "urllib.request", "uuid",
    }
)  # fmt: skip
"""Modules by which chance, clocks, files, threads, sockets and processes come in."""

CALLS = frozenset(
    {
        "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "input",
        "to_thread", "run_in_executor", "open_connection", "open_unix_connection", "start_server", "start_unix_server",
        "create_connection", "create_server", "create_datagram_endpoint", "create_subprocess_exec",
        "create_subprocess_shell", "add_signal_handler", "add_reader", "ensure_future",
    }
)  # fmt: skip
"""Calls by which they come in without an import."""

_COMMAND = "typed by a person; no call is near"
_SUPERVISOR = "starts and watches servers; no call is near"
_MIGRATION = "run by the edge: SQL beside it"
_TELEPHONE = "the demo's telephones, outside of the house: the engine never imports them"

EXCEPTIONS: dict[str, tuple[set[str], str]] = {
    "ivr.life": (
        {"os", "pathlib"},
        "the composition root: reads the environment, and names what the edge opens",
    ),
    "ivr.commands.access": ({"pathlib"}, _COMMAND),
    "ivr.commands.callers": ({"pathlib"}, _COMMAND),
    "ivr.commands.lines": ({"pathlib"}, _COMMAND),
    "ivr.commands.apply": ({"pathlib"}, _COMMAND),
    "ivr.commands.plan": ({"pathlib", "read_text()", "write_text()"}, _COMMAND),
    "ivr.commands.planning": ({"pathlib"}, _COMMAND),
    "ivr.commands.planning_plot": ({"pathlib"}, _COMMAND),
    "ivr.commands.plot": ({"pathlib"}, _COMMAND),
    "ivr.commands.prompts": ({"pathlib"}, _COMMAND),
    "ivr.commands.replay": ({"pathlib"}, _COMMAND),
    "ivr.commands.report": ({"pathlib"}, _COMMAND),
    "ivr.commands.switch": ({"time", "read_bytes()"}, _COMMAND),
    "ivr.commands.tables": ({"pathlib", "read_bytes()", "write_text()"}, _COMMAND),
    "ivr.house.applying": ({"pathlib", "read_text()", "read_bytes()"}, _SUPERVISOR),
    "ivr.house.commands": ({"pathlib", "time", "signal", "add_signal_handler()"}, _SUPERVISOR),
    "ivr.house.exchange": ({"os"}, _SUPERVISOR),
    "ivr.house.house": ({"os", "pathlib", "time", "write_bytes()"}, _SUPERVISOR),
    "ivr.house.keeper": ({"signal", "time"}, _SUPERVISOR),
    "ivr.house.ladder": (
        {"shutil", "mkdir()", "unlink()", "read_text()", "write_text()"},
        _SUPERVISOR,
    ),
    "ivr.house.report": ({"time"}, _SUPERVISOR),
    "ivr.house.settings": ({"os", "pathlib", "socket", "read_text()"}, _SUPERVISOR),
    "ivr.migrations.versions.r0001_facts_and_calls": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0002_metrics": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0003_holds_and_estimates": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0004_dispositions": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0005_calls_of_our_own": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0006_talks_of_agents": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0007_calls_in_progress": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0008_holds_of_agents": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.migrations.versions.r0009_closed_days": ({"pathlib", "read_text()"}, _MIGRATION),
    "ivr.town.audio": ({"pathlib"}, _TELEPHONE),
    "ivr.town.citizen": ({"pathlib", "to_thread()"}, _TELEPHONE),
    "ivr.town.commands": ({"pathlib", "read_bytes()", "datetime.now()"}, _COMMAND),
    "ivr.town.rtp": ({"secrets", "socket", "time", "add_reader()"}, _TELEPHONE),
    "ivr.town.transactions": ({"secrets", "socket", "create_datagram_endpoint()"}, _TELEPHONE),
}
"""Who touches it outside of the edge: what, and why that is no harm."""

TASKS = {
    "ivr.scopes": "the block that starts it waits for its end",
    "ivr.ari.client": "the reader ends with the connection's block, which waits for it",
    "ivr.edge.wire": "the writer ends with the link's block",
    "ivr.town.calls": "a telephone's call keeps its tasks, and cancels them with itself",
}
"""Where a task is started outside of a TaskGroup, and who ends it."""

NOT_SIMULATED = frozenset({"ivr.edge", "ivr.town"})
"""Where the order of a set may be seen: no seed replays it."""


def floor_of(name: str) -> int:
    """0 is the roof; the most exact name decides."""
    best = max(
        (len(room), number)
        for number, floor in enumerate(FLOORS)
        for room in floor
        if room == name or (name.startswith(f"{room}.") and room != "ivr")
    )
    return best[1]


def touches(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every use of what is not deterministic, by the word under which an exception would name it."""
    for node in module.nodes:
        match node:
            case ast.Import(names=names):
                yield from ((node, alias.name) for alias in names if within(alias.name, EFFECTS))
            case ast.ImportFrom(module=str(name)) if within(name, EFFECTS):
                yield node, name
            case ast.Call(func=ast.Name(id="open")):
                yield node, "open()"
            case ast.Call() if called(node) in CALLS:
                yield node, f"{called(node)}()"
            case ast.Call() if called(node) in {"now", "utcnow", "today"} and owner(node) in {"datetime", "date"}:
                yield node, f"{owner(node)}.{called(node)}()"


CIRCLES = {
    "ivr.town.calls": "names `Phone` in annotations only, under TYPE_CHECKING",
    "ivr.town.phone": "makes the calls",
}


def test_every_module_has_its_floor() -> None:
    lost = [name for name in OURS if not any(within(name, floor - {"ivr"}) or name == "ivr" for floor in FLOORS)]
    assert not lost


def test_arrows_point_one_way() -> None:
    up = [f"{name} stands below {other}" for name, other in arrows() if floor_of(other) < floor_of(name)]
    assert not up


def test_nobody_imports_himself_by_a_detour() -> None:
    left = {name: {other for importer, other in arrows() if importer == name} for name in OURS}
    ends = {""}
    while ends:  # whoever imports nobody that is left, or is imported by nobody that is left, is in no circle
        imported = {other for others in left.values() for other in others}
        ends = {name for name, others in left.items() if not others & left.keys() or name not in imported}
        left = {name: others for name, others in left.items() if name not in ends}
    assert left.keys() <= CIRCLES.keys()


def test_some_stand_alone() -> None:
    wrong = [
        f"{name} imports {other}"
        for room, allowed in ALONE.items()
        for name, other in arrows()
        if within(name, frozenset({room})) and not within(other, allowed)
    ]
    assert not wrong


def test_what_decides_is_pure() -> None:
    for name, module in OURS.items():
        if within(name, frozenset({"routing", "dialplans"})):
            assert not {other for other in module.imports(OURS) if within(other, PURE)}, name
            assert not [node for node in module.nodes if isinstance(node, ast.AsyncFunctionDef)], name


def test_the_real_edge_is_known_to_those_who_put_things_together() -> None:
    real = frozenset({"ivr.edge"})
    found = {
        (name, other)
        for name, other in arrows()
        if within(other, real) and other not in {"ivr.edge", "ivr.edge.protocols"} and not within(name, EDGE_IS_FOR)
    }
    assert found == EDGE_ALSO.keys()


def test_only_the_edge_touches_what_is_not_deterministic() -> None:
    found = {
        name: {what: module.where(node) for node, what in touches(module)}
        for name, module in OURS.items()
        if not within(name, frozenset({"ivr.edge"}))
    }
    allowed = {name: what for name, (what, _) in EXCEPTIONS.items()}
    too_much = [f"{where}: {what}" for name, uses in found.items() for what, where in uses.items()
                if what not in allowed.get(name, set())]  # fmt: skip
    assert not too_much
    assert allowed == {name: set(uses) for name, uses in found.items() if uses}, "an exception is needed no longer"


def test_every_task_has_somebody_who_waits_for_it() -> None:
    bare: dict[str, str] = {}
    for name, module in OURS.items():
        groups = task_groups(module.tree)
        for node in module.nodes:
            if isinstance(node, ast.Call) and called(node) == "create_task" and owner(node) not in groups:
                bare[name] = module.where(node)
    assert bare.keys() == TASKS.keys(), bare


@pytest.mark.parametrize("package", ["routing", "dialplans", "ivr"])
def test_nobody_walks_through_a_set(package: str) -> None:
    # what is simulated must not depend on the order of hashes: a seed replays with another PYTHONHASHSEED
    members = {name: module for name, module in OURS.items() if within(name, frozenset({package}))}
    sets = Sets(members)
    seen = [
        module.where(node)
        for name, module in members.items()
        if not within(name, NOT_SIMULATED)
        for node in sets.iterations(module)
    ]
    assert not seen


@pytest.mark.parametrize(
    ("line", "is_seen"),
    [
        ("for x in {1, 2}: pass", True),
        ("for x in sorted({1, 2}): pass", False),
        ("known = set(xs)\n    return list(known)", True),
        ("known = set(xs)\n    return sorted(x for x in known)", False),
        ("known = set(xs)\n    return {x for x in known}", False),
        ("known = set(xs)\n    return [x for x in known - {3}]", True),
        ("known = set(xs)\n    return max(known, key=len)", True),
        ("known = set(xs)\n    return 3 in known and len(known)", False),
        ("known: set[int] | None = None\n    return tuple(known)", True),
        ("return ', '.join(xs.keys() & ys)", True),
        ("return ', '.join(xs.keys())", False),
        ("return self.people.pop()", True),
        ("return [*self.people]", True),
        ("return [*self.names]", False),
    ],
)
def test_a_walk_through_a_set_is_seen(line: str, is_seen: bool, tmp_path: Path) -> None:
    source = f"class Room:\n    people: frozenset[int]\n    names: list[str]\ndef of(self, xs, ys):\n    {line}\n"
    module = Module("room", tmp_path / "room.py")
    module.path.write_text(source)
    assert bool(list(Sets({"room": module}).iterations(module))) is is_seen


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import time", "time"),
        ("from os import path", "os"),
        ("from datetime import datetime\nat = datetime.now()", "datetime.now()"),
        ("text = open('x')", "open()"),
        ("text = folder.read_text()", "read_text()"),
        ("asyncio.to_thread(work)", "to_thread()"),
        ("asyncio.get_running_loop().run_in_executor(None, work)", "run_in_executor()"),
        ("from datetime import datetime\nat = clock.now()", None),
        ("box = mailbox.open(channel)", None),
    ],
)
def test_a_touch_is_seen(line: str, what: str | None, tmp_path: Path) -> None:
    module = Module("room", tmp_path / "room.py")
    module.path.write_text(line)
    assert [seen for _, seen in touches(module)] == ([what] if what else [])
