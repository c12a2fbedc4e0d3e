"""The real Asterisk of the contract: one process that calls itself over SIP, so that both ends of every call are real.

A citizen is the outgoing half of a looped call (context `outside`), the channel under test its incoming half.
"""

import asyncio
import socket
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dialplans import modules
from ivr.edge import asterisk
from ivr.edge.wire import AsteriskWire
from ivr.errors import ConnectionLost

PASSWORD = "contract-only"
LEASE_S = 2
CHANNELVARS = "HOTLINE_CALL,HOTLINE_DIALLED"

EXTENSIONS = """
[loop]
; the hotline: stamp, lease, Stasis, what follows it
exten => 12345,1,Set(HOTLINE_CALL=${REPLACE(UNIQUEID,.,-)})
 same => n,Set(HOTLINE_DIALLED=${EXTEN})
 same => n,Goto(enter,s,1)
exten => 12346,1,Set(TIMEOUT(absolute)=LEASE)
 same => n,Goto(enter,s,1)
; phones of the other side
exten => answers,1,Ringing()
 same => n,Wait(0.2)
 same => n,Goto(outside,s,1)
exten => rings,1,Ringing()
 same => n,Wait(60)
exten => busy,1,Hangup(17)
exten => rejects,1,Ringing()
 same => n,Wait(0.1)
 same => n,Hangup(21)

[enter]
exten => s,1,Stasis(contract,citizen)
 same => n,Set(AFTER=${STASISSTATUS})
 same => n,Wait(60)
exten => T,1,Set(AFTER=T)
 same => n,Wait(60)

[survival]
exten => s,1,Set(AFTER=survival)
 same => n,Wait(60)

[outside]
exten => s,1,Answer()
 same => n,MixMonitor(SPOOL/${UNIQUEID}.raw,r(SPOOL/${UNIQUEID}-heard.raw))
 same => n,Milliwatt()
 same => n,Wait(60)
""".replace("LEASE", str(LEASE_S))

PJSIP = """
[global]
type=global
endpoint_identifier_order=ip
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{sip}
[loop]
type=endpoint
context=loop
disallow=all
allow=alaw
aors=loop
direct_media=no
send_connected_line=no
[loop]
type=aor
contact=sip:127.0.0.1:{sip}
[loop]
type=identify
endpoint=loop
match=127.0.0.1
[gone]
type=endpoint
context=loop
disallow=all
allow=alaw
aors=gone
[gone]
type=aor
max_contacts=1
"""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_tone(path: Path, hertz: int, milliseconds: int) -> None:
    """A square tone as 16-bit wav; enough to tell sound from silence."""
    half = 8000 // (2 * hertz)
    samples = [6000 if (n // half) % 2 else -6000 for n in range(8 * milliseconds)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def configure(home: Path, found: asterisk.Asterisk, sip: int, http: int) -> None:
    """Write the configuration."""
    for name in ("etc", "lib", "spool", "run", "log", "cache", "sounds", "music"):
        (home / name).mkdir(parents=True, exist_ok=True)
    places = {"etc": "etc", "varlib": "lib", "db": "lib", "key": "lib", "agi": "lib", "sbin": "lib"}
    places |= {name: name for name in ("spool", "run", "log", "cache")}
    lines = [f"ast{name}dir => {home / place}" for name, place in places.items()]
    lines += [f"astmoddir => {found.modules}", f"astdatadir => {found.data}"]
    rtp = free_port(socket.SOCK_DGRAM) % 20000 + 30000
    files = {
        "asterisk.conf": "[directories]\n" + "\n".join(lines) + "\n[options]\nhideconnect = yes\n",
        "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES),
        "logger.conf": "[logfiles]\nmessages => notice,warning,error\n",
        "ari.conf": "[general]\nenabled=yes\nwebsocket_write_timeout=5000\n"
        f"channelvars={CHANNELVARS}\n[hotline]\ntype=user\npassword={PASSWORD}\n",
        "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={http}\nsessionlimit=1000\n",
        "pjsip.conf": PJSIP.format(sip=sip),
        "extensions.conf": EXTENSIONS.replace("SPOOL", str(home / "spool")),
        "rtp.conf": f"[general]\nrtpstart={rtp}\nrtpend={rtp + 2000}\n",
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={home}/music\n",
        "indications.conf": "[general]\ncountry=us\n[us]\nring=440\n",
    }
    for name, text in files.items():
        (home / "etc" / name).write_text(text, "utf-8")
    write_tone(home / "music" / "music.wav", 400, 30_000)
    write_tone(home / "sounds" / "short.wav", 800, 400)
    write_tone(home / "sounds" / "long.wav", 1000, 2_000)


MODULES = (*modules.HOTLINE, "app_milliwatt")


class Real:
    """The world of the contract, played by Asterisk."""

    name = "asterisk"

    def __init__(self, home: Path, wire: AsteriskWire) -> None:
        self.home = home
        self.wire = wire
        self.short = f"sound:{home}/sounds/short"
        self.long = f"sound:{home}/sounds/long"
        self.missing = f"sound:{home}/sounds/missing"

    async def dials(self, number: str = "12345") -> str:
        """A citizen calls; returns the id of the citizen's own end."""
        query = {"endpoint": f"PJSIP/{number}@loop", "context": "outside", "extension": "s", "timeout": "30"}
        async with self.wire.session.post("channels", params=query) as reply:
            reply.raise_for_status()
            name: str = (await reply.json())["id"]
            return name

    async def hangs_up(self, citizen: str) -> None:
        """The citizen hangs up."""
        async with self.wire.session.delete(f"channels/{citizen}"):
            pass

    def endpoint(self, phone: str) -> str:
        """What to dial for a phone that `answers`, `rings`, is `busy`, `rejects`, or is `unregistered`."""
        return "PJSIP/gone" if phone == "unregistered" else f"PJSIP/{phone}@loop"


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Real]:
    """Asterisk as our child, until the block ends."""
    found = await asterisk.find(home / "state", lambda _what, _share: None)
    sip, http = free_port(socket.SOCK_DGRAM), free_port()
    configure(home, found, sip, http)
    with (home / "out").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *found.program,
            "-C",
            str(home / "etc/asterisk.conf"),
            "-f",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            async with AsteriskWire(f"127.0.0.1:{http}", "hotline", PASSWORD) as wire:
                await until_up(wire, process)
                yield Real(home, wire)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(5):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


async def until_up(wire: AsteriskWire, process: asyncio.subprocess.Process) -> None:
    """Wait until a websocket opens: Asterisk has booted."""
    async with asyncio.timeout(30):
        while process.returncode is None:
            try:
                async with wire.open("probe"):
                    return
            except ConnectionLost:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"Asterisk ended with {process.returncode}")
