"""From a request to a member: who asks, in which workspace, whether they may; and from a miss to 404.

Every page is `@member_page(Action.X)` and takes `(request, member, ...)`; every object comes out of
`get_or_404(SomeTable.objects.visible_to(member), ...)`. Pages without either are refused to strangers by `SignInRequired`.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, login, logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from dashboard.models import TABLE, Action, Member, Role, User, may

API_PREFIX = "/v1/"
BACKEND = "django.contrib.auth.backends.ModelBackend"
WORKSPACE, SIGNED_IN_AT, SEEN_AT = "workspace", "signed_in_at", "seen_at"
SEEN_EVERY = 60
FOUND, FOUND_ALL = "signalbox_member", "signalbox_memberships"

Params = ParamSpec("Params")
Row = TypeVar("Row", bound=models.Model)
Page = Callable[Concatenate[HttpRequest, Params], HttpResponseBase]
MemberPage = Callable[Concatenate[HttpRequest, Member, Params], HttpResponseBase]


class Denied(PermissionDenied):
    """Refused, with a sentence for the person who asked; the 403 page shows it."""


class NoWorkspace(Denied):
    """A signed-in person who is a member of no workspace (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "Your account is not a member of a workspace. Ask an administrator to add you again."
        )


# --- who asks ---------------------------------------------------------------------------------------------------


def memberships_of(request: HttpRequest) -> list[Member]:
    """The memberships of the signed-in person, by workspace name; read once per request."""
    kept = vars(request)
    if FOUND_ALL not in kept:
        user = request.user
        kept[FOUND_ALL] = (
            []
            if isinstance(user, AnonymousUser)
            else list(
                Member.objects.filter(user=user)
                .select_related("workspace", "user")
                .order_by("workspace__name", "pk")
            )
        )
    found: list[Member] = kept[FOUND_ALL]
    return found


def member_of(request: HttpRequest) -> Member:
    """The member behind a signed-in request: the workspace chosen in this session, or else the first one.

    Raises NoWorkspace (403) for somebody who is a member nowhere.
    """
    kept = vars(request)
    if FOUND not in kept:
        members = memberships_of(request)
        if not members:
            raise NoWorkspace
        chosen = request.session.get(WORKSPACE)
        kept[FOUND] = next((member for member in members if member.workspace_id == chosen), members[0])
    member: Member = kept[FOUND]
    return member


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of every template: `member`, `workspace`, `memberships` to switch between, and `can` (`can.edit_flows`).

    It uses what the page has looked up already, so that public and error pages ask the database nothing.
    """
    member: Member | None = vars(request).get(FOUND)
    if member is None:
        return {}
    can = {action.name.lower(): may(member, action) for action in Action}
    return {
        "member": member,
        "workspace": member.workspace,
        "memberships": memberships_of(request),
        "can": can,
    }


# --- may they ---------------------------------------------------------------------------------------------------


def require(member: Member, action: Action) -> None:
    """Raise Denied, in words, unless the member's role allows the action."""
    if may(member, action):
        return
    allowed = " or ".join(label for value, label in Role.choices if value in TABLE[action].roles)
    raise Denied(
        f"Your role in {member.workspace} is {Role(member.role).label}. "
        f"To {TABLE[action].says} takes the role {allowed}; an administrator can change yours."
    )


def member_page(action: Action | None = None) -> Callable[[MemberPage[Params]], Page[Params]]:
    """Make a view a page for members whose role allows `action` (None: for every member).

    The view gets the member as its second argument. Others get 403; strangers never come this far.
    """

    def decorate(view: MemberPage[Params]) -> Page[Params]:
        @wraps(view)
        def page(request: HttpRequest, *args: Params.args, **kwargs: Params.kwargs) -> HttpResponseBase:
            member = member_of(request)
            if _session_over(request, member):
                logout(request)
                return ask_to_sign_in(request)
            if action is not None:
                require(member, action)
            return view(request, member, *args, **kwargs)

        return page

    return decorate


def get_or_404(rows: "models.QuerySet[Row]", **lookup: Any) -> Row:
    """The one row of a `visible_to(...)` queryset. What is missing and what is foreign look the same: 404.

    An id that no column could hold (text for a number, a NUL, 40 digits) is a miss too, not an error.
    """
    if any(isinstance(value, str) and "\x00" in value for value in lookup.values()):
        rows = rows.none()
    try:
        row = rows.filter(**lookup).first()
    except (ValueError, TypeError, OverflowError):
        row = None
    if row is None:
        raise Http404("There is nothing at this address, or it belongs to another workspace.")
    return row


# --- coming and going -------------------------------------------------------------------------------------------


def enter(request: HttpRequest, user: User) -> None:
    """Sign the person in: a new session id, and the clock of the session limits set."""
    login(request, user, backend=BACKEND)
    now = int(time.time())
    request.session.update({SIGNED_IN_AT: now, SEEN_AT: now})


def _session_over(request: HttpRequest, member: Member) -> bool:
    """Whether the session is too old, or an admin's has been idle too long; else note that it was seen."""
    session, now = request.session, int(time.time())
    if BACKEND_SESSION_KEY not in session:
        return False
    started = session.setdefault(SIGNED_IN_AT, now)
    seen = session.setdefault(SEEN_AT, now)
    idle_limit = settings.SESSION_IDLE_ADMIN if member.role == Role.ADMIN else settings.SESSION_ABSOLUTE
    if now - started > settings.SESSION_ABSOLUTE or now - seen > idle_limit:
        return True
    if now - seen > SEEN_EVERY:
        session[SEEN_AT] = now
    return False


def own_path(candidate: str | None, otherwise: str = "home") -> str:
    """The path to send somebody to: `candidate` if it is a path of this site, else the page named `otherwise`."""
    path = candidate or ""
    if path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None):
        return path
    return resolve_url(otherwise)


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and back afterwards.

    htmx is told to move the whole page, except after a POST: what was typed would be lost, so 401 leaves it where it is.
    A stream just ends with 401.
    """
    reads, by_htmx = request.method in {"GET", "HEAD"}, "HX-Request" in request.headers
    if "text/event-stream" in request.headers.get("Accept", "") or (by_htmx and not reads):
        return HttpResponse("You are signed out. Sign in again.", status=401, content_type="text/plain")
    back = (
        HtmxDetails(request).current_url_abs_path if by_htmx else request.get_full_path() if reads else None
    )
    target = resolve_url(settings.LOGIN_URL)
    if back and own_path(back, "sign_in") == back:
        target += "?" + urlencode({"next": back})
    return HttpResponseClientRedirect(target) if by_htmx else redirect(target)


class SignInRequired(LoginRequiredMiddleware):
    """Deny by default: only views marked `login_not_required` answer strangers.

    `/v1` has its own door: every route there asks for an API key, and the session cookie means nothing.
    """

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if request.path.startswith(API_PREFIX):
            return None
        answer: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        return answer

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> Any:
        return ask_to_sign_in(request)
