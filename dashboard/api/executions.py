"""`/v1/executions`: what became of runs, their events, and cancelling them. On the wire a run is called an execution."""

import re
from typing import Final, Literal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router
from pydantic import Field

from dashboard.api.auth import Bearer, actor_of
from dashboard.api.describe import ExecutionPage, operation
from dashboard.api.errors import json_response
from dashboard.api.moments import stamp, stamp_or_none
from dashboard.api.pages import NO_NUL, ListQuery, counted, page_of
from dashboard.api.results import record_ref, usage
from dashboard.api.streams import check_room, stream
from dashboard.models import Action, ApiKey, Run
from dashboard.runs import control
from dashboard.wire.base import JsonObject
from dashboard.wire.errors import WireError
from dashboard.wire.executions import CancelResult, ExecutionObject
from dashboard.wire.ids import EXECUTION, is_id
from dashboard.wire.responses import Ref

router = Router(tags=["Executions"])

_SEQ = re.compile(r"[0-9]{1,18}", re.ASCII)
Status = Literal["queued", "running", "paused", "attention", "completed", "failed", "cancelled"]

_CURSOR: Final[tuple[JsonObject, ...]] = (
    {
        "in": "query",
        "name": "after",
        "required": False,
        "schema": {"type": "integer", "minimum": 0},
        "description": "Only events with a greater seq. Left out: from the first event.",
    },
    {
        "in": "header",
        "name": "Last-Event-ID",
        "required": False,
        "schema": {"type": "string"},
        "description": "As `after`, and stronger. A number beyond the log is answered with the whole log.",
    },
)
_REPLAY: Final = operation(
    streams=True,
    parameters=_CURSOR,
    errors=("execution_not_found", "invalid_last_event_id", "too_many_streams"),
)


class ExecutionQuery(ListQuery):
    """A list of executions can be narrowed to a flow and to a status."""

    flow_id: str | None = Field(
        None, alias="flowId", max_length=255, pattern=NO_NUL, description="Runs of this flow only."
    )
    status: Status | None = Field(None, description="Runs in this state only.")


def find_run(key: ApiKey, execution_id: str) -> Run:
    """The run with this id in the key's workspace. Raises WireError `execution_not_found`."""
    known = (
        Run.objects.visible_to(key).filter(public_id=execution_id) if is_id(execution_id, EXECUTION) else None
    )
    run = known.first() if known is not None else None
    if run is None:
        raise WireError("execution_not_found")
    return run


def execution_object(run: Run) -> JsonObject:
    """A run as the wire has it."""
    ended, began = run.finished_at, run.started_at
    used = usage(run)
    shown = ExecutionObject(
        execution_id=run.public_id,
        kind="flow",
        status=run.state,
        source=run.source,
        flow=Ref(id=run.flow_id, name=run.flow_name),
        record=record_ref(run),
        created_at=stamp(run.created_at),
        started_at=stamp_or_none(began),
        completed_at=stamp_or_none(ended),
        duration_ms=round((ended - began).total_seconds() * 1000) if ended and began else None,
        final_output=run.final_output or None,
        error=run.error or None,
        failed_steps=run.failed_steps,
        usage=used,
        total_cost=used.total_cost,
        total_tokens=run.input_tokens + run.output_tokens,
        demo=run.demo or None,
        last_seq=run.last_seq,
        events_url=reverse("api:execution_events", args=[run.public_id]),
    )
    return shown.to_wire()


@router.get(
    "/executions",
    auth=Bearer(Action.READ_RUNS),
    operation_id="listExecutions",
    summary="List executions",
    openapi_extra=operation(ExecutionPage, errors=("validation_error", "invalid_cursor")),
)
def list_executions(request: HttpRequest, query: Query[ExecutionQuery]) -> HttpResponse:
    """Executions of the workspace, newest first, whoever started them."""
    runs = _narrowed(Run.objects.visible_to(actor_of(request)), query)
    answer = page_of(runs, query, execution_object, int)
    return json_response(counted(answer, runs.count(), query.limit) if query.include_count else answer)


def _narrowed(runs: "QuerySet[Run]", query: ExecutionQuery) -> "QuerySet[Run]":
    if query.search:
        runs = runs.filter(flow_name__icontains=query.search)
    if query.flow_id:
        runs = runs.filter(flow_id=query.flow_id)
    return runs.filter(state=query.status) if query.status else runs


@router.get(
    "/executions/{execution_id}",
    auth=Bearer(Action.READ_RUNS),
    operation_id="getExecution",
    summary="Read an execution",
    openapi_extra=operation(ExecutionObject, errors=("execution_not_found",)),
)
def get_execution(request: HttpRequest, execution_id: str) -> HttpResponse:
    """Where one execution stands."""
    return json_response(execution_object(find_run(actor_of(request), execution_id)))


@router.post(
    "/executions/{execution_id}/cancel",
    auth=Bearer(Action.CANCEL_RUNS),
    operation_id="cancelExecution",
    summary="Cancel an execution",
    openapi_extra=operation(CancelResult, errors=("execution_not_found",)),
)
def cancel(request: HttpRequest, execution_id: str) -> HttpResponse:
    """Ask for the end of an execution. One that is running ends within a second; one that is over stays as it is."""
    key = actor_of(request)
    run = find_run(key, execution_id)
    cancelled = control.cancel(run, f"API key {key.name}")
    run.refresh_from_db()
    answer = CancelResult(cancelled=cancelled, execution=execution_object(run))
    return json_response(answer.to_wire())


@router.get(
    "/executions/{execution_id}/events",
    auth=Bearer(Action.READ_RUNS),
    operation_id="streamExecutionEvents",
    summary="Replay and follow the events of an execution",
    url_name="execution_events",
    openapi_extra=_REPLAY,
)
def events(request: HttpRequest, execution_id: str) -> HttpResponse:
    """Stored events first, then live ones until the execution is over or paused. Each frame has its seq as `id:`."""
    key = actor_of(request)
    after = _cursor(request)
    run = find_run(key, execution_id)
    check_room(key)
    beyond = after > run.last_seq
    return stream(request, key, run, -1 if beyond else after, reset=beyond and after >= 0)


@router.get(
    "/agents/{agent_id}/executions/{execution_id}/events",
    auth=Bearer(Action.READ_RUNS),
    operation_id="streamAgentExecutionEvents",
    summary="The same, at the address that chat widgets use",
    openapi_extra=_REPLAY,
)
def agent_events(request: HttpRequest, agent_id: str, execution_id: str) -> HttpResponse:
    """The agent's id may be any text, such as `virtual`: the execution's id alone says which events are meant."""
    return events(request, execution_id)


def _cursor(request: HttpRequest) -> int:
    """The seq after which to begin, -1 for the first event. Raises WireError `invalid_last_event_id`."""
    header = request.META.get("HTTP_LAST_EVENT_ID", "")
    given = [header] if header else request.GET.getlist("after")
    if not given or given == [""]:
        return -1
    if len(given) > 1 or not _SEQ.fullmatch(given[0]):
        raise WireError("invalid_last_event_id")
    return int(given[0])
