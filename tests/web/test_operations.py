"""The table of operations: each row whole, each role at each endpoint, and what is given is checked."""

import asyncio
import re
from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from ivr.edge.protocols import Request
from ivr.facts import Ground, Matter
from ivr.web import openapi
from ivr.web.operations import Operation, shape
from ivr.web.rights import OPEN, Role, Who
from ivr.web.table import OPERATIONS
from ivr.web.talks import Supervising
from routing.ids import AgentId
from tests.calls.desk import Desk
from tests.fake.loop import simulate

OWN, OTHER = "1016", "1001"
MATTERS, GROUNDS, ROLES = (", ".join(words) for words in (Matter, Ground, Role))

MAY: dict[str, str] = {
    "GET /health": "anyone",
    "GET /ready": "anyone",
    "GET /status": "operator supervisor line-admin auditor system-admin",
    "GET /trunks": "supervisor line-admin auditor system-admin",
    "POST /drain": "system-admin",
    "POST /reload": "line-admin system-admin",
    "GET /openapi.json": "anyone",
    "GET /agents": "operator supervisor auditor",
    "GET /queues": "operator supervisor auditor",
    "POST /agents/{agent}/sign-in": "own supervisor",
    "POST /agents/{agent}/sign-out": "own supervisor",
    "POST /agents/{agent}/ready": "own supervisor",
    "POST /agents/{agent}/pause": "own supervisor",
    "POST /agents/{agent}/answer": "own supervisor",
    "POST /agents/{agent}/heartbeat": "own supervisor",
    "POST /agents/{agent}/phone": "own",
    "POST /agents/{agent}/pin": "own supervisor system-admin",
    "POST /agents/{agent}/wrap-up": "own supervisor",
    "GET /seats": "operator supervisor auditor system-admin",
    "GET /staff": "supervisor auditor system-admin",
    "POST /seats/{seat}/sign-in": "anyone",
    "GET /pools": "operator supervisor auditor",
    "POST /pools/{pool}/close": "supervisor",
    "POST /pools/{pool}/open": "supervisor",
    "POST /queues/{call}/move": "supervisor",
    "POST /announcements": "supervisor",
    "GET /callbacks": "operator supervisor auditor",
    "GET /callbacks/{call}/number": "operator supervisor",
    "POST /callbacks/{call}/tried": "operator supervisor",
    "POST /callbacks/{call}/settle": "supervisor",
    "POST /agents/{agent}/machine": "own supervisor",
    "POST /agents/{agent}/call-out": "own supervisor",
    "GET /experts": "operator supervisor auditor",
    "GET /nuisances": "supervisor auditor",
    "GET /nuisances/{call}/number": "supervisor",
    "POST /nuisances/{call}/confirm": "supervisor",
    "POST /nuisances/{call}/dismiss": "supervisor",
    "POST /nuisances/{call}/lift": "supervisor",
    "GET /agents/{agent}/talk": "own supervisor",
    **dict.fromkeys(
        (
            f"POST /agents/{{agent}}/talk/{what}"
            for what in (
                *("hang-up", "hold", "retrieve", "mute", "unmute"),
                *("consult", "switch", "three-way", "complete", "cancel"),
                *("transfer", "link", "emergency", "utility", "expert"),
                *("pause-recording", "resume-recording", "silent", "nuisance"),
            )
        ),
        "own supervisor",
    ),
    **dict.fromkeys(
        (f"POST /agents/{{agent}}/talk/{what}" for what in ("listen", "whisper", "barge", "take-over", "stop")),
        "supervisor",
    ),
    "GET /calls": "operator supervisor auditor",
    "GET /calls/{call}": "own supervisor auditor",
    "GET /calls/{call}/recording": "supervisor auditor",
    "GET /stream": "operator supervisor auditor",
    "GET /report": "supervisor auditor",
    "GET /metrics": "supervisor auditor system-admin",
    "POST /login": "anyone",
    "POST /logout": "operator supervisor line-admin auditor system-admin",
    "GET /me": "operator supervisor line-admin auditor system-admin",
    "POST /me/password": "operator supervisor line-admin auditor system-admin",
    "GET /accounts": "system-admin",
    "POST /accounts": "system-admin",
    "POST /accounts/{account}/roles": "system-admin",
    "POST /accounts/{account}/disable": "system-admin",
    "POST /accounts/{account}/password": "system-admin",
    "GET /tokens": "system-admin",
    "POST /tokens": "system-admin",
    "POST /tokens/{token}/revoke": "system-admin",
    "GET /audit": "auditor system-admin",
    "GET /audit/chain": "auditor system-admin",
}
"""Who may do what, written down a second time; `own`: an operator, to what is their own."""


