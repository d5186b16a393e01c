"""A person's own name, theme and password."""

import pytest
from django.test import Client
from django.urls import reverse

OLD, NEW = "the old harbour wall", "the new harbour wall"


@pytest.fixture
def ana(member):
    person = member("viewer", email="ana@example.org")
    person.user.name = "Ana"
    person.user.set_password(OLD)
    person.user.save()
    return person


@pytest.fixture
def browser(ana, signed_in_client):
    return signed_in_client(ana)


def change(client, **sent):
    return client.post(reverse("settings_password"), {"old": OLD, "new": NEW} | sent)


def test_settings_leads_to_a_page_that_everybody_has(browser):
    assert browser.get(reverse("settings")).headers["Location"] == reverse("settings_profile")
    assert browser.get(reverse("settings_profile")).status_code == 200


def test_the_name_and_the_theme_are_kept(browser, ana):
    answer = browser.post(reverse("settings_profile"), {"name": "  Ana Costa ", "theme": "dark"}, follow=True)
    ana.user.refresh_from_db()
    assert ana.user.name == "Ana Costa"
    assert b'data-theme="dark"' in answer.content
    answer = browser.post(reverse("settings_profile"), {"name": "Ana", "theme": ""}, follow=True)
    assert b"data-theme=" not in answer.content.partition(b"<body")[0]


@pytest.mark.parametrize("sent", [{"name": ""}, {"name": "\u202eanA"}, {"name": "Ana", "theme": "pink"}])
def test_a_wrong_profile_is_refused_and_changes_nothing(browser, ana, sent):
    assert browser.post(reverse("settings_profile"), sent).status_code == 422
    ana.user.refresh_from_db()
    assert ana.user.name == "Ana"


def test_a_person_cannot_give_themselves_a_role(browser, ana):
    browser.post(
        reverse("settings_profile"), {"name": "Ana", "role": "admin", "is_superuser": "1", "email": "x@y.org"}
    )
    ana.refresh_from_db()
    ana.user.refresh_from_db()
    assert (ana.role, ana.user.is_superuser, ana.user.email) == ("viewer", False, "ana@example.org")


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(browser, ana):
    elsewhere = Client()
    elsewhere.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    before = browser.session.session_key
    assert change(browser).status_code == 302
    ana.user.refresh_from_db()
    assert ana.user.check_password(NEW)
    assert browser.get(reverse("settings_profile")).status_code == 200
    assert browser.session.session_key != before
    assert elsewhere.get(reverse("settings_profile")).status_code == 302


@pytest.mark.parametrize(
    ("sent", "field", "says"),
    [
        ({"old": "guess"}, "old", "not your current password"),
        ({"new": "short"}, "new", "too short"),
        ({"new": "ana@example.org"}, "new", "too similar"),
        ({"new": ""}, "new", "required"),
    ],
)
def test_a_password_that_cannot_be_used_is_refused_beside_its_field(browser, ana, sent, field, says):
    answer = change(browser, **sent)
    assert answer.status_code == 422
    assert says in " ".join(answer.context["password_form"].errors[field])
    assert OLD.encode() not in answer.content
    ana.user.refresh_from_db()
    assert ana.user.check_password(OLD)
