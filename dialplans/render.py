"""(Config, Settings) -> the text of every configuration file of the hotline's Asterisk and of the demo town's.

Pure: no file is written here, and secrets, ports and paths come in as values.  Keys of the result are paths relative to
the state directory; whoever writes them makes `DIRECTORIES` first, mode 0700.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dialplans import modules, transports
from dialplans.transports import OWN, Transport
from routing.codes import Code
from routing.config import AnswersWith, Config, Mode, Site, Trunk
from routing.ids import PromptId, SeatId
from routing.numbers import EMERGENCY, spoken
from routing.outward import Way, direct, shown
from routing.people import Seat, SeatKind
from routing.prompts import SEAT_NOT_NOW, SURVIVAL_NOBODY, SURVIVAL_SORRY

HOTLINE = "asterisk"
TOWN = "town"
DIRECTORIES = (
    *(f"{home}/{part}" for home in (HOTLINE, TOWN) for part in ("etc", "log", "run", "spool", "lib", "cache")),
    "recordings",
    "prompts/music",
    f"{HOTLINE}/log/cdr-custom",
    "census",
    "census/provisional",
    "snapshot",
)
"""What must exist below the state directory before Asterisk starts."""

CHANNELVARS = (
    "HOTLINE_CALL",
    "HOTLINE_DIALLED",
    "HOTLINE_DIVERSION",
    "HOTLINE_HISTORY",
    "HOTLINE_CALLER",
    "HOTLINE_TRUNK",
    "HOTLINE_ARRIVED",
    "HOTLINE_AT",
)
"""Stamped on every call before the controller sees it, and carried by every ARI Channel object of that call."""

CAUSES = {404: 1, 480: 19, 486: 17, 503: 34, 603: 21}
"""SIP refusal -> the Q.850 cause for which Asterisk sends it."""

HOTLINE_FILES = (
    "asterisk",
    "modules",
    "logger",
    "http",
    "ari",
    "pjsip",
    "extensions",
    "musiconhold",
    "indications",
    "features",
    "queues",
    "rtp",
    "cdr",
    "cdr_custom",
    "sorcery",
)
SILENT_FILES = {
    "acl": "",
    "ccss": "[general]\n",
    "cel": "[general]\nenable = no\n",
    "manager": "[general]\nenabled = no\n",
    "pjproject": "",
    "queuerules": "",
    "stasis": "[general]\n",
    "statsd": "[general]\nenabled = no\n",
    "udptl": "[general]\n",
    "websocket_client": "",
}
"""Files that Asterisk's core asks for and complains of when they are missing; each says: nothing of that."""

SHARED_FILES = ("asterisk", "modules", "logger", "http", "ari", "musiconhold", "indications", "features", "rtp")
TOWN_FILES = ("pjsip", "extensions")

ASCII = r"\x20-\x7e"
"""What FILTER leaves of a text that came over a trunk."""

ANY = "_[+*#0-9a-zA-Z]!"
"""Whatever is dialled.  The special extensions (h, T) of a context are named in it and win, priority by priority: each
must end at its first one, or it goes on at the second priority of this pattern."""

PATH_BREAKERS = frozenset(',;&|"$=[]\n')
"""Characters that end an argument or a value in a dialplan: a path with one of them cannot be written there."""


class UnusablePath(ValueError):
    """A path holds a character that Asterisk's configuration cannot express."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What belongs to this machine and not to the city: paths, ports, secrets.

    `modules`, `data`: Asterisk's own directories.  `secrets`: endpoint (a seat, `citizen`, `trunk-<id>`) -> secret.
    `run`, `town_run`: directories of the control sockets, default in the state directory; a path longer than about 90
    characters needs a shorter one.  `demo_agents`: the town registers as the seats' phones and answers them.
    `talk_s`: how long people of the town talk.  `storage`: Asterisk's channel_storage_backend, empty for its default.
    """

    state: str
    modules: str
    data: str
    python: str
    survival: str
    ari_password: str
    town_password: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    bind: str = "127.0.0.1"
    sip_port: int = 5060
    ari_port: int = 8088
    town_sip_port: int = 5070
    town_phones_port: int = 5071
    town_trunks_port: int = 5072
    town_ari_port: int = 8089
    rtp: tuple[int, int] = (20000, 21999)
    town_rtp: tuple[int, int] = (22000, 23999)
    run: str = ""
    town_run: str = ""
    demo_agents: bool = True
    talk_s: int = 60
    storage: str = ""
    tries: int = 20


