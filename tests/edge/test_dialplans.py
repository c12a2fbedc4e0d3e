"""What is rendered for Asterisk, read as text: what must stand there, and what never may."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dialplans.render import CHANNELVARS, Settings, UnusablePath, render, survival_pools, town_prompts
from dialplans.transports import EVERYWHERE
from ivr.browsers import ENDPOINT
from routing.codes import Code
from routing.config import AnswersWith, Config, Mode, Network, Trunk
from routing.config.build import build
from routing.people import SeatKind

ROOT = Path(__file__).resolve().parents[2]
SECRET, ARI = "seat-secret", "ari-secret"


@pytest.fixture
def config() -> Config:
    """The config of this repository."""
    files = {"site.yaml": "config", "lines.yaml": "config", "prompts.yaml": "recordings"}
    return build({name: (ROOT / folder / name).read_text("utf-8") for name, folder in files.items()})


@pytest.fixture
def settings(config: Config) -> Settings:
    """A machine whose state directory has a space in it."""
    return Settings(
        state="/var/my state",
        modules="/lib/asterisk/modules",
        data="/share/asterisk",
        python="/venv/bin/python",
        survival="/ivr/edge/survival.py",
        ari_password=ARI,
        town_password="town",
        secrets={**dict.fromkeys(config.site.seats, SECRET), "citizen": "citizen-secret", "trunk-carrier": "carrier"},
    )


def production(config: Config) -> Config:
    """The same city, with a carrier's trunk, for real."""
    carrier = msgspec.structs.replace(
        config.site.trunks["town"], id="carrier", addresses=("192.0.2.1:5060", "192.0.2.2:5060"), refuse_with=503
    )
    site = msgspec.structs.replace(config.site, mode=Mode.PRODUCTION, rehearsal=None, trunks={"carrier": carrier})
    return msgspec.structs.replace(config, site=site)


