"""Every way a vendor can fail, as a sentence for people.

What a vendor says is quoted, but as the words of a stranger: without keys, without markup, and short.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx2
from pydantic_ai import exceptions as library

from dashboard.engine.ports import ModelFailure
from dashboard.models_ai.table import Vendor

logger = logging.getLogger(__name__)

_LONGEST = 300
_LONGEST_READ = 20_000
_WINDOW = 8
_HIDDEN = "[key]"
_LOOKS_LIKE_A_KEY = re.compile(
    r"(?:\b(?:sk|pk|rk|gsk|xai)-|\bAIza|\bBearer\s+|\bBasic\s+)[\w.+/=*-]{4,}", re.I
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")
_ASK_TO_WAIT_AT_MOST = 86_400


@dataclass(frozen=True, slots=True)
class _Kind:
    """One class of failures: the sentence after the vendor's name, the code, and whether trying again may help."""

    says: str
    code: str
    retryable: bool = False
    quotes: bool = True


_CHECK_KEY = _Kind("refused the key{status}. Check it under Settings → Models.", "MODEL_KEY_REFUSED")
_BY_CLASS: tuple[tuple[type[Exception], _Kind], ...] = (
    (library.ModelAuthenticationError, _CHECK_KEY),
    (
        library.ModelQuotaExceededError,
        _Kind("says that the account's quota or credit is used up{status}.", "MODEL_QUOTA_EXCEEDED"),
    ),
    (
        library.ModelRateLimitError,
        _Kind("is being asked too often{status}.", "MODEL_RATE_LIMITED", retryable=True),
    ),
    (library.ModelOverloadedError, _Kind("is overloaded{status}.", "MODEL_OVERLOADED", retryable=True)),
    (
        library.ModelUnavailableError,
        _Kind("is not available at the moment{status}.", "MODEL_OVERLOADED", retryable=True),
    ),
    (library.ModelServerError, _Kind("failed{status}.", "MODEL_VENDOR_ERROR", retryable=True)),
    (
        library.ModelNotFoundError,
        _Kind("does not know this model or address{status}.", "MODEL_NOT_AVAILABLE"),
    ),
    (
        library.ModelContextWindowExceededError,
        _Kind("says that the prompt is too long for this model{status}.", "MODEL_PROMPT_TOO_LONG"),
    ),
    (
        library.ContentFilterError,
        _Kind("refused the request with its content filter{status}.", "MODEL_CONTENT_FILTER"),
    ),
    (library.ModelRequestRejectedError, _Kind("refused the request{status}.", "MODEL_REQUEST_REJECTED")),
    (
        library.ModelTimeoutError,
        _Kind("did not answer in time.", "MODEL_TIMEOUT", retryable=True, quotes=False),
    ),
    (
        library.ModelConnectionError,
        _Kind(
            "could not be reached, or the connection broke.",
            "MODEL_UNREACHABLE",
            retryable=True,
            quotes=False,
        ),
    ),
    (
        library.UserError,
        _Kind(
            "cannot be asked for what this step wants of the model.", "MODEL_REQUEST_REJECTED", quotes=False
        ),
    ),
    (
        library.UnexpectedModelBehavior,
        _Kind(
            "answered with something that is not a model's answer. Is the address right?",
            "MODEL_ANSWER_INVALID",
            quotes=False,
        ),
    ),
)
# What the guarded client calls it: our code, and whether trying again may help. The rest is for an administrator.
_NET = {
    "timed_out": ("MODEL_TIMEOUT", True),
    "connection_lost": ("MODEL_ANSWER_INCOMPLETE", True),
    "response_invalid": ("MODEL_ANSWER_INCOMPLETE", True),
    "response_too_large": ("MODEL_ANSWER_INVALID", False),
    "frame_too_long": ("MODEL_ANSWER_INVALID", False),
    "connect_failed": ("MODEL_UNREACHABLE", True),
    "name_not_found": ("MODEL_UNREACHABLE", True),
}
_ODD_STATUS = _Kind("answered with an error{status}.", "MODEL_VENDOR_ERROR")
_IN_STREAM = _Kind("reported an error in the middle of its answer.", "MODEL_VENDOR_ERROR", retryable=True)
_UNREADABLE = _Kind(
    "sent an answer that could not be read.", "MODEL_ANSWER_INVALID", retryable=False, quotes=False
)


def incomplete(vendor: Vendor) -> ModelFailure:
    """The stream ended without its end."""
    return ModelFailure(
        f"{vendor.title} broke off before its answer was complete.",
        code="MODEL_ANSWER_INCOMPLETE",
        retryable=True,
    )


