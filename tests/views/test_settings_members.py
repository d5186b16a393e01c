"""Members: adding, changing, removing, and the link to a first password."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.urls import reverse

from dashboard.models import ApiKey, Member, Role, User

PASSWORD = "a quiet harbour at night"


@pytest.fixture
def admin(signed_in_client):
    return signed_in_client(Role.ADMIN)


def add(client, email="ben@example.org", role="author"):
    return client.post(reverse("settings_members"), {"email": email, "role": role})


def link_in(answer):
    found = re.search(r"http://testserver(/welcome/[^<\s]+)", answer.content.decode())
    return found and found[1]


def test_a_new_person_gets_a_link_that_is_shown_once(admin, client):
    answer = add(admin)
    assert answer.status_code == 200
    assert link_in(answer)
    assert "/welcome/" not in admin.get(reverse("settings_members")).content.decode()
    ben = Member.objects.get(user__email="ben@example.org")
    assert (ben.role, ben.user.has_usable_password()) == (Role.AUTHOR, False)


def test_the_link_sets_a_password_signs_in_and_works_once(admin, client):
    link = link_in(add(admin))
    assert client.get(link).status_code == 200
    answer = client.post(link, {"name": "Ben", "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    ben = User.objects.get(email="ben@example.org")
    assert (ben.name, ben.check_password(PASSWORD)) == ("Ben", True)
    assert client.session["_auth_user_id"] == str(ben.pk)
    for answer in (client.get(link), client.post(link, {"name": "Eve", "password": PASSWORD})):
        assert answer.status_code == 400
        assert b"does not work any more" in answer.content


def test_looking_at_the_link_does_not_use_it_up(admin, client):
    link = link_in(add(admin))
    for _ in range(3):
        assert client.get(link).status_code == 200


def test_a_link_of_somebody_else_or_too_old_or_broken_is_refused(admin, client, settings):
    link, other = link_in(add(admin)), link_in(add(admin, "cleo@example.org"))
    uid, token = link.split("/")[2:]
    for wrong in (
        other.replace(other.split("/")[2], uid),
        f"/welcome/{uid}/null",
        f"/welcome/{'9' * 60}/{token}",
        f"/welcome/%00/{token}",
    ):
        assert client.get(wrong).status_code == 400
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert client.get(link).status_code == 400


def test_a_weak_password_is_refused_beside_the_field(admin, client):
    answer = client.post(link_in(add(admin)), {"name": "Ben", "password": "ben"})
    assert answer.status_code == 422
    assert b"too short" in answer.content
    assert b'value="Ben"' in answer.content


def test_a_new_link_replaces_the_old_one_only_before_the_first_sign_in(admin, client):
    link = link_in(add(admin))
    ben = Member.objects.get(user__email="ben@example.org")
    again = link_in(admin.post(reverse("settings_member_link", args=[ben.pk])))
    assert again
    client.post(link, {"name": "Ben", "password": PASSWORD})
    answer = admin.post(reverse("settings_member_link", args=[ben.pk]))
    assert answer.status_code == 409
    assert link_in(answer) is None


def test_a_person_of_another_workspace_keeps_their_account(admin, member, other_workspace):
    known = member("admin", workspace=other_workspace, email="Known@Example.org")
    known.user.set_password(PASSWORD)
    known.user.save()
    answer = add(admin, "known@example.ORG", "viewer")
    assert answer.status_code == 302
    assert User.objects.filter(email__iexact="known@example.org").count() == 1
    assert known.user.memberships.count() == 2


def test_adding_somebody_twice_says_so_and_keeps_what_was_typed(admin):
    add(admin)
    answer = add(admin, "BEN@example.org", "viewer")
    assert answer.status_code == 422
    assert b"a member already" in answer.content
    assert b'value="BEN@example.org"' in answer.content
    assert Member.objects.get(user__email="ben@example.org").role == Role.AUTHOR


@pytest.mark.parametrize(
    ("email", "role"),
    [("", "author"), ("ben", "author"), ("ben@example.org", "owner"), ("ben@example.org", "")],
)
def test_a_wrong_address_or_role_adds_nobody(admin, email, role):
    assert add(admin, email, role).status_code == 422
    assert Member.objects.count() == 1


def test_fields_that_the_form_does_not_have_change_nothing(admin, other_workspace):
    admin.post(
        reverse("settings_members"),
        {
            "email": "ben@example.org",
            "role": "viewer",
            "is_superuser": "1",
            "workspace": other_workspace.pk,
            "user": "1",
        },
    )
    ben = Member.objects.get(user__email="ben@example.org")
    assert (ben.role, ben.workspace_id, ben.user.is_superuser) == ("viewer", admin.member.workspace_id, False)


def test_the_last_admin_can_neither_be_demoted_nor_removed(admin):
    for name, sent in (("settings_member_role", {"role": "viewer"}), ("settings_member_removal", {})):
        answer = admin.post(reverse(name, args=[admin.member.pk]), sent)
        assert answer.status_code == 409
        words = answer.content.decode()
        assert "is the only admin of this workspace" in words
        assert words.index(f'id="member-{admin.member.pk}"') < words.index("is the only admin")
    assert Member.objects.get().role == Role.ADMIN


def test_an_admin_of_another_workspace_does_not_count(admin, member, other_workspace):
    member("admin", workspace=other_workspace)
    assert admin.post(reverse("settings_member_removal", args=[admin.member.pk])).status_code == 409


def test_with_two_admins_one_may_step_down(admin, member):
    member("admin")
    answer = admin.post(reverse("settings_member_role", args=[admin.member.pk]), {"role": "viewer"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/settings/profile")
    assert admin.get(reverse("settings_members")).status_code == 403


@pytest.mark.parametrize("role", ["", "owner", "Admin", "\x00"])
def test_a_role_that_does_not_exist_is_refused(admin, member, role):
    other = member("viewer")
    assert admin.post(reverse("settings_member_role", args=[other.pk]), {"role": role}).status_code == 422
    assert Member.objects.get(pk=other.pk).role == "viewer"


def test_demotion_revokes_the_keys_that_say_more_than_the_new_role(admin, member, api_key):
    author, colleague = member("author"), member("author")
    reads, _ = api_key("runs:read", created_by=author.user)
    api_key("runs:read", "runs:start", created_by=author.user)
    others, _ = api_key("runs:start", created_by=colleague.user)
    admin.post(reverse("settings_member_role", args=[author.pk]), {"role": "viewer"})
    assert set(ApiKey.objects.live()) == {reads, others}
    assert b"One API key of theirs is revoked" in admin.get(reverse("settings_members")).content


def test_removal_revokes_every_key_of_the_person_here_and_none_elsewhere(
    admin, member, api_key, other_workspace
):
    author = member("author")
    api_key("runs:read", created_by=author.user)
    elsewhere, _ = api_key("runs:read", created_by=author.user, workspace=other_workspace)
    admin.post(reverse("settings_member_removal", args=[author.pk]))
    assert set(ApiKey.objects.live()) == {elsewhere}
    assert not Member.objects.filter(pk=author.pk).exists()
    assert User.objects.filter(pk=author.user_id).exists()


def test_names_are_shown_as_text(admin, member):
    other = member("viewer", email="eve@example.org")
    other.user.name = "<script>alert(1)</script>{{ 7 }}"
    other.user.save()
    assert b"&lt;script&gt;" in admin.get(reverse("settings_members")).content


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_each_other_at_once_leave_one(member):
    admins = [member("admin"), member("admin")]

    def remove(person):
        try:
            return Member.objects.remove(person)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(remove, admins))
    assert sorted(done) == [False, True]
    assert Member.objects.filter(role=Role.ADMIN).count() == 1
