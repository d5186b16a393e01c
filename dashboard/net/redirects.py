"""What the next request is when an answer points somewhere else. Pure decisions, no I/O."""

from dataclasses import dataclass

import httpx2

from dashboard.net.errors import BadUrl, RedirectRefused
from dashboard.net.headers import FORWARDABLE, REWRITTEN, RawHeaders, carries_secrets
from dashboard.net.urls import check_url, host_of, port_of

_STATUSES = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Hop:
    """One request on the way: `body` is None without a body; a streamed one cannot be sent twice."""

    method: str
    url: httpx2.URL
    headers: RawHeaders
    body: httpx2.AsyncByteStream | None
    replayable: bool


def location_of(status: int, headers: RawHeaders) -> str | None:
    """The redirect target of an answer as text, or None if the answer is final. Raises BadUrl if
    unreadable.
    """
    if status not in _STATUSES:
        return None
    values = [value for name, value in headers if name.lower() == b"location"]
    if not values:
        return None
    try:
        return values[0].decode("utf-8")
    except UnicodeDecodeError:
        raise BadUrl("The server redirected to an address that cannot be read.") from None


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """The request that follows a redirect.

    Raises BadUrl for a target we do not accept and RedirectRefused where secrets would go from https to
    http, or a body to another host.
    """
    url = _resolve(hop.url, location)
    becomes_get = (status == 303 and hop.method != "HEAD") or (status in (301, 302) and hop.method == "POST")
    body = None if becomes_get else hop.body
    downgrade = hop.url.scheme == "https" and url.scheme == "http"
    elsewhere = not _same_place(hop.url, url)
    if downgrade and (carries_secrets(hop.headers) or body is not None):
        raise RedirectRefused(
            f"{host_of(hop.url)} redirected a request with credentials or a body to plain http."
        )
    if body is not None and (elsewhere or not hop.replayable):
        raise RedirectRefused(f"{host_of(hop.url)} redirected a request with a body to {host_of(url)}.")
    dropped = REWRITTEN | ({b"content-type"} if becomes_get else frozenset())
    headers = [
        (name, value)
        for name, value in hop.headers
        if name.lower() not in dropped and (not elsewhere or name.lower() in FORWARDABLE)
    ]
    if body is not None:
        headers += [
            item for item in hop.headers if item[0].lower() in (b"content-length", b"transfer-encoding")
        ]
    return Hop("GET" if becomes_get else hop.method, url, headers, body, hop.replayable)


def _resolve(base: httpx2.URL, location: str) -> httpx2.URL:
    # Joining cleans up spellings that check_url refuses, so an absolute target is checked as it was written.
    if ":" in location.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]:
        return check_url(location)
    if location.startswith("//"):
        return check_url(f"{base.scheme}:{location}")
    check_url(f"{base.scheme}://relative.example/{location.lstrip('/')}")
    try:
        return check_url(str(base.join(location)))
    except (httpx2.InvalidURL, ValueError) as error:
        raise BadUrl("The server redirected to an address that cannot be read.") from error


def _same_place(old: httpx2.URL, new: httpx2.URL) -> bool:
    if host_of(old) != host_of(new):
        return False
    upgrade = (old.scheme, port_of(old), new.scheme, port_of(new)) == ("http", 80, "https", 443)
    return upgrade or (old.scheme == new.scheme and port_of(old) == port_of(new)) or _is_downgrade(old, new)


def _is_downgrade(old: httpx2.URL, new: httpx2.URL) -> bool:
    return (old.scheme, new.scheme) == ("https", "http") and (port_of(old), port_of(new)) == (443, 80)
