"""The operators' commands: what they make, what they print where, and how they fail."""

import io
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from dashboard.models import SCOPES, ApiKey, Member, Role, User, Workspace
from dashboard.models.api_key import KEY_SHAPE

PASSWORD = "correct horse battery"


@pytest.fixture
def run(monkeypatch, db):
    """Run a command; its standard output and error."""

    def call(*words, stdin=""):
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        call_command(*words, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return call


def add(run, email="ana@example.org", role="admin", stdin=PASSWORD + "\n", *more):
    return run("add_member", email, "--role", role, "--password-stdin", *more, stdin=stdin)


def test_a_member_is_added_before_any_account_exists(run):
    out, err = add(run)
    member = Member.objects.get()
    assert (member.role, member.user.check_password(PASSWORD)) == (Role.ADMIN, True)
    assert out == ""
    assert "ana@example.org is now admin" in err
    assert PASSWORD not in err


def test_the_member_can_sign_in(run, client):
    add(run)
    answer = client.post("/sign-in", {"username": "ANA@example.org", "password": PASSWORD})
    assert answer.status_code == 302


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_line_ending_is_not_part_of_the_password_and_spaces_are(run, ending):
    add(run, stdin=f"  {PASSWORD} {ending}")
    assert User.objects.get().check_password(f"  {PASSWORD} ")


def test_adding_again_changes_the_role_and_the_password_of_the_same_account(run):
    add(run)
    add(run, "ben@example.org", "viewer")
    add(run, "BEN@example.org", "author", "another quiet harbour")
    ben = Member.objects.get(user__email__iexact="ben@example.org")
    assert (ben.role, ben.user.check_password("another quiet harbour")) == ("author", True)
    assert User.objects.count() == 2


def test_an_existing_account_keeps_its_password_when_none_is_given(run):
    add(run)
    add(run, "ben@example.org", "viewer")
    run("add_member", "ben@example.org", "--role", "author")
    assert User.objects.get(email="ben@example.org").check_password(PASSWORD)


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        (("ana", "--password-stdin"), PASSWORD, "not an e-mail address"),
        (("ana@example.org", "--password-stdin"), "", "too short"),
        (("ana@example.org", "--password-stdin"), "password12", "too common"),
        (("ana@example.org",), "", "--password-stdin"),
        (("ana@example.org", "--role", "owner", "--password-stdin"), PASSWORD, "invalid choice"),
    ],
)
def test_what_cannot_be_used_is_said_and_makes_nothing(run, words, stdin, says):
    with pytest.raises(CommandError, match=re.escape(says)):
        run("add_member", *words, stdin=stdin)
    assert not User.objects.exists()
    assert not Workspace.objects.exists()


def test_the_only_admin_is_not_demoted(run):
    add(run)
    with pytest.raises(CommandError, match="only admin"):
        add(run, role="viewer", stdin="another quiet harbour")
    assert Member.objects.get().role == Role.ADMIN
    assert User.objects.get().check_password(PASSWORD)


def test_a_key_alone_is_on_standard_output(run):
    out, err = run("create_api_key", "ci", "--scopes", "runs:read,runs:start")
    text = out.strip()
    assert KEY_SHAPE.fullmatch(text)
    key = ApiKey.objects.presented(text)
    assert (key.name, key.scopes, key.expires_at) == ("ci", ["runs:read", "runs:start"], None)
    assert text not in err
    assert out == text + "\n"


def test_all_means_every_scope_and_members_of_the_same_workspace_see_the_key(run):
    run("create_api_key", "ci", "--scopes", "all")
    add(run)
    key = ApiKey.objects.get()
    assert key.scopes == [scope.value for scope in SCOPES]
    assert list(ApiKey.objects.visible_to(Member.objects.get())) == [key]


def test_a_key_expires_when_asked(run):
    run("create_api_key", "ci", "--scopes", "runs:read", "--expires-days", "7")
    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    left = expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ci", "--scopes", "runs:reed"), "There is no scope runs:reed"),
        (("ci", "--scopes", "members:manage"), "There is no scope members:manage"),
        (("ci", "--scopes", " , "), "Name at least one scope"),
        (("ci",), "--scopes"),
        (("  ", "--scopes", "all"), "name cannot be used"),
        (("x" * 121, "--scopes", "all"), "name cannot be used"),
        (("ci", "--scopes", "all", "--expires-days", "0"), "from 1 to 3650"),
        (("ci", "--scopes", "all", "--expires-days", "soon"), "from 1 to 3650"),
    ],
)
def test_a_wrong_order_for_a_key_is_said_and_makes_none(run, words, says):
    with pytest.raises(CommandError, match=re.escape(says)):
        run("create_api_key", *words)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "words", [("add_member", "ana@example.org"), ("create_api_key", "ci", "--scopes", "all")]
)
def test_a_database_without_tables_is_said_instead_of_a_traceback(run, monkeypatch, words):
    monkeypatch.setattr("django.db.migrations.recorder.MigrationRecorder.applied_migrations", lambda self: {})
    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        run(*words)
