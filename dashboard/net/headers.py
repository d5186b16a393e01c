"""Which request headers may be sent, and what a redirect may carry on."""

import re
from collections.abc import Iterable, Mapping

from dashboard.net.errors import BadRequest

MAX_HEADER_BYTES = 32 * 1024

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# Framing, routing and hop-by-hop: these belong to the client, never to whoever wrote the request.
_CLIENT_OWNED = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})
_FORBIDDEN = frozenset({b"te", b"trailer", b"upgrade", b"keep-alive", b"http2-settings", b"expect"})

# What may follow a redirect to another host. Everything else may hold a secret, whatever its name.
FORWARDABLE = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-type",
        b"content-language",
        b"user-agent",
        b"range",
        b"cache-control",
    }
)
# Written by the client itself for each hop.
REWRITTEN = frozenset({b"host", b"connection", b"content-length", b"transfer-encoding", b"accept-encoding"})

RawHeaders = list[tuple[bytes, bytes]]


def user_headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> RawHeaders:
    """Check headers that came from a flow or a form and return them as bytes (values in UTF-8).

    Raises BadRequest for a name that is not a token, a value with CR, LF, NUL or another control
    character, a header the client owns (Host, Content-Length, Transfer-Encoding, Connection), Proxy-* and
    hop-by-hop ones, and for more than 32 KB in total.
    """
    items = headers.items() if isinstance(headers, Mapping) else headers
    raw: RawHeaders = []
    for name, value in items:
        try:
            encoded = name.encode("ascii"), value.strip(" \t").encode("utf-8")
        except UnicodeError:
            raise BadRequest(f"The header {name[:60]!r} holds characters that cannot be sent.") from None
        if encoded[0].lower() in _CLIENT_OWNED:
            raise BadRequest(f"The header {name} is set by Signalbox and cannot be given.")
        raw.append(encoded)
    check_raw_headers(raw)
    return raw


def check_raw_headers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise BadRequest if any header, wherever it came from, could change the framing or the route of the
    request.
    """
    total = 0
    for name, value in headers:
        total += len(name) + len(value) + 4
        lowered = name.lower()
        shown = name[:60].decode("ascii", "replace")
        if not _TOKEN.fullmatch(name):
            raise BadRequest(f"{shown!r} is not a valid header name.")
        if _UNSAFE_VALUE.search(value):
            raise BadRequest(f"The value of the header {shown} holds a line break or a control character.")
        if lowered in _FORBIDDEN or lowered.startswith(b"proxy-"):
            raise BadRequest(f"The header {shown} cannot be sent.")
        if lowered == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            raise BadRequest("The header Connection is set by Signalbox and cannot be given.")
    if total > MAX_HEADER_BYTES:
        raise BadRequest(f"The request headers are larger than {MAX_HEADER_BYTES // 1024} KB.")


def carries_secrets(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """True if any header is one that may not follow a redirect to another host."""
    return any(name.lower() not in FORWARDABLE | REWRITTEN for name, _ in headers)
