"""The two worlds of the contract behind one face: the fake in virtual time, the real Asterisk in its own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ivr.ari.client import Ari
from ivr.edge.protocols import Link, Wire
from ivr.edge.wire import AsteriskWire
from ivr.errors import Gone
from tests.asterisk.waiting import eventually
from tests.contract.frames import Checked
from tests.fake.asterisk import FakeAsterisk
from tests.fake.world import Party, Phone

APP = "contract"
TONES = {400: "music", 600: "ringback", 500: "long", 800: "short", 1004: "voice"}
WINDOW = 400  # samples: 50 ms, so that a bin is 20 Hz wide


class World(Protocol):
    """Citizens dial `12345`, or `12346` with a lease of 2 s; prompts `short` (0.4 s) and `long` (2 s)."""

    short: str
    long: str
    missing: str
    late: float
    """Seconds that anything may take longer here than it should."""

    @property
    def wire(self) -> Wire: ...

    async def dials(self, number: str = "12345") -> str:
        """A citizen calls; returns the citizen's name."""

    async def hangs_up(self, citizen: str) -> None: ...

    def endpoint(self, phone: str) -> str:
        """What to dial for a phone that does what one of `PHONES` does."""

    async def after(self, ari: Ari, channel: str) -> str:
        """Where in the dialplan a channel is that left Stasis: `T`, `survival`, `FAILED`."""

    async def heard(self, name: str) -> list[str]:
        """What a party heard whose call is over, in order: a citizen, or a phone, by the caller id that rang it."""


PHONES = {
    "answers": Phone(answers_after=0.2, talks=None),
    "rings": Phone(),
    "busy": Phone(busy=True),
    "off": Phone(off=True),
    "rejects": Phone(rejects_after=0.1, rejects_with=403),
    "unregistered": Phone(registered=False),
    "vanishes": Phone(answers_after=0.2, talks=None, vanishes=1.0),
}


OTHERS = {"unregistered": "PJSIP/gone", "vanishes": "PJSIP/vanishes@impatient"}
"""What the real one dials for a phone that is not to be had as the rest are."""


class Fake:
    """The fake one."""

    late = 0.4

    def __init__(self, seed: int) -> None:
        self.fake = FakeAsterisk(seed, APP)
        self.fake.lengths = {"short": 400, "long": 2_000}
        self.fake.missing = {"missing"}
        self.fake.applications.torn_down_after = 0.002
        self.short, self.long, self.missing = "sound:/s/short", "sound:/s/long", "sound:/s/missing"
        self.wire: Wire = self.fake.life()
        self._citizens: dict[str, Party] = {}

    async def dials(self, number: str = "12345") -> str:
        self.fake.lease_s = 2.0 if number == "12346" else 0.0
        party = self.fake.dials(number)
        self._citizens[party.label] = party
        return party.label

    async def hangs_up(self, citizen: str) -> None:
        self.fake.hangs_up(self._citizens[citizen])

    def endpoint(self, phone: str) -> str:
        name = f"{phone}-{len(self.fake.endpoints)}"  # one phone a leg
        self.fake.seat(name, PHONES[phone])
        return f"PJSIP/{name}"

    async def after(self, ari: Ari, channel: str) -> str:
        del ari
        party = self.fake.channels[channel].party
        return {"survival": "survival", "retry": "FAILED"}.get(self.fake.channels[channel].place, party.ended)

    async def heard(self, name: str) -> list[str]:
        label = next(
            each.label for each in self.fake.parties.values() if {name, f"leg-{name}"} & {each.label, *each.channels}
        )
        sounds = [what.partition(":")[0] for since, to, what in self.fake.heard(label) if to - since > 100]
        return [what for what, _ in groupby(each for each in sounds if each not in {"silence", "unanswered"})]


class Real:
    """The real one."""

    late = 5.0  # on a machine that is busy with something else

    def __init__(self, home: Path, wire: AsteriskWire) -> None:
        self._home = home
        self._http = wire
        self.wire: Wire = Checked(wire)
        self.short, self.long, self.missing = (f"sound:{home}/sounds/{name}" for name in ("short", "long", "missing"))

    async def dials(self, number: str = "12345") -> str:
        query = {"endpoint": f"PJSIP/{number}@loop", "context": "outside", "extension": "s", "timeout": "30"}
        async with self._http.session.post("channels", params=query) as reply:
            reply.raise_for_status()
            name: str = (await reply.json())["id"]
            return name

    async def hangs_up(self, citizen: str) -> None:
        async with self._http.session.delete(f"channels/{citizen}"):
            pass

    def endpoint(self, phone: str) -> str:
        return OTHERS.get(phone, f"PJSIP/{phone}@loop")

    async def after(self, ari: Ari, channel: str) -> str:
        value = ""

        async def has_gone_on() -> bool:
            nonlocal value
            try:
                reply = await ari.request("GET", f"channels/{channel}/variable", query={"variable": "AFTER"})
            except Gone:  # not set yet
                return False
            value = str(reply["value"])
            return bool(value)

        await eventually(has_gone_on, 10, f"{channel} has gone on in the dialplan")
        return value

    async def heard(self, name: str) -> list[str]:
        spool = self._home / "spool"
        told, what = spool / f"{name}.heard", f"what {name} heard is on disk"
        try:
            await eventually(told.exists, 10, what)
        except AssertionError:  # on a busy machine what a connection asks for last may be lost with it
            await self._is_empty()
            await eventually(told.exists, 10, what)
        samples = np.frombuffer((spool / f"{name}.raw").read_bytes(), "<i2")
        samples = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW).astype(float)
        spectra = np.abs(np.fft.rfft(samples * np.hanning(WINDOW)))
        loud = np.abs(samples).mean(axis=1) > 200
        peaks = spectra.argmax(axis=1) * 8000 / WINDOW
        found = [nearest(peak) if heard else "" for peak, heard in zip(peaks, loud, strict=True)]
        runs = [(what, len(list(run))) for what, run in groupby(found)]
        return [what for what, _ in groupby(what for what, windows in runs if what and windows > 2)]

    async def empty(self) -> None:
        """Hang up whatever a test has left, and wait until it is gone: the next test uses the same names."""
        await eventually(self._is_empty, 20, "Asterisk is empty")
        for told in (self._home / "spool").glob("*.heard"):
            told.unlink()

    async def _is_empty(self) -> bool:
        left = [f"{what}/{each['id']}" for what in ("channels", "bridges") for each in await self._http.fetch(what)]
        for each in left:
            async with self._http.session.delete(each):
                pass
        return not left


def nearest(hertz: float) -> str:
    """Which of our sounds a frequency is."""
    tone = min(TONES, key=lambda each: abs(each - hertz))
    return TONES[tone] if abs(tone - hertz) <= 40 else "noise"


@asynccontextmanager
async def real_world(home: Path, address: str, password: str) -> AsyncIterator[Real]:
    """The real world for one test, empty afterwards."""
    async with AsteriskWire(address, "hotline", password) as wire:
        world = Real(home, wire)
        try:
            yield world
        finally:
            await world.empty()


Opened = AbstractAsyncContextManager[Link]
Json = dict[str, Any]
