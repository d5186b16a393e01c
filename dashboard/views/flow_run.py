"""Starting a flow from its page: with its sample, with an edited sample, or with a stored record."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from dashboard.editor.draft import set_top
from dashboard.editor.envelope import sample_form
from dashboard.editor.payload import Payload, flow_of
from dashboard.models import Action, Flow, Member, Record
from dashboard.runs import control
from dashboard.views.access import member_page
from dashboard.views.flow_page import sample_part, show
from dashboard.views.flow_place import Place, base_of, flow_at
from dashboard.views.run_starting import start_once
from dashboard.wire.errors import from_validation
from dashboard.wire.requests import DispatchRequest

ARCHIVED = "This flow is archived. Bring it back to run it."


class Unrunnable(Exception):
    """The flow cannot be started; the text says why."""


@dataclass(frozen=True)
class Given:
    """The record a run works on: a stored one, or what the sample says."""

    record: Record | None
    snapshot: dict[str, Any] | None


def _stored(member: Member, record_id: str) -> Given:
    record = Record.objects.visible_to(member).filter(pk=record_id[:255].replace("\0", "")).first()
    if record is None:
        raise Unrunnable("The record to run with is not stored here (any more). Choose another one.")
    snapshot = {"id": record.pk, "type": record.type, "name": record.name, "metadata": record.metadata}
    return Given(record, snapshot)


def _given(member: Member, payload: Payload, record_id: str) -> Given:
    if record_id:
        return _stored(member, record_id)
    record = payload.get("record")
    if not isinstance(record, dict):
        return Given(None, None)
    if record.get("id"):
        return _stored(member, str(record["id"]))
    return Given(None, {"metadata": {}, **record})


def order_of(member: Member, flow: Flow, payload: Payload, record_id: str = "") -> control.Order:
    """What to run: the payload as a dispatch would run it, with a stored record in the place of its own if one is named.

    Raises Unrunnable with a sentence.
    """
    try:
        request = DispatchRequest.model_validate(payload)
    except ValidationError as problem:
        first = from_validation(problem).details[0]
        raise Unrunnable(f"This flow cannot run as it is: {first['path']}: {first['message']}") from None
    given = _given(member, payload, record_id)
    return control.Order(
        definition=flow_of(payload),
        flow=flow,
        flow_name=str(flow_of(payload).get("name") or flow.name),
        record=given.record,
        record_snapshot=given.snapshot,
        inputs=request.merged_inputs,
        messages=payload.get("messages") or [],
        options=payload.get("options") or {},
    )


@require_POST
@member_page(Action.START_RUNS)
def run_flow(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Start the draft as it is and go to the run.

    Fields of the sample form, when they come along, count for this run without being saved; `record_id` names a stored
    record. The same form sent twice leads to the same run.
    """
    flow, place = flow_at(member, flow_id), Place.read(request.GET)
    if flow.archived_at is not None:
        return show(request, member, flow, place, status=409, trouble=ARCHIVED)
    payload: Payload = flow.draft
    base = base_of(request)
    form = sample_form(base if isinstance(base, dict) else sample_part(payload), request.POST)
    payload = set_top(payload, **form.changes())
    if form.errors:
        text = "The run was not started: the sample cannot be read. It is marked below."
        return show(request, member, flow, place, status=422, sample=form, trouble=text)
    try:
        order = order_of(member, flow, payload, request.POST.get("record_id", ""))
    except Unrunnable as problem:
        return show(request, member, flow, place, status=422, trouble=str(problem))
    run = start_once(member, order, request.POST.get("run_id", ""))
    return redirect("run", run.public_id)
