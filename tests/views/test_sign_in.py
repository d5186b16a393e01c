"""Signing in, being kept out, and going back to where one came from."""

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.models import User

PASSWORD = "correct horse battery"


@pytest.fixture
def ana(member):
    person = member("author", email="Ana@Example.org")
    person.user.set_password(PASSWORD)
    person.user.save()
    return person


def sign_in(client: Client, email="ana@example.org", password=PASSWORD, **more):
    return client.post(reverse("sign_in"), {"username": email, "password": password, **more})


def test_the_address_counts_without_regard_to_case_and_the_session_id_changes(client, ana):
    client.get(reverse("sign_in"))
    client.session["something"] = 1
    before = client.session.session_key
    answer = sign_in(client, "ANA@example.org", next="/sign-in?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?x=1")
    assert client.session["_auth_user_id"] == str(ana.user_id)
    assert client.session.session_key != before


def test_a_wrong_password_says_so_and_keeps_the_address(client, ana):
    answer = sign_in(client, password="wrong")
    assert answer.status_code == 422
    assert b"do not belong together" in answer.content
    assert b'value="ana@example.org"' in answer.content
    assert b"wrong" not in answer.content


def test_an_unknown_address_gets_the_same_sentence_as_a_wrong_password(client, ana):
    known, unknown = sign_in(client, password="wrong"), sign_in(client, "nobody@example.org")
    assert known.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()


def test_a_signed_in_person_is_not_asked_again(signed_in_client):
    answer = signed_in_client().get(reverse("sign_in") + "?next=/sign-in?again")
    assert answer.status_code == 302


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil",
        "javascript:alert(1)",
        "/\\evil",
        "https:evil",
        "https://evil.example",
        "///evil",
        "evil",
        "\x00/",
    ],
)
def test_next_leads_only_to_paths_of_this_site(client, ana, settings, elsewhere):
    answer = sign_in(client, next=elsewhere)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_too_many_failures_for_one_account_pause_it_from_every_address(client, ana, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for number in range(3):
        last = client.post(
            reverse("sign_in"),
            {"username": "ana@example.org", "password": "no"},
            REMOTE_ADDR=f"192.0.2.{number}",
        )
    assert last.status_code == 429
    answer = client.post(
        reverse("sign_in"), {"username": " ANA@example.org", "password": PASSWORD}, REMOTE_ADDR="198.51.100.9"
    )
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert b"Try again in 15 minutes" in answer.content
    assert "_auth_user_id" not in client.session


def test_too_many_failures_from_one_address_pause_it_for_every_account(client, ana, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for number in range(3):
        sign_in(client, f"guess{number}@example.org", "no")
    assert sign_in(client).status_code == 429


def test_a_success_forgets_earlier_failures(client, ana, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(2):
        sign_in(client, password="no")
        sign_in(client, password="no")
        assert sign_in(client, next="/sign-in").status_code == 302
        client.logout()


def test_signing_out_ends_the_session_and_needs_a_post(signed_in_client):
    client = signed_in_client()
    assert client.get(reverse("sign_out")).status_code == 405
    assert client.post(reverse("sign_out")).status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_disabled_account_cannot_sign_in(client, ana):
    User.objects.update(is_active=False)
    assert sign_in(client).status_code == 422


def test_an_empty_server_says_where_the_first_account_comes_from(client, db):
    assert b"There is no account here yet" in client.get(reverse("sign_in")).content
