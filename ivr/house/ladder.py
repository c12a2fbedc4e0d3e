"""The house as a ladder: each step sets one thing up, and takes it away when a later one fails or the house closes.

Read `LADDER` first, at the end.  A step is an async context manager: what stands after its `yield` is its undo.
"""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from dialplans.render import DIRECTORIES, desk_phones
from ivr.edge import asterisk, files, places, postgres, probe
from ivr.edge.applied import user
from ivr.edge.database import Database
from ivr.edge.http import ask
from ivr.edge.locks import Held, lock
from ivr.edge.processes import Child
from ivr.edge.sounds import NONE, RECORDING, listen, told
from ivr.errors import StoreError, Trouble
from ivr.house.applying import keep, make_prompts, rendered
from ivr.house.exchange import CONTROL_SOCKET, endpoints, server_of
from ivr.house.house import House
from ivr.house.keeper import Server
from ivr.house.report import Step
from routing.people import first_shift

NEEDED_MIB = 300  # prompts, a young database, logs; recordings come on top
CONTROLLER_WITHIN_S = 30.0
AWAY = {"signed-out": "sign-in", "paused": "ready", "unreachable": "ready"}  # a state -> what ends it


@contextlib.asynccontextmanager
async def state_directory(house: House, say: Step) -> AsyncIterator[None]:
    """Ours alone: one house a state directory."""
    state = house.settings.state
    try:
        for folder in (*DIRECTORIES, "log", "journal"):
            (state / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"{state} cannot be used ({error.strerror}): choose another place with --state.") from error
    free = shutil.disk_usage(state).free >> 20
    if free < NEEDED_MIB:
        raise Trouble(f"only {free} MiB are free in {state}, and {NEEDED_MIB} are needed: make room, then start again.")
    try:
        with lock(state / "house.lock"):
            say.result = str(state)
            try:
                yield
            finally:
                (state / "house.json").unlink(missing_ok=True)
    except Held as held:
        raise Trouble(
            f"a house is running in {state} (process {held.holder}): stop it with Ctrl-C where it was started, or "
            "choose another state directory with --state."
        ) from held


@contextlib.asynccontextmanager
async def mode(house: House, say: Step) -> AsyncIterator[None]:
    """A state directory is a rehearsal's or a city's, for ever: no record of a rehearsal ever lies among real ones."""
    path = house.settings.state / "mode"
    now = house.settings.config.site.mode.value
    before = path.read_text().strip() if path.exists() else now
    if before != now:
        raise Trouble(
            f"{house.settings.state} is a {before} house's, and site.yaml says {now}: choose another --state."
        )
    path.write_text(f"{now}\n")
    site, at = house.settings.config.site, house.settings.at
    say.result = f"{site.city}, {now}; it is {_spoken(at)}; {len(house.settings.config.lines)} lines"
    yield


@contextlib.asynccontextmanager
async def ports(house: House, say: Step) -> AsyncIterator[None]:
    """Every port that our servers will listen on is free."""
    listens = house.settings.listens()
    places.demand_free(listens)
    say.result = ", ".join(f"{each.port}/{places.PROTOCOLS[each.kind]}" for each in listens)
    yield


@contextlib.asynccontextmanager
async def secrets(house: House, say: Step) -> AsyncIterator[None]:
    """Made at the first start."""
    made = [house.secrets.get(name) for name in ("api-token", "ari-password", "town-password", *endpoints(house))]
    say.result = f"{len(made)}, in {house.secrets.folder}"
    yield


@contextlib.asynccontextmanager
async def database(house: House, say: Step) -> AsyncIterator[None]:
    """PostgreSQL: the given one, or our own."""
    if house.settings.database:
        await postgres.check(house.settings.database)
        house.dsn = house.settings.database
        await _migrate(house.dsn, say)
        say.result = "the server that DATABASE_URL names"
        yield
        return
    server = postgres.Server(house.settings.state, house.log("postgres"))
    try:
        say("looking after its data")
        await server.prepare()
        say("starting it")
        kept = Server(name="PostgreSQL", launch=server.launch, ready=server.ready, stages=postgres.STOP)
        async with house.kept("postgres", kept):
            house.dsn = server.dsn()
            await _migrate(house.dsn, say)
            say.result = f"version {server.programs.major}, by a socket in {server.sockets}"
            yield
    finally:
        server.forget()


@contextlib.asynccontextmanager
async def prompts(house: House, say: Step) -> AsyncIterator[None]:
    """Every text as a file that Asterisk can play; recordings win, but for those that must not be played."""
    settings = house.settings
    heard = listen(settings.config.prompts.values(), settings.state / "prompts", settings.city / "recordings")
    bad = [piece for piece in heard if piece.faults and piece.origin is not NONE]  # what is gone is made again
    for line in told(bad):
        house.report.news(line)
    unfit = {piece.id for piece in bad if piece.origin is RECORDING}
    if unfit:
        house.report.news(f"read by the voice, until a reload finds them mended: {', '.join(sorted(unfit))}")
    lengths = await make_prompts(house, say, unfit)
    say.result = f"{len(lengths)}, {sum(lengths.values()) // 60_000} minutes"
    yield


