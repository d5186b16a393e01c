"""Internal addresses that an admin lets the product reach."""

import pytest
from django.urls import reverse

from dashboard.models import AllowedHost
from dashboard.runs.models_port import Addresses


@pytest.fixture
def admin(signed_in_client):
    return signed_in_client("admin")


def allow(client, address):
    return client.post(reverse("settings_addresses"), {"address": address})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("build.lan:8080", ("build.lan", 8080)),
        (" LOCALHOST:11434 ", ("localhost", 11434)),
        ("10.0.0.5", ("10.0.0.5", None)),
        ("[FD00:0::1]:8080", ("fd00::1", 8080)),
    ],
)
def test_an_address_is_kept_in_one_spelling_and_passes_the_guard_from_then_on(admin, typed, kept):
    addresses = Addresses()
    assert not addresses.policy().names(kept[0], kept[1] or 1)
    assert allow(admin, typed).status_code == 302
    row = AllowedHost.objects.get()
    assert (row.host, row.port, row.created_by) == (*kept, admin.member.user)
    addresses.refresh()
    assert addresses.policy().names(kept[0], kept[1] or 1)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "http://build.lan",
        "a b",
        "a.lan, b.lan",
        "build.lan:0",
        "build.lan:99999",
        "127.1",
        "0x7f.1",
        "*",
        "[::1",
        "\x00",
    ],
)
def test_what_is_not_one_host_is_refused_and_kept_in_the_field(admin, typed):
    answer = allow(admin, typed)
    assert answer.status_code == 422
    assert answer.context["form"].errors["address"]
    assert not AllowedHost.objects.exists()


@pytest.mark.parametrize("typed", ["build.lan:8080", "10.0.0.5"])
def test_the_same_address_twice_is_one(admin, typed):
    allow(admin, typed)
    answer = allow(admin, typed.upper())
    assert answer.status_code == 422
    assert b"allowed already" in answer.content
    assert AllowedHost.objects.count() == 1


def test_what_the_environment_allows_is_shown_and_has_no_button(admin, settings):
    settings.NET_ALLOW_HOSTS = "ollama.lan:11434"
    page = admin.get(reverse("settings_addresses")).content.decode()
    assert "ollama.lan:11434" in page
    assert "Remove ollama.lan" not in page


def test_an_address_can_be_taken_off_again(admin):
    allow(admin, "build.lan:8080")
    row = AllowedHost.objects.get()
    assert admin.post(reverse("settings_address_removal", args=[row.pk])).status_code == 302
    assert admin.post(reverse("settings_address_removal", args=[row.pk])).status_code == 404
    assert not AllowedHost.objects.exists()


def test_an_address_survives_the_person_who_allowed_it(admin, signed_in_client):
    allow(admin, "build.lan:8080")
    other = signed_in_client("admin")
    admin.member.user.delete()
    assert b"somebody who left" in other.get(reverse("settings_addresses")).content
