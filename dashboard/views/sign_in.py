"""Signing in and out, and what somebody sees who tried too often."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.models import User
from dashboard.views.access import enter, own_path

WRONG = "The e-mail address and the password do not belong together. Check both; capital letters count in the password."


class SignInForm(forms.Form):
    """Whom to sign in. `username` is the name that the throttle looks for."""

    username = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask who it is; on success go where they wanted to go, within this site."""
    back = request.POST.get("next") or request.GET.get("next")
    if request.user.is_authenticated:
        return redirect(own_path(back))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, **form.cleaned_data)
        if isinstance(user, User):
            enter(request, user)
            return redirect(own_path(back))
        form.add_error(None, WRONG)
    context = {"form": form, "next": back or "", "fresh": not User.objects.exists()}
    return render(request, "accounts/sign_in.html", context, status=422 if form.errors else 200)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


def throttled_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The account that attempts are counted for, however its address was typed."""
    return str((credentials or {}).get("username") or request.POST.get("username", "")).strip().lower()[:254]


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """429: too many failed attempts from this address or for this account."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    form = SignInForm(initial={"username": request.POST.get("username", "")[:254]})
    locked = f"Signing in from this address, or to this account, is paused. Try again in {minutes} minutes."
    context = {"form": form, "next": request.POST.get("next", ""), "locked": locked}
    answer = render(request, "accounts/sign_in.html", context, status=429)
    answer.headers["Retry-After"] = str(minutes * 60)
    return answer
