"""Addresses: where SIP is spoken, what each carrier is called, and what two carriers cannot have in common."""

import re

import pytest

from routing.config import Config, build, check
from tests.routing.sources import ours

HEAD = "id: town, name: 电信, carrier: telecom"


def sources(trunks: str, network: str = "bind: 10.0.0.5", mode: str = "production") -> dict[str, str]:
    """Our city with other trunks; the first is `town`, as the targets have it."""
    before, _, rest = ours()["site.yaml"].partition("\ntrunks:\n")
    _, _, after = rest.partition("\ntargets:\n")
    site = f"{before}\ntrunks:\n{trunks}\ntargets:\n{after}"
    site = re.sub(r"\nnetwork:\n(  .*\n)+", f"\nnetwork: {{{network}}}\n", site)
    site = site.replace("mode: demo", f"mode: {mode}")
    if mode == "production":
        site = re.sub(r"  rehearsal: .*\n", "", site)
    return {**ours(), "site.yaml": site}


def two(one: str, other: str) -> str:
    return f"  - {{{HEAD}, {one}}}\n  - {{id: second, name: 联通, carrier: unicom, {other}}}\n"


def only(one: str) -> str:
    return f"  - {{{HEAD}, {one}}}\n"


def faults(*given: str) -> list[str]:
    return [fault.message for fault in check(sources(*given)) if not fault.is_warning]


HERE, THERE = 'addresses: ["192.0.2.1:5060"]', 'addresses: ["198.51.100.1"]'


@pytest.mark.parametrize(
    "given",
    [
        (only(HERE),),
        (only('addresses: ["192.0.2.1", "sbc.carrier.example:5062"]'), "bind: 0.0.0.0"),
        (only('addresses: ["127.0.0.2"]'), "bind: 127.0.0.1"),
        (two(HERE, 'addresses: ["192.0.2.1:5061"]'),),
        (two(HERE, f"{THERE}, bind: 10.1.0.5, external_address: 203.0.113.7"),),
        (two(f"{HERE}, external_address: 203.0.113.7", f"{THERE}, external_address: 203.0.113.7"),
         "bind: 10.0.0.5, local_nets: [10.0.0.0/8]"),
        (only(f"{HERE}, registers: yes, user: +863101234567@ims, domain: ims.example"),),
        (only("registers: no, external_address: 203.0.113.7"), "bind: 127.0.0.1", "demo"),
    ],
)  # fmt: skip
def test_what_can_be(given: tuple[str, ...]) -> None:
    assert faults(*given) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ((only(HERE), "bind: 10.0.0"), "'10.0.0' is not an IPv4 address of this machine, as in 10.20.0.5, or 0.0.0.0"),
        ((only(HERE), "bind: 10.0.0.5, local_nets: [10.0.0.1/8]"), "'10.0.0.1/8' is not a network: write 10.0.0.0/8"),
        ((only('addresses: ["192.0.2.1:70000"]'),), "'192.0.2.1:70000' is not an SBC's address"),
        ((only('addresses: ["192.0.2.300"]'),), "'192.0.2.300' is not an SBC's address"),
        ((only('addresses: ["a\\nb"]'),), "is not an SBC's address"),
        ((only('addresses: ["192.0.2.1:"]'),), "'192.0.2.1:' is not an SBC's address"),
        ((only(f"{HERE}, external_address: -x"),), "'-x' is neither an IPv4 address nor a name"),
        ((only(f"{HERE}, external_media: 203.0.113.7"),), "'external_media' is told beside an 'external_address'"),
        ((only(f"{HERE}, user: x"),), "'user' is for a carrier where we log in: it needs registers: yes"),
        ((only(f"{HERE}, registers: yes, user: 'a b'"),), "'a b' is not a user's name at a carrier"),
        ((only(f"{HERE}, port: 0"),), "'port' is 0"),
        ((only("registers: no"),), "in production a trunk needs 'addresses': the SBCs by which its calls are known"),
        ((two(HERE, HERE),), "192.0.2.1:5060 is trunk 'town' already: a call from there would be of either"),
        ((two(HERE, 'addresses: ["192.0.2.1"]'),), "192.0.2.1 is trunk 'town' already"),
        ((two(HERE, f"{THERE}, external_address: 203.0.113.7"), "bind: 10.0.0.5, local_nets: [10.0.0.0/8]"),
         "trunk 'town' has another external_address, and both speak from 10.0.0.5:5060"),
        ((two(f"{HERE}, bind: 10.1.0.5, port: 5080", f"{THERE}, bind: 0.0.0.0, port: 5080"),),
         "0.0.0.0:5080 and 10.1.0.5:5080 cannot both be listened on"),
        ((only(f"{HERE}, bind: 10.1.0.5"), "bind: 0.0.0.0"), "'bind' 10.1.0.5 needs a 'port' of its own: 0.0.0.0:5060"),
        ((only(f"{HERE}, external_address: 203.0.113.7"),), "an external_address needs network: local_nets"),
        ((only('addresses: ["10.9.0.1"], external_address: 203.0.113.7'), "bind: 10.0.0.5, local_nets: [10.0.0.0/8]"),
         "10.9.0.1 lies in network: local_nets, and is never told the external_address"),
        ((only(f"{HERE}, external_address: 203.0.113.7"), "bind: 10.0.0.5, local_nets: [ten]"), "'ten' is not a"),
        ((only(HERE), "bind: 127.0.0.1"), "SIP listens on 127.0.0.1 only, and 192.0.2.1 is not to be"),
        ((only(f"{HERE}, bind: 127.0.0.2"),), "SIP listens on 127.0.0.2 only"),
    ],
)  # fmt: skip
def test_what_cannot(given: tuple[str, ...], fault: str) -> None:
    assert any(fault in each for each in faults(*given)), faults(*given)


def test_without_a_word_on_it_sip_stays_on_this_machine() -> None:
    site = re.sub(r"\nnetwork:\n(  .*\n)+", "\n", ours()["site.yaml"])
    conf: Config = build({**ours(), "site.yaml": site})
    assert (conf.site.network.bind, conf.site.network.local_nets) == ("127.0.0.1", ())
