"""Starting a flow from its page."""

import json
import re

import pytest
from django.urls import reverse

from dashboard.models import Flow, Record, Run, RunState, Source
from tests.editor.browser_like import posted
from tests.editor.payloads import flow, prompt, sales


@pytest.fixture
def client(signed_in_client):
    return signed_in_client("author")


@pytest.fixture
def stored(workspace):
    return Flow.objects.create(workspace=workspace, name="Sales Analysis", draft=sales(), step_count=1)


def run(client, stored, query="", **data):
    return client.post(reverse("run_flow", args=[stored.pk]) + query, data)


def test_a_flow_runs_with_its_sample(client, stored):
    answer = run(client, stored)
    made = Run.objects.get()
    assert answer.url == reverse("run", args=[made.public_id])
    assert (made.flow, made.flow_name, made.flow_revision, made.source) == (
        stored,
        "Sales Analysis",
        1,
        Source.DASHBOARD,
    )
    assert made.started_by == client.member.user
    assert made.state == RunState.QUEUED
    assert made.definition.body == sales()["flow"]
    assert made.record_snapshot == sales()["record"]
    assert made.options == sales()["options"]


def test_the_button_of_the_page_sent_twice_makes_one_run(client, stored):
    html = client.get(reverse("flow", args=[stored.pk])).content.decode()
    data = posted(html, "run-form")
    first, second = run(client, stored, **data), run(client, stored, **data)
    assert first.url == second.url
    assert Run.objects.count() == 1
    other = posted(client.get(reverse("flow", args=[stored.pk])).content.decode(), "run-form")
    assert run(client, stored, **other).url != first.url


@pytest.mark.parametrize("forged", ["exec_01jv0000000000000000000000", "exec_x:sig", "", "a" * 5000])
def test_an_id_that_we_did_not_sign_is_not_taken(client, stored, forged):
    run(client, stored, run_id=forged)
    assert Run.objects.get().public_id != forged.split(":")[0]


def test_somebody_elses_run_id_is_not_taken(client, stored, signed_in_client):
    html = signed_in_client("author").get(reverse("flow", args=[stored.pk])).content.decode()
    theirs = posted(html, "run-form")["run_id"]
    run(client, stored, run_id=theirs)
    assert not theirs.startswith(Run.objects.get().public_id)


def test_an_edited_sample_counts_for_this_run_and_is_not_saved(client, stored):
    html = client.get(reverse("flow", args=[stored.pk]) + "?tab=sample").content.decode()
    data = posted(html, "sample-form")
    record = {"type": "report", "name": "Q1", "metadata": {"quarter": "Q1", "region": "Oslo"}}
    run(client, stored, **data | {"sample-record": json.dumps(record), "sample-inputs": '{"extra": 1}'})
    made = Run.objects.get()
    assert made.record_snapshot == record
    assert made.inputs == {"extra": 1}
    stored.refresh_from_db()
    assert stored.draft == sales()


def test_a_sample_that_is_no_json_starts_nothing_and_is_still_there(client, stored):
    html = client.get(reverse("flow", args=[stored.pk]) + "?tab=sample").content.decode()
    answer = run(client, stored, "?tab=sample", **posted(html, "sample-form") | {"sample-record": "{broken"})
    assert answer.status_code == 422
    assert "{broken" in answer.content.decode()
    assert not Run.objects.exists()


def test_a_stored_record_can_be_run_with(client, stored, workspace):
    record = Record.objects.create(workspace=workspace, type="report", name="Q2", metadata={"quarter": "Q2"})
    html = client.get(reverse("flow", args=[stored.pk]) + "?tab=sample").content.decode()
    assert "report: Q2" in html
    run(client, stored, record_id=record.pk)
    made = Run.objects.get()
    assert made.record == record
    assert made.record_snapshot == {
        "id": record.pk,
        "type": "report",
        "name": "Q2",
        "metadata": {"quarter": "Q2"},
    }


@pytest.mark.parametrize("record_id", ["record_nowhere", "\0", "x" * 9000])
def test_a_record_that_is_not_there_starts_nothing(client, stored, record_id):
    answer = run(client, stored, record_id=record_id)
    assert answer.status_code == 422
    assert "not stored here" in answer.content.decode()
    assert not Run.objects.exists()


def test_a_record_of_another_workspace_is_not_there(client, stored, other_workspace):
    foreign = Record.objects.create(workspace=other_workspace, type="t", name="n")
    assert run(client, stored, record_id=foreign.pk).status_code == 422


def test_a_sample_that_names_a_stored_record_runs_with_it(client, workspace):
    record = Record.objects.create(workspace=workspace, type="t", name="n", metadata={"a": 1})
    payload = flow(prompt("a"), record={"id": record.pk})
    run(client, Flow.objects.create(workspace=workspace, name="x", draft=payload))
    assert Run.objects.get().record_snapshot == {
        "id": record.pk,
        "type": "t",
        "name": "n",
        "metadata": {"a": 1},
    }


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (flow(), "at least one step"),
        (flow(prompt("a"), prompt("a")), "Another step has the id"),
        (flow(prompt("a"), inputs={"a.b": 1}), "cannot be used"),
    ],
)
def test_a_flow_that_cannot_run_says_why_and_starts_nothing(client, workspace, payload, says):
    broken = Flow.objects.create(workspace=workspace, name="x", draft=payload)
    answer = run(client, broken)
    assert answer.status_code == 422
    assert re.search(says, answer.content.decode())
    assert not Run.objects.exists()


def test_an_archived_flow_does_not_run(client, stored):
    client.post(reverse("flow_archive", args=[stored.pk]))
    assert run(client, stored).status_code == 409
    assert not Run.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "approver"])
def test_only_those_who_may_start_runs_can(signed_in_client, stored, role):
    reader = signed_in_client(role)
    assert run(reader, stored).status_code == 403
    assert "Run flow" not in reader.get(reverse("flow", args=[stored.pk])).content.decode()
    assert not Run.objects.exists()
