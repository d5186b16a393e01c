"""From a request to a member, and the words of a refusal."""

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.test import Client
from django.urls import path

from dashboard.models import Action, ApiKey, Member, Role
from dashboard.urls import urlpatterns as product
from dashboard.views import access
from dashboard.views.access import get_or_404, member_page, own_path


@member_page()
def whoami(request, member):
    return HttpResponse(f"{member.workspace} {member.role}")


@member_page(Action.START_RUNS)
def for_authors(request, member):
    return HttpResponse("started")


@login_not_required
def breaks(request):
    raise ZeroDivisionError("a secret of the stack")


urlpatterns = [
    path("whoami", whoami),
    path("for-authors", for_authors),
    path("unmarked", lambda request: HttpResponse("open")),
    path("breaks", breaks),
    *product,
]
handler403, handler404, handler500 = (
    "dashboard.views.errors.denied",
    "dashboard.views.errors.missing",
    "dashboard.views.errors.broken",
)


@pytest.fixture(autouse=True)
def _own_pages(settings):
    settings.ROOT_URLCONF = __name__


def test_a_stranger_is_asked_to_sign_in_and_comes_back(client, db):
    answer = client.get("/whoami?page=2")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=%2Fwhoami%3Fpage%3D2")


def test_a_view_that_nobody_marked_is_closed_to_strangers(client, db):
    assert client.get("/unmarked").status_code == 302


def test_a_stranger_who_posts_comes_back_to_no_particular_page(client, db):
    assert client.post("/whoami").headers["Location"] == "/sign-in"


def test_htmx_is_told_to_move_the_whole_page(client, db):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/runs?status=failed"}
    answer = client.get("/whoami", headers=headers)
    assert answer.headers["HX-Redirect"] == "/sign-in?next=%2Fruns%3Fstatus%3Dfailed"
    assert "Location" not in answer.headers


