"""The list of flows and what is done with a flow as a whole."""

import json
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.models import Definition, Flow, Run, RunState, Source
from tests.editor.payloads import flow, prompt, sales


@pytest.fixture
def client(signed_in_client):
    return signed_in_client("author")


def make(workspace, name="Sales Analysis", **fields):
    payload = fields.pop("draft", {**sales(), "flow": {**sales()["flow"], "name": name}})
    return Flow.objects.create(workspace=workspace, name=name, draft=payload, step_count=1, **fields)


def make_run(flow, state=RunState.COMPLETED, **fields):
    definition = Definition.objects.keep(flow.workspace_id, {"name": "x"})
    return Run.objects.create(
        workspace=flow.workspace,
        flow=flow,
        flow_name=flow.name,
        definition=definition,
        source=Source.DASHBOARD,
        state=state,
        **fields,
    )


def page(client, query=""):
    answer = client.get(reverse("flows") + query)
    return answer.content.decode()


def test_the_list_shows_name_steps_last_run_and_who(client, workspace):
    stored = make(workspace, updated_by=client.member.user)
    make_run(stored, RunState.FAILED)
    newest = make_run(stored, RunState.COMPLETED, failed_steps=1)
    html = page(client)
    assert "Sales Analysis" in html
    assert 'data-state="partial"' in html
    assert 'data-state="failed"' not in html
    assert newest.public_id in html
    assert str(client.member.user) in html


def test_a_flow_that_never_ran_says_so(client, workspace):
    make(workspace)
    assert "Never run" in page(client)


def test_search_needs_every_word_in_name_or_description(client, workspace):
    make(workspace, "Refund desk", description="for the harbour team")
    make(workspace, "Refund mail")
    html = page(client, "?q=refund+harbour")
    assert "Refund desk" in html
    assert "Refund mail" not in html


def test_archived_flows_are_in_a_list_of_their_own(client, workspace):
    make(workspace, "Old", archived_at=timezone.now())
    make(workspace, "New")
    assert ">Old<" not in page(client)
    archived = page(client, "?archived=1")
    assert ">Old<" in archived
    assert ">New<" not in archived


def test_flows_of_another_workspace_are_not_there(client, other_workspace):
    foreign = make(other_workspace, "Theirs")
    assert "Theirs" not in page(client)
    for name in ("flow", "flow_export"):
        assert client.get(reverse(name, args=[foreign.pk])).status_code == 404
    for name in ("flow_copy", "flow_archive", "flow_unarchive", "run_flow", "flow_payload"):
        assert client.post(reverse(name, args=[foreign.pk])).status_code == 404


@pytest.mark.parametrize(
    ("query", "says"),
    [("", "No flows yet"), ("?q=zzz", "No flow matches"), ("?archived=1", "Nothing is archived")],
)
def test_each_empty_list_says_why_it_is_empty(client, db, query, says):
    assert says in page(client, query)


def test_a_list_that_cannot_be_loaded_says_so(client, db):
    with patch("dashboard.views.flows._listed", side_effect=DatabaseError("gone")):
        answer = client.get(reverse("flows"))
    assert answer.status_code == 503
    assert "could not be loaded" in answer.content.decode()


def test_the_number_of_queries_does_not_grow_with_the_list(client, workspace):
    def queries():
        with CaptureQueriesContext(connection) as found:
            page(client)
        return len(found)

    make_run(make(workspace, "One", updated_by=client.member.user))
    page(client)
    few = queries()
    for number in range(12):
        make_run(make(workspace, f"Flow {number}", updated_by=client.member.user))
    assert queries() == few


def test_long_lists_have_pages(client, workspace):
    now = timezone.now()
    for number in range(51):
        Flow.objects.filter(pk=make(workspace, f"Flow {number:02}").pk).update(
            updated_at=now - timedelta(minutes=number)
        )
    assert "Flow 50" not in page(client)
    assert "Flow 50" in page(client, "?page=2")
    assert "Flow 50" in page(client, "?page=999")


def test_a_reader_sees_the_list_without_buttons_that_write(signed_in_client, workspace):
    make(workspace)
    reader = signed_in_client("viewer")
    html = page(reader)
    assert "Sales Analysis" in html
    assert "New flow" not in html
    assert "Archive" not in html.replace("Archived", "")
    assert reader.post(reverse("flow_new"), {"name": "X"}).status_code == 403


# --- new and import ---------------------------------------------------------------------------------------------


def mark_of(html):
    return html.split('name="mark" value="')[1].split('"')[0]


