"""What can go wrong on the way out, one class per cause.

Every error carries `code` (stable, snake case, for machines) and a sentence for people as its text. The
sentences name hosts, ports and limits, never header values, bodies or resolved internal addresses. They
are also httpx2 transport errors, so a vendor SDK that sits on our transport treats them as the connection
problems they are.
"""

import ssl
from collections.abc import Iterator

import h11
import httpcore2
import httpx2


class NetError(httpx2.TransportError):
    """Base of all errors of this room. `str(error)` is one sentence that may be shown to any user."""

    code = "net_error"


class BadUrl(NetError):
    """The address cannot be used: wrong scheme, unusual spelling of a host, port out of range, and so on."""

    code = "bad_url"


class BadRequest(NetError):
    """The method, a header or the body cannot be sent as given."""

    code = "bad_request"


class AddressRefused(NetError):
    """The host or port is not one that may be contacted. Nothing was sent."""

    code = "address_refused"


class NameNotFound(NetError):
    """The host name has no address."""

    code = "name_not_found"


class ConnectFailed(NetError):
    """The host did not accept a connection."""

    code = "connect_failed"


class TlsFailed(NetError):
    """The encrypted connection could not be set up; usually a bad or expired certificate."""

    code = "tls_failed"


class ConnectionLost(NetError):
    """The connection broke after it was made. The request may or may not have had an effect."""

    code = "connection_lost"


class TimedOut(NetError, httpx2.TimeoutException):
    """A time limit passed. The request may or may not have had an effect."""

    code = "timed_out"


class TooManyRedirects(NetError):
    """The server kept pointing somewhere else."""

    code = "too_many_redirects"


class RedirectRefused(NetError):
    """A redirect would have carried credentials or a body to a place they were not meant for."""

    code = "redirect_refused"


class ResponseTooLarge(NetError):
    """The answer, decoded, is larger than the limit. The rest was not read."""

    code = "response_too_large"


class ResponseInvalid(NetError):
    """The answer is not usable HTTP: malformed, an unknown encoding, or a broken compressed body."""

    code = "response_invalid"


def find_net_error(error: BaseException) -> NetError | None:
    """Return the NetError behind `error`, looking through the exceptions an SDK wrapped around it."""
    return next((link for link in _chain(error) if isinstance(link, NetError)), None)


def translate(error: Exception, host: str) -> NetError:
    """Turn an exception of the HTTP library into ours. `host` is the host as written in the address."""
    known = find_net_error(error)
    if known is not None:
        return known
    # Later on, and under a timeout, the chain may hold TLS states that are no reason ("want read").
    reason = _tls_reason(error) if isinstance(error, httpcore2.ConnectError) else None
    if reason is not None:
        return TlsFailed(f"The secure connection to {host} could not be set up: {reason}.")
    for kind, result, sentence in _SENTENCES:
        if isinstance(error, kind):
            return result(sentence.format(host=host))
    return ConnectionLost(f"The connection to {host} broke in an unexpected way.")


_SENTENCES: tuple[tuple[type[Exception], type[NetError], str], ...] = (
    (httpcore2.ConnectTimeout, TimedOut, "{host} did not accept a connection in time."),
    (
        httpcore2.PoolTimeout,
        TimedOut,
        "Too many requests are already under way; none finished in time for {host}.",
    ),
    (httpcore2.WriteTimeout, TimedOut, "{host} did not take the request in time."),
    (httpcore2.TimeoutException, TimedOut, "{host} did not answer in time."),
    (TimeoutError, TimedOut, "{host} did not answer in time."),
    (httpcore2.ConnectError, ConnectFailed, "No connection to {host} could be made."),
    (httpcore2.LocalProtocolError, BadRequest, "The request to {host} is not valid HTTP."),
    # httpcore2 does not translate what h11 finds while it sends the body, such as a wrong length.
    (h11.LocalProtocolError, BadRequest, "The request to {host} is not valid HTTP."),
    (
        httpcore2.RemoteProtocolError,
        ResponseInvalid,
        "{host} sent something that is not a complete HTTP answer.",
    ),
    (
        httpcore2.NetworkError,
        ConnectionLost,
        "The connection to {host} broke before the answer was complete.",
    ),
    (OSError, ConnectionLost, "The connection to {host} broke before the answer was complete."),
)


def _tls_reason(error: Exception) -> str | None:
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate was not accepted ({link.verify_message})"
        if isinstance(link, ssl.SSLError):
            return (link.reason or "TLS error").replace("_", " ").lower()
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
