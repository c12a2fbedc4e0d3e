"""Passwords and tokens as they really are made and kept."""

import asyncio
import stat
from pathlib import Path

import pytest

from ivr.edge import locksmith
from ivr.edge.locksmith import Argon2Locksmith
from ivr.edge.secrets import Secrets
from ivr.errors import TooMany


async def test_a_password_is_known_again_and_no_other_is() -> None:
    smith = Argon2Locksmith()
    hashed = await smith.hash("一个密码 is this")
    assert hashed.startswith("$argon2id$")
    assert await smith.matches(hashed, "一个密码 is this")
    assert not await smith.matches(hashed, "一个密码 is that")
    assert not await smith.matches(None, "一个密码 is this")
    assert not await smith.matches("what is this", "一个密码 is this")
    assert await smith.hash("the same") != await smith.hash("the same")


def test_what_is_made_is_never_the_same() -> None:
    smith = Argon2Locksmith()
    assert len({smith.password() for _ in range(50)} | {smith.token() for _ in range(50)}) == 100
    assert len(smith.token()) >= 43


async def test_more_sign_ins_than_a_shift_has_are_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locksmith, "_WAITING_MOST", 2)
    smith = Argon2Locksmith()
    done = await asyncio.gather(*(smith.hash("one of many") for _ in range(3)), return_exceptions=True)
    assert [isinstance(each, TooMany) for each in done] == [False, False, True]
    assert await smith.hash("and now there is room")


def test_a_secret_that_is_dropped_is_gone(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    first = secrets.get("first-login")
    path = secrets.folder / "first-login"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets.drop("first-login")
    secrets.drop("first-login")
    assert not path.exists()
    assert secrets.get("first-login") != first
