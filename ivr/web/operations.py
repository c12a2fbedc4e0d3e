"""What an operation is: declared once, and from that come its way in, its checks, its rights and its description.

An operation is a coroutine function `(asked, *path parameters, query or body)`, its types in its annotations:

    async def pause(asked: Asked, agent: AgentPath, body: Pausing) -> ShownAgent:
        "An agent asks for no calls, after the talk if there is one."

    Operation("POST", "/agents/{agent}/pause", pause, SUPERVISORS, own=OPERATORS)
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any, get_type_hints
from urllib.parse import unquote

import msgspec

from ivr.edge.protocols import Request
from ivr.web.rights import OPEN, Role
from ivr.web.switchboard import Refusal

QUERY, BODY = "query", "body"
"""Names of the arguments that are not in the path."""

JSON = "application/json"

NOTHING = (b"", b"{}")
"""Bodies in which nothing is given: programs send an empty object with whatever they ask for."""

SECRET = {"format": "password", "writeOnly": True}
"""Of a field of a body: by this the audit log knows what it must not keep."""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True)
class Operation:
    """One row of the table.

    `roles` may do it to everybody, `own` only to themselves: to the `agent` or the `call` of the path.  What changes
    something is always in the audit log; with `discloses` it is there before it is done, also where that is a look, or
    it is not done.  `is_pulse`: it says only that somebody is there, some times a minute, and leaves no entry.
    """

    method: str
    path: str
    run: Callable[..., Awaitable[Any]]
    roles: frozenset[Role] = OPEN
    own: frozenset[Role] = OPEN
    discloses: bool = False
    is_pulse: bool = False
    produces: str = JSON

    @property
    def tag(self) -> str:
        """Under which it stands: the name of its module."""
        return self.run.__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        """Unique in the table."""
        return self.run.__name__.replace("_", "-")

    @property
    def does(self) -> str:
        """One line."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]

    @property
    def is_open(self) -> bool:
        """Whether it needs no sign-in."""
        return not self.roles | self.own

    @property
    def is_audited(self) -> bool:
        """Whether doing it leaves an entry in the audit log; a refusal always does."""
        return self.discloses or (self.method != "GET" and not self.is_pulse)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Of the path: name -> type."""
        return {name: self._hints[name] for name in re.findall(r"{(\w+)}", self.path)}

    @property
    def query(self) -> Any:
        """The type of what is asked for in the query: a struct with a default for each field."""
        return self._hints.get(QUERY, Nothing)

    @property
    def body(self) -> Any:
        """The type of the body; None where there is none to be given."""
        return self._hints.get(BODY)

    @property
    def answer(self) -> Any:
        """The type of what comes back."""
        return self._hints["return"]

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        return get_type_hints(self.run, include_extras=True)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))

    def matches(self, path: str) -> bool:
        """Whether a path, still percent-encoded, is one of its own."""
        return self._pattern.fullmatch(path) is not None

    def places(self, path: str) -> dict[str, Any]:
        """The parameters of a path that matches.  Raises `Refusal`."""
        match = self._pattern.fullmatch(path)
        texts = match.groupdict() if match else {}
        return {
            name: _read(partial(_converted, unquote(texts[name]), type_), name, type_)
            for name, type_ in self.parameters.items()
        }

    def given(self, request: Request) -> dict[str, Any]:
        """Query and body, each as its type says.  Raises `Refusal`."""
        names = [name for name, _ in request.query]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"{twice[0]!r} is given twice")
        found: dict[str, Any] = {}
        query = _read(lambda: msgspec.convert(dict(request.query), self.query, strict=False), QUERY, self.query)
        if QUERY in self._hints:
            found[QUERY] = query
        if self.body is not None:
            found[BODY] = self._content(request)
        elif request.body.strip() not in NOTHING:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"{self.method} {self.path} takes no body")
        return found

    def _content(self, request: Request) -> Any:
        if request.body and request.content_type != JSON:
            sentence = f"the body is {request.content_type or 'of no type'}, and must be {JSON}"
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sentence)
        return _read(lambda: msgspec.json.decode(request.body or b"{}", type=self.body), BODY, self.body)


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}


_STRANGE = re.compile(r"Invalid enum value (.*)")
_MATCHING = re.compile(r"`str` matching regex '(.*)'")
_RUN = re.compile(r"\^\[(?P<of>[^]]+)\]\{(?P<least>\d+)(,(?P<most>\d+))?\}\$")
_CHARACTERS = {"0-9": "digits", "A-Za-z": "letters A to z", "a-f": "letters a to f", " ": "spaces"}


def shape(pattern: str) -> str:
    """What a pattern of ours asks for, said to a person; each is a run of characters of some kinds."""
    run = _RUN.fullmatch(pattern)
    if run is None:
        return "text of another form"
    kinds, rest = [], run["of"]
    for characters, words in _CHARACTERS.items():
        if characters in rest:
            kinds.append(words)
            rest = rest.replace(characters, "")
    *others, last = [*kinds, " ".join(rest)] if rest else kinds
    length = f"{run['least']} to {run['most']}" if run["most"] else run["least"]
    return f"{length} {', '.join(others)} or {last}" if others else f"{length} {last}"


def _converted(text: str, type_: Any) -> Any:
    return msgspec.convert(text, type_, strict=False)


def _read(decode: Callable[[], Any], where: str, wanted: Any) -> Any:
    """What `decode` makes of it, which is to be `wanted`, or a refusal that says what is wrong and where."""
    try:
        return decode()
    except msgspec.ValidationError as fault:
        what, _, at = str(fault).partition(" - at `$")
        place = at.rstrip("`").lstrip(".")
        if (strange := _STRANGE.fullmatch(what)) and (known := _choices(msgspec.inspect.type_info(wanted), place)):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"{place or where}: {strange[1]} is none of {known}") from fault
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{place or where}: {_plainly(what)}") from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{where}: not JSON: {fault}") from fault


def _choices(wanted: msgspec.inspect.Type, place: str) -> str:
    """The words of which one can stand at a place: `roles[0]` of a body, say."""
    for step in re.findall(r"[A-Za-z_]\w*|\[", place):
        wanted = _certain(wanted)
        if isinstance(wanted, msgspec.inspect.StructType):
            wanted = next(each.type for each in wanted.fields if each.encode_name == step)
        elif isinstance(wanted, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
            wanted = wanted.item_type
    words = _certain(wanted)
    return ", ".join(str(word.value) for word in words.cls) if isinstance(words, msgspec.inspect.EnumType) else ""


def _certain(wanted: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """Without what was only noted about it, and the null that may stand for it."""
    if isinstance(wanted, msgspec.inspect.Metadata):
        return _certain(wanted.type)
    if isinstance(wanted, msgspec.inspect.UnionType):
        return _certain(next(each for each in wanted.types if not isinstance(each, msgspec.inspect.NoneType)))
    return wanted


def _plainly(fault: str) -> str:
    """What msgspec says, in our words: expected a whole number <= 1000, got text; expected 6 to 12 digits."""
    fault = _MATCHING.sub(lambda match: shape(match[1]), fault)
    said = re.sub(r"`(\w+)( \| null)?`", lambda match: _WORDS.get(match[1], f"`{match[1]}`"), fault)
    return said[:1].lower() + said[1:]
