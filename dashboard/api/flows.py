"""`/v1/flows`: stored flows."""

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from dashboard.api.auth import Bearer, actor_of
from dashboard.api.bodies import read_body
from dashboard.api.describe import FlowPage, operation
from dashboard.api.errors import json_response
from dashboard.api.flow_store import (
    archive,
    changed_definition,
    create_flow,
    definition_of,
    flow_object,
    replace_definition,
    with_last_run,
)
from dashboard.api.pages import ListQuery, counted, page_of
from dashboard.models import Action, ApiKey, Flow
from dashboard.wire.base import JsonObject
from dashboard.wire.errors import WireError
from dashboard.wire.executions import ArchiveResult
from dashboard.wire.ids import FLOW, is_id
from dashboard.wire.requests import FlowDefinition
from dashboard.wire.responses import FlowObject

router = Router(tags=["Flows"])
_EXAMPLE = {
    "name": "Greeting",
    "steps": [
        {
            "id": "greet",
            "name": "Greet",
            "type": "prompt",
            "config": {"model": "gpt-4", "userPrompt": "Greet {{name}} in one sentence."},
        }
    ],
}


def find_flow(key: ApiKey, flow_id: str) -> Flow:
    """The flow with this id in the key's workspace, archived or not. Raises WireError `flow_not_found`."""
    found = with_last_run(Flow.objects.visible_to(key)).filter(pk=flow_id) if is_id(flow_id, FLOW) else None
    flow = found.first() if found is not None else None
    if flow is None:
        raise WireError("flow_not_found")
    return flow


def _named(definition: JsonObject) -> JsonObject:
    if not str(definition.get("name") or "").strip():
        raise WireError("missing_field", "A flow needs a name.", path="name")
    return definition


@router.get(
    "/flows",
    auth=Bearer(Action.READ_FLOWS),
    operation_id="listFlows",
    summary="List flows",
    openapi_extra=operation(FlowPage, errors=("validation_error", "invalid_cursor")),
)
def list_flows(request: HttpRequest, query: Query[ListQuery]) -> HttpResponse:
    """Active flows of the workspace, newest first, without their steps."""
    flows = Flow.objects.visible_to(actor_of(request)).active().filter(name__icontains=query.search)
    answer = page_of(with_last_run(flows), query, lambda flow: flow_object(flow, with_steps=False), str)
    return json_response(counted(answer, flows.count(), query.limit) if query.include_count else answer)


@router.get(
    "/flows/{flow_id}",
    auth=Bearer(Action.READ_FLOWS),
    operation_id="getFlow",
    summary="Read a flow",
    openapi_extra=operation(FlowObject, errors=("flow_not_found",)),
)
def get_flow(request: HttpRequest, flow_id: str) -> HttpResponse:
    """One flow with its steps. An archived flow has the status `paused`."""
    return json_response(flow_object(find_flow(actor_of(request), flow_id)))


@router.post(
    "/flows",
    auth=Bearer(Action.EDIT_FLOWS),
    operation_id="createFlow",
    summary="Create a flow",
    openapi_extra=operation(
        FlowObject, sends=FlowDefinition, example=_EXAMPLE, errors=("too_many_steps",), status=201
    ),
)
def create(request: HttpRequest) -> HttpResponse:
    """Store a new flow. Steps may have types that this server does not know; they fail when they are run."""
    definition = _named(definition_of(read_body(request, FlowDefinition)))
    return json_response(flow_object(create_flow(actor_of(request), definition)), 201)


@router.put(
    "/flows/{flow_id}",
    auth=Bearer(Action.EDIT_FLOWS),
    operation_id="updateFlow",
    summary="Change a flow",
    openapi_extra=operation(
        FlowObject,
        sends=FlowDefinition,
        example=_EXAMPLE,
        errors=("flow_not_found", "flow_disabled", "conflict"),
    ),
)
def update(request: HttpRequest, flow_id: str) -> HttpResponse:
    """Fields that are sent replace the stored ones; steps are replaced as a whole, what is left out stays."""
    key = actor_of(request)
    sent = read_body(request, FlowDefinition)
    flow = find_flow(key, flow_id)
    if flow.archived_at is not None:
        raise WireError("flow_disabled")
    definition = _named(changed_definition(flow, sent))
    return json_response(flow_object(replace_definition(key, flow, definition)))


@router.delete(
    "/flows/{flow_id}",
    auth=Bearer(Action.EDIT_FLOWS),
    operation_id="archiveFlow",
    summary="Archive a flow",
    openapi_extra=operation(ArchiveResult, errors=("flow_not_found",)),
)
def delete(request: HttpRequest, flow_id: str) -> HttpResponse:
    """The flow can no longer be started. Its runs stay, and it can be restored in the dashboard."""
    key = actor_of(request)
    flow = find_flow(key, flow_id)
    archive(key, flow)
    return json_response(ArchiveResult(id=flow.pk, status="archived").to_wire())
