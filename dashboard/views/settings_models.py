"""Settings → Models: which vendors the workspace can use, and whether they answer."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard.models import Action, Member, VendorConnection
from dashboard.models.fields import Unreadable
from dashboard.models_ai.connections import Connection, from_environment
from dashboard.models_ai.table import BY_NAME, VENDORS, Vendor, resolve
from dashboard.net.errors import NetError
from dashboard.net.policy import is_literal
from dashboard.net.urls import check_url, host_of, port_of
from dashboard.runs.models_port import Addresses, Trial, try_model
from dashboard.views.access import member_page

KEY_AGAIN = "Type the key again: a stored key is never sent to another address than the one it was given for."


class ConnectionForm(forms.Form):
    """The address and key of one vendor. The key goes in and never comes out; left empty, the stored one stays."""

    base_url = forms.CharField(
        label="Address",
        required=False,
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    api_key = forms.CharField(
        label="API key",
        required=False,
        max_length=2000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(
        self, vendor: Vendor, stored: VendorConnection | None, data: QueryDict | None = None
    ) -> None:
        start = {"base_url": stored.base_url if stored else ""}
        super().__init__(data, initial=start, auto_id=f"{vendor.name}-%s")
        self.vendor, self.stored = vendor, stored
        self.fields["base_url"].required = not vendor.base_url
        address = self.fields["base_url"]
        if vendor.base_url:
            address.help_text = f"Empty: {vendor.base_url}"
        else:
            address.help_text = (
                "Of its OpenAI protocol, such as http://10.0.0.5:8000/v1. Internal addresses must be allowed."
            )
        if stored and stored.key_hint:
            self.fields[
                "api_key"
            ].help_text = f"A key is stored; it ends in {stored.key_hint}. Empty keeps it."

    def clean_base_url(self) -> str:
        address: str = self.cleaned_data["base_url"].strip()
        if address:
            _guard(address)
        return address.rstrip("/")

    def clean_api_key(self) -> str:
        key: str = self.cleaned_data["api_key"].strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise forms.ValidationError("A key has no spaces and only plain characters; copy it again.")
        return key

    def clean(self) -> None:
        had_key = bool(self.stored and self.stored.key_hint)
        moved = self.stored is not None and self.cleaned_data.get("base_url") != self.stored.base_url
        if self.cleaned_data.get("api_key") or "api_key" in self.errors:
            return
        if had_key and moved:
            self.add_error("api_key", KEY_AGAIN)
        elif self.vendor.needs_key and not had_key and not self.cleaned_data.get("base_url"):
            self.add_error("api_key", f"{self.vendor.title} needs a key.")


def _guard(address: str) -> None:
    """Raise ValidationError for an address that no request could go to. Names are looked up at each request, not here."""
    addresses = Addresses()
    addresses.refresh()
    policy = addresses.policy()
    try:
        url = check_url(address)
        host, port = host_of(url), port_of(url)
        policy.check_port(host, port)
        if is_literal(host):
            policy.check_address(host, port, host)
    except NetError as refused:
        raise forms.ValidationError(str(refused)) from None


@dataclass
class Card:
    """One vendor on the page."""

    vendor: Vendor
    environment: Connection | None
    stored: VendorConnection | None
    form: ConnectionForm
    trial: Trial | None = None
    trial_model: str = ""

    @property
    def is_connected(self) -> bool:
        return self.environment is not None or self.stored is not None

    @property
    def variables(self) -> list[str]:
        """The environment variables that connect this vendor."""
        return [name for name in (self.vendor.key_variable, self.vendor.url_variable) if name]

    @property
    def variables_set(self) -> list[str]:
        return [name for name in self.variables if settings.VENDOR_ENVIRONMENT.get(name)]


def _cards(member: Member) -> dict[str, Card]:
    environment = from_environment(settings.VENDOR_ENVIRONMENT)
    # The keys stay encrypted: nothing on this page needs one.
    rows = {row.vendor: row for row in VendorConnection.objects.visible_to(member).defer("api_key")}
    return {
        vendor.name: Card(
            vendor=vendor,
            environment=environment.get(vendor.name),
            stored=rows.get(vendor.name),
            form=ConnectionForm(vendor, rows.get(vendor.name)),
            trial_model=vendor.models[0] if vendor.models else "",
        )
        for vendor in VENDORS
        if vendor.has_form
    }


def _page(request: HttpRequest, cards: dict[str, Card], status: int = 200) -> HttpResponse:
    context = {"section": "models", "cards": list(cards.values()), "fallback": settings.MODEL_FALLBACK}
    return render(request, "settings/models.html", context, status=status)


def _vendor_or_404(name: str) -> Vendor:
    vendor = BY_NAME.get(name)
    if vendor is None or not vendor.has_form:
        raise Http404("There is no such model vendor.")
    return vendor


def _back_to(vendor: Vendor) -> HttpResponse:
    return redirect(f"{reverse('settings_models')}#vendor-{vendor.name}")


@require_safe
@member_page(Action.MANAGE_SETTINGS)
def models(request: HttpRequest, member: Member) -> HttpResponse:
    """Every vendor: connected by the environment, by this page, or not."""
    return _page(request, _cards(member))


@sensitive_post_parameters("api_key")
@require_POST
@member_page(Action.MANAGE_SETTINGS)
def connect(request: HttpRequest, member: Member, vendor: str) -> HttpResponse:
    """Store a vendor's address and key for this workspace."""
    row = _vendor_or_404(vendor)
    cards = _cards(member)
    card = cards[row.name]
    card.form = form = ConnectionForm(row, card.stored, request.POST)
    if not form.is_valid():
        if form.cleaned_data.get("api_key"):
            form.add_error("api_key", "Type the key again: what is typed here is never sent back.")
        return _page(request, cards, 422)
    said: dict[str, Any] = {"base_url": form.cleaned_data["base_url"], "updated_by": member.user}
    key = form.cleaned_data["api_key"]
    if key:
        said |= {"api_key": key, "key_hint": f"…{key[-4:]}" if len(key) >= 12 else "…"}
    # Deferred: a key that cannot be decrypted any more must not keep its successor out.
    rows = VendorConnection.objects.defer("api_key")
    rows.update_or_create(workspace=member.workspace, vendor=row.name, defaults=said)
    messages.success(request, f"The connection to {row.title} is stored.")
    return _back_to(row)


@require_POST
@member_page(Action.MANAGE_SETTINGS)
def disconnect(request: HttpRequest, member: Member, vendor: str) -> HttpResponse:
    """Forget a stored connection with its key."""
    row = _vendor_or_404(vendor)
    VendorConnection.objects.visible_to(member).filter(vendor=row.name).delete()
    messages.success(request, f"The stored connection to {row.title} is removed.")
    return _back_to(row)


@require_POST
@member_page(Action.MANAGE_SETTINGS)
def try_vendor(request: HttpRequest, member: Member, vendor: str) -> HttpResponse:
    """Send one tiny question to a model of this vendor, the way a run would, and say what came of it."""
    row = _vendor_or_404(vendor)
    cards = _cards(member)
    card = cards[row.name]
    card.trial_model = request.POST.get("model", "").strip()[:200]
    if not card.trial_model:
        card.trial = Trial(False, "Name the model to ask.")
        return _page(request, cards, 422)
    found = resolve(card.trial_model)
    model = card.trial_model if found and found.vendor == row else f"{row.name}:{card.trial_model}"
    try:
        card.trial = try_model(member.workspace_id, model)
    except Unreadable as problem:
        card.trial = Trial(False, f"{problem} Store the key again.")
    return _page(request, cards)
