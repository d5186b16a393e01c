"""Records: listed, read, stored; nothing typed is lost, nothing foreign is seen."""

import pytest

from dashboard.models import Record
from tests.views.run_rows import make_run

SENT = {
    "type": "report",
    "name": "Q4 Sales Report",
    "metadata": '{"quarter": "Q4", "rate": 0.10, "empty": {}}',
}


@pytest.fixture
def web(signed_in_client):
    return signed_in_client("author")


def store(workspace, name="Q4", kind="report", **metadata):
    return Record.objects.create(workspace=workspace, type=kind, name=name, metadata=metadata)


def test_a_stored_record_is_shown_as_it_was_written(web):
    answer = web.post("/records/new", SENT)
    record = Record.objects.get()
    assert answer.headers["Location"] == f"/records/{record.pk}"
    assert (record.type, record.name, record.metadata["quarter"]) == ("report", "Q4 Sales Report", "Q4")
    assert record.workspace == web.member.workspace
    assert "&quot;quarter&quot;: &quot;Q4&quot;" in web.get(f"/records/{record.pk}").content.decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metadata": "{'a': 1}"}, "JSON"),
        ({"metadata": "[1]"}, "is a JSON object"),
        ({"metadata": '{"a": NaN}'}, "NaN"),
        ({"metadata": ""}, "required"),
        ({"metadata": '{"a": 1, "a": 2}'}, "a"),
        ({"name": "   "}, "required"),
        ({"name": "a\u202eb"}, "writing direction"),
        ({"type": "x" * 121}, "120"),
        ({"name": "x" * 501}, "500"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(web, change, words):
    answer = web.post("/records/new", SENT | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    kept = {**SENT, **change}
    assert all(answer.context["form"][name].value() == value for name, value in kept.items())
    assert not Record.objects.exists()


def test_a_type_and_name_are_taken_once(web):
    web.post("/records/new", SENT)
    answer = web.post("/records/new", SENT)
    assert answer.status_code == 422
    assert "already" in answer.content.decode()
    assert Record.objects.count() == 1


def test_the_list_is_searched_by_name_and_type(web, workspace):
    for name, kind in (("Q4", "report"), ("Jane", "customer"), ("Report of Jane", "note")):
        store(workspace, name, kind)
    found = web.get("/records", {"q": "report"}).context["page_obj"]
    assert {record.name for record in found} == {"Q4", "Report of Jane"}


def test_kinds_of_nothing(web, signed_in_client, workspace):
    assert "No records yet" in web.get("/records").content.decode()
    assert "New record" not in signed_in_client("viewer").get("/records").content.decode()
    store(workspace)
    assert "No record fits this search" in web.get("/records?q=zzz%00").content.decode()


def test_a_record_shows_the_runs_that_used_it(web, workspace):
    record = store(workspace)
    make_run(web.member, flow_name="Used it", record=record)
    make_run(web.member, flow_name="Did not")
    html = web.get(f"/records/{record.pk}").content.decode()
    assert "Used it" in html
    assert "Did not" not in html


def test_records_of_another_workspace_are_not_there(web, other_workspace):
    foreign = store(other_workspace, "theirs")
    assert web.get(f"/records/{foreign.pk}").status_code == 404
    assert "theirs" not in web.get("/records").content.decode()
    assert web.get("/records/record_%00").status_code == 404


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("approver", 403), ("author", 302), ("admin", 302)]
)
def test_only_authors_store_records(signed_in_client, role, status):
    assert signed_in_client(role).post("/records/new", SENT).status_code == status


@pytest.mark.parametrize("page", ["0", "-1", "999", "x", "last"])
def test_a_page_that_does_not_exist_gives_the_nearest_one(web, workspace, page):
    store(workspace)
    assert len(web.get("/records", {"page": page}).context["page_obj"].object_list) == 1
