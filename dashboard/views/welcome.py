"""Choosing a password behind the one-time link that an administrator handed over."""

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from dashboard.models import User
from dashboard.views.access import enter
from dashboard.views.forms import NameField, NewPasswordField, check_password

DAYS_VALID = settings.PASSWORD_RESET_TIMEOUT // 86400


class WelcomeForm(forms.Form):
    """The name and password of a new member."""

    name = NameField(
        label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    password = NewPasswordField(label="Password")


@sensitive_variables("token")
def welcome_link(request: HttpRequest, user: User) -> str:
    """The whole address at which this person chooses a password: once, within a few days, before their first sign-in."""
    token = default_token_generator.make_token(user)
    path = reverse("welcome", args=[urlsafe_base64_encode(force_bytes(user.pk)), token])
    return settings.PUBLIC_URL + path if settings.PUBLIC_URL else request.build_absolute_uri(path)


def _invited(uid: str, token: str) -> User | None:
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(uid).decode()), is_active=True).first()
    except (ValueError, OverflowError, UnicodeDecodeError):
        return None
    if user is None or user.last_login is not None or not default_token_generator.check_token(user, token):
        return None
    return user


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Set the password and sign in. A link that is used, too old or made up gets 400 and says so."""
    user = _invited(uid, token)
    if user is None:
        return render(request, "accounts/welcome_refused.html", {"days": DAYS_VALID}, status=400)
    form = WelcomeForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        user.name = form.cleaned_data["name"]
        check_password(form, "password", user)
        if not form.errors:
            user.set_password(form.cleaned_data["password"])
            user.save(update_fields=["name", "password"])
            enter(request, user)
            return redirect("home")
    context = {"form": form, "email": user.email}
    return render(request, "accounts/welcome.html", context, status=422 if form.errors else 200)
