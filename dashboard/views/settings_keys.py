"""Settings → API keys: the ways in for machines."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.models import SCOPES, TABLE, Action, ApiKey, Member, may
from dashboard.views.access import get_or_404, member_page
from dashboard.views.forms import NameField, first_with, new_mark

EXPLAINED = {
    Action.START_INLINE: "The caller decides what runs: any prompt, any step. Give it only to systems that you "
    "would let edit flows.",
    Action.DECIDE_APPROVALS: "A machine answers for a person. Leave it off unless a front end passes on the answers "
    "of people.",
}
USUAL = (Action.READ_FLOWS, Action.READ_RUNS, Action.START_RUNS)
EXPIRIES = (("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never"))


class KeyForm(forms.Form):
    """A new key: what it is for, what it may do, for how long."""

    name = NameField(label="Name", help_text="What will use it, such as “Website backend”.")
    expires = forms.ChoiceField(
        label="Stops working", choices=EXPIRIES, initial=str(ApiKey.LIFETIME.days), required=False
    )

    def __init__(self, member: Member, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.offered = [scope for scope in SCOPES if may(member, scope)]
        self.fields["scopes"] = forms.MultipleChoiceField(
            label="What it may do",
            choices=[(scope.value, TABLE[scope].says) for scope in self.offered],
            initial=[scope.value for scope in USUAL],
            error_messages={"required": "Choose at least one."},
        )

    def offers(self) -> list[dict[str, Any]]:
        """The scopes as the page lists them: value, sentence, warning, whether it is ticked."""
        ticked = set(self["scopes"].value() or ())
        return [
            {
                "value": scope.value,
                "says": TABLE[scope].says,
                "warning": EXPLAINED.get(scope, ""),
                "ticked": scope.value in ticked,
            }
            for scope in self.offered
        ]

    def expires_at(self) -> Any:
        """The moment the key stops working, or None."""
        days = self.cleaned_data["expires"]
        return timezone.now() + timedelta(days=int(days)) if days else None


@require_safe
@member_page(Action.MANAGE_KEYS)
def keys(request: HttpRequest, member: Member) -> HttpResponse:
    """The keys one made; for admins, every key of the workspace."""
    rows = ApiKey.objects.visible_to(member).select_related("created_by").order_by("-created_at", "-pk")
    context = {"section": "keys", "rows": rows, "now": timezone.now()}
    return render(request, "settings/keys.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Action.MANAGE_KEYS)
def new_key(request: HttpRequest, member: Member) -> HttpResponse:
    """Make a key. Its text is in the answer to this one request and nowhere else, ever."""
    form = KeyForm(member, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not first_with(request.POST.get("mark", "")):
            return render(request, "settings/key_again.html", {"section": "keys"}, status=409)
        key, text = ApiKey.make(
            workspace=member.workspace,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
            created_by=member.user,
        )
        return render(request, "settings/key_made.html", {"section": "keys", "key": key, "text": text})
    context = {"section": "keys", "form": form, "mark": request.POST.get("mark") or new_mark()}
    return render(request, "settings/key_new.html", context, status=422 if form.errors else 200)


@require_POST
@member_page(Action.MANAGE_KEYS)
def revoke(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Revoke a key: the next request with it is refused. Revoking it twice changes nothing."""
    key = get_or_404(ApiKey.objects.visible_to(member), pk=pk)
    ApiKey.objects.filter(pk=key.pk).revoke()
    return redirect("settings_keys")
