"""A bare Asterisk with a dialplan of ten lines: enough to prove the phones, nothing of the hotline in it."""

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ivr.edge import asterisk
from ivr.town.transactions import Address
from tests.asterisk.servers import child, free_port

USERS = ("8001", "8002", "8003")

ENDPOINT = """
[{user}]
type=aor
max_contacts=1
remove_existing=yes
[{user}]
type=auth
auth_type=digest
username={user}
password=secret-{user}
[{user}]
type=endpoint
context=phones
disallow=all
allow=alaw
auth={user}
aors={user}
direct_media=no
identify_by=auth_username,username
"""

DIALPLAN = """
[phones]
exten => 100,1,Answer()
 same => n,Playback({prompt})
 same => n,Hangup()
exten => 101,1,Answer()
 same => n,Echo()
exten => 102,1,Progress()
 same => n,Playback({prompt},noanswer)
 same => n,Hangup(17)
exten => 103,1,Answer()
 same => n,Read(KEYS,,3,,,5)
 same => n,SendDTMF(${{KEYS}})
 same => n,Wait(1)
 same => n,Hangup()
exten => 104,1,Ringing()
 same => n,Wait(20)
exten => 105,1,Answer()
 same => n,Playback({prompt})
 same => n,Wait(1.5)
 same => n,Playback({prompt})
 same => n,Hangup()
exten => _8XXX,1,Dial(PJSIP/${{EXTEN}},20)
 same => n,Hangup(${{HANGUPCAUSE}})
"""

PJSIP = """
[global]
type=global
endpoint_identifier_order=auth_username,username
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
"""

UNWANTED = ("cdr_csv", "chan_iax2", "chan_unistim", "pbx_dundi", "res_hep", "res_phoneprov")


@contextlib.contextmanager
def running(folder: Path, prompt: Path) -> Iterator[Address]:
    """Asterisk as our child, from configuration in `folder` (new), playing `prompt`: where it listens."""
    found = asyncio.run(asterisk.find(folder, lambda _said, _share: None))
    port = free_port(socket.SOCK_DGRAM)
    _configure(found, folder, port, prompt)
    command = [*found.program, "-C", str(folder / "etc/asterisk.conf"), "-f"]
    with child(command, folder / "out") as process:
        _await(("127.0.0.1", port), process)
        yield "127.0.0.1", port


def _configure(found: asterisk.Asterisk, folder: Path, port: int, prompt: Path) -> None:
    paths = {"astetcdir": folder / "etc", "astmoddir": found.modules, "astdatadir": found.data}
    for name in ("varlib", "db", "spool", "run", "log", "cache"):
        paths[f"ast{name}dir"] = folder / name
    for path in (folder / "etc", *paths.values()):
        path.mkdir(parents=True, exist_ok=True)
    files = {
        "asterisk": "[directories]\n" + "".join(f"{name} => {path}\n" for name, path in paths.items()),
        "modules": "[modules]\nautoload=yes\n" + "".join(f"noload={name}.so\n" for name in UNWANTED),
        "logger": "[logfiles]\nmessages => notice,warning,error\n",
        "pjsip": PJSIP.format(port=port) + "".join(ENDPOINT.format(user=user) for user in USERS),
        "extensions": DIALPLAN.format(prompt=prompt.with_suffix("")),
        "rtp": "[general]\nrtpstart=15000\nrtpend=15999\n",
    }
    for name, text in files.items():
        (folder / f"etc/{name}.conf").write_text(text)


def _await(server: Address, process: subprocess.Popen[bytes]) -> None:
    """Ask by OPTIONS until somebody answers."""
    deadline = time.monotonic() + 60
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        host, port = sock.getsockname()
        lines = (
            f"OPTIONS sip:{server[0]}:{server[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bKup",
            f"From: <sip:up@{host}>;tag=up",
            f"To: <sip:{server[0]}>",
            f"Contact: <sip:up@{host}:{port}>",
            "Call-ID: up",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 1",
            "Content-Length: 0",
        )
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                sock.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), server)
                sock.recv(2048)
                return
    raise RuntimeError("Asterisk did not come up")
