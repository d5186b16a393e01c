"""Who is asking: an API key in the Authorization header, and nothing else."""

import re
import threading
import time
from collections import OrderedDict
from datetime import timedelta
from typing import Any, Final, cast

from django.http import HttpRequest
from django.utils import timezone

from dashboard.api.limits import names_a_key
from dashboard.models import Action, ApiKey, may
from dashboard.models.api_key import KEY_SHAPE
from dashboard.wire.errors import WireError

_BEARER = re.compile(r"bearer +", re.IGNORECASE)


class FailureCount:
    """Failed keys per address within a minute. Good keys are never refused for the failures of a neighbour."""

    MOST: Final = 100
    WINDOW: Final = 60.0
    ADDRESSES: Final = 4096

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, address: str) -> float | None:
        """Count one failure; seconds to wait when the address had too many, else None."""
        now = time.monotonic()
        with self._lock:
            began, count = self._seen.pop(address, (now, 0))
            if now - began >= self.WINDOW:
                began, count = now, 0
            self._seen[address] = (began, count + 1)
            if len(self._seen) > self.ADDRESSES:
                self._seen.popitem(last=False)
        return began + self.WINDOW - now if count >= self.MOST else None

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()


failures = FailureCount()


class Bearer:
    """Authentication of one operation, as django-ninja calls it: gives the ApiKey, or raises WireError.

    `actions` are the scopes of which the key needs at least one. Views that need to know more ask `require`.
    """

    openapi_security_schema: Final[dict[str, Any]] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key from Settings, API keys: `Authorization: Bearer sb_live_…`. A bare key is taken too.",
    }

    def __init__(self, *actions: Action) -> None:
        self.actions = actions

    def __call__(self, request: HttpRequest) -> ApiKey:
        if names_a_key(request.META.get("QUERY_STRING", "")):
            raise WireError("api_key_in_url")
        key = _present(request)
        if not any(may(key, action) for action in self.actions):
            raise _lacking(self.actions)
        _note_use(key)
        return key


def _note_use(key: ApiKey) -> None:
    """At most one write a minute and key: even an update that changes nothing would wait for other writers."""
    if key.last_used_at is None or timezone.now() - key.last_used_at > timedelta(minutes=1):
        ApiKey.objects.touch(key)


def actor_of(request: HttpRequest) -> ApiKey:
    """The key behind a request that passed `Bearer`."""
    return cast(ApiKey, request.auth)  # type: ignore[attr-defined]


def require(key: ApiKey, *actions: Action) -> None:
    """Raise WireError `insufficient_scope`, naming the scopes, unless the key has every one of them."""
    missing = tuple(action for action in actions if not may(key, action))
    if missing:
        raise _lacking(missing, every=True)


def _present(request: HttpRequest) -> ApiKey:
    header = request.META.get("HTTP_AUTHORIZATION", "").strip()
    if not header:
        raise WireError("missing_api_key")
    if "," in header:
        raise WireError("bad_request", "Send one Authorization header.")
    text = _BEARER.sub("", header, count=1)
    key = ApiKey.objects.presented(text) if KEY_SHAPE.fullmatch(text) else None
    if key is None:
        wait = failures.note(request.META.get("REMOTE_ADDR", ""))
        if wait is not None:
            raise WireError("rate_limited", headers={"Retry-After": str(int(wait) + 1)})
        raise WireError("invalid_api_key")
    if key.revoked_at is not None:
        raise WireError("api_key_revoked")
    if key.expires_at is not None and not is_live(key):
        raise WireError("api_key_expired")
    return key


def is_live(key: ApiKey) -> bool:
    """Whether the key is neither revoked nor expired now, by the clock of the database. One query."""
    return ApiKey.objects.live().filter(pk=key.pk).exists()


def _lacking(actions: tuple[Action, ...], every: bool = False) -> WireError:
    names = (" and " if every else " or ").join(actions)
    return WireError(
        "insufficient_scope",
        f"The API key lacks the scope {names}.",
        hint="Create a key with that scope in Settings, API keys.",
        extra={"requiredScopes": list(actions)},
    )
