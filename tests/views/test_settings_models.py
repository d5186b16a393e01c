"""Model vendors: who connects them, what is stored, and what never comes out again."""

import pytest
from django.db import connection
from django.urls import reverse

from dashboard.models import AllowedHost, VendorConnection
from dashboard.models_ai.table import VENDORS
from dashboard.runs.models_port import Trial
from dashboard.views import settings_models as page

KEY = "sk-ant-0123456789-wxyz"


@pytest.fixture(autouse=True)
def _empty_environment(settings):
    settings.VENDOR_ENVIRONMENT = {}


@pytest.fixture
def admin(signed_in_client):
    return signed_in_client("admin")


def connect(client, vendor="anthropic", **sent):
    return client.post(reverse("settings_model", args=[vendor]), sent)


def trial(client, vendor="anthropic", model="claude-sonnet-4-6"):
    return client.post(reverse("settings_model_test", args=[vendor]), {"model": model})


@pytest.fixture
def asked(monkeypatch):
    """What the router was asked, and what it is to say."""

    class Asked(list):
        says = Trial(True, "claude-sonnet-4-6 answered: “ready”")

        def __call__(self, workspace_id, model):
            self.append((workspace_id, model))
            if isinstance(self.says, Exception):
                raise self.says
            return self.says

    asked = Asked()
    monkeypatch.setattr(page, "try_model", asked)
    return asked


def test_every_vendor_of_the_table_has_a_card_but_the_demo(admin):
    shown = admin.get(reverse("settings_models")).content.decode()
    for vendor in VENDORS:
        assert (f'id="vendor-{vendor.name}"' in shown) is (vendor.name != "demo")


def test_a_stored_key_is_encrypted_and_only_its_end_is_ever_shown(admin):
    assert connect(admin, api_key=KEY).status_code == 302
    row = VendorConnection.objects.get()
    assert (row.api_key, row.key_hint, row.updated_by) == (KEY, "…wxyz", admin.member.user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM dashboard_vendorconnection")
        assert KEY not in cursor.fetchone()[0]
    shown = admin.get(reverse("settings_models")).content.decode()
    assert "…wxyz" in shown
    assert KEY not in shown


def test_a_short_key_gives_nothing_away(admin):
    connect(admin, api_key="secret1")
    assert VendorConnection.objects.get().key_hint == "…"


def test_an_empty_key_field_keeps_the_stored_key(admin):
    connect(admin, api_key=KEY)
    assert connect(admin, api_key="").status_code == 302
    assert VendorConnection.objects.get().api_key == KEY


def test_a_stored_key_never_goes_to_another_address(admin):
    connect(admin, api_key=KEY)
    answer = connect(admin, base_url="https://elsewhere.example/v1", api_key="")
    assert answer.status_code == 422
    assert b"Type the key again" in answer.content
    row = VendorConnection.objects.get()
    assert (row.base_url, row.api_key) == ("", KEY)
    assert (
        connect(admin, base_url="https://elsewhere.example/v1/", api_key="another-key-0000").status_code
        == 302
    )
    row.refresh_from_db()
    assert (row.base_url, row.api_key) == ("https://elsewhere.example/v1", "another-key-0000")


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:8080/v1",
        "http://[::1]/v1",
        "http://10.0.0.5:11434/v1",
        "https://example.org:22/",
        "http://2130706433/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user:pass@example.org/",
        "example.org",
        "http://exa mple.org",
    ],
)
def test_an_address_that_the_guard_refuses_is_not_stored(admin, address):
    answer = connect(admin, "openai-compatible", base_url=address)
    assert answer.status_code == 422
    assert not VendorConnection.objects.exists()
    assert (
        "base_url"
        in next(
            card for card in answer.context["cards"] if card.vendor.name == "openai-compatible"
        ).form.errors
    )


def test_an_allowed_internal_address_is_stored(admin):
    AllowedHost.objects.create(host="10.0.0.5", port=11434)
    assert connect(admin, "ollama", base_url="http://10.0.0.5:11434/v1").status_code == 302
    assert VendorConnection.objects.get().base_url == "http://10.0.0.5:11434/v1"


