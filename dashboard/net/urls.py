"""Reading a URL strictly, so that the host we check is the host every other parser would see."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import httpx2
import idna

from dashboard.net.errors import BadUrl

MAX_URL_LENGTH = 8192

_SHAPE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]+)(?::(?P<port>[0-9]*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# A host whose last label looks like a number is an IPv4 address to the C library (127.1, 0x7f.1, 2130706433).
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Characters that are control characters, spaces or a backslash are read differently by different parsers.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\\]")


def check_url(text: str) -> httpx2.URL:
    """Parse an absolute http(s) URL without user name, in one of the spellings that have only one reading.

    Raises BadUrl with a sentence for everything else: other schemes, user info, numeric or partly numeric
    hosts that are not four plain decimal parts, scoped IPv6, unicode dots, ports outside 1 to 65535, more
    than 8 KB.
    """
    if len(text) > MAX_URL_LENGTH:
        raise BadUrl(f"The address is longer than {MAX_URL_LENGTH} characters.")
    if _UNSAFE.search(text):
        raise BadUrl("The address holds a space, a backslash or a control character; encode it with %.")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise BadUrl("The address must start with http:// or https:// and name a host.")
    if shape["scheme"].lower() not in ("http", "https"):
        raise BadUrl(f"Addresses of the kind {shape['scheme'][:20]}: are not supported; use http or https.")
    if "@" in shape["authority"]:
        raise BadUrl("The address must not hold a user name or password; send them in a header.")
    authority = _AUTHORITY.fullmatch(shape["authority"])
    if authority is None:
        raise BadUrl("The address does not name a host in a form that can be read.")
    _check_port(authority["port"])
    host = _check_host(authority["host"])
    port = f":{int(authority['port'])}" if authority["port"] else ""
    try:
        return httpx2.URL(f"{shape['scheme'].lower()}://{host}{port}{shape['rest']}").copy_with(fragment=None)
    except (httpx2.InvalidURL, ValueError) as error:
        raise BadUrl("The address cannot be read.") from error


def host_of(url: httpx2.URL) -> str:
    """The ASCII host of a checked URL, without brackets."""
    return url.raw_host.decode("ascii")


def port_of(url: httpx2.URL) -> int:
    """The port of a checked URL, the scheme's own if none is written."""
    return url.port or (443 if url.scheme == "https" else 80)


def _check_port(port: str | None) -> None:
    if port and not (len(port) <= 5 and 1 <= int(port) <= 65535):
        raise BadUrl("The port of the address must be a number from 1 to 65535.")


def _check_host(host: str) -> str:
    """Return the host as it goes on the wire: an IPv6 literal in brackets, or lower-case ASCII."""
    if host.startswith("["):
        return f"[{_check_ipv6(host[1:-1])}]"
    lowered = host.lower() if host.isascii() else _encode(host)
    labels = lowered.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _check_ipv4(lowered)
    if len(lowered) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadUrl("The host of the address is not a valid name.")
    for label in labels:
        if label.startswith("xn--"):
            _check_punycode(label)
    return lowered


def _check_ipv6(text: str) -> str:
    if "%" in text:
        raise BadUrl("An IPv6 address with a zone cannot be used.")
    try:
        return str(IPv6Address(text))
    except AddressValueError as error:
        raise BadUrl("The host of the address is not a valid IPv6 address.") from error


def _check_ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError as error:
        raise BadUrl("A numeric host must be written as four decimal parts, like 192.0.2.1.") from error


def _encode(host: str) -> str:
    if any(dot in host for dot in "\u3002\uff0e\uff61"):
        raise BadUrl("The host of the address holds a dot that is not an ordinary full stop.")
    try:
        return idna.encode(host.lower()).decode("ascii")
    except (idna.IDNAError, UnicodeError, IndexError) as error:
        raise BadUrl("The host of the address is not a valid international name.") from error


def _check_punycode(label: str) -> None:
    try:
        idna.decode(label)
    except (idna.IDNAError, UnicodeError, IndexError) as error:
        raise BadUrl("The host of the address is not a valid international name.") from error
