"""Settings → Allowed addresses: internal hosts that flows and model vendors may reach."""

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.models import Action, AllowedHost, Member
from dashboard.net.policy import HostPort, parse_allow_hosts
from dashboard.views.access import get_or_404, member_page


class AddressForm(forms.Form):
    """One more host, with or without a port."""

    address = forms.CharField(
        label="Host and port",
        max_length=260,
        help_text="Such as build.lan:8080, 10.0.0.5:11434 or [fd00::1]:8080. Without a port, every port of the host.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )

    def clean_address(self) -> HostPort:
        try:
            found = parse_allow_hosts(self.cleaned_data["address"])
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
        if len(found) != 1:
            raise forms.ValidationError("Write one address at a time.")
        return next(iter(found))


def shown(pair: HostPort) -> str:
    """host:port as people write it."""
    host, port = pair
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def _page(request: HttpRequest, form: AddressForm, status: int = 200) -> HttpResponse:
    rows = AllowedHost.objects.select_related("created_by").order_by("host", "port")
    context = {
        "section": "addresses",
        "form": form,
        "rows": [(row, shown((row.host, row.port))) for row in rows],
        "from_environment": sorted(map(shown, parse_allow_hosts(settings.NET_ALLOW_HOSTS))),
    }
    return render(request, "settings/addresses.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Action.MANAGE_SETTINGS)
def addresses(request: HttpRequest, member: Member) -> HttpResponse:
    """List what may be reached, and add to it."""
    if request.method != "POST":
        return _page(request, AddressForm())
    form = AddressForm(request.POST)
    if form.is_valid():
        host, port = form.cleaned_data["address"]
        with transaction.atomic():
            _, is_new = AllowedHost.objects.get_or_create(
                host=host, port=port, defaults={"created_by": member.user}
            )
        if is_new:
            return redirect("settings_addresses")
        form.add_error("address", "This address is allowed already.")
    return _page(request, form, 422)


@require_POST
@member_page(Action.MANAGE_SETTINGS)
def remove(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Take an address off the list."""
    get_or_404(AllowedHost.objects.all(), pk=pk).delete()
    return redirect("settings_addresses")