def titled(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def test_the_matrix_names_every_operation_and_no_other() -> None:
    assert [titled(operation) for operation in OPERATIONS] == list(MAY)


@pytest.mark.parametrize("operation", OPERATIONS, ids=titled)
def test_a_row_says_what_it_does_and_takes_what_its_path_names(operation: Operation) -> None:
    assert re.fullmatch(r"[A-Z].{10,}\.", operation.does), operation.does
    assert operation.answer is not None
    assert operation.parameters.keys() == set(re.findall(r"{(\w+)}", operation.path))
    assert not (operation.method == "GET" and operation.body)
    assert [each.name for each in OPERATIONS].count(operation.name) == 1
    lets_hear = operation.produces.startswith("audio/") or operation.body is Supervising
    tells_a_number = operation.method == "GET" and operation.path.endswith("/number")
    assert operation.discloses or not lets_hear, "what lets somebody hear a citizen is written down first"
    assert operation.discloses or not tells_a_number, "and what tells a citizen's whole number"
    if operation.own:
        assert operation.parameters.keys() & {"agent", "call"}, "nothing in the path says whose it is"


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_at_each_endpoint(role: Role | None) -> None:
    async def scene() -> None:
        desk = Desk()
        roles = frozenset({role}) if role else OPEN
        desk.people["someone"] = Who("someone", roles, AgentId(OWN) if role is Role.OPERATOR else None)
        await asyncio.sleep(1)
        for operation in OPERATIONS:
            allowed = MAY[titled(operation)].split()
            for agent in (OWN, OTHER):
                path = operation.path.replace("{agent}", agent).replace("{call}", "handan1-1-1")
                path = path.replace("{account}", "somebody").replace("{token}", "0" * 12)
                path = path.replace("{pool}", "law").replace("{seat}", "8001")
                answer = await desk.ask(operation.method, path, token="someone" if role else "")
                is_own = "own" in allowed and role is Role.OPERATOR and f"/{OWN}" in path
                if allowed == ["anyone"] or is_own or (role and role in allowed):
                    assert answer.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}, (path, answer)
                elif role is None:
                    assert answer.status is HTTPStatus.UNAUTHORIZED, (path, answer)
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
                else:
                    assert answer.status is HTTPStatus.FORBIDDEN, (path, answer)
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize(("token", "status"), [("someone", HTTPStatus.FORBIDDEN), ("", HTTPStatus.UNAUTHORIZED)])
def test_whoever_says_who_types_has_no_more_rights_by_it(token: str, status: HTTPStatus) -> None:
    """The command line says it of those who use the house's own token, whom it is believed of."""

    async def scene() -> None:
        desk = Desk()
        desk.people["someone"] = Who("someone", frozenset({Role.OPERATOR}), AgentId(OWN))
        asked = Request("GET", "/accounts", (), f"Bearer {token}", person="root")
        assert (await desk.api.answer(asked)).status is status
        assert (
            await desk.api.answer(msgspec.structs.replace(asked, authorization="Bearer house"))
        ).status is HTTPStatus.OK
        await desk.closes()

    simulate(scene)


def test_an_operator_sees_their_own_calls_and_a_supervisor_all() -> None:
    async def scene() -> None:
        desk = Desk()
        for name, agent in (("own", OWN), ("other", OTHER)):
            desk.people[name] = Who(name, frozenset({Role.OPERATOR}), AgentId(agent))
        desk.people["above"] = Who("above", frozenset({Role.SUPERVISOR}))
        desk.fake.seat("8016", answers_after=1, talks=30)
        desk.fake.dials("12345", after=2)
        await asyncio.sleep(1)
        await desk.post(f"/agents/{OWN}/sign-in")
        await asyncio.sleep(14)
        assert [len(await living(desk, who)) for who in ("own", "other", "above")] == [1, 0, 1]
        (call,) = await living(desk, "own")
        told = [(await desk.ask("GET", f"/calls/{call}", token=who)).status for who in ("own", "other", "above")]
        assert told == [200, 403, 200]
        await asyncio.sleep(60)
        seen = [(await desk.ask("GET", "/calls", token=who)).value for who in ("own", "other", "above")]
        assert [len(each.ended) for each in seen] == [1, 0, 1]
        await desk.closes()

    simulate(scene)


