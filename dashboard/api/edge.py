"""Django's outermost middleware: what `/v1` promises of every answer, also of those that never reach a view."""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from dashboard.api.errors import CODES, error_response
from dashboard.wire.errors import WireError
from dashboard.wire.ids import REQUEST, new_id

GetResponse = Callable[[HttpRequest], HttpResponseBase]


DOCS = "/v1/docs"


def is_api(path: str) -> bool:
    """Whether machines ask there. The page that describes the API is for people, like any other page."""
    return (path == "/v1" or path.startswith("/v1/")) and path != DOCS


class ApiEdge:
    """A request id on every answer, JSON for every failure, and no cookie that could stand in for a key.

    Pages of other origins get nothing: a preflight is refused, and no answer carries a CORS header.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request.path_info):
            return self._get_response(request)
        request_id = new_id(REQUEST)
        request.request_id = request_id  # type: ignore[attr-defined]
        request.META.pop("HTTP_COOKIE", None)
        response = self._refusal(request) or _as_json(request, self._get_response(request))
        response["X-Request-Id"] = request_id
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        try:
            request.get_host()
        except DisallowedHost:
            return error_response(request, WireError("invalid_host"))
        if request.method == "OPTIONS" and "HTTP_ORIGIN" in request.META:
            return error_response(request, WireError("origin_not_allowed"))
        return None


def _as_json(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """A failure that Django or a middleware answered in HTML, said again in JSON."""
    kind = response.headers.get("Content-Type", "")
    if response.status_code < 400 or kind.startswith("application/json"):
        return response
    said = error_response(request, WireError(CODES.get(response.status_code, "internal_error")))
    if response.has_header("Allow"):
        said["Allow"] = response["Allow"]
    return said
