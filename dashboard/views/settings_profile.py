"""Settings → Profile: what one is called, the password, light or dark."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.models import Member, User
from dashboard.templatetags.shell import THEMES
from dashboard.views.access import member_page
from dashboard.views.forms import NameField, NewPasswordField, check_password

A_YEAR = 365 * 24 * 3600


class ProfileForm(forms.Form):
    """A person's own name and theme. The theme lives in a cookie: it belongs to the screen, not to the person."""

    name = NameField(label="Name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    theme = forms.ChoiceField(
        label="Theme",
        required=False,
        choices=[("", "As the system"), ("light", "Light"), ("dark", "Dark")],
        help_text="For this browser.",
    )


class PasswordForm(forms.Form):
    """The old password and a new one."""

    old = forms.CharField(
        label="Current password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = NewPasswordField(label="New password")

    def __init__(self, user: User, *args: Any) -> None:
        super().__init__(*args)
        self.user = user

    def clean(self) -> None:
        if "old" in self.cleaned_data and not self.user.check_password(self.cleaned_data["old"]):
            self.add_error("old", "This is not your current password.")
        elif "new" in self.cleaned_data:
            check_password(self, "new", self.user)


@require_safe
@member_page()
def settings(request: HttpRequest, member: Member) -> HttpResponse:
    """The first page of Settings."""
    return redirect("settings_profile")


def _page(
    request: HttpRequest,
    member: Member,
    form: ProfileForm | None = None,
    password: PasswordForm | None = None,
) -> HttpResponse:
    theme = request.COOKIES.get("theme", "")
    start = {"name": member.user.name, "theme": theme if theme in THEMES else ""}
    context = {
        "section": "profile",
        "form": form or ProfileForm(initial=start),
        "password_form": password or PasswordForm(member.user),
    }
    wrong = any(sent is not None and sent.errors for sent in (form, password))
    return render(request, "settings/profile.html", context, status=422 if wrong else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page()
def profile(request: HttpRequest, member: Member) -> HttpResponse:
    """Show and change one's own name and theme."""
    if request.method != "POST":
        return _page(request, member)
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _page(request, member, form=form)
    member.user.name = form.cleaned_data["name"]
    member.user.save(update_fields=["name"])
    messages.success(request, "Saved.")
    answer = redirect("settings_profile")
    theme = form.cleaned_data["theme"]
    if theme:
        answer.set_cookie("theme", theme, max_age=A_YEAR, samesite="Lax")
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer


@sensitive_post_parameters("old", "new")
@require_POST
@member_page()
def password(request: HttpRequest, member: Member) -> HttpResponse:
    """Change one's own password. Every other session of this person ends; this one goes on under a new id."""
    form = PasswordForm(member.user, request.POST)
    if not form.is_valid():
        return _page(request, member, password=form)
    member.user.set_password(form.cleaned_data["new"])
    member.user.save(update_fields=["password"])
    update_session_auth_hash(request, member.user)
    messages.success(request, "The password is changed. You are signed out everywhere else.")
    return redirect("settings_profile")