def render(config: Config, settings: Settings) -> Mapping[str, str]:
    """Every file of both Asterisks (in production only the hotline's), by its path relative to the state directory.

    Raises `UnusablePath` where a path cannot be written in a dialplan.
    """
    for path in (settings.state, settings.modules, settings.data, settings.python, settings.survival):
        if not PATH_BREAKERS.isdisjoint(path):
            raise UnusablePath(f"{path!r} holds one of {''.join(sorted(PATH_BREAKERS))!r}: move it elsewhere")
    values = _hotline(config, settings)
    files = {f"{HOTLINE}/etc/{name}.conf": text for name, text in SILENT_FILES.items()}
    files |= {f"{HOTLINE}/etc/{name}.conf": _fill(f"hotline/{name}.conf.j2", values) for name in HOTLINE_FILES}
    if config.site.mode is Mode.DEMO:
        values = _town(config, settings)
        files |= {f"{TOWN}/etc/{name}.conf": text for name, text in SILENT_FILES.items()}
        files |= {f"{TOWN}/etc/cdr.conf": "[general]\nenable = no\n"}
        files |= {f"{TOWN}/etc/{name}.conf": _fill(f"hotline/{name}.conf.j2", values) for name in SHARED_FILES}
        files |= {f"{TOWN}/etc/{name}.conf": _fill(f"town/{name}.conf.j2", values) for name in TOWN_FILES}
    return files


def town_prompts(config: Config) -> Mapping[PromptId, str]:
    """What the people of the demo town say when they answer, for the voice: `town-<seat>`, `town-<target>`.

    Those at seats of a range have one voice for all, `town-seats`.
    `town-<target>-menu` is said by a target's machine, before anybody speaks there.
    """
    seats = {
        PromptId(f"town-{_voice(seat)}"): spoken(
            f"您好，这里是{_spoken(seat)}座席，请问有什么可以帮您？请您慢慢讲，我正在记录。"
        )
        for seat in config.site.seats.values()
    }
    targets = {
        PromptId(f"town-{target.id}"): spoken(f"您好，{target.name}，很高兴为您服务，请讲，我在听。")
        for target in config.site.targets.values()
    }
    experts = {
        PromptId(f"town-{one.id}"): spoken(f"您好，我是{one.name}，请问要咨询什么？")
        for industry in config.site.experts.values()
        for one in industry.roster
        if one.number
    }
    menus = {
        PromptId(f"town-{target.id}-menu"): spoken(
            f"欢迎致电{target.name}，业务咨询请按1，投诉举报请按2，人工服务请按0。"
        )
        for target in config.site.targets.values()
        if target.answers_with is AnswersWith.MENU
    }
    return seats | targets | experts | menus


def desk_phones(site: Site) -> tuple[SeatId, ...]:
    """Seats whose phone has a secret from the beginning; a browser is given one when its agent signs in."""
    return tuple(seat.id for seat in site.seats.values() if seat.kind is SeatKind.DESK)


def _spoken(seat: Seat) -> str:
    return "话务" if seat.in_range else f"{seat.id}号"


def _voice(seat: Seat) -> str:
    return "seats" if seat.in_range else seat.id