@contextlib.asynccontextmanager
async def telephony(house: House, say: Step) -> AsyncIterator[None]:
    """An Asterisk to run: the machine's, or one unpacked in a cache."""
    if why := asterisk.passed_over():
        house.report.news(why)
    house.asterisk = await asterisk.find(house.settings.state, say)
    say.result = f"{house.asterisk.version.partition('+')[0]}, from {house.asterisk.origin}"
    yield


@contextlib.asynccontextmanager
async def configuration(house: House, say: Step) -> AsyncIterator[None]:
    """Both Asterisks' configuration, from the same config as the routes; short folders for their control sockets."""
    state = house.settings.state
    with contextlib.ExitStack() as folders:
        for name in ("asterisk", "town"):
            house.sockets[name] = folders.enter_context(places.sockets(state / name / "run", CONTROL_SOCKET))
        texts = rendered(house)
        for name, text in texts.items():
            files.write(state / name, text.encode())
        version = keep(house, user(), "start")
        say.result = f"{len(texts)} files in {state}/{{asterisk,town}}/etc; configuration {version.number}"
        yield


@contextlib.asynccontextmanager
async def exchange(house: House, say: Step) -> AsyncIterator[None]:
    """The city's Asterisk."""
    async with house.kept("asterisk", server_of(house, "asterisk", "Asterisk", house.settings.ports["ari"])):
        say.result = f"SIP on port {house.settings.ports['sip']}"
        yield


@contextlib.asynccontextmanager
async def town(house: House, say: Step) -> AsyncIterator[None]:
    """The demo's second Asterisk: carrier, citizens, departments, and the agents' phones."""
    if not house.settings.demo:
        say.result = "none: this is production"
        yield
        return
    async with house.kept("town", server_of(house, "town", "the town's Asterisk", house.settings.ports["town_ari"])):
        say.result = f"SIP on port {house.settings.ports['town_sip']}"
        yield


@contextlib.asynccontextmanager
async def controller(house: House, say: Step) -> AsyncIterator[None]:
    """The engine.  Its death takes nothing with it: it is started again, and goes on with every call."""

    async def ready(child: Child) -> None:
        await probe.until(child, lambda: probe.get(house.url("/ready"), within=1.0), CONTROLLER_WITHIN_S)

    async def drain() -> None:
        if house.drain_within:
            house.report.done(f"no new calls; waiting for those in progress, {house.drain_within:.0f} s at most")
            await probe.post(
                house.url("/drain"),
                token=house.secrets.get("api-token"),
                within=house.drain_within + 5,
                given={"within": int(house.drain_within)},
            )

    server = Server(
        name="the controller",
        launch=lambda: Child.start(
            "the controller",
            house.controller,
            house.log("controller"),
            env=house.environment(),
            cwd=house.settings.root,
        ),
        ready=ready,
        healthy=lambda: probe.get(house.url("/health"), within=8.0),
        before_stop=drain,
    )
    house.write()
    async with house.kept("controller", server):
        say.result = house.url()
        yield


@contextlib.asynccontextmanager
async def agents(house: House, say: Step) -> AsyncIterator[None]:
    """One shift of the demo's agents sits down, ready; who is at work already stays as they are."""
    if not house.settings.demo_agents:
        say.result = "none: the seats are left to phones of your own"
        yield
        return
    token, phones = house.secrets.get("api-token"), desk_phones(house.settings.config.site)
    there = {each["agent"]: each for each in await ask(house.url("/agents"), "GET", token)}
    first = first_shift(house.settings.config.site.agents.values())
    shift = [each for each in first if each.seat in phones and each.id in there]
    taken = {each["seat"]: name for name, each in there.items() if each["state"] != "signed-out"}
    for agent in shift:
        state = there[agent.id]["state"]
        if state in AWAY and taken.get(agent.seat, agent.id) == agent.id:
            say("sitting down")
            await ask(house.url(f"/agents/{agent.id}/{AWAY[state]}"), "POST", token)
    say.result = f"{len(shift)} at their seats"
    yield


async def _migrate(dsn: str, say: Step) -> None:
    """Bring its tables up to date."""
    say("looking after its tables")
    store = Database(dsn, connections=1)
    try:
        await store.migrate()
    except StoreError as error:
        raise Trouble(f"the tables of the database could not be brought up to date: {error}.") from error
    finally:
        await store.close()


def _spoken(at: datetime | None) -> str:
    return f"rehearsed {at:%Y-%m-%d %H:%M}" if at else "today"


Ladder = tuple[tuple[str, Callable[[House, Step], AbstractAsyncContextManager[None]]], ...]

LADDER: Ladder = (
    ("State directory", state_directory),
    ("Configuration", mode),
    ("Ports", ports),
    ("Secrets", secrets),
    ("PostgreSQL", database),
    ("Prompts", prompts),
    ("Asterisk's programs", telephony),
    ("Asterisk's settings", configuration),
    ("Asterisk", exchange),
    ("Demo town", town),
    ("Controller", controller),
    ("Demo agents", agents),
)


@contextlib.asynccontextmanager
async def open_house(house: House, ladder: Ladder = LADDER) -> AsyncIterator[None]:
    """Climb the ladder; leaving the block, or failing on the way up, undoes what was done, last first."""
    async with contextlib.AsyncExitStack() as undo:
        for title, step in ladder:
            with house.report.step(title) as say:
                await undo.enter_async_context(step(house, say))
        house.write()
        yield
