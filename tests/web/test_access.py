"""Accounts, tokens and sign-ins: what is kept and what is not, lock-out, and that access outlives everything."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from http import HTTPStatus
from typing import Any
from zlib import crc32

from ivr.errors import DiskFull
from ivr.lockout import FAILURES, LOCKED_MS, Lockout
from ivr.web.access import SESSION, SESSIONS_MOST, Access
from ivr.web.rights import HOUSE, Role
from routing.ids import AgentId
from tests.calls.desk import Desk
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.locksmith import PlainLocksmith
from tests.fake.loop import SimClock, simulate

Scene = Callable[[], Coroutine[Any, Any, None]]
SOMEBODY, PASSWORD = "li", "a long enough one"


def simulated(scene: Scene) -> Callable[[], None]:
    """A test in virtual time."""

    @wraps(scene)
    def test() -> None:
        simulate(scene)

    del test.__wrapped__  # pytest would look at its arguments
    return test


def access(disk: MemoryDisk | None = None) -> Access:
    return Access(disk or MemoryDisk(), SimClock(), PlainLocksmith(), "house", Lockout(MemoryDisk()))


async def opened(*roles: Role, agent: str | None = None) -> Access:
    made = access()
    await made.open(SOMEBODY, roles or (Role.OPERATOR,), AgentId(agent) if agent else None, PASSWORD)
    return made


@simulated
async def test_the_token_of_the_state_directory_is_the_house_and_any_other_is_nobody() -> None:
    assert access().identify("house") == HOUSE
    assert access().identify("") is None
    assert access().identify("housf") is None


@simulated
async def test_who_signs_in_is_known_by_their_token_until_the_shift_is_over() -> None:
    there = await opened(Role.OPERATOR, agent="1016")
    made = await there.sign_in(SOMEBODY, PASSWORD)
    assert made is not None
    who = there.identify(made.secret)
    assert who is not None
    assert (who.name, who.roles, who.agent) == (SOMEBODY, frozenset({Role.OPERATOR}), AgentId("1016"))
    await asyncio.sleep(SESSION.total_seconds() - 1)
    assert there.identify(made.secret) == who
    await asyncio.sleep(1)
    assert there.identify(made.secret) is None


@simulated
async def test_an_account_that_is_disabled_counts_no_more_at_once() -> None:
    there = await opened()
    made = await there.sign_in(SOMEBODY, PASSWORD)
    assert made is not None
    await there.change(there.accounts[SOMEBODY], is_disabled=True)
    assert there.identify(made.secret) is None
    assert await there.sign_in(SOMEBODY, PASSWORD) is None
    await there.change(there.accounts[SOMEBODY], is_disabled=False)
    assert there.identify(made.secret) is not None


@simulated
async def test_another_password_signs_out_whoever_had_the_old_one_also_while_it_is_being_looked_at() -> None:
    there = await opened()
    made = await there.sign_in(SOMEBODY, PASSWORD)
    assert made is not None
    program = await there.issue(SOMEBODY, "wallboard", SESSION, (Role.OPERATOR,))
    meanwhile = asyncio.create_task(there.sign_in(SOMEBODY, PASSWORD))
    await asyncio.sleep(0.01)
    there.accounts[SOMEBODY] = await there.change(there.accounts[SOMEBODY], password="another")
    assert await meanwhile is None
    await there.set_password(there.accounts[SOMEBODY], "the newest of all")
    assert there.identify(made.secret) is None
    assert there.identify(program.secret) is not None
    assert await there.sign_in(SOMEBODY, "the newest of all") is not None


@simulated
async def test_only_so_many_sign_ins_of_one_account_count() -> None:
    there = await opened()
    made = [await there.sign_in(SOMEBODY, PASSWORD) for _ in range(SESSIONS_MOST + 3)]
    known = [each is not None and there.identify(each.secret) is not None for each in made]
    assert known == [False] * 3 + [True] * SESSIONS_MOST


@simulated
async def test_a_token_has_no_more_rights_than_its_account_and_none_once_revoked() -> None:
    there = await opened(Role.SUPERVISOR, Role.AUDITOR)
    made = await there.issue(SOMEBODY, "wallboard", SESSION, (Role.AUDITOR, Role.SYSTEM_ADMIN))
    who = there.identify(made.secret)
    assert who is not None
    assert who.roles == {Role.AUDITOR}
    await there.change(there.accounts[SOMEBODY], roles=(Role.SUPERVISOR,))
    who = there.identify(made.secret)
    assert who is not None
    assert not who.roles
    await there.revoke(made.token.id)
    assert there.identify(made.secret) is None


@simulated
async def test_everything_outlives_the_process_and_nothing_secret_is_in_the_file() -> None:
    platter = Platter()
    before = access(MemoryDisk(platter))
    password = await before.open(SOMEBODY, (Role.OPERATOR,))
    made = await before.sign_in(SOMEBODY, password)
    assert made is not None
    gone = await before.issue(SOMEBODY, "wallboard", SESSION, (Role.OPERATOR,))
    await before.revoke(gone.token.id)
    platter.content += b'0badf00d {"type":"account","name":"mallory"}\n{"type":'  # damaged, and torn
    after = access(MemoryDisk(platter))
    assert list(after.accounts) == [SOMEBODY]
    assert after.identify(made.secret) is not None
    assert after.identify(gone.secret) is None
    assert await after.sign_in(SOMEBODY, password) is not None
    for secret in (password, made.secret, gone.secret, "house"):
        assert secret.encode() not in platter.content
    assert b"mallory" not in platter.content


@simulated
async def test_a_full_disk_keeps_nobody_from_signing_in() -> None:
    disk = MemoryDisk()
    there = access(disk)
    await there.open(SOMEBODY, (Role.OPERATOR,), password=PASSWORD)
    disk.room = disk.size
    made = await there.sign_in(SOMEBODY, PASSWORD)
    assert made is not None
    assert there.identify(made.secret) is not None
    try:
        await there.change(there.accounts[SOMEBODY], is_disabled=True)
    except DiskFull:
        assert not there.accounts[SOMEBODY].is_disabled
    else:
        raise AssertionError("an account was changed that could not be kept")


@simulated
async def test_an_account_that_this_version_cannot_read_is_there_for_the_one_that_can() -> None:
    platter = Platter()
    before = access(MemoryDisk(platter))
    await before.open(SOMEBODY, (Role.OPERATOR,), password=PASSWORD)
    content = b'{"type":"account","name":"wang","roles":["astronaut"],"password":"x","made":1}'
    later = b"%08x %b" % (crc32(content), content)
    MemoryDisk(platter).append(later + b"\n")
    after = access(MemoryDisk(platter))
    assert list(after.accounts) == [SOMEBODY]
    assert later in bytes(platter.content).splitlines()


@simulated
async def test_a_name_is_locked_after_wrong_passwords_and_the_lock_ends_by_itself() -> None:
    desk = Desk()
    await desk.access.open(SOMEBODY, (Role.OPERATOR,), password=PASSWORD)
    right, wrong = {"name": SOMEBODY, "password": PASSWORD}, {"name": SOMEBODY, "password": "guess"}
    for _ in range(FAILURES - 1):
        assert (await desk.ask("POST", "/login", wrong, token="")).status is HTTPStatus.UNAUTHORIZED
    assert (await desk.ask("POST", "/login", right, token="")).status is HTTPStatus.OK
    async with asyncio.TaskGroup() as group:  # all at once are not one guess
        tries = [group.create_task(desk.ask("POST", "/login", wrong, token="")) for _ in range(3 * FAILURES)]
    assert {task.result().status for task in tries} <= {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
    locked = await desk.ask("POST", "/login", right, token="")
    assert locked.status is HTTPStatus.TOO_MANY_REQUESTS
    assert 0 < int(locked.headers["Retry-After"]) <= LOCKED_MS // 1000
    (shown,) = await desk.get("/accounts")
    assert shown["locked_s"] > 0
    await asyncio.sleep(int(locked.headers["Retry-After"]))
    assert (await desk.ask("POST", "/login", right, token="")).status is HTTPStatus.OK
    for _ in range(FAILURES):
        await desk.ask("POST", "/login", {"name": "nobody-has-it", "password": "guess"}, token="")
    strange = await desk.ask("POST", "/login", {"name": "nobody-has-it", "password": "guess"}, token="")
    assert strange.status is HTTPStatus.TOO_MANY_REQUESTS
    await desk.closes()


@simulated
async def test_a_stolen_token_is_no_way_to_guess_the_password_past_the_lock() -> None:
    desk = Desk()
    await desk.access.open(SOMEBODY, (Role.OPERATOR,), password=PASSWORD)
    made = await desk.access.sign_in(SOMEBODY, PASSWORD)
    assert made is not None
    wrong, right = ({"old": old, "new": "another long one"} for old in ("guess", PASSWORD))
    for _ in range(FAILURES):
        refused = await desk.ask("POST", "/me/password", wrong, token=made.secret)
        assert refused.status is HTTPStatus.FORBIDDEN
    locked = await desk.ask("POST", "/me/password", right, token=made.secret)
    assert locked.status is HTTPStatus.TOO_MANY_REQUESTS
    await asyncio.sleep(int(locked.headers["Retry-After"]))
    assert (await desk.ask("POST", "/me/password", right, token=made.secret)).status is HTTPStatus.OK
    await desk.closes()


@simulated
async def test_a_system_admin_makes_changes_and_ends_accounts() -> None:
    desk = Desk()
    made = await desk.post("/accounts", name="wang", roles=["operator"], agent="1016")
    signed_in = await desk.ask("POST", "/login", {"name": "wang", "password": made["password"]}, token="")
    token = signed_in.value.token
    assert (await desk.ask("GET", "/me", token=token)).value.agent == "1016"
    assert (await desk.ask("POST", "/agents/1016/sign-in", token=token)).status is HTTPStatus.OK
    assert "is wang" in await desk.refused(
        "POST", "/accounts", HTTPStatus.CONFLICT, name="b", roles=["operator"], agent="1016"
    )
    assert "already" in await desk.refused("POST", "/accounts", HTTPStatus.CONFLICT, name="wang", roles=["auditor"])
    assert "site.yaml" in await desk.refused(
        "POST", "/accounts", HTTPStatus.UNPROCESSABLE_ENTITY, name="c", roles=["operator"], agent="9999"
    )
    changed = {"old": made["password"], "new": "my own password"}
    assert (await desk.ask("POST", "/me/password", changed, token=token)).status is HTTPStatus.OK
    assert (await desk.ask("GET", "/me", token=token)).status is HTTPStatus.UNAUTHORIZED
    again = await desk.ask("POST", "/login", {"name": "wang", "password": "my own password"}, token="")
    assert (await desk.post("/accounts/wang/roles", roles=["supervisor", "auditor"]))["roles"] == [
        "supervisor",
        "auditor",
    ]
    assert (await desk.ask("GET", "/me", token=again.value.token)).value.roles == (Role.SUPERVISOR, Role.AUDITOR)
    issued = await desk.post("/tokens", account="wang", label="wallboard", roles=["auditor"])
    assert [each["label"] for each in await desk.get("/tokens")] == ["", "wallboard"]
    assert "has not the role" in await desk.refused(
        "POST", "/tokens", HTTPStatus.UNPROCESSABLE_ENTITY, account="wang", label="x", roles=["system-admin"]
    )
    assert (await desk.ask("GET", "/calls", token=issued["secret"])).status is HTTPStatus.OK
    await desk.post(f"/tokens/{issued['token']['id']}/revoke")
    assert (await desk.ask("GET", "/calls", token=issued["secret"])).status is HTTPStatus.UNAUTHORIZED
    assert (await desk.ask("POST", "/logout", token=again.value.token)).status is HTTPStatus.OK
    assert (await desk.ask("GET", "/me", token=again.value.token)).status is HTTPStatus.UNAUTHORIZED
    assert (await desk.post("/accounts/wang/disable"))["is_disabled"]
    await desk.closes()


@simulated
async def test_of_two_who_make_an_account_of_one_name_at_the_same_moment_one_does_and_the_other_is_told_so() -> None:
    desk = Desk()
    given = {"name": "wang", "roles": ["auditor"]}
    answers = await asyncio.gather(*(desk.ask("POST", "/accounts", given) for _ in range(2)))
    assert [each.status for each in answers] == [HTTPStatus.OK, HTTPStatus.CONFLICT]
    assert "there is an account 'wang' already" in str(answers[1].value)
    login = {"name": "wang", "password": answers[0].value.password}
    assert (await desk.ask("POST", "/login", login, token="")).status is HTTPStatus.OK
    await desk.closes()


@simulated
async def test_of_two_who_give_one_agent_away_at_the_same_moment_one_does_and_the_other_is_told_so() -> None:
    desk = Desk()
    await desk.post("/accounts", name="old", roles=["operator"])
    answers = await asyncio.gather(
        *(desk.ask("POST", "/accounts", {"name": name, "roles": ["operator"], "agent": "1016"}) for name in ("a", "b")),
        desk.ask("POST", "/accounts/old/roles", {"roles": ["operator"], "agent": "1016"}),
    )
    assert [each.status for each in answers] == [HTTPStatus.OK, HTTPStatus.CONFLICT, HTTPStatus.CONFLICT]
    assert all("agent 1016 is a" in str(each.value) for each in answers[1:])
    assert {each["name"]: each["agent"] for each in await desk.get("/accounts")} == {"old": None, "a": "1016"}
    await desk.closes()


@simulated
async def test_an_account_that_could_not_be_kept_leaves_its_name_and_agent_to_whoever_tries_again() -> None:
    desk = Desk()
    desk.rights.room = desk.rights.size
    given = {"name": "wang", "roles": ["operator"], "agent": "1016"}
    assert (await desk.ask("POST", "/accounts", given)).status is HTTPStatus.SERVICE_UNAVAILABLE
    desk.rights.room = None
    assert (await desk.ask("POST", "/accounts", given)).status is HTTPStatus.OK
    await desk.closes()


@simulated
async def test_no_account_bears_the_agent_name_of_somebody_else() -> None:
    desk = Desk()
    for given in ({"name": "1016", "roles": ["supervisor"]}, {"name": "1016", "roles": ["operator"], "agent": "1017"}):
        assert "'1016' is the 工号 of another agent" in await desk.refused(
            "POST", "/accounts", HTTPStatus.CONFLICT, **given
        )
    await desk.post("/accounts", name="1016", roles=["operator"], agent="1016")
    for agent in (None, "1017"):
        assert "'1016' is the 工号 of another agent" in await desk.refused(
            "POST", "/accounts/1016/roles", HTTPStatus.CONFLICT, roles=["operator"], agent=agent
        )
    assert (await desk.post("/accounts/1016/roles", roles=["supervisor"]))["agent"] == "1016"
    await desk.closes()


@simulated
async def test_an_account_that_bears_the_agent_name_of_somebody_else_already_can_be_given_other_roles() -> None:
    desk = Desk()
    await desk.access.open("1016", (Role.SUPERVISOR,))  # before 1016 was in site.yaml
    assert (await desk.post("/accounts/1016/roles", roles=["auditor"]))["roles"] == ["auditor"]
    assert (await desk.post("/accounts/1016/roles", roles=["auditor"], agent=None))["agent"] is None
    await desk.closes()