def survival_pools(config: Config) -> Mapping[str, tuple[SeatId, ...]]:
    """Queue of the survival path -> its seats: one for each pool, and `survival`, the phones that ring last."""
    pools = {
        f"pool-{pool}": tuple(s.id for s in config.site.seats.values() if s.pool == pool) for pool in config.site.pools
    }
    return pools | {"survival": config.site.survival.seats}


CODE_WITHIN_S = 180
"""After so long a phone that has dialled a feature code is let go of, whoever has forgotten it."""

SURVIVAL_TRIES = 60
"""How often survival asks all its phones, about six seconds apart, before it says that nobody can be reached."""


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("dialplans", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (configuration files, not HTML; PATH_BREAKERS guards what comes from outside)
    )


def _fill(template: str, values: Mapping[str, Any]) -> str:
    return _environment().get_template(template).render(values)


def _hotline(config: Config, settings: Settings) -> dict[str, Any]:
    site = config.site
    browsers = any(seat.kind is SeatKind.BROWSER for seat in site.seats.values())
    sockets = transports.hotline(site, settings.bind, settings.sip_port)
    return {
        "settings": settings,
        "any": ANY,
        "ascii": ASCII,
        "state": settings.state,
        "home": f"{settings.state}/{HOTLINE}",
        "run": settings.run or f"{settings.state}/{HOTLINE}/run",
        "node": site.node,
        "demo": site.mode is Mode.DEMO,
        "max_calls": sum(trunk.channels for trunk in site.trunks.values()) + 2 * len(site.seats) + site.limits.calls,
        "ari_port": settings.ari_port,
        "ari_user": "hotline",
        "ari_password": settings.ari_password,
        "channelvars": CHANNELVARS,
        "rtp": settings.rtp,
        "modules": (*modules.HOTLINE, *(modules.BROWSERS if browsers else ())),
        "browsers": browsers,
        "trunks": [_trunk(trunk, config, settings, sockets[trunk.id].name) for trunk in site.trunks.values()],
        "transports": transports.by_name(sockets),
        "local_nets": site.network.local_nets,
        "seats": [{"id": seat, "secret": settings.secrets.get(seat, "")} for seat in desk_phones(site)],
        "queues": survival_pools(config),
        "ring_for": int(site.survival.ring_for.total_seconds()),
        "lease": int(site.timing.lease.total_seconds()),
        "calls": site.limits.calls,
        "tries": settings.tries,
        "hall": site.hall,
        "sorry": SURVIVAL_SORRY,
        "nobody": SURVIVAL_NOBODY,
        "survival_tries": SURVIVAL_TRIES,
        "codes": tuple(Code),
        "code_within": CODE_WITHIN_S,
        "not_now": SEAT_NOT_NOW,
        "desks": {number: [_way(config, way) for way in direct(config, number)] for number in EMERGENCY},
    }


def _way(config: Config, way: Way) -> dict[str, Any]:
    """One way to an emergency desk, as the dialplan's `outward` takes it."""
    seen = shown(way, "", config.site.number)
    return {
        "number": way.number,
        "trunk": way.trunk,
        "channels": config.site.trunks[way.trunk].channels,
        "seconds": math.ceil(way.ring_for_ms / 1000),
        "shown": seen,
        "pilot": way.pilot,
        "desk": way.target,
    }


