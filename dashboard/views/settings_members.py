"""Settings → Members: who belongs to the workspace, and what they may do."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.models import TABLE, Action, ApiKey, Member, Role, User
from dashboard.views.access import get_or_404, member_page
from dashboard.views.welcome import DAYS_VALID, welcome_link

LAST_ADMIN = "{} is the only admin of this workspace. Make somebody else an admin first."


class AddMemberForm(forms.Form):
    """Whom to add, and as what."""

    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.AUTHOR)


def role_sentences() -> list[tuple[str, str]]:
    """What each role may do, from the one table: (its word, a sentence)."""
    return [
        (label, ", ".join(rule.says for rule in TABLE.values() if value in rule.roles))
        for value, label in Role.choices
    ]


def _page(request: HttpRequest, member: Member, status: int = 200, **more: object) -> HttpResponse:
    rows = Member.objects.visible_to(member).select_related("user").order_by("user__name", "user__email")
    context = {
        "section": "members",
        "rows": rows,
        "roles": Role.choices,
        "role_sentences": role_sentences(),
        "form": AddMemberForm(),
        "days": DAYS_VALID,
        **more,
    }
    return render(request, "settings/members.html", context, status=status)


def _add(member: Member, email: str, role: str) -> Member | None:
    """The new member, with an account if the person had none; None if they belong to the workspace already."""
    with transaction.atomic():
        user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email)
        added, is_new = Member.objects.get_or_create(
            workspace_id=member.workspace_id, user=user, defaults={"role": role}
        )
    return added if is_new else None


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Action.MANAGE_MEMBERS)
def members(request: HttpRequest, member: Member) -> HttpResponse:
    """List the members; add one. A person without an account gets a one-time link, shown here and now only."""
    if request.method != "POST":
        return _page(request, member)
    form = AddMemberForm(request.POST)
    if not form.is_valid():
        return _page(request, member, 422, form=form)
    added = _add(member, form.cleaned_data["email"], form.cleaned_data["role"])
    if added is None:
        form.add_error("email", "This person is a member already. Change their role in the list.")
        return _page(request, member, 422, form=form)
    if added.user.last_login is None and not added.user.has_usable_password():
        return _page(request, member, added=added, link=welcome_link(request, added.user))
    messages.success(request, f"{added.user.email} is now a member. They sign in with the account they have.")
    return redirect("settings_members")


@require_POST
@member_page(Action.MANAGE_MEMBERS)
def change_role(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Give a member another role. Keys of theirs that say more than the new role may are revoked with it."""
    other = get_or_404(Member.objects.visible_to(member).select_related("user"), pk=pk)
    role = request.POST.get("role", "")
    if role not in Role.values:
        return _page(request, member, 422, row=other.pk, row_problem="Choose one of the roles.")
    with transaction.atomic():
        changed = Member.objects.set_role(other, role)
        if changed:
            other.role = role
        revoked = ApiKey.objects.revoke_beyond(other, allowed=other) if changed else 0
    if not changed:
        return _page(request, member, 409, row=other.pk, row_problem=LAST_ADMIN.format(other))
    messages.success(request, f"{other} is now {Role(role).label.lower()}." + _revoked_words(revoked))
    return redirect("settings_members" if other.pk != member.pk or role == Role.ADMIN else "settings_profile")


@require_POST
@member_page(Action.MANAGE_MEMBERS)
def remove(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Take somebody out of the workspace and revoke the keys they made. What they did stays in the history."""
    other = get_or_404(Member.objects.visible_to(member).select_related("user"), pk=pk)
    with transaction.atomic():
        removed = Member.objects.remove(other)
        revoked = ApiKey.objects.revoke_beyond(other, allowed=None) if removed else 0
    if not removed:
        return _page(request, member, 409, row=pk, row_problem=LAST_ADMIN.format(other))
    messages.success(request, f"{other} is no longer a member." + _revoked_words(revoked))
    return redirect("settings_members" if pk != member.pk else "settings_profile")


@require_POST
@member_page(Action.MANAGE_MEMBERS)
def new_link(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """A new one-time link for somebody who has not signed in yet; nobody else's password can be reset from here."""
    other = get_or_404(Member.objects.visible_to(member).select_related("user"), pk=pk)
    if other.user.last_login is not None or other.user.has_usable_password():
        problem = "This person has a password already. Whoever runs this server can set a new one."
        return _page(request, member, 409, row=pk, row_problem=problem)
    return _page(request, member, added=other, link=welcome_link(request, other.user))


def _revoked_words(count: int) -> str:
    if not count:
        return ""
    return " One API key of theirs is revoked." if count == 1 else f" {count} API keys of theirs are revoked."
