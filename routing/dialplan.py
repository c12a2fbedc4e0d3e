"""Asterisk's own part of a call, as a graph: every path from a trunk ends at a person, or in words after all phones.

Reads the rendered `extensions.conf` and `queues.conf` as text.  What a branch decides is not known here, so both sides
are walked; applications may fail, so the priority after each is walked too.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

FROM_TRUNK, FROM_SEATS = "from-trunk", "from-seats"
STEPS = ("say", "queue", "dial")
"""Labels that a survival step can name; `end` follows only on a route that is a spoken reason and nothing else."""

PASSING = frozenset(
    {
        *("Answer", "AGI", "Log", "MixMonitor", "MusicOnHold", "NoOp", "Progress", "Ringing", "Set", "StopMixMonitor"),
        *("HangupCauseClear", "StopMusicOnHold", "Verbose", "Wait"),
    }
)
"""Applications after which the next priority follows, whatever came of them."""

_CONTEXT = re.compile(r"\[([\w-]+)\]")
_PRIORITY = re.compile(r"(?:exten\s*=>\s*([^,]+),|same\s*=>\s*)(\d+|n)(?:\(([\w-]+)\))?,(\w+)(?:\((.*)\))?\s*\Z")
_MORE = re.compile(r"\$\[\$\{(\w+)\} \+ 1\]\Z")
_COUNTED = re.compile(r"\$\[\$\{(\w+)\} (?:>|<=) ([^\]]+)\]\Z")
_OUTWARD = re.compile(r"outward,s,1\([^,]*,([^,]*),")
_EMPTY = re.compile(r"\$\[\"\$\{(\w+)\}\" = \"\"\]\Z")


class Priority(msgspec.Struct, frozen=True):
    """One line of a dialplan."""

    app: str
    args: str
    label: str | None = None


Extension = tuple[str, str]
Dialplan = dict[Extension, list[Priority]]


class State(msgspec.Struct, frozen=True):
    """A place, and what has happened on the way that matters at its end."""

    extension: Extension
    n: int
    facts: frozenset[str] = frozenset()


class Walked(msgspec.Struct, frozen=True):
    """What came of walking: `paths` with each loop gone round once, where they end, and paths that end nowhere."""

    places: int
    paths: int
    ends: Mapping[str, int]
    broken: tuple[tuple[str, ...], ...] = ()


HELD = "held by the controller, under the lease"
PERSON = "with a person"
OVER = "over: the controller or a person was there"
TOLD = "a sentence and a hang-up, after all phones"
REFUSED = "refused at the limit, counted"
AGAIN = "round a counted loop again"
RETURNS = "returns"


def parse(text: str) -> Dialplan:
    """The extensions of a rendered `extensions.conf`; what is none is passed over."""
    found: Dialplan = {}
    context = name = ""
    for line in text.splitlines():
        bare = line.strip()
        if header := _CONTEXT.match(bare):
            context = header[1]
        elif match := _PRIORITY.match(bare):
            name = match[1] or name
            found.setdefault((context, name.strip()), []).append(Priority(match[4], match[5] or "", match[3]))
    return found


def queues(text: str) -> dict[str, int]:
    """Queue -> how many phones it rings, of a rendered `queues.conf`."""
    found: dict[str, int] = {}
    name = ""
    for line in text.splitlines():
        if header := _CONTEXT.match(line.strip()):
            name = header[1]
            found[name] = 0
        elif line.startswith("member =>"):
            found[name] += 1
    return found


def prove(extensions: str, queues_: str, hall: str, desks: Mapping[str, Collection[str]] | None = None) -> Walked:
    """Walk every path from a trunk, and from each seat to an emergency number.

    `hall` is the pool of the hall; `desks`: emergency number -> the trunks over which a seat reaches its desks.
    """
    plan, phones = parse(extensions), queues(queues_)
    starts = [key for key in plan if key[0] == FROM_TRUNK and key[1] not in {"T", "h"}]
    walker = _Walker(plan, phones, frozenset({"asked survival", f"asked pool-{hall}"}))
    for start in starts:
        walker.start(State(start, 0))
    if not starts:
        walker.broken.append((f"there is no context '{FROM_TRUNK}': no call is ever taken",))
    walkers = [walker]
    for number, trunks in (desks or {}).items():
        walker = _Walker(plan, phones, frozenset(f"asked trunk {trunk}" for trunk in trunks))
        if (FROM_SEATS, number) in plan:
            walker.start(State((FROM_SEATS, number), 0))
        else:
            walker.broken.append((f"there is no extension '{number}' in '{FROM_SEATS}': a seat cannot dial it",))
        walkers.append(walker)
    return _together(plan, walkers)


def _together(plan: Dialplan, walkers: "Sequence[_Walker]") -> Walked:
    ends: Counter[str] = Counter()
    for walker in walkers:
        walker.loops()
        ends.update(walker.ends)
    broken = tuple(path for walker in walkers for path in walker.broken)
    return Walked(sum(map(len, plan.values())), sum(each.paths for each in walkers), dict(sorted(ends.items())), broken)


class _Walker:
    """Walks states depth first; a broken path is kept in words."""

    def __init__(self, plan: Dialplan, phones: Mapping[str, int], asked: frozenset[str]) -> None:
        self.plan = plan
        self.phones = phones
        self.asked = asked
        self.broken: list[tuple[str, ...]] = []
        self.ends: Counter[str] = Counter()
        self.paths = 0
        self._edges: dict[State, list[State]] = {}
        self._known: dict[State, Counter[str]] = {}
        self._trail: list[State] = []

    def start(self, state: State) -> None:
        """Walk from here."""
        ends = self._visit(state)
        self.ends.update(ends)
        self.paths += sum(ends.values())

    def _visit(self, state: State) -> Counter[str]:
        if state in self._known:
            return self._known[state]
        if state in self._trail:
            return Counter({AGAIN: 1})
        self._trail.append(state)
        ends: Counter[str] = Counter()
        edges = self._edges.setdefault(state, [])
        for after in self._follows(state):
            if isinstance(after, State):
                edges.append(after)
                ends.update(self._visit(after))
            else:
                ends[after] += 1
        self._trail.pop()
        self._known[state] = ends
        return ends

    def _wrong(self, why: str) -> Iterator[str]:
        self.broken.append((*map(self._words, self._trail), why))
        yield "lost"

    def _words(self, state: State) -> str:
        (context, name), lines = state.extension, self.plan[state.extension]
        if state.n >= len(lines):
            return f"{context},{name}: after its last line"
        line = lines[state.n]
        label = f" ({line.label})" if line.label else ""
        return f"{context},{name},{state.n + 1}{label}: {line.app}({line.args})"

    def _follows(self, state: State) -> Iterator[State | str]:  # noqa: C901, PLR0912  # a case for each application
        lines = self.plan[state.extension]
        if state.n >= len(lines):
            yield from self._wrong("the dialplan ends here, and Asterisk hangs up")
            return
        line = lines[state.n]
        after = State(state.extension, state.n + 1, state.facts)
        match line.app:
            case "Set":
                yield _with(after, line.args)
            case "ExecIf":
                yield after
                yield _with(after, line.args.partition("?")[2].removeprefix("Set(").removesuffix(")"))
            case "Goto":
                yield from self._goto(state, line.args)
            case "GotoIf":
                yield from self._branches(state, line.args)
            case "Gosub":
                yield from self._gosub(state, line.args)
                yield self._dialled(after, line.args)
            case "Return":
                yield RETURNS
            case "Stasis":
                yield from self._stasis(state)
                yield after
            case "Queue":
                yield from self._queue(state, line.args)
            case "Dial":
                yield PERSON
                yield after
                yield from self._lease_ends(state)
            case "Playback":
                yield _and(after, "told") if self.asked <= state.facts else after
                yield from self._lease_ends(state)
            case "Hangup":
                yield from self._hangup(state, line.args)
            case app if app in PASSING:
                yield after
                yield from self._lease_ends(state)
            case _:
                yield from self._wrong(f"what {line.app} does to the caller is not known")

    def _lease_ends(self, state: State) -> Iterator[State | str]:
        """The lease can run out wherever time passes: T of the same context follows."""
        if "lease" in state.facts:
            taken = (state.extension[0], "T")
            if taken in self.plan:
                yield State(taken, 0, state.facts)
            else:
                yield from self._wrong("the lease runs out here, and there is no extension T")

    def _stasis(self, state: State) -> Iterator[State | str]:
        if "lease" in state.facts:
            yield HELD
        else:
            yield from self._wrong("a controller that hangs would hold the caller for ever: no lease is set")
        yield from self._lease_ends(state)

    def _queue(self, state: State, args: str) -> Iterator[State | str]:
        name = args.partition(",")[0]
        if "${" not in name and not self.phones.get(name):
            yield from self._wrong(f"queue '{name}' has no phones")
            return
        yield PERSON
        yield _and(State(state.extension, state.n + 1, state.facts), f"asked {name}")
        yield from self._lease_ends(state)

    def _hangup(self, state: State, args: str) -> Iterator[str]:
        if state.facts & {"done", "answered"}:
            yield OVER
        elif "told" in state.facts:
            yield TOLD
        elif "refused" in state.facts and args:
            yield REFUSED
        else:
            yield from self._wrong("hung up: no person, and no sentence after all phones were tried")

    def _branches(self, state: State, args: str) -> Iterator[State | str]:
        condition, _, labels = args.rpartition("?")
        yes, _, no = labels.partition(":")
        fact = {'"${HOTLINE_DONE}" = "1"': "done", '"${DIALSTATUS}" = "ANSWER"': "answered"}.get(condition[2:-1])
        for label, facts in ((yes, {fact} - {None}), (no, set())):
            here = State(state.extension, state.n, state.facts | frozenset(str(each) for each in facts))
            if label:
                yield from self._goto(here, label)
            else:
                yield State(here.extension, here.n + 1, here.facts)

    def _goto(self, state: State, args: str) -> Iterator[State | str]:
        for label in STEPS if "${" in args else (args,):
            found = self._find(state, label)
            if found is None:
                yield from self._wrong(f"it goes to '{label}', which is nowhere")
            else:
                yield found

    def _find(self, state: State, where: str) -> State | None:
        *place, label = where.split(",")
        extension = state.extension if len(place) <= 1 else (place[0], place[1])
        for n, line in enumerate(self.plan.get(extension, ())):
            if label in {line.label, str(n + 1)}:
                return State(extension, n, state.facts)
        return None

    def _gosub(self, state: State, args: str) -> Iterator[str]:
        found = self._find(state, args.partition("(")[0])
        if found is None:
            yield from self._wrong(f"it goes to '{args}', which is nowhere")
        elif (State(found.extension, found.n)) not in self._known:
            self._visit(State(found.extension, found.n))

    def _dialled(self, after: State, args: str) -> State:
        """Where `outward` returns to: a trunk was asked, if somebody can be reached by it at all."""
        over = _OUTWARD.match(args)
        start = State(("outward", "s"), 0)
        reaches = self._known.get(start, Counter())[PERSON] > 0
        return _and(after, f"asked trunk {over[1]}") if over and reaches else after

    def loops(self) -> None:
        """Every loop is counted: it passes where its counter grows, and where it is left at a limit."""
        grows, left, back = set(), set(), []
        for state in self._edges:
            lines = self.plan[state.extension]
            line = lines[state.n] if state.n < len(lines) else Priority("", "")
            counters = {match[1] for match in map(_grows, lines) if match}
            if _grows(line):
                grows.add(state)
            elif line.app == "Set" and line.args.partition("=")[0] in counters:
                back.append(state)
            if line.app == "GotoIf" and (match := _limit(line.args)) and match[1] in counters:
                left.add(state)
        for words, cut in (("its counter never grows", grows), ("nothing ends it", left)):
            loop = _circle({state: after for state, after in self._edges.items() if state not in cut}, cut)
            if loop:
                self.broken.append((*map(self._words, loop), f"a loop: {words}"))
        for state in back:
            if state in _reached(self._edges, state):
                self.broken.append((self._words(state), "a loop: its counter is set back in it"))


def _grows(line: Priority) -> re.Match[str] | None:
    """Whether the line counts up, or takes the first of a list that gets shorter; group 1 names the variable."""
    name, _, value = line.args.removeprefix("LOCAL(").replace(")=", "=", 1).partition("=")
    if line.app != "Set":
        return None
    if _MORE.match(value) and _MORE.sub(r"\1", value) == name:
        return _MORE.match(value)
    return re.match(r"(\w+)", name) if value.startswith("${SHIFT(") else None


def _limit(args: str) -> re.Match[str] | None:
    condition = args.rpartition("?")[0]
    return _COUNTED.match(condition) or _EMPTY.match(condition)


def _circle(edges: Mapping[State, list[State]], cut: set[State]) -> list[State]:
    """The states of some loop; none when what remains without `cut` has no loop."""
    done = set(cut)
    for root in edges:
        trail: list[State] = []
        stack = [(root, iter(edges[root]))] if root not in done else []
        trail += [root] if stack else []
        while stack:
            state, after = stack[-1]
            found = next((each for each in after if each not in done), None)
            if found is None:
                done.add(state)
                stack.pop()
                trail.pop()
            elif found in trail:
                return [*trail[trail.index(found) :], found]
            else:
                trail.append(found)
                stack.append((found, iter(edges[found])))
    return []


def _reached(edges: Mapping[State, list[State]], start: State) -> set[State]:
    """Everything that can follow on `start`, itself only by a loop."""
    found: set[State] = set()
    open_ = [start]
    while open_:
        fresh = [each for each in edges.get(open_.pop(), []) if each not in found]
        found.update(fresh)
        open_ += fresh
    return found


def _with(state: State, args: str) -> State:
    """The state after a Set, where it matters."""
    match args.partition("="):
        case ("TIMEOUT(absolute)", _, value):
            return _and(state, "lease") if value != "0" else State(state.extension, state.n, state.facts - {"lease"})
        case ("CDR(userfield)", _, "refused"):
            return _and(state, "refused")
    return state


def _and(state: State, fact: str) -> State:
    return State(state.extension, state.n, state.facts | {fact})


def render(walked: Walked) -> str:
    """The walk for a person to read."""
    ends = "\n".join(f"  {count:>9,}  {end}" for end, count in walked.ends.items() if end != "lost")
    head = f"the dialplan: {walked.places} lines, {walked.paths:,} paths from a trunk or a seat, each loop once:"
    lines = [head, ends]
    for path in walked.broken:
        lines += ["", "a path on which a caller is lost:", *(f"    {step}" for step in path)]
    return "\n".join(lines)
