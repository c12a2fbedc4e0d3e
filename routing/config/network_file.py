"""The parts of `site.yaml` about addresses: `network`, each trunk's own, and what trunks may not have in common."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from routing.config.entry import Entry
from routing.config.site import Mode, Network, Ports, Trunk

ANY = IPv4Address(0)
AN_ADDRESS = "an IPv4 address of this machine, as in 10.20.0.5, or 0.0.0.0 for all of them"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
LAST_PORT = 65_535


def network(file: Entry) -> Network:
    """Where SIP and sound are."""
    entry = file.part("network", Network.__struct_fields__)
    nets = entry.words("local_nets")
    for word in nets:
        try:
            IPv4Network(word.text)
        except ValueError:
            file.source.fault(word, f"'{word.text}' is not a network: write 10.0.0.0/8")
    return Network(entry.maybe("bind", own_address, Network().bind), tuple(word.text for word in nets))


def own_address(entry: Entry, key: str) -> str:
    """An address of this machine."""
    written = entry.text(key)
    if _ip(written) is None:
        entry.wrong(key, written, f"is not {AN_ADDRESS}")
        return Network().bind
    return written


def host(entry: Entry, key: str) -> str:
    """Somebody's address, or a name for it."""
    written = entry.text(key)
    if not _is_host(written):
        entry.wrong(key, written, "is neither an IPv4 address nor a name")
    return written


def addresses(entry: Entry) -> tuple[str, ...]:
    """A carrier's SBCs: `host` or `host:port`."""
    words = entry.words("addresses")
    for word in words:
        name, colon, port = word.text.partition(":")
        if not _is_host(name) or (colon and (_PORT.fullmatch(port) is None or int(port) > LAST_PORT)):
            entry.source.fault(word, f"'{word.text}' is not an SBC's address: write 192.0.2.1, or 192.0.2.1:5060")
    return tuple(word.text for word in words)


def side_by_side(found: Sequence[tuple[Entry, Trunk]], net: Network, ports: Ports, mode: Mode) -> None:
    """Note what trunks cannot have in common, and what they cannot have with this network."""
    hosts: dict[str, str] = {}
    for entry, trunk in found:
        if mode is Mode.PRODUCTION and not trunk.addresses:
            entry.fault("addresses", "in production a trunk needs 'addresses': the SBCs by which its calls are known")
        for address in dict.fromkeys(trunk.addresses):
            other = _known(hosts, address)
            if other is not None:
                entry.fault("addresses", f"{address} is trunk '{other}' already: a call from there would be of either")
            hosts[address] = trunk.id
    sockets: dict[tuple[str, int], Trunk] = {}
    for entry, trunk in found:
        socket = _socket(trunk, net, ports)
        for problem in (*_of_sockets(trunk, socket, sockets), *_of_network(trunk, socket, net, ports, mode)):
            entry.source.fault(entry.place("external_address") if "external" in problem else entry.node, problem)
        sockets.setdefault(socket, trunk)


def _known(hosts: Mapping[str, str], address: str) -> str | None:
    """Whose address this is already; without a port it is every one of that host."""
    name, _, port = address.partition(":")
    same = (other for other in hosts if other.partition(":")[0] == name)
    return next((hosts[other] for other in same if not port or ":" not in other or other == address), None)


def _socket(trunk: Trunk, net: Network, ports: Ports) -> tuple[str, int]:
    """Where we speak with this carrier."""
    return trunk.bind or net.bind, trunk.port or ports.sip


def _of_sockets(trunk: Trunk, socket: tuple[str, int], sockets: Mapping[tuple[str, int], Trunk]) -> Iterator[str]:
    """What is wrong with this socket beside those of the trunks before."""
    where = f"{socket[0]}:{socket[1]}"
    other = sockets.get(socket)
    if other is not None and _outside(other) != _outside(trunk):
        yield (
            f"trunk '{other.id}' has another external_address, and both speak from {where}: give one of them a 'bind' "
            "or a 'port' of its own"
        )
    for bind, port in sockets:
        if port == socket[1] and bind != socket[0] and str(ANY) in {bind, socket[0]}:
            yield f"{where} and {bind}:{port} cannot both be listened on: 0.0.0.0 is every address"


def _of_network(trunk: Trunk, socket: tuple[str, int], net: Network, ports: Ports, mode: Mode) -> Iterator[str]:
    """What is wrong with a trunk in this network."""
    own = (net.bind, ports.sip)
    if socket != own and socket[1] == own[1] and str(ANY) in {net.bind, socket[0]}:
        yield f"'bind' {socket[0]} needs a 'port' of its own: {net.bind}:{own[1]} (network, ports) is that one as well"
    if mode is not Mode.PRODUCTION:
        return
    if socket == own and trunk.external_address and not net.local_nets:
        yield "an external_address needs network: local_nets, or our own phones are told to speak to it as well"
    here = _ip(socket[0])
    for address in trunk.addresses:
        there = _ip(address.partition(":")[0])
        if there is None or here is None:
            continue
        if here.is_loopback and not there.is_loopback:
            yield f"SIP listens on {here} only, and {there} is not to be reached from there: set network: bind"
        if trunk.external_address and any(there in _net(each) for each in net.local_nets):
            yield f"{there} lies in network: local_nets, and is never told the external_address"


def _outside(trunk: Trunk) -> tuple[str | None, str | None]:
    return trunk.external_address, trunk.external_media or trunk.external_address


def _ip(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def _net(text: str) -> IPv4Network:
    """A network; one that is none, and has had its fault, holds nobody."""
    try:
        return IPv4Network(text)
    except ValueError:
        return IPv4Network("255.255.255.255/32")


def _is_host(text: str) -> bool:
    if re.fullmatch(r"[0-9.]*", text):
        return _ip(text) is not None
    return _HOST.fullmatch(text) is not None