def test_a_new_flow_is_made_under_its_name_and_opened(client, workspace):
    answer = client.post(reverse("flow_new"), {"name": "  Refund desk "})
    made = Flow.objects.get()
    assert answer.url == reverse("flow", args=[made.pk])
    assert (made.name, made.step_count, made.workspace, made.created_by) == (
        "Refund desk",
        0,
        workspace,
        client.member.user,
    )
    assert made.draft["flow"] == {"name": "Refund desk", "steps": []}


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 201, "\u200b\u200b", "a\u202eb", "a\nb", "a" + "\u0301" * 30]
)
def test_a_name_that_nobody_could_read_is_refused_with_the_form(client, name):
    answer = client.post(reverse("flow_new"), {"name": name})
    assert answer.status_code == 422
    assert "field--error" in answer.content.decode()
    assert not Flow.objects.exists()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ x }}", '" hx-get="/evil', "👩‍🚀 crew"])
def test_a_name_with_markup_is_shown_as_text(client, name):
    client.post(reverse("flow_new"), {"name": name})
    html = page(client)
    assert "<script>alert" not in html
    assert ' hx-get="/evil' not in html
    assert Flow.objects.get().name == name


def test_a_form_sent_twice_makes_one_flow(client):
    mark = mark_of(client.get(reverse("flow_new")).content.decode())
    first = client.post(reverse("flow_new"), {"name": "Once", "mark": mark})
    second = client.post(reverse("flow_new"), {"name": "Once", "mark": mark})
    assert first.url == second.url
    assert Flow.objects.count() == 1


def test_a_forged_mark_makes_a_flow_with_an_id_of_our_choosing(client):
    client.post(reverse("flow_new"), {"name": "X", "mark": "flow_evil:abc"})
    assert Flow.objects.get().pk != "flow_evil"


def test_a_pasted_payload_is_kept_exactly(client):
    payload = {**sales(), "x-unknown": {"b": 1, "a": [1.0, None]}}
    answer = client.post(reverse("flow_import"), {"text": json.dumps(payload)})
    made = Flow.objects.get()
    assert answer.url == reverse("flow", args=[made.pk])
    assert json.dumps(made.draft) == json.dumps(payload)
    assert (made.name, made.step_count) == ("Sales Analysis", 1)


def test_a_file_is_imported(client):
    file = SimpleUploadedFile("flow.json", json.dumps(sales()["flow"]).encode())
    client.post(reverse("flow_import"), {"file": file, "text": ""})
    assert Flow.objects.get().draft == {"flow": sales()["flow"]}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": ""}, "Choose a file, or paste"),
        ({"text": "{"}, "not valid JSON"),
        ({"text": '{"agent": {"id": "x"}}'}, "Only flows"),
        ({"file": SimpleUploadedFile("x.json", b"\xff\xfe")}, "not a text in UTF-8"),
        ({"file": SimpleUploadedFile("x.json", b" " * 1_100_000)}, "larger than 1 MB"),
    ],
)
def test_what_cannot_be_imported_comes_back_with_the_form(client, given, says):
    answer = client.post(reverse("flow_import"), given)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Flow.objects.exists()


def test_what_was_pasted_is_still_there_after_a_refusal(client):
    answer = client.post(reverse("flow_import"), {"text": '{"mine": "<kept>"'})
    assert "&lt;kept&gt;" in answer.content.decode()


def test_secrets_of_a_payload_are_not_stored_and_that_is_said(client):
    payload = {**sales(), "secrets": {"token": "canary-value"}}
    answer = client.post(reverse("flow_import"), {"text": json.dumps(payload)}, follow=True)
    assert "never stored" in answer.content.decode()
    assert "canary-value" not in json.dumps(Flow.objects.get().draft)


# --- one flow ---------------------------------------------------------------------------------------------------


def test_an_export_is_the_draft_as_a_file(client, workspace):
    payload = {**sales(), "z": 1.0, "a": "é"}
    answer = client.get(reverse("flow_export", args=[make(workspace, draft=payload).pk]))
    assert json.dumps(json.loads(answer.content)) == json.dumps(payload)
    assert answer["Content-Disposition"] == 'attachment; filename="sales-analysis.json"'
    assert answer["Content-Type"].startswith("application/json")


def test_a_copy_has_a_name_of_its_own_and_the_same_steps(client, workspace):
    original = make(workspace, draft=flow(prompt("a"), inputs={"x": 1}))
    client.post(reverse("flow_copy", args=[original.pk]))
    copy = Flow.objects.exclude(pk=original.pk).get()
    assert copy.name == "Sales Analysis (copy)"
    assert copy.draft == {**original.draft, "flow": {**original.draft["flow"], "name": copy.name}}


def test_archiving_and_bringing_back(client, workspace):
    stored = make(workspace)
    client.post(reverse("flow_archive", args=[stored.pk]))
    assert Flow.objects.get(pk=stored.pk).archived_at is not None
    assert "This flow is archived" in client.get(reverse("flow", args=[stored.pk])).content.decode()
    client.post(reverse("flow_unarchive", args=[stored.pk]))
    assert Flow.objects.get(pk=stored.pk).archived_at is None


@pytest.mark.parametrize("name", ["flow_copy", "flow_archive", "flow_unarchive", "run_flow", "flow_step_add"])
def test_a_get_changes_nothing(client, workspace, name):
    assert client.get(reverse(name, args=[make(workspace).pk])).status_code == 405