def _trunk(trunk: Trunk, config: Config, settings: Settings, transport: str) -> dict[str, Any]:
    demo = config.site.mode is Mode.DEMO
    # Outside production every trunk is the town: no rehearsal ever rings a real citizen.
    addresses = (_town_sockets(config, settings)[trunk.id].reached,) if demo else trunk.addresses
    return {
        "id": trunk.id,
        "transport": transport,
        # Each SBC is an AOR of its own: the first of them that answers OPTIONS is dialled.
        "sbcs": {trunk.id if n == 1 else f"{trunk.id}.{n}": address for n, address in enumerate(addresses, 1)},
        "registers": trunk.registers,
        "user": trunk.user or trunk.id,
        "domain": None if demo else trunk.domain,
        "secret": settings.secrets.get(f"trunk-{trunk.id}", ""),
        "dtmf": trunk.dtmf.value,
        "rtp_timeout": int(trunk.rtp_timeout.total_seconds()),
        "expires": int(trunk.session_expires.total_seconds()),
        "least": int(trunk.session_least.total_seconds()),
        # The town starts after us: what is dead at the first look shall not be dead for half a minute.
        "qualify": 2 if demo else int(trunk.options_every.total_seconds()),
        "register_within": 1 if demo else 10,
        "trusts_identity": trunk.trusts_identity,
        "limit": trunk.channels_in,
        "ordinary": trunk.channels_ordinary,
        "refusal": CAUSES.get(trunk.refuse_with, CAUSES[486]),
        "sets_moment": trunk.sets_moment and demo,
        "dialled_in": trunk.dialled_in.value,
    }


def _town_sockets(config: Config, settings: Settings) -> Mapping[str, Transport]:
    return transports.town(
        config.site, settings.bind, settings.town_sip_port, settings.town_phones_port, settings.town_trunks_port
    )


def _town(config: Config, settings: Settings) -> dict[str, Any]:
    site, sockets = config.site, _town_sockets(config, settings)
    seats = [
        {
            "id": seat.id,
            "secret": settings.secrets.get(seat.id, ""),
            "answers_after": f"{1 + n % 5 / 5:.1f}",
            "voice": _voice(seat),
        }
        for n, seat in enumerate(site.seats[each] for each in desk_phones(site))
    ]
    targets = [
        {
            "id": target.id,
            "variable": "TOWN_" + target.id.replace("-", "_"),
            "number": target.number,
            "answer": "menu" if target.answers_with is AnswersWith.MENU else "answer",
        }
        for target in site.targets.values()
    ]
    targets += [
        {"id": one.id, "variable": "TOWN_" + one.id.replace("-", "_"), "number": one.number, "answer": "answer"}
        for industry in site.experts.values()
        for one in industry.roster
        if one.number
    ]
    return {
        "settings": settings,
        "any": ANY,
        "state": settings.state,
        "home": f"{settings.state}/{TOWN}",
        "run": settings.town_run or f"{settings.state}/{TOWN}/run",
        "node": "town",
        "max_calls": 2000,
        "ari_port": settings.town_ari_port,
        "ari_user": "town",
        "ari_password": settings.town_password,
        "channelvars": (),
        "rtp": settings.town_rtp,
        "browsers": False,
        "modules": modules.TOWN,
        "seats": seats,
        "targets": targets,
        "hotline": transports.hotline(site, settings.bind, settings.sip_port)[OWN].reached,
        "transports": transports.by_name(sockets),
        "trunks": [
            {
                "id": trunk.id,
                "transport": sockets[trunk.id].name,
                "port": sockets[trunk.id].port,
                "user": (trunk.user or trunk.id) if trunk.registers else "",
                "secret": settings.secrets.get(f"trunk-{trunk.id}", ""),
                "variable": "TOWN_TRUNK_" + trunk.id.replace("-", "_"),
                "knows": "TOWN_KNOWS_" + trunk.id.replace("-", "_"),
            }
            for trunk in site.trunks.values()
        ],
        "behaviours": BEHAVIOURS,
        "citizen_secret": settings.secrets.get("citizen", ""),
        "caller": "13800000000",
    }


BEHAVIOURS = {
    "answer": ("Wait(1.5)", "Goto(person,s,say)"),
    "no-answer": ("Wait(300)", "Hangup(19)"),
    "busy": ("Hangup(17)",),
    "reject": ("Hangup(21)",),
    "unreachable": ("Hangup(3)",),
    "release": ("Wait(1)", "Answer()", "Wait(0.5)", "Hangup(16)"),
}
"""What a centre of the town can do, by the name that `TOWN_<target>` is set to."""
