"""Home: what runs, what needs somebody, what ran last, and how to begin."""

import pytest

from dashboard.models import Run
from tests.views.run_rows import make_flow, make_run


@pytest.fixture
def ana(member):
    return member("author", email="ana@example.org")


@pytest.fixture
def web(signed_in_client, ana):
    return signed_in_client(ana)


def sections(answer):
    return {
        name: [row["run"].flow_name for row in answer.context[name]]
        for name in ("moving", "attention", "recent")
    }


def test_runs_stand_under_what_they_are_doing(web, ana):
    for state in ("queued", "running", "paused", "attention", "completed", "failed", "cancelled"):
        make_run(ana, state, flow_name=state)
    assert sections(web.get("/")) == {
        "moving": ["running", "queued"],
        "attention": ["attention", "paused"],
        "recent": ["cancelled", "failed", "completed"],
    }


def test_nothing_of_another_workspace_shows(web, member, other_workspace):
    stranger = member("admin", workspace=other_workspace)
    make_run(stranger, flow_name="theirs")
    make_flow(stranger, "their flow")
    html = web.get("/").content.decode()
    assert "theirs" not in html
    assert "their flow" not in html


@pytest.mark.parametrize("fallback", ["demo", ""])
def test_the_demo_model_is_promised_only_where_it_answers(web, ana, settings, fallback):
    settings.MODEL_FALLBACK = fallback
    make_flow(ana)
    assert ("demo model answers" in web.get("/").content.decode()) is bool(fallback)


def test_before_the_first_run_one_button_runs_the_example(web, ana):
    flow = make_flow(ana, "Sales Analysis")
    html = web.get("/").content.decode()
    assert "Run Sales Analysis" in html
    run_id = html.split('name="run_id" value="')[1].split('"')[0]
    answer = web.post(f"/flows/{flow.pk}/run", {"run_id": run_id})
    run = Run.objects.get()
    assert answer.headers["Location"] == f"/runs/{run.public_id}"
    assert run.flow == flow


def test_each_button_carries_its_own_mark(web, ana):
    make_flow(ana, "One")
    make_flow(ana, "Two")
    marks = [run_id for _, run_id in web.get("/").context["flows"]]
    assert len(set(marks)) == 2


def test_a_viewer_reads_and_is_offered_nothing_to_start(signed_in_client, ana):
    make_flow(ana, "Sales Analysis")
    html = signed_in_client("viewer").get("/").content.decode()
    assert "Sales Analysis" in html
    assert '/run"' not in html


def test_without_flows_it_leads_to_making_one(web):
    assert "Make a flow" in web.get("/").content.decode()


def test_strangers_are_sent_to_sign_in(client, db):
    assert client.get("/").status_code == 302
