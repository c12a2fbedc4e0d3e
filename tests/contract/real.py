"""The real Asterisk of the contract: one process that calls itself over SIP, so that both ends of every call are real.

A citizen is the outgoing half of a looped call (context `outside`), the channel under test its incoming half.
"""

import asyncio
import socket
import struct
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dialplans import modules
from ivr.edge import asterisk
from ivr.edge.wire import AsteriskWire
from ivr.errors import ConnectionLost
from tests.asterisk.servers import child, free_port
from tests.asterisk.waiting import eventually

PASSWORD = "contract-only"
CHANNELVARS = "HOTLINE_CALL,HOTLINE_DIALLED"
MODULES = (*modules.HOTLINE, *modules.BROWSERS, "app_milliwatt")
TEMPLATES = Path(modules.__file__).parent / "hotline"

EXTENSIONS = """
[loop]
; the hotline: stamp, lease, Stasis, what follows it
exten => 12345,1,Set(HOTLINE_CALL=${REPLACE(UNIQUEID,.,-)})
 same => n,Set(HOTLINE_DIALLED=${EXTEN})
 same => n,Goto(enter,s,1)
exten => 12346,1,Set(TIMEOUT(absolute)=2)
 same => n,Goto(enter,s,1)
; phones of the other side
exten => answers,1,Ringing()
 same => n,Wait(0.2)
 same => n,Goto(outside,s,1)
exten => rings,1,Ringing()
 same => n,Wait(60)
exten => busy,1,Hangup(17)
exten => off,1,Hangup(20)
exten => vanishes,1,Answer()
 same => n,Wait(60)
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

; whoever is not the hotline: says a tone of 1004 Hz, and keeps what it hears
[outside]
exten => s,1,Answer()
 same => n,Set(NAME=${IF($["${CALLERID(num)}" = ""]?${UNIQUEID}:${CALLERID(num)})})
 same => n,MixMonitor(SPOOL/all-${UNIQUEID}.raw,r(SPOOL/${NAME}.raw),touch SPOOL/${NAME}.heard)
 same => n,Milliwatt()
"""

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
[impatient]
type=endpoint
context=loop
disallow=all
allow=alaw
aors=loop
direct_media=no
rtp_timeout=1
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


def write_tone(path: Path, hertz: int, milliseconds: int) -> None:
    """A square tone as 16-bit wav; enough to tell sounds apart."""
    half = 8000 // (2 * hertz)
    samples = [6000 if (n // half) % 2 else -6000 for n in range(8 * milliseconds)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def configure(home: Path, found: asterisk.Asterisk, sip: int, http: int) -> None:
    """Write the configuration, the prompts and the music."""
    for name in ("etc", "lib", "spool", "run", "log", "cache", "sounds", "music"):
        (home / name).mkdir(parents=True, exist_ok=True)
    places = {"etc": "etc", "varlib": "lib", "db": "lib", "key": "lib", "agi": "lib", "sbin": "lib"}
    places |= {name: name for name in ("spool", "run", "log", "cache")}
    lines = [f"ast{name}dir => {home / place}" for name, place in places.items()]
    lines += [f"astmoddir => {found.modules}", f"astdatadir => {found.data}"]
    files = {
        "asterisk.conf": "[directories]\n" + "\n".join(lines) + "\n[options]\nhideconnect = yes\n",
        "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES),
        "logger.conf": "[logfiles]\nmessages => notice,warning,error\n",
        "ari.conf": "[general]\nenabled=yes\nwebsocket_write_timeout=5000\n"
        f"channelvars={CHANNELVARS}\n[hotline]\ntype=user\npassword={PASSWORD}\n",
        "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={http}\nsessionlimit=1000\n",
        "pjsip.conf": PJSIP.format(sip=sip),
        "sorcery.conf": (TEMPLATES / "sorcery.conf.j2").read_text("utf-8"),
        "extensions.conf": EXTENSIONS.replace("SPOOL", str(home / "spool")),
        "rtp.conf": "[general]\nrtpstart=16000\nrtpend=16999\n",
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={home}/music\n",
        "indications.conf": "[general]\ncountry=us\n[us]\ndescription=X\nringcadence=1000,4000\nring=600/1000,0/4000\n",
    }
    for name, text in files.items():
        (home / "etc" / name).write_text(text, "utf-8")
    write_tone(home / "music" / "music.wav", 400, 30_000)
    write_tone(home / "sounds" / "short.wav", 800, 400)
    write_tone(home / "sounds" / "long.wav", 500, 2_000)


@dataclass(frozen=True)
class Running:
    """An Asterisk that is up."""

    home: Path
    address: str
    found: asterisk.Asterisk
    child: subprocess.Popen[bytes]


@contextmanager
def running(home: Path) -> Iterator[Running]:
    """Asterisk as our child, until the block ends."""
    found = asyncio.run(asterisk.find(home / "state", lambda _what, _share: None))
    http = free_port()
    configure(home, found, free_port(socket.SOCK_DGRAM), http)
    command = [*found.program, "-C", str(home / "etc/asterisk.conf"), "-f"]
    with child(command, home / "out", within=1.0) as process:
        asyncio.run(until_up(f"127.0.0.1:{http}", process))
        yield Running(home, f"127.0.0.1:{http}", found, process)


async def until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a websocket opens: Asterisk has booted."""
    async with AsteriskWire(address, "hotline", PASSWORD) as wire:

        async def is_up() -> bool:
            assert process.poll() is None, f"Asterisk ended with {process.returncode}"
            try:
                async with wire.open("probe"):
                    return True
            except ConnectionLost:
                return False

        await eventually(is_up, 60, "Asterisk is up")
