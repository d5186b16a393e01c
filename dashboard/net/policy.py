"""Which addresses may be contacted: a table of our own, and the exceptions an operator named."""

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ssrfguard import DEFAULT_DENIED, AddressTable, Block, Reach

from dashboard.net.errors import AddressRefused

DEFAULT_PORTS = frozenset({80, 443, 8080, 8443})

HostPort = tuple[str, int | None]


def _own_table() -> AddressTable:
    # The library permits a few anycast services that are answered by the nearest gateway; no request of
    # ours has business there. IPv6 is turned round: everything outside global unicast is refused, known
    # to the table or not.
    blocks = [
        replace(block, reach=Reach.DENIED) if block.reach is Reach.PERMITTED else block
        for block in DEFAULT_DENIED.blocks
    ]
    blocks += [
        Block(ip_network("168.63.129.16/32"), "Cloud metadata (Azure WireServer)", "", Reach.DENIED),
        Block(ip_network("::/0"), "Not global unicast", "RFC4291", Reach.DENIED),
        Block(ip_network("2000::/3"), "Global unicast", "RFC4291", Reach.PERMITTED),
    ]
    return AddressTable(tuple(blocks))


ADDRESS_TABLE = _own_table()


@dataclass(frozen=True)
class AddressPolicy:
    """What may be contacted.

    `allow_hosts` holds (host, port) pairs named by the operator or by administrators, port None meaning
    any port; a named host skips the address table and the port rule, but only for exactly that host as
    written in the URL: a name does not allow its address nor the other way round. `allowed_ports` are the
    ports of all other hosts.
    """

    allow_hosts: frozenset[HostPort] = frozenset()
    allowed_ports: frozenset[int] = DEFAULT_PORTS

    def names(self, host: str, port: int) -> bool:
        """True if host:port is one of the named exceptions."""
        host = canonical_host(host)
        return (host, port) in self.allow_hosts or (host, None) in self.allow_hosts

    def check_port(self, host: str, port: int) -> None:
        """Raise AddressRefused unless this port may be used with this host."""
        if port in self.allowed_ports or self.names(host, port):
            return
        ports = ", ".join(str(number) for number in sorted(self.allowed_ports))
        raise AddressRefused(
            f"Port {port} may not be used; allowed ports are {ports}. {_remedy(host, port)}",
        )

    def check_address(self, host: str, port: int, address: str) -> None:
        """Raise AddressRefused unless `address`, one answer of the name service for `host`, may be
        contacted.
        """
        if self.names(host, port):
            return
        kind = refusal(address)
        if kind is None:
            return
        # A name that resolves inwards must not tell the user where to.
        subject = f"{host} is" if is_literal(host) else f"{host} points to"
        raise AddressRefused(
            f"{subject} an address that may not be contacted ({kind}). {_remedy(host, port)}"
        )


def refusal(address: str) -> str | None:
    """Say which class of refused addresses a literal belongs to, or None if it is an ordinary public one.

    IPv4 addresses wrapped in IPv6 (mapped, compatible, 6to4, NAT64, Teredo) are judged by what they carry.
    Anything that is not a plain literal, a scoped one included, is refused.
    """
    literal = None if "%" in address else _literal(address)
    if literal is None:
        return "not a usable address"
    verdict = ADDRESS_TABLE.classify(literal)
    if not verdict.blocked:
        return None
    return verdict.block.name if verdict.block is not None else "refused"


def is_literal(host: str) -> bool:
    """True if `host` (without brackets) is an IPv4 or IPv6 address in standard notation."""
    return _literal(host) is not None


def canonical_host(host: str) -> str:
    """Lower case, without brackets, IPv6 in its shortest form: the one spelling hosts are compared in."""
    host = host.strip("[]").lower()
    literal = _literal(host)
    return str(literal) if literal is not None else host


def parse_allow_hosts(text: str) -> frozenset[HostPort]:
    """Read "localhost:11434, 10.0.0.5:8000, [fd00::1]:8080, build.lan" (commas, spaces or lines between
    entries).

    An entry without a port allows every port of that host. Raises ValueError with a sentence naming the
    wrong entry.
    """
    return frozenset(_parse_entry(entry) for entry in re.split(r"[\s,]+", text) if entry)


_ENTRY = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?))(?::(?P<port>[0-9]{1,5}))?"
)
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")


def _parse_entry(entry: str) -> HostPort:
    lowered = entry.lower()
    if isinstance(_literal(lowered), IPv6Address):
        return canonical_host(lowered), None
    match = _ENTRY.fullmatch(lowered)
    if match is None:
        raise ValueError(
            f'"{entry}" is not a host or host:port; write it like localhost:11434 or [fd00::1]:8080.'
        )
    if match["six"] is not None and not isinstance(_literal(match["six"]), IPv6Address):
        raise ValueError(f'"{entry}" does not hold an IPv6 address between its brackets.')
    host = match["six"] or match["name"]
    if ".." in host or (_ENDS_IN_NUMBER.search(host) and _literal(host) is None):
        raise ValueError(f'"{entry}" does not name a host; an IPv4 address has four decimal parts.')
    if match["port"] is None:
        return canonical_host(host), None
    port = int(match["port"])
    if not 1 <= port <= 65535:
        raise ValueError(f'"{entry}" has port {port}; ports go from 1 to 65535.')
    return canonical_host(host), port


def _literal(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _remedy(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"An administrator can allow {shown}:{port}."
