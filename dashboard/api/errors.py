"""Every failure on `/v1` is JSON in the error contract, whoever raised it."""

import json
import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as NinjaValidationError
from pydantic import ValidationError

from dashboard.wire.errors import Detail, WireError, from_validation

logger = logging.getLogger(__name__)

# What an answer without a code of its own means, by status.
CODES: dict[int, str] = {
    400: "bad_request",
    401: "missing_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    429: "rate_limited",
    431: "headers_too_large",
    501: "not_implemented",
    503: "unavailable",
}


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """A JSON answer; text stays readable, and nothing of it is kept by caches."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    response = HttpResponse(text, status=status, content_type="application/json; charset=utf-8")
    response["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def error_response(request: HttpRequest, error: WireError) -> HttpResponse:
    """The answer to a refused request, with its id."""
    body = error.body(getattr(request, "request_id", ""))
    return json_response(body, error.status, error.headers)


def error_of(problem: Exception) -> WireError | None:
    """The contract's words for an exception; None for one that nobody foresaw."""
    if isinstance(problem, WireError):
        return problem
    if isinstance(problem, ValidationError):
        return from_validation(problem)
    if isinstance(problem, NinjaValidationError):
        return _of_parameters(problem)
    if isinstance(problem, Http404):
        return WireError("not_found")
    if isinstance(problem, RequestDataTooBig):
        return WireError("body_too_large")
    if isinstance(problem, HttpError):
        return WireError(CODES.get(problem.status_code, "internal_error"))
    if isinstance(problem, OperationalError | InterfaceError):
        return WireError("unavailable")
    return None


def _of_parameters(problem: NinjaValidationError) -> WireError:
    """Parameters of an address: the place is the parameter's name."""
    details: list[Detail] = [
        {
            "path": ".".join(str(part) for part in error["loc"][1:]),
            "message": error["msg"],
            "code": "invalid_value",
        }
        for error in problem.errors
    ]
    return WireError("validation_error", details[0]["message"], details=details)


def handle(request: HttpRequest, problem: Exception | type[Exception]) -> HttpResponse:
    """The one exception handler of the API. What nobody foresaw is logged with the request's id and answered with 500."""
    assert isinstance(problem, Exception)
    error = error_of(problem)
    if error is None or error.status >= 500:
        logger.error(
            "%s %s failed [%s]",
            request.method,
            request.path,
            getattr(request, "request_id", ""),
            exc_info=problem,
        )
    return error_response(request, error or WireError("internal_error"))


def install(api: NinjaAPI) -> None:
    """Make `handle` answer for every exception; more specific handlers of django-ninja would win, so they go too."""
    for kind in (Exception, Http404, HttpError, NinjaValidationError):
        api.add_exception_handler(kind, handle)