def timed_out(vendor: Vendor, seconds: float, what: str) -> ModelFailure:
    """`what` says what did not happen within `seconds`, such as "did not finish"."""
    return ModelFailure(
        f"{vendor.title} {what} within {seconds:g} seconds.", code="MODEL_TIMEOUT", retryable=True
    )


def failure_from(error: Exception, vendor: Vendor, api_key: str) -> ModelFailure:
    """The failure that stands for any exception of the libraries below. `api_key` is hidden wherever it appears."""
    if isinstance(error, ModelFailure):
        return error
    from_net = next((link for link in _chain(error) if _is_net_error(link)), None)
    if from_net is not None:
        return _net_failure(from_net, vendor, api_key)
    if "ended without a `finish_reason`" in str(error):
        return incomplete(vendor)
    kind = next((kind for cls, kind in _BY_CLASS if isinstance(error, cls)), None) or _fallback_kind(error)
    status = error.status_code if isinstance(error, library.ModelHTTPError) else None
    shown = f" (HTTP {status})" if status else ""
    sentences = [f"{vendor.title} {kind.says.format(status=shown)}"]
    said = scrubbed(_said(error), api_key) if kind.quotes and kind is not _CHECK_KEY else ""
    if said:
        sentences.append(f"It says: “{said}”")
    wait = getattr(error, "retry_after", None)
    if kind.retryable and wait is not None and 0 < wait <= _ASK_TO_WAIT_AT_MOST:
        sentences.append(f"It asks to wait {wait:g} seconds.")
    if kind is _UNREADABLE:
        logger.warning("%s: %s: %s", vendor.title, type(error).__name__, scrubbed(str(error), api_key))
    return ModelFailure(" ".join(sentences), code=kind.code, status=status, retryable=kind.retryable)


def scrubbed(text: str, api_key: str) -> str:
    """The text on one line without keys, cut to 300 characters."""
    text = _CONTROL.sub(" ", text[:_LONGEST_READ])
    text = _LOOKS_LIKE_A_KEY.sub(_HIDDEN, _without_pieces(text, api_key))
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _without_pieces(text: str, secret: str) -> str:
    """The text with every piece of the secret of eight characters or more hidden."""
    if not secret:
        return text
    if len(secret) <= _WINDOW:
        return text.replace(secret, _HIDDEN)
    windows = {secret[at : at + _WINDOW] for at in range(len(secret) - _WINDOW + 1)}
    covered = bytearray(len(text))
    for at in range(len(text) - _WINDOW + 1):
        if text[at : at + _WINDOW] in windows:
            covered[at : at + _WINDOW] = b"\x01" * _WINDOW
    kept = (char if not hidden else "\x00" for char, hidden in zip(text, covered, strict=True))
    return re.sub("\x00+", _HIDDEN, "".join(kept))


def _fallback_kind(error: Exception) -> _Kind:
    if isinstance(error, library.ModelHTTPError):
        return _ODD_STATUS
    if isinstance(error, library.ModelAPIError):
        return _IN_STREAM if error.in_stream else _UNREADABLE
    return _UNREADABLE


def _said(error: Exception) -> str:
    """The vendor's own sentence, from wherever the protocols put it; nothing when it is a page of HTML."""
    body = getattr(error, "body", None)
    for key in ("error", "message"):
        if isinstance(body, Mapping) and key in body:
            body = body[key]
    if isinstance(body, Mapping):
        body = body.get("message")
    if not isinstance(body, str) or body.lstrip().startswith("<"):
        return ""
    return body


def _is_net_error(error: BaseException) -> bool:
    # The guarded client's errors carry a code and a sentence that may be shown to anyone; this room only knows them
    # by their shape, because it does not import the room they come from.
    return isinstance(error, httpx2.TransportError) and isinstance(getattr(error, "code", None), str)


def _net_failure(error: BaseException, vendor: Vendor, api_key: str) -> ModelFailure:
    net_code: str = getattr(error, "code", "")
    code, retryable = _NET.get(net_code, (f"MODEL_{net_code.upper()}", False))
    what = (
        ""
        if code in ("MODEL_TIMEOUT", "MODEL_ANSWER_INCOMPLETE", "MODEL_ANSWER_INVALID")
        else " could not be reached"
    )
    said = scrubbed(str(error), api_key)
    return ModelFailure(f"{vendor.title}{what}: {said}", code=code, retryable=retryable)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