def test_what_was_typed_is_not_navigated_away_when_the_session_ended(client, db):
    answer = client.post("/whoami", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers


def test_a_current_url_of_another_site_is_not_followed(client, db):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://evil.example/x"}
    assert client.get("/whoami", headers=headers).headers["HX-Redirect"] == "/sign-in"


def test_a_stream_of_a_stranger_ends_instead_of_being_redirected(client, db):
    assert client.get("/whoami", headers={"Accept": "text/event-stream"}).status_code == 401


def test_a_refusal_names_the_role_and_what_it_takes(signed_in_client):
    answer = signed_in_client(Role.VIEWER).get("/for-authors")
    assert answer.status_code == 403
    words = answer.content.decode()
    assert "Your role in Harbour is Viewer. To start stored flows takes the role Author or Admin" in words
    assert signed_in_client(Role.AUTHOR).get("/for-authors").content == b"started"


def test_somebody_who_was_removed_is_told_so(signed_in_client):
    client = signed_in_client()
    Member.objects.all().delete()
    answer = client.get("/whoami")
    assert answer.status_code == 403
    assert b"not a member of a workspace" in answer.content


def test_a_change_of_role_counts_from_the_next_request(signed_in_client):
    client = signed_in_client(Role.AUTHOR)
    Member.objects.update(role=Role.VIEWER)
    assert client.get("/for-authors").status_code == 403


def test_somebody_in_two_workspaces_goes_from_one_to_the_other(signed_in_client, other_workspace):
    client = signed_in_client(Role.VIEWER)
    Member.objects.create(user=client.member.user, workspace=other_workspace, role=Role.ADMIN)
    assert client.get("/whoami").content == b"Harbour viewer"
    assert b"Lighthouse" in client.get("/settings/profile").content
    assert client.post("/workspace", {"workspace": other_workspace.pk}).status_code == 302
    assert client.get("/whoami").content == b"Lighthouse admin"


@pytest.mark.parametrize("wanted", ["", "0", "x", "99999999999999999999999", "\x00"])
def test_nobody_switches_to_a_workspace_of_others(signed_in_client, other_workspace, wanted):
    client = signed_in_client()
    for attempt in (wanted, str(other_workspace.pk)):
        assert client.post("/workspace", {"workspace": attempt}).status_code == 404
    assert client.get("/whoami").content == b"Harbour author"


def test_leaving_the_chosen_workspace_falls_back_to_another(signed_in_client, other_workspace):
    client = signed_in_client()
    there = Member.objects.create(user=client.member.user, workspace=other_workspace)
    client.post("/workspace", {"workspace": other_workspace.pk})
    there.delete()
    assert client.get("/whoami").content == b"Harbour author"


def test_a_page_costs_three_queries_before_its_own(signed_in_client, django_assert_num_queries):
    client = signed_in_client()
    client.get("/whoami")
    with django_assert_num_queries(3):  # session, user, memberships
        client.get("/whoami")


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_800_000_000

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(access, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("role", "minutes", "in_time"), [("admin", 29, True), ("admin", 31, False), ("author", 60, True)]
)
def test_an_idle_admin_is_signed_out_sooner_than_others(signed_in_client, clock, role, minutes, in_time):
    client = signed_in_client(role)
    client.get("/whoami")
    clock.now += minutes * 60
    assert client.get("/whoami").status_code == (200 if in_time else 302)
    assert ("_auth_user_id" in client.session) is in_time


def test_a_busy_session_ends_after_twelve_hours(signed_in_client, clock):
    client = signed_in_client("admin")
    for _ in range(48):
        assert client.get("/whoami").status_code == 200
        clock.now += 15 * 60
    clock.now += 1
    assert client.get("/whoami").status_code == 302


@pytest.mark.parametrize("pk", ["x", "9" * 40, "\x00", None, [], -1])
def test_an_id_that_no_column_could_hold_is_a_miss(db, member, pk):
    with pytest.raises(Http404):
        get_or_404(ApiKey.objects.visible_to(member("admin")), pk=pk)


def test_a_foreign_object_is_a_miss(member, api_key, other_workspace):
    own, _ = api_key()
    foreign, _ = api_key(workspace=other_workspace)
    rows = ApiKey.objects.visible_to(member("admin"))
    assert get_or_404(rows, pk=own.pk) == own
    with pytest.raises(Http404):
        get_or_404(rows, pk=foreign.pk)


@pytest.mark.parametrize("path", ["/a", "/a?b=//c", "/a/b#c"])
def test_own_paths_are_kept(path):
    assert own_path(path) == path


def test_an_error_page_has_an_id_that_the_log_has_and_no_traceback(db, caplog):
    answer = Client(raise_request_exception=False).get("/breaks")
    assert answer.status_code == 500
    request_id = answer.headers["X-Request-Id"]
    assert request_id in answer.content.decode()
    assert request_id in caplog.text
    assert b"ZeroDivisionError" not in answer.content
    assert b"secret of the stack" not in answer.content


def test_a_missing_page_says_so_inside_the_frame_of_the_product(client, db):
    answer = client.get("/no/such/page")
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content
    assert answer.headers["X-Request-Id"].encode() in answer.content


def test_htmx_gets_the_words_without_the_page_around_them(signed_in_client):
    answer = signed_in_client(Role.VIEWER).get("/for-authors", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert b"Your role in Harbour" in answer.content
    assert b"<html" not in answer.content


def test_a_form_without_its_token_says_what_to_do(signed_in_client):
    answer = signed_in_client(enforce_csrf_checks=True).post("/sign-out")
    assert answer.status_code == 403
    assert b"reload the page" in answer.content


def test_a_token_of_another_session_is_refused(signed_in_client):
    one, two = (signed_in_client(enforce_csrf_checks=True) for _ in range(2))
    token = one.get("/settings/profile").context["csrf_token"]
    two.get("/settings/profile")
    assert two.post("/sign-out", {"csrfmiddlewaretoken": str(token)}).status_code == 403
    assert one.post("/sign-out", {"csrfmiddlewaretoken": str(token)}).status_code == 302