def sections(text: str) -> Mapping[str, str]:
    """Name of each `[section]` -> its lines."""
    parts = re.split(r"^\[([^\]]+)\].*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_no_template_is_left_and_secrets_stand_only_where_they_are_used(config: Config, settings: Settings) -> None:
    for path, text in render(config, settings).items():
        assert not re.search(r"\{\{|\{%|None|Undefined", text), path
        assert SECRET not in text or path.endswith("pjsip.conf")
        assert ARI not in text or path == "asterisk/etc/ari.conf"


def test_every_seat_is_an_endpoint_of_both_and_stands_in_its_pools_queue(config: Config, settings: Settings) -> None:
    files = render(config, settings)
    queues = sections(files["asterisk/etc/queues.conf"])
    for seat in config.site.seats.values():
        for home in ("asterisk", "town"):  # a browser's phone is made when its agent signs in
            assert (f"[{seat.id}]" in files[f"{home}/etc/pjsip.conf"]) == (seat.kind is SeatKind.DESK)
        assert f"PJSIP/{seat.id}," in queues[f"pool-{seat.pool}"]
    assert [name for name in queues if name.startswith("pool-")] == [f"pool-{pool}" for pool in config.site.pools]
    assert survival_pools(config)["survival"] == config.site.survival.seats


def test_no_phone_and_no_carrier_may_transfer_a_call(config: Config, settings: Settings) -> None:
    files = render(production(config), settings)
    every = sections(files["asterisk/etc/pjsip.conf"])
    assert "allow_transfer = no\n" in every["leg"]
    assert not any("allow_transfer" in lines for name, lines in every.items() if name != "leg")
    assert ENDPOINT["allow_transfer"] == "no"
    assert "load = res_pjsip_refer.so" in files["asterisk/etc/modules.conf"], "or no REFER is answered at all"


def test_every_desk_phone_is_asked_whether_it_is_still_there(config: Config, settings: Settings) -> None:
    text = render(config, settings)["asterisk/etc/pjsip.conf"]
    for seat in config.site.seats.values():
        if seat.kind is SeatKind.DESK:
            parts = text.split(f"\n[{seat.id}]\n")[1:]
            (aor,) = [part.partition("\n[")[0] for part in parts if part.startswith("type = aor")]
            assert "qualify_frequency = 15" in aor


def test_without_demo_agents_the_town_has_no_seats(config: Config, settings: Settings) -> None:
    files = render(config, replace(settings, demo_agents=False))
    assert "registration" not in files["town/etc/pjsip.conf"]
    assert not any(f"exten => {seat}," in files["town/etc/extensions.conf"] for seat in config.site.seats)


def test_a_demo_knows_no_address_but_the_towns(config: Config, settings: Settings) -> None:
    real = production(config).site.trunks
    site = msgspec.structs.replace(config.site, trunks=real)
    text = render(msgspec.structs.replace(config, site=site), settings)["asterisk/etc/pjsip.conf"]
    assert "192.0.2" not in text
    assert f"match = 127.0.0.1:{settings.town_sip_port}" in text


def test_production_has_no_town_and_nobody_sets_the_moment_of_a_call(config: Config, settings: Settings) -> None:
    files = render(production(config), settings)
    assert not any(path.startswith("town/") for path in files)
    assert "X-Hotline-At" not in files["asterisk/etc/extensions.conf"]
    assert "HOTLINE_MOMENT" not in files["asterisk/etc/pjsip.conf"]
    for address in ("192.0.2.1:5060", "192.0.2.2:5060"):
        assert f"match = {address}" in files["asterisk/etc/pjsip.conf"]


def carriers(config: Config, **more: Trunk) -> Config:
    """In production, with the one carrier and others."""
    real = production(config)
    site = msgspec.structs.replace(real.site, trunks={**real.site.trunks, **more})
    return msgspec.structs.replace(real, site=site)


def test_each_sbc_is_asked_in_its_order_and_known_by_its_address(config: Config, settings: Settings) -> None:
    text = render(production(config), settings)["asterisk/etc/pjsip.conf"]
    assert "aors = carrier,carrier.2\n" in text
    assert "[carrier]\ntype = aor\ncontact = sip:192.0.2.1:5060\n" in text
    assert "[carrier.2]\ntype = aor\ncontact = sip:192.0.2.2:5060\n" in text


def test_a_carrier_is_spoken_with_from_its_own_address_and_told_the_one_outside(
    config: Config, settings: Settings
) -> None:
    own = Trunk(id="unicom", name="", carrier="", bind="10.1.0.5", external_address="203.0.113.7")
    same = Trunk(id="mobile", name="", carrier="", bind="10.1.0.5", external_address="203.0.113.7")
    conf = carriers(config, unicom=own, mobile=same)
    network = Network("10.0.0.5", ("10.0.0.0/8",))
    conf = msgspec.structs.replace(conf, site=msgspec.structs.replace(conf.site, network=network))
    text = render(conf, replace(settings, bind="10.0.0.5"))["asterisk/etc/pjsip.conf"]
    assert "[udp]\ntype = transport\nprotocol = udp\nbind = 10.0.0.5:5060\n\n" in text
    outside = "external_signaling_address = 203.0.113.7\nexternal_media_address = 203.0.113.7\nlocal_net = 10.0.0.0/8\n"
    assert f"[udp-unicom]\ntype = transport\nprotocol = udp\nbind = 10.1.0.5:5060\n{outside}" in text
    assert text.count("type = transport") == len(("udp", "udp-unicom", "ws"))
    for trunk in ("unicom", "mobile"):
        assert f"[{trunk}](leg)\ncontext = from-trunk\ntransport = udp-unicom\n" in text


def test_all_carriers_behind_one_address_share_the_house_s_own_socket(config: Config, settings: Settings) -> None:
    own = Trunk(id="unicom", name="", carrier="", external_address="203.0.113.7", external_media="203.0.113.8")
    conf = production(config)
    conf = msgspec.structs.replace(conf, site=msgspec.structs.replace(conf.site, trunks={"unicom": own}))
    text = render(conf, settings)["asterisk/etc/pjsip.conf"]
    assert "external_signaling_address = 203.0.113.7\nexternal_media_address = 203.0.113.8\n" in text
    assert text.count("type = transport\nprotocol = udp") == 1


def test_without_a_browser_seat_nothing_of_browsers_is_loaded(config: Config, settings: Settings) -> None:
    seats = {seat.id: seat for seat in config.site.seats.values() if seat.kind is SeatKind.DESK}
    desks = msgspec.structs.replace(config, site=msgspec.structs.replace(config.site, seats=seats))
    with_, without = render(config, settings), render(desks, settings)
    for file, text in (
        ("modules", "res_pjsip_transport_websocket"),
        ("pjsip", "protocol = ws"),
        ("rtp", "icesupport = yes"),
    ):
        assert text in with_[f"asterisk/etc/{file}.conf"]
        assert text not in without[f"asterisk/etc/{file}.conf"]


def test_a_carrier_that_does_not_know_our_address_is_logged_in_at(config: Config, settings: Settings) -> None:
    ims = Trunk(
        id="ims",
        name="",
        carrier="",
        addresses=("192.0.2.9", "192.0.2.10"),
        registers=True,
        user="+86310",
        domain="i.cn",
    )
    secrets = {**settings.secrets, "trunk-ims": "its-secret"}
    text = render(carriers(config, ims=ims), replace(settings, secrets=secrets))["asterisk/etc/pjsip.conf"]
    for name, address in (("ims", "192.0.2.9"), ("ims.2", "192.0.2.10")):
        login = f"server_uri = sip:i.cn\noutbound_proxy = sip:{address}\\;lr\nclient_uri = sip:+86310@i.cn\n"
        assert f"[{name}]\ntype = registration\ntransport = udp\n{login}" in text
    assert "username = +86310\npassword = its-secret\n" in text
    assert "from_domain = i.cn\n" in text


def test_a_demo_plays_each_carrier_on_a_port_of_its_own_and_takes_no_address_of_theirs(
    config: Config, settings: Settings
) -> None:
    unicom = Trunk(
        id="unicom", name="", carrier="", addresses=("192.0.2.3",), registers=True, domain="i.cn",
        bind="10.1.0.5", external_address="203.0.113.7",
    )  # fmt: skip
    site = msgspec.structs.replace(config.site, trunks={**config.site.trunks, "unicom": unicom})
    files = render(msgspec.structs.replace(config, site=site), replace(settings, bind=EVERYWHERE))
    ours, theirs = (files[f"{home}/etc/pjsip.conf"] for home in ("asterisk", "town"))
    for address in ("192.0.2.3", "10.1.0.5", "203.0.113.7", "i.cn"):
        assert address not in ours + theirs
    assert f"match = 127.0.0.1:{settings.town_trunks_port}\n" in ours
    assert f"[udp-unicom]\ntype = transport\nprotocol = udp\nbind = 0.0.0.0:{settings.town_trunks_port}\n" in theirs
    assert f"contact = sip:127.0.0.1:{settings.sip_port}\n" in theirs


def test_a_trunk_keeps_its_contract(config: Config, settings: Settings) -> None:
    trunk = config.site.trunks["town"]
    files = render(config, settings)
    text = files["asterisk/etc/pjsip.conf"]
    assert f"set_var = HOTLINE_LIMIT={trunk.channels - trunk.reserve_out - trunk.reserve_emergency}\n" in text
    assert "set_var = HOTLINE_REFUSAL=17\n" in text  # 486
    assert "HOTLINE_REFUSAL=34\n" in render(production(config), settings)["asterisk/etc/pjsip.conf"]  # 503
    for line in ("allow = alaw", "direct_media = no", "send_connected_line = no", "timers_sess_expires = 1800"):
        assert f"{line}\n" in text
    assert "endpoint_identifier_order = header,auth_username,ip\n" in text


def test_a_number_is_read_where_the_contract_says(config: Config, settings: Settings) -> None:
    text = render(config, settings)["asterisk/etc/pjsip.conf"]
    assert "HOTLINE_NUMBER_IN=request-uri" in text


def test_what_the_controller_reads_is_stamped_before_it_is_asked(config: Config, settings: Settings) -> None:
    files = render(config, settings)
    contexts = sections(files["asterisk/etc/extensions.conf"])
    before = (contexts["from-trunk"] + contexts["arrived"]).partition("Stasis(")[0]
    for name in CHANNELVARS:
        assert f"Set({name}=" in before
        assert name in files["asterisk/etc/ari.conf"]
    assert before.index("GROUP_COUNT") < before.index("MixMonitor(/var/my state/recordings/") < before.index("TIMEOUT")


def test_a_byte_of_a_stranger_never_stays_in_the_extension_nor_in_a_stamp(config: Config, settings: Settings) -> None:
    contexts = sections(render(config, settings)["asterisk/etc/extensions.conf"])
    assert "Stasis(" not in contexts["from-trunk"]
    assert "Goto(arrived,s,1)" in contexts["from-trunk"]
    strange = ("${EXTEN}", "${PJSIP_HEADER(read,X", "${PJSIP_HEADER(read,To", "LOCAL(kept)")
    for line in "".join(contexts[name] for name in ("from-trunk", "arrived", "header")).splitlines():
        if any(each in line for each in strange):
            assert r"${FILTER(\x20-\x7e," in line, line


def test_every_context_with_a_pattern_ends_h_at_its_first_step(config: Config, settings: Settings) -> None:
    """Asterisk goes on at the pattern's second priority otherwise, with a channel that is dead."""
    for home in ("asterisk", "town"):
        for name, text in sections(render(config, settings)[f"{home}/etc/extensions.conf"]).items():
            assert "exten => _" not in text or "exten => h,1,Hangup()" in text, f"{home} {name}"


def test_a_seats_phone_reaches_nobody_but_us_and_the_emergency_desks(config: Config, settings: Settings) -> None:
    text = sections(render(config, settings)["asterisk/etc/extensions.conf"])
    assert "Dial(" not in text["from-seats"] + text["seat"]
    desks = {f"emergency,{number},1" for number in ("110", "119", "120", "122")}
    assert set(re.findall(r"Goto\(([^)]*)\)", text["from-seats"])) == {"seat,s,1"} | desks
    for code in Code:
        assert f"exten => {code},1,Set(HOTLINE_CODE=" in text["from-seats"]


@pytest.mark.parametrize("path", ["/a,b", "/a;b", "/a&b", "/a|b", "/a[b]", "/a=b", "/$a"])
def test_a_path_that_a_dialplan_cannot_hold_is_refused(config: Config, settings: Settings, path: str) -> None:
    with pytest.raises(UnusablePath, match="move it elsewhere"):
        render(config, replace(settings, state=path))


def test_everybody_in_the_town_has_a_voice_of_their_own(config: Config) -> None:
    texts = town_prompts(config)
    menus = [target for target in config.site.targets.values() if target.answers_with is AnswersWith.MENU]
    seats = {seat.id for seat in config.site.seats.values() if not seat.in_range} | {"those of ranges"}
    experts = [one for industry in config.site.experts.values() for one in industry.roster if one.number]
    everybody = len(seats) + len(config.site.targets) + len(experts) + len(menus)
    assert len(set(texts.values())) == len(texts) == everybody


def test_no_section_is_named_longer_than_asterisk_can_keep(config: Config, settings: Settings) -> None:
    """Of a name Asterisk keeps 79 characters, and says nothing: the census of a house far down once was `calls.c`."""
    for path, text in render(config, replace(settings, state=f"/var/{'far/' * 30}down")).items():
        if path.endswith(".conf"):
            assert [name for name in sections(text) if len(name) > 79] == [], path
