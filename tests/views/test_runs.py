"""The list of runs: what a row says, filters in the address, pages, emptiness, and who sees what."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import Run, Source
from dashboard.views import runs as page
from tests.views.run_rows import make_flow, make_run


@pytest.fixture
def ana(member):
    return member("author", email="ana@example.org")


@pytest.fixture
def web(signed_in_client, ana):
    return signed_in_client(ana)


def names(answer):
    return [row["run"].flow_name for row in answer.context["rows"]]


def test_a_row_says_state_flow_who_when_how_long_and_what_it_cost(web, ana):
    make_run(
        ana, flow_name="Refund desk", input_tokens=1200, output_tokens=4, cost=Decimal("0.0123"), demo=True
    )
    html = web.get("/runs").content.decode()
    for words in ("Refund desk", "ana@example.org", "Completed", "4.0 s", "1,204", "$0.0123", "demo"):
        assert words in html


def test_an_unknown_price_is_said_to_be_unknown_and_a_running_run_ticks(web, ana):
    make_run(ana, input_tokens=9, output_tokens=1)
    make_run(ana, "running")
    html = web.get("/runs").content.decode()
    assert "unknown" in html
    assert "data-elapsed" in html


def test_a_run_with_failed_steps_is_not_simply_completed(web, ana):
    make_run(ana, failed_steps=1)
    assert "Completed with failed steps" in web.get("/runs").content.decode()


@pytest.mark.parametrize("role", ["viewer", "approver", "author", "admin"])
def test_every_role_reads_the_list(signed_in_client, role):
    assert signed_in_client(role).get("/runs").status_code == 200


def test_strangers_are_sent_to_sign_in(client, db):
    assert client.get("/runs").headers["Location"].startswith("/sign-in")


def test_runs_of_another_workspace_are_never_listed(web, ana, member, other_workspace):
    make_run(ana, flow_name="ours")
    foreign = make_run(member("admin", workspace=other_workspace), flow_name="theirs")
    assert names(web.get("/runs")) == ["ours"]
    assert names(web.get("/runs", {"q": foreign.public_id})) == []
    assert foreign.public_id.encode() not in web.get("/runs/rows", {"run": foreign.public_id}).content


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "failed"}, ["failed"]),
        ({"state": "active"}, ["running", "queued"]),
        ({"state": "partial"}, ["partial"]),
        ({"state": "completed"}, ["old", "api", "done"]),
        ({"source": "api"}, ["api"]),
        ({"q": "QUEU"}, ["queued"]),
        ({"since": "day", "state": "completed"}, ["api", "done"]),
        ({"state": "nonsense"}, []),
        ({"who": "user-0"}, []),
        ({"who": "user-999999999999999999999"}, []),
        ({"since": "ever", "q": "\x00"}, []),
        ({"flow": "\x00"}, []),
    ],
)
def test_filters_narrow_the_list(web, ana, query, found):
    make_run(ana, flow_name="done")
    make_run(ana, "queued", flow_name="queued")
    make_run(ana, "running", flow_name="running")
    make_run(ana, "failed", flow_name="failed")
    make_run(ana, flow_name="partial", failed_steps=2)
    make_run(ana, flow_name="api", source=Source.API)
    old = make_run(ana, flow_name="old")
    Run.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=3))
    assert names(web.get("/runs", query)) == found


def test_who_and_which_flow_narrow_the_list_too(web, ana, member, api_key):
    ben, flow = member("author"), make_flow(ana)
    key, _ = api_key("runs:start")
    make_run(ana, flow_name="by ana", flow=flow)
    make_run(ben, flow_name="by ben")
    make_run(ana, flow_name="by key", started_by=None, api_key=key)
    assert names(web.get("/runs", {"who": f"user-{ben.user_id}"})) == ["by ben"]
    assert names(web.get("/runs", {"who": f"key-{key.pk}"})) == ["by key"]
    assert names(web.get("/runs", {"flow": flow.pk})) == ["by ana"]


def test_a_chosen_filter_is_a_chip_that_takes_itself_out_and_keeps_the_others(web, ana):
    answer = web.get("/runs", {"state": "failed", "q": "desk"})
    chip = next(chip for chip in answer.context["chips"] if chip.name == "state")
    assert (chip.chosen, chip.without) == ("Failed", "?q=desk")


def test_pages_follow_one_another_without_gaps_and_keep_the_filters(web, ana, monkeypatch):
    monkeypatch.setattr(page, "PAGE", 2)
    for number in range(5):
        make_run(ana, flow_name=f"run {number}")
    first = web.get("/runs", {"q": "run"})
    second = web.get(first.context["older"])
    third = web.get(second.context["older"])
    assert names(first) + names(second) + names(third) == [f"run {n}" for n in (4, 3, 2, 1, 0)]
    assert "q=run" in first.context["older"]
    assert third.context["older"] == ""
    assert names(web.get(third.context["newer"])) == names(first)


def test_four_kinds_of_nothing(web, ana, monkeypatch):
    flow = make_flow(ana, "Sales Analysis")
    none = web.get("/runs").content.decode()
    assert "No runs yet" in none
    assert f"/flows/{flow.pk}/run" in none
    assert "Run Sales Analysis" in none
    oldest = make_run(ana)
    assert "No run fits these filters" in web.get("/runs?state=failed").content.decode()
    assert "There are no older runs" in web.get(f"/runs?before={oldest.public_id}").content.decode()
    assert "There are no older runs" in web.get("/runs?before=%00nonsense").content.decode()
    monkeypatch.setattr(page, "listed", _broken)
    broken = web.get("/runs")
    assert broken.status_code == 503
    assert "could not be loaded" in broken.content.decode()


def _broken(member):
    raise DatabaseError("away")


def test_a_viewer_is_not_offered_to_start_the_example(signed_in_client, ana):
    make_flow(ana, "Sales Analysis")
    assert b"Run Sales Analysis" not in signed_in_client("viewer").get("/runs").content


@pytest.mark.parametrize("address", ["/runs", "/"])
def test_the_number_of_queries_does_not_grow_with_the_number_of_rows(web, ana, address, api_key):
    key, _ = api_key("runs:start")

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert web.get(address).status_code == 200
        return len(caught)

    for _ in range(5):
        make_run(ana, flow=make_flow(ana), api_key=key)
    queries()
    few = queries()
    for _ in range(45):
        make_run(ana, flow=make_flow(ana), api_key=key)
    assert queries() == few <= 14


def test_rows_are_pieces_of_the_page_that_find_their_place(web, ana):
    run = make_run(ana, "running")
    html = web.get("/runs/rows", {"run": [run.public_id, "nonsense", "\x00"]}).content.decode()
    assert html.count("<tr ") == 1
    assert f'id="row-{run.public_id}"' in html
    assert "hx-swap-oob" in html
    assert "hx-swap-oob" not in web.get("/runs").content.decode()
