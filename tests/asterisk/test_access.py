"""Access on the real house: the first login, and that neither a dead controller nor a database that is away ends it."""

import stat
from typing import Any

import pytest

from ivr.edge.http import ask
from ivr.errors import Trouble
from tests.asterisk.house import House
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk


async def asks(house: House, method: str, path: str, token: str = "", **given: Any) -> Any:
    return await ask(f"http://127.0.0.1:{house.ports['web']}{path}", method, token, given)


async def answers(house: House) -> bool:
    try:
        return bool((await asks(house, "GET", "/health"))["alive"])
    except Trouble:
        return False


async def test_the_first_login_outlives_controllers_needs_no_database_and_is_never_logged(house: House) -> None:
    path = house.state / "secrets" / "first-login"
    password = house.secret("first-login")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = (await asks(house, "POST", "/login", name="admin", password=password))["token"]
    old = house.kills("controller")
    await house.has_restarted("controller", old)
    await eventually(lambda: answers(house), 20.0, "the controller answers again")
    assert (await asks(house, "GET", "/me", token))["roles"] == ["system-admin"]
    with house.frozen("postgres"):
        again = (await asks(house, "POST", "/login", name="admin", password=password))["token"]
        made = await asks(house, "POST", "/accounts", again, name="wang", roles=["operator"], agent="1016")
        operator = (await asks(house, "POST", "/login", name="wang", password=made["password"]))["token"]
        assert (await asks(house, "POST", "/agents/1016/sign-in", operator))["state"] != "signed-out"
        assert (await house.told(operator))["agents"]["1016"]["state"] != "signed-out"
        with pytest.raises(Trouble, match="only to what is their own"):
            await asks(house, "POST", "/agents/1001/sign-in", operator)
        await asks(house, "POST", "/agents/1016/sign-out", operator)
    await asks(house, "POST", "/me/password", again, old=password, new="another password of mine")
    assert not path.exists()
    for log in (house.state / "log").iterdir():
        text = log.read_text(errors="replace")
        assert not [secret for secret in (password, token, again, made["password"]) if secret in text]
    said = house.hotline("audit", "--last", "9")
    assert "each carries the digest of the one before" in said
