"""SIP over a network that loses messages: what is lost is sent again, and nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from ivr.town import transactions
from ivr.town.calls import By
from ivr.town.phone import Phone
from ivr.town.rtp import Pacer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of RFC 3261's times: the timers' unit is ours to choose, their shape is not."""
    monkeypatch.setattr(transactions, "T1", 0.02)
    monkeypatch.setattr(transactions, "T2", 0.16)
    monkeypatch.setattr(transactions, "LIMIT", 0.64)


@pytest.fixture
async def two() -> AsyncIterator[tuple[Phone, Phone]]:
    pacer = Pacer()
    async with await Phone.open(pacer=pacer) as alice, await Phone.open(pacer=pacer) as bob:
        bob.user = "bob"
        yield alice, bob


class Losing:
    """Drops every other datagram that a phone sends."""

    def __init__(self, phone: Phone) -> None:
        self.lost = 0
        self._count = 0
        self._send: Callable[[bytes, tuple[str, int]], None] = phone.transactions._send
        phone.transactions._send = self.send  # type: ignore[method-assign]

    def send(self, datagram: bytes, to: tuple[str, int]) -> None:
        self._count += 1
        if self._count % 2:
            self.lost += 1
        else:
            self._send(datagram, to)


async def test_a_call_is_made_and_ended_though_every_other_message_is_lost(two: tuple[Phone, Phone]) -> None:
    alice, bob = two
    lossy = Losing(alice), Losing(bob)
    call = await alice.dial("bob", bob.address)
    ring = await bob.rung()
    ring.answer()
    await call.answered()
    await call.hang_up()
    assert (await ring.ended()).by is By.THEM
    assert all(each.lost for each in lossy)
    assert len(bob.calls) == 1


async def test_a_cancel_arrives_though_messages_are_lost(two: tuple[Phone, Phone]) -> None:
    alice, bob = two
    Losing(alice)
    Losing(bob)
    call = await alice.dial("bob", bob.address)
    ring = await bob.rung()
    await call.hang_up()
    assert (await ring.ended()).status == 487
    assert call.end is not None
    assert call.end.by is By.US


async def test_an_answer_that_crosses_a_cancel_ends_the_call(two: tuple[Phone, Phone]) -> None:
    alice, bob = two
    call = await alice.dial("bob", bob.address)
    ring = await bob.rung()
    await call.ringing()
    async with asyncio.TaskGroup() as group:
        group.create_task(call.hang_up())
        ring.answer()
    await ring.ended()
    assert call.has_ended


async def test_nobody_there_is_found_out(two: tuple[Phone, Phone]) -> None:
    alice, bob = two
    nowhere = bob.address
    bob.die()
    call = await alice.dial("bob", nowhere)
    assert (await call.ended()).status == 408
