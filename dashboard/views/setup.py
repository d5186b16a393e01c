"""The first account of a new server, behind a link that the server prints when it starts."""

import os
import secrets
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.editor import examples
from dashboard.models import Member, Role, User, Workspace
from dashboard.models.people import one_founder_at_a_time
from dashboard.views.access import enter
from dashboard.views.forms import NameField, NewPasswordField, check_password

HAS_ACCOUNTS = "This server has its first account already. Sign in, or ask an administrator to add you."
WRONG_LINK = (
    "This link is not the one that this server printed when it started. Look for the newest line "
    "“Signalbox is ready” and open its link whole."
)


class SetupForm(forms.Form):
    """Who administers this server, and what their workspace is called."""

    name = NameField(
        label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="You sign in with it. Nothing is sent to it.",
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = NewPasswordField(label="Password")
    workspace = NameField(
        label="Name of the workspace", initial="Workspace", help_text="Usually your team's name."
    )

    def clean(self) -> None:
        found = self.cleaned_data
        check_password(self, "password", User(email=found.get("email", ""), name=found.get("name", "")))


def _token_file() -> Path:
    return Path(settings.DATA_DIR) / "setup_token"


def _token() -> str:
    try:
        return _token_file().read_text().strip()
    except FileNotFoundError:
        return ""


def setup_link() -> str | None:
    """The path, with its one-time token, that leads to creating the first account; None once there is one.

    The token is kept in a file under DATA_DIR that only the server's own user can read, so that a restart prints the
    same link and a second process accepts it.
    """
    if User.objects.exists():
        _token_file().unlink(missing_ok=True)
        return None
    if not _token():
        descriptor = os.open(_token_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return f"{reverse('setup')}?token={_token()}"


def _refusal(request: HttpRequest, presented: str) -> HttpResponse | None:
    if User.objects.exists():
        status, says = 409, HAS_ACCOUNTS
    else:
        kept = _token()
        if kept and secrets.compare_digest(kept.encode(), presented.encode("utf-8", "replace")):
            return None
        status, says = 403, WRONG_LINK
    return render(request, "accounts/setup_refused.html", {"says": says, "status": status}, status=status)


def _found(form: SetupForm) -> User | None:
    """The first account with its workspace, or None if somebody else was faster."""
    said = form.cleaned_data
    with transaction.atomic():
        one_founder_at_a_time()
        if User.objects.exists():
            return None
        workspace = Workspace.objects.oldest_or_new()
        workspace.name = said["workspace"]
        workspace.save(update_fields=["name"])
        user = User.objects.create_user(said["email"], said["password"], name=said["name"])
        Member.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
        examples.load(workspace)
    return user


@login_not_required
@sensitive_post_parameters("password", "token")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Create the first account, its workspace and its admin membership, and sign in."""
    presented = request.POST.get("token") or request.GET.get("token") or ""
    if (refused := _refusal(request, presented)) is not None:
        return refused
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _found(form)
        if user is None:
            return render(
                request, "accounts/setup_refused.html", {"says": HAS_ACCOUNTS, "status": 409}, status=409
            )
        _token_file().unlink(missing_ok=True)
        enter(request, user)
        return redirect("home")
    context = {"form": form, "token": presented}
    return render(request, "accounts/setup.html", context, status=422 if form.errors else 200)
