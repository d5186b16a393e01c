"""`POST /v1/dispatch`: start a run, and stream it or wait for it."""

from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

from dashboard.api.auth import Bearer, actor_of
from dashboard.api.bodies import read_body
from dashboard.api.describe import operation
from dashboard.api.orders import Plan, plan
from dashboard.api.streams import check_room, stream, wait
from dashboard.models import MOVING, Action, ApiKey, Run, Source
from dashboard.runs import control
from dashboard.wire.errors import WireError
from dashboard.wire.requests import DispatchRequest, ignored_fields, refuse_unknown
from dashboard.wire.responses import SyncResult

router = Router(tags=["Dispatch"])

_EXAMPLE: Final = {
    "flow": {
        "name": "Refund triage",
        "steps": [
            {
                "id": "classify",
                "name": "Classify",
                "type": "prompt",
                "config": {
                    "model": "claude-haiku-4-5",
                    "userPrompt": "Classify this ticket: {{ticket_text}}",
                    "outputVariable": "verdict",
                },
            }
        ],
    },
    "record": {"name": "Ticket 991", "type": "ticket", "metadata": {"channel": "email"}},
    "inputs": {"ticket_text": "The parcel never arrived"},
    "options": {"streamResponse": True},
}


@router.post(
    "/dispatch",
    auth=Bearer(Action.START_RUNS, Action.START_INLINE),
    operation_id="dispatch",
    summary="Run a flow",
    openapi_extra=operation(
        SyncResult,
        sends=DispatchRequest,
        streams=True,
        example=_EXAMPLE,
        errors=(
            "flow_not_found",
            "record_not_found",
            "flow_disabled",
            "record_exists",
            "conflict",
            "unknown_step_type",
            "too_many_steps",
            "duplicate_step_id",
            "model_not_available",
            "flow_invalid",
            "agent_not_available",
            "not_supported",
            "too_many_concurrent_runs",
            "too_many_streams",
        ),
    ),
)
def dispatch(request: HttpRequest) -> HttpResponse:
    """Runs a stored flow (scope `runs:start`) or one that is in the request (scope `flows:inline`).

    The answer is a stream of events, or with `streamResponse: false` one JSON body when the run is over or paused. A client
    that goes away does not stop the run: its events can be read again at `/v1/executions/{executionId}/events`.
    Fields of the body that nobody reads are named in the header `X-Ignored-Fields`; with `Prefer: handling=strict` they are
    refused.
    """
    key = actor_of(request)
    sent = read_body(request, DispatchRequest)
    if "handling=strict" in request.META.get("HTTP_PREFER", "").replace(" ", "").lower():
        refuse_unknown(sent)
    checked = plan(key, sent)
    check_room(key)
    run = _start(key, checked)
    answer = stream(request, key, run, after=-1) if sent.wants_stream else wait(request, key, run)
    ignored = ignored_fields(sent)
    if ignored:
        answer["X-Ignored-Fields"] = ", ".join(ignored)[:1000]
    return answer


def _start(key: ApiKey, checked: Plan) -> Run:
    """Store what is to be stored and start the run, all or nothing."""
    try:
        with transaction.atomic():
            _take_a_place(key)
            return control.start(key, checked.place(), Source.API)
    except IntegrityError:
        raise WireError("conflict", "Somebody else stored the same thing at the same moment.") from None


def _take_a_place(key: ApiKey) -> None:
    """Raise WireError when the key has too many unfinished runs. The key's row is held, so that two dispatches at the same
    moment cannot both take the last place."""
    ApiKey.objects.select_for_update().get(pk=key.pk)
    running = Run.objects.filter(api_key=key, state__in=MOVING).count()
    if running >= settings.RUNS_PER_KEY:
        raise WireError(
            "too_many_concurrent_runs", f"This key has {running} unfinished runs; wait for one to end."
        )
