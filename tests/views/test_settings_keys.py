"""API keys on the page: shown once, scoped by role, revocable."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from dashboard.models import SCOPES, TABLE, ApiKey
from dashboard.models.api_key import KEY_SHAPE

GOOD = {"name": "Website", "scopes": ["runs:start", "runs:read"], "expires": "90"}


@pytest.fixture
def author(signed_in_client):
    return signed_in_client("author")


def found(shape: str | re.Pattern[str], text: str) -> re.Match[str]:
    match = re.search(shape, text)
    assert match is not None
    return match


def make(client, **sent):
    return client.post(reverse("settings_key_new"), GOOD | sent)


def test_the_text_is_shown_once_is_never_cached_and_opens_the_door(author):
    answer = make(author)
    text = found(KEY_SHAPE, answer.content.decode())[0]
    assert answer.headers["Cache-Control"] == "no-store"
    key = ApiKey.objects.presented(text)
    assert (key.name, key.scopes, key.created_by) == (
        "Website",
        ["runs:start", "runs:read"],
        author.member.user,
    )
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    listed = author.get(reverse("settings_keys")).content.decode()
    assert key.prefix in listed
    assert not KEY_SHAPE.search(listed)
    assert key.digest not in listed


def test_a_key_may_live_for_ever_when_asked(author):
    make(author, expires="")
    assert ApiKey.objects.get().expires_at is None


def test_a_second_click_makes_no_second_key(author):
    page = author.get(reverse("settings_key_new")).content.decode()
    mark = found(r'name="mark" value="([^"]+)"', page)[1]
    assert make(author, mark=mark).status_code == 200
    again = make(author, mark=mark)
    assert again.status_code == 409
    assert b"created already" in again.content
    assert ApiKey.objects.count() == 1


def test_the_page_offers_each_scope_with_its_sentence_and_inline_flows_with_a_warning(signed_in_client):
    page = signed_in_client("admin").get(reverse("settings_key_new")).content.decode()
    for scope in SCOPES:
        assert f'value="{scope.value}"' in page
        assert f">{capfirst(TABLE[scope].says)}</label>" in page
    assert "The caller decides what runs" in page
    box = found(r'<input[^>]*value="flows:inline"[^>]*>', page)[0]
    assert "checked" not in box


def test_nobody_hands_out_more_than_they_have(author):
    assert b'value="approvals:decide"' not in author.get(reverse("settings_key_new")).content
    answer = make(author, scopes=["runs:read", "approvals:decide"])
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 121),
        ("name", "\u200b"),
        ("name", "a" + "\u0301" * 50),
        ("name", "two\nlines"),
        ("scopes", []),
        ("scopes", ["members:manage"]),
        ("scopes", ["all"]),
        ("expires", "-1"),
        ("expires", "99999999"),
    ],
)
def test_a_wrong_form_makes_no_key_and_keeps_what_was_typed(author, field, value):
    answer = make(author, **{field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not ApiKey.objects.exists()
    page = answer.content.decode()
    if field != "name":
        assert 'value="Website"' in page
    if field != "scopes":
        assert re.search(r'value="runs:start"\s+checked', page)
        assert not re.search(r'value="flows:read"\s+checked', page)


@pytest.mark.parametrize("name", ["Ünïcode ✓", "👩‍👩‍👧 family", "<b>bold</b>", "{{ secret }}", 'hx-get="/x"'])
def test_unusual_names_are_kept_as_text(author, name):
    assert make(author, name=name).status_code == 200
    assert ApiKey.objects.get().name == name
    assert b"<b>bold" not in author.get(reverse("settings_keys")).content


def test_revoking_counts_at_once_and_only_once(author):
    make(author)
    key = ApiKey.objects.get()
    author.post(reverse("settings_key_revocation", args=[key.pk]))
    first = ApiKey.objects.get().revoked_at
    assert first
    author.post(reverse("settings_key_revocation", args=[key.pk]))
    assert ApiKey.objects.get().revoked_at == first
    assert b"revoked" in author.get(reverse("settings_keys")).content


def test_authors_see_and_revoke_their_own_keys_and_admins_every_key(author, signed_in_client, api_key):
    others, _ = api_key("runs:read", created_by=signed_in_client("author").member.user)
    assert others.prefix not in author.get(reverse("settings_keys")).content.decode()
    assert author.post(reverse("settings_key_revocation", args=[others.pk])).status_code == 404
    admin = signed_in_client("admin")
    assert others.prefix in admin.get(reverse("settings_keys")).content.decode()
    assert admin.post(reverse("settings_key_revocation", args=[others.pk])).status_code == 302
    assert not ApiKey.objects.live().exists()


def test_an_expired_key_says_so(author, api_key):
    api_key("runs:read", created_by=author.member.user, expires_at=timezone.now() - timedelta(days=1))
    assert b"expired" in author.get(reverse("settings_keys")).content


def test_the_list_costs_the_same_for_many_keys(author, api_key, django_assert_max_num_queries):
    for _ in range(12):
        api_key("runs:read", created_by=author.member.user)
    author.get(reverse("settings_keys"))
    with django_assert_max_num_queries(4):  # session, user, memberships, keys
        author.get(reverse("settings_keys"))
