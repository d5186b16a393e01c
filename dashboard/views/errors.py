"""What people see when something is refused, missing or broken: in words, with the id of the request, never a traceback."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token

from dashboard.views.access import Denied

STALE = (
    "The page you sent this from is too old, or was opened before you signed in. Go back, reload the page, and send it "
    "again. Copy what you wrote first."
)
NOT_ALLOWED = "You may not do this."
MISSING = "There is nothing at this address, or it belongs to a workspace that you are not a member of."
BAD = "The server could not read this request."
BROKEN = "Something broke on our side. It is written to the server's log under the request id below."


def _answer(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    """The page, or for htmx the piece of it that holds the words."""
    fragment = "HX-Request" in request.headers and "HX-Boosted" not in request.headers
    context = {"title": title, "text": text, "request_id": vars(request).get("request_id", "")}
    name = "errors/_error.html" if fragment else "errors/page.html"
    # After a breakdown nothing is asked of the request again: what broke may break once more.
    return HttpResponse(render_to_string(name, context, None if status >= 500 else request), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _answer(request, 400, "This request cannot be read", BAD)


@requires_csrf_token
def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with the sentence of the refusal."""
    return _answer(
        request, 403, "Not allowed", str(exception) if isinstance(exception, Denied) else NOT_ALLOWED
    )


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token, or with one of another session."""
    return _answer(request, 403, "This page is out of date", STALE)


@requires_csrf_token
def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, the same words for what never existed and for what belongs to others."""
    return _answer(request, 404, "Nothing here", MISSING)


def broken(request: HttpRequest) -> HttpResponse:
    """500."""
    return _answer(request, 500, "The server could not do this", BROKEN)
