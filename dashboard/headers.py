"""Headers of every answer, beside those that Django and django-csp set: browsers get nothing they were not promised."""

import logging
from collections.abc import Callable

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from dashboard.wire.ids import REQUEST, new_id

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

DENIED_FEATURES = (
    *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen"),
    *(
        "geolocation",
        "gyroscope",
        "hid",
        "idle-detection",
        "local-fonts",
        "magnetometer",
        "microphone",
        "midi",
    ),
    *("payment", "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
    *("xr-spatial-tracking",),
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in DENIED_FEATURES)


class Headers:
    """A request id to find the request in the log by, and headers that keep answers to this site and out of caches.

    Whatever sets its own `Cache-Control` (static files carry their digest in the address) keeps it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = getattr(request, "request_id", None) or new_id(REQUEST)
        vars(request)["request_id"] = request_id
        response = self._get_response(request)
        response.headers.setdefault("X-Request-Id", request_id)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Put the request id beside the traceback that Django is about to log; refusals have none."""
        if not isinstance(exception, (Http404, PermissionDenied, SuspiciousOperation)):
            logger.error("Request %s failed: %s", vars(request).get("request_id"), type(exception).__name__)