def test_who_asks_for_calls_is_told_at_which_moment_a_demo_lives() -> None:
    async def scene() -> None:
        desk = Desk()
        assert (await desk.get("/calls"))["rehearsed"] == ""
        desk.controller.rehearsal = "rehearsal-1"
        assert (await desk.get("/calls"))["rehearsed"] == (await desk.get("/status"))["at"]
        await desk.closes()

    simulate(scene)


async def living(desk: Desk, who: str) -> list[str]:
    return [each.call for each in (await desk.ask("GET", "/calls", token=who)).value.living]


def test_every_pattern_is_said_in_words_to_whoever_does_not_follow_it() -> None:
    """A regular expression stood in the answer."""
    patterns = set(re.findall(r'"pattern": ?"([^"]+)"', openapi.encode(openapi.document(OPERATIONS))))
    told = {pattern: shape(pattern) for pattern in patterns}
    assert told["^[0-9a-f]{12}$"] == "12 digits or letters a to f"
    assert told["^[0-9A-Za-z._-]{1,64}$"] == "1 to 64 digits, letters A to z or . _ -"
    assert shape("^a|b$") not in told.values()


def test_an_empty_object_is_no_body() -> None:
    async def scene() -> None:
        desk = Desk()
        request = Request("POST", f"/agents/{OWN}/ready", (), "Bearer house", "application/json", b" {}\n")
        assert (await desk.api.answer(request)).value.error == f"agent '{OWN}' is not signed in"
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "sentence"),
    [
        ("POST", f"/agents/{OWN}/sign-in", {"ready": "no"}, 400, "ready: expected true or false, got text"),
        ("POST", f"/agents/{OWN}/sign-in", {"readi": True}, 400, "body: object contains unknown field `readi`"),
        ("POST", f"/agents/{OWN}/pause", {"reason": "x" * 201}, 400, "reason: expected text of length <= 200"),
        ("POST", f"/agents/{OWN}/pause", ["lunch"], 400, "body: expected an object, got a list"),
        ("POST", f"/agents/{OWN}/ready", {"now": True}, 400, "POST /agents/{agent}/ready takes no body"),
        ("POST", "/agents/%E5%BC%A0/ready", None, 400, "agent: expected 1 to 64 digits, letters A to z or _ -"),
        ("POST", f"/agents/{OWN}/pin", {"pin": "12"}, 400, "pin: expected 6 to 12 digits"),
        (
            "POST",
            f"/agents/{OWN}/wrap-up",
            {"matter": "gossip"},
            400,
            f"matter: 'gossip' is none of {MATTERS}",
        ),
        ("POST", f"/agents/{OWN}/wrap-up", {"matter": "help", "ground": "x"}, 400, f"ground: 'x' is none of {GROUNDS}"),
        ("POST", "/accounts", {"name": "a", "roles": ["boss"]}, 400, f"roles[0]: 'boss' is none of {ROLES}"),
        ("GET", "/report", {"by": "moon"}, 400, "by: 'moon' is none of line, pool, skill, agent, disposition"),
        ("GET", "/calls", {"limit": "-1"}, 400, "limit: expected a whole number >= 0"),
        ("GET", "/calls", {"limit": "many"}, 400, "limit: expected a whole number, got text"),
        ("GET", "/status", {"limit": "1"}, 400, "query: object contains unknown field `limit`"),
        ("GET", "/nothing", None, 404, "GET /nothing: not found"),
        ("DELETE", "/agents", None, 405, "DELETE /agents: method not allowed"),
    ],
)
def test_what_is_given_wrongly_is_refused_in_one_sentence(
    method: str, path: str, given: Any, status: int, sentence: str
) -> None:
    async def scene() -> None:
        desk = Desk()
        answer = await desk.ask(method, path, given)
        assert (answer.status, answer.value.error) == (status, sentence)
        await desk.closes()

    simulate(scene)