@pytest.mark.parametrize(("vendor", "field"), [("anthropic", "api_key"), ("vllm", "base_url")])
def test_what_a_vendor_cannot_do_without_is_asked_for(admin, vendor, field):
    answer = connect(admin, vendor)
    assert answer.status_code == 422
    assert field in next(card for card in answer.context["cards"] if card.vendor.name == vendor).form.errors


def test_a_key_with_a_line_break_is_refused(admin):
    assert connect(admin, api_key="sk-one\nX-Evil: 1").status_code == 422
    assert connect(admin, api_key="sk-ключ").status_code == 422


def test_a_wrong_form_keeps_the_address_and_drops_the_key(admin):
    answer = connect(admin, base_url="http://10.1.1.1/v1", api_key=KEY)
    assert answer.status_code == 422
    assert b'value="http://10.1.1.1/v1"' in answer.content
    assert b"never sent back" in answer.content
    assert KEY.encode() not in answer.content


def test_a_vendor_of_the_environment_is_shown_by_its_variables_and_has_no_form(admin, settings):
    settings.VENDOR_ENVIRONMENT = {"ANTHROPIC_API_KEY": KEY}
    shown = admin.get(reverse("settings_models")).content.decode()
    card = shown.partition('id="vendor-anthropic"')[2].partition("</article>")[0]
    assert "connected by the environment" in card
    assert "ANTHROPIC_API_KEY" in card
    assert 'name="api_key"' not in card
    assert KEY not in shown


def test_a_vendor_nobody_knows_is_a_miss(admin):
    for vendor in ("nobody", "demo"):
        assert connect(admin, vendor, api_key=KEY).status_code == 404
        assert trial(admin, vendor).status_code == 404


def test_removing_a_connection_removes_the_key_of_this_workspace_only(admin, other_workspace):
    VendorConnection.objects.create(workspace=other_workspace, vendor="anthropic", api_key=KEY)
    connect(admin, api_key=KEY)
    admin.post(reverse("settings_model_removal", args=["anthropic"]))
    assert VendorConnection.objects.get().workspace == other_workspace


def test_a_test_shows_its_result_beside_the_card(admin, asked):
    connect(admin, api_key=KEY)
    shown = trial(admin).content.decode()
    card = shown.partition('id="vendor-anthropic"')[2].partition("</article>")[0]
    assert "claude-sonnet-4-6 answered: “ready”" in card
    assert asked == [(admin.member.workspace_id, "claude-sonnet-4-6")]


def test_a_failed_test_says_why(admin, asked):
    asked.says = Trial(False, "Anthropic answered 401: the key is not valid.")
    connect(admin, api_key=KEY)
    assert "the key is not valid" in trial(admin).content.decode()


def test_a_model_of_a_server_of_ones_own_is_asked_by_its_whole_name(admin, asked):
    trial(admin, "ollama", "llama3:8b")
    trial(admin, "ollama", "ollama:llama3")
    trial(admin, "openrouter", "gpt-4o")
    assert [model for _, model in asked] == ["ollama:llama3:8b", "ollama:llama3", "openrouter:gpt-4o"]


def test_a_test_without_a_model_asks_nobody(admin, asked):
    assert trial(admin, model="  ").status_code == 422
    assert asked == []


def test_a_key_that_cannot_be_decrypted_any_more_is_said_and_the_page_still_opens(admin, settings):
    connect(admin, api_key=KEY)
    settings.ENCRYPTION_KEYS = ["0CgeRtHnZDXJiJGWRdLrzu0EzXcVvCvuBlbE6-WeQ_E="]
    assert admin.get(reverse("settings_models")).status_code == 200
    answer = trial(admin)
    assert answer.status_code == 200
    assert b"Store the key again" in answer.content
    assert connect(admin, api_key="sk-ant-new-key-000").status_code == 302
