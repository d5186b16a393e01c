"""The first account: once, with the printed link, and by one person only."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from dashboard.models import Member, Role, User, Workspace
from dashboard.views import setup as page
from dashboard.views.setup import setup_link

GOOD = {
    "name": "Ana",
    "email": "ana@example.org",
    "password": "correct horse battery",
    "workspace": "Harbour",
}


@pytest.fixture
def link(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return setup_link()


def token_of(link):
    return link.partition("token=")[2]


def test_the_link_stays_the_same_until_it_is_used(link, tmp_path):
    assert setup_link() == link
    assert stat.S_IMODE((tmp_path / "setup_token").stat().st_mode) == 0o600


def test_the_first_account_is_an_admin_and_signed_in_and_the_link_is_gone(client, link, tmp_path):
    assert client.get(link).status_code == 200
    answer = client.post("/setup", GOOD | {"token": token_of(link)})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    member = Member.objects.get()
    assert (member.role, member.user.email, str(member.workspace)) == (
        Role.ADMIN,
        "ana@example.org",
        "Harbour",
    )
    assert member.user.check_password(GOOD["password"])
    assert client.session["_auth_user_id"] == str(member.user_id)
    assert not (tmp_path / "setup_token").exists()
    assert setup_link() is None


def test_a_workspace_that_a_command_made_is_taken_over(client, link):
    made = Workspace.objects.oldest_or_new()
    client.post("/setup", GOOD | {"token": token_of(link)})
    assert Workspace.objects.get().pk == made.pk
    assert Workspace.objects.get().name == "Harbour"


@pytest.mark.parametrize("token", ["", "x", "é", "\x00", "a" * 10_000])
def test_a_wrong_token_shows_no_form_and_makes_nothing(client, link, token):
    for answer in (client.get("/setup", {"token": token}), client.post("/setup", GOOD | {"token": token})):
        assert answer.status_code == 403
        assert b"not the one that this server printed" in answer.content
        assert b"<form" not in answer.content
    assert not User.objects.exists()


def test_an_empty_token_is_wrong_even_when_the_file_is_empty(client, link, tmp_path):
    (tmp_path / "setup_token").write_text("")
    assert client.get("/setup?token=").status_code == 403


def test_with_an_account_the_right_token_is_refused_too(client, link, member):
    member("viewer")
    for answer in (client.get(link), client.post("/setup", GOOD | {"token": token_of(link)})):
        assert answer.status_code == 409
        assert b"set up already" in answer.content
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("email", "ana", "valid email"),
        ("password", "short", "too short"),
        ("password", "password12", "too common"),
        ("password", "ana@example.org", "too similar"),
        ("name", "", "required"),
        ("name", "\u200b\u200b", "can be seen"),
        ("workspace", "\u202edrowkrow", "writing direction"),
    ],
)
def test_what_cannot_be_used_is_said_beside_the_field_and_the_rest_is_kept(client, link, field, value, says):
    answer = client.post("/setup", GOOD | {"token": token_of(link), field: value})
    assert answer.status_code == 422
    assert says in " ".join(answer.context["form"].errors[field])
    kept = answer.content.decode()
    for name in {"name", "email", "workspace"} - {field}:
        assert f'value="{GOOD[name]}"' in kept
    assert GOOD["password"] not in kept
    assert f'value="{token_of(link)}"' in kept
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_are_equally_fast_one_founds_the_workspace(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    token = token_of(setup_link())

    def found(number):
        try:
            return (
                Client()
                .post("/setup", GOOD | {"token": token, "email": f"p{number}@example.org"})
                .status_code
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(found, range(4)))
    assert answers.count(302) == 1
    assert set(answers) <= {302, 403, 409}
    assert (User.objects.count(), Workspace.objects.count(), Member.objects.count()) == (1, 1, 1)


def test_whoever_loses_the_race_after_the_form_is_told_so(client, link, monkeypatch):
    monkeypatch.setattr(page, "_found", lambda form: None)
    assert client.post("/setup", GOOD | {"token": token_of(link)}).status_code == 409
