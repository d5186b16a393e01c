"""Stored flows as the API writes and shows them. A flow's draft is a whole dispatch payload; its `flow` is what runs."""

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from pydantic import ValidationError

from dashboard.api.moments import stamp, stamp_or_none
from dashboard.models import ApiKey, Flow, Run
from dashboard.wire.base import JsonObject
from dashboard.wire.errors import WireError, from_validation
from dashboard.wire.requests import FlowDefinition
from dashboard.wire.responses import FlowObject

NAME_LENGTH = 200


def definition_of(sent: FlowDefinition) -> JsonObject:
    """The definition as it is stored: steps under `steps`, no id, everything else as it came."""
    return _plain_form(sent.to_wire())


def _plain_form(flow: JsonObject) -> JsonObject:
    flow = {key: value for key, value in flow.items() if key != "id"}
    steps = flow.pop("flowSteps", None)
    return flow if flow.get("steps") is not None else {**flow, "steps": steps or []}


def changed_definition(flow: Flow, sent: FlowDefinition) -> JsonObject:
    """The flow's definition with the fields that were sent; steps are replaced as a whole or stay."""
    changes = definition_of(sent)
    if not {"steps", "flow_steps"} & sent.model_fields_set:
        del changes["steps"]
    return definition_of(FlowDefinition.model_validate(_plain_form(flow.draft.get("flow") or {}) | changes))


def create_flow(key: ApiKey, definition: JsonObject) -> Flow:
    """Store a new flow of the key's workspace, in the name of the key's maker."""
    return Flow.objects.create(
        workspace_id=key.workspace_id,
        name=str(definition["name"])[:NAME_LENGTH],
        description=str(definition.get("description") or ""),
        draft={"flow": definition},
        step_count=len(definition["steps"]),
        created_by_id=key.created_by_id,
        updated_by_id=key.created_by_id,
    )


def replace_definition(key: ApiKey, flow: Flow, definition: JsonObject) -> Flow:
    """Store another definition in a flow; its sample record and inputs stay. Raises WireError `conflict`."""
    payload = {**flow.draft, "flow": definition}
    if not Flow.objects.save_draft(flow, payload, flow.revision, key.created_by):
        raise WireError("conflict", "Somebody else saved this flow at the same moment.")
    flow.refresh_from_db()
    return flow


def upsert_flow(key: ApiKey, definition: JsonObject) -> Flow:
    """Create the flow, or give the newest active flow of that name this definition."""
    name = str(definition["name"])[:NAME_LENGTH]
    known = Flow.objects.visible_to(key).active().filter(name=name).order_by("-updated_at", "-id").first()
    return replace_definition(key, known, definition) if known else create_flow(key, definition)


def archive(key: ApiKey, flow: Flow) -> None:
    """Take a flow out of use; archiving twice is the same as once."""
    Flow.objects.active().filter(pk=flow.pk).update(
        archived_at=Now(), updated_at=Now(), updated_by=key.created_by
    )


def stored_definition(flow: Flow) -> FlowDefinition:
    """What a stored flow runs. Raises WireError `flow_disabled`, or `flow_invalid` for a draft that cannot run."""
    if flow.archived_at is not None:
        raise WireError("flow_disabled", "The flow is archived; it runs again once it is restored.")
    try:
        definition = FlowDefinition.model_validate(flow.draft.get("flow") or {})
    except ValidationError as problem:
        found = from_validation(problem)
        raise WireError(
            "flow_invalid", "The stored flow has problems that keep it from running.", details=found.details
        ) from None
    if not definition.listed_steps:
        raise WireError("flow_invalid", "The stored flow has no steps.")
    return definition


def with_last_run(flows: "QuerySet[Flow]") -> "QuerySet[Flow]":
    newest = Run.objects.filter(flow=OuterRef("pk")).order_by("-id").values("created_at")[:1]
    return flows.annotate(last_run_at=Subquery(newest))


def flow_object(flow: Flow, with_steps: bool = True) -> JsonObject:
    """A flow as the wire has it. `flowSteps` are left out of lists."""
    definition = flow.draft.get("flow") or {}
    record = flow.draft.get("record") or {}
    status = "draft" if not flow.step_count else "active"
    shown = FlowObject(
        id=flow.pk,
        name=flow.name,
        description=flow.description or None,
        status="paused" if flow.archived_at else status,
        user_id=None if flow.created_by_id is None else str(flow.created_by_id),
        organization_id=str(flow.workspace_id),
        flow_steps=(definition.get("steps") or definition.get("flowSteps") or []) if with_steps else None,
        step_count=flow.step_count,
        sample_metadata=record.get("metadata") if isinstance(record, dict) else None,
        last_run_at=stamp_or_none(getattr(flow, "last_run_at", None)),
        created_at=stamp(flow.created_at),
        updated_at=stamp(flow.updated_at),
    )
    return shown.to_wire()
