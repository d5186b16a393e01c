"""From a dispatch request to an order: what to run, on which record, with what. Refuses before anything is written."""

import difflib
import re
from dataclasses import dataclass
from typing import Any

from dashboard import steps
from dashboard.api.auth import require
from dashboard.api.flow_store import create_flow, definition_of, stored_definition, upsert_flow
from dashboard.api.flows import find_flow
from dashboard.engine.registry import registry_of
from dashboard.models import Action, ApiKey, Flow, Record
from dashboard.runs.control import Order
from dashboard.wire.base import JsonObject
from dashboard.wire.definitions import nested_steps
from dashboard.wire.errors import Detail, WireError, clip
from dashboard.wire.requests import DispatchRequest, FlowDefinition, RecordRef

_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+~-]{0,199}")


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked request. `place` does what it asks to be stored, and must run in the transaction that starts the run."""

    request: DispatchRequest
    key: ApiKey
    definition: JsonObject
    name: str
    flow: Flow | None
    record: Record | None

    def place(self) -> Order:
        """Store the flow and the record where the modes say so, and give the order. Raises WireError on a conflict."""
        flow, record = self._flow(), self._record()
        return Order(
            definition=self.definition,
            flow_name=self.name,
            flow=flow,
            record=record,
            record_snapshot=_snapshot(record, self.request.record),
            inputs=self.request.merged_inputs,
            messages=[message.to_wire() for message in self.request.messages or []],
            options=_options(self.request),
            secrets=self.request.secrets or {},
        )

    def _flow(self) -> Flow | None:
        if self.request.flow_mode == "create":
            return create_flow(self.key, self.definition)
        if self.request.flow_mode == "upsert":
            return upsert_flow(self.key, self.definition)
        return self.flow

    def _record(self) -> Record | None:
        sent, mode = self.request.record, self.request.record_mode
        if sent is None or mode not in ("create", "upsert"):
            return self.record
        named = {"type": sent.type or "", "name": sent.name or ""}
        known = Record.objects.visible_to(self.key).filter(**named).first()
        if known is None:
            return Record.objects.create(
                workspace_id=self.key.workspace_id, metadata=sent.metadata or {}, **named
            )
        if mode == "create":
            raise WireError("record_exists", path="record.name")
        known.metadata = sent.metadata or {}
        known.save(update_fields=["metadata", "updated_at"])
        return known


def plan(key: ApiKey, request: DispatchRequest) -> Plan:
    """Check everything about a request that can be known before it runs. Raises WireError; writes nothing."""
    target = request.target()
    if target.kind == "agent":
        raise WireError("agent_not_available", path="agent")
    _refuse_client_tools(request)
    if target.flow is not None:
        require(key, *_scopes_for_inline(request))
        check_steps(target.flow)
        flow, definition = None, definition_of(target.flow)
    else:
        require(key, Action.START_RUNS)
        flow = find_flow(key, target.id or "")
        definition = definition_of(stored_definition(flow))
    record = _named_record(key, request)
    definition = _with_model(definition, request.options.model if request.options else None)
    return Plan(request, key, definition, flow.name if flow else str(definition["name"]), flow, record)


def _scopes_for_inline(request: DispatchRequest) -> tuple[Action, ...]:
    """To store a flow and start it takes the scopes of doing one after the other; to run it unstored takes its own."""
    if request.flow_mode in ("create", "upsert"):
        return (Action.EDIT_FLOWS, Action.START_RUNS)
    return (Action.START_INLINE,)


def _refuse_client_tools(request: DispatchRequest) -> None:
    if request.client_tools:
        raise WireError(
            "not_supported", "Tools that the caller executes are not supported yet.", path="clientTools"
        )


def _named_record(key: ApiKey, request: DispatchRequest) -> Record | None:
    """The stored record that the request names, if any; also checks what the record mode needs."""
    sent, mode = request.record, request.record_mode
    if sent is None:
        return None
    if mode in ("create", "upsert"):
        require(key, Action.EDIT_RECORDS)
        for field in ("type", "name"):
            if not getattr(sent, field):
                raise WireError(
                    "missing_field", "To store a record, send its type and name.", path=f"record.{field}"
                )
        return None
    if mode == "existing" and sent.id is None:
        raise WireError(
            "invalid_option", "The record mode existing needs the id of a record.", path="options.recordMode"
        )
    if sent.id is None:
        return None
    require(key, Action.READ_RECORDS)
    record = Record.objects.visible_to(key).filter(pk=sent.id).first()
    if record is None:
        raise WireError("record_not_found")
    return record


def _snapshot(record: Record | None, sent: RecordRef | None) -> JsonObject | None:
    """The record as the run sees it: as stored, or as sent."""
    if record is not None:
        return {"id": record.pk, "type": record.type, "name": record.name, "metadata": record.metadata}
    if sent is None:
        return None
    return {"id": None, "type": sent.type, "name": sent.name, "metadata": sent.metadata or {}}


def _options(request: DispatchRequest) -> JsonObject:
    options = request.options.to_wire() if request.options else {}
    return {**options, "streamResponse": request.wants_stream, "storeResults": request.store_results}


def check_steps(flow: FlowDefinition) -> None:
    """Refuse, with 422 and every place, steps that this server cannot run and models that cannot be a model's name."""
    kinds = {step.kind for step in registry_of(steps).all()}
    details: list[Detail] = []
    for step, loc in nested_steps(flow.listed_steps):
        path = ".".join(str(part) for part in ("flow", flow.steps_field, *loc))
        kind = str(step.get("type", ""))
        if kind not in kinds:
            details.append(
                {"path": f"{path}.type", "message": _unknown(kind, kinds), "code": "unknown_step_type"}
            )
        elif not _fits_a_model(step.get("config")):
            message = "This cannot be the name of a model."
            details.append(
                {"path": f"{path}.config.model", "message": message, "code": "model_not_available"}
            )
    if details:
        raise WireError(details[0]["code"], details[0]["message"], details=details)


def _unknown(kind: str, kinds: set[str]) -> str:
    near = difflib.get_close_matches(kind.lower().replace("_", "-"), sorted(kinds), n=1)
    said = f"This server has no step type “{clip(kind)}”"
    return f"{said}; did you mean {near[0]}?" if near else f"{said}."


def _fits_a_model(config: Any) -> bool:
    if not isinstance(config, dict) or "model" not in config or config["model"] is None:
        return True
    model = config["model"]
    return isinstance(model, str) and bool(_MODEL_NAME.fullmatch(model)) and ".." not in model


def _with_model(definition: JsonObject, model: str | None) -> JsonObject:
    """The definition with another model, when it has just one prompt; with more, the wish would be ambiguous."""
    if model is None:
        return definition
    if not _fits_a_model({"model": model}):
        raise WireError("model_not_available", "This cannot be the name of a model.", path="options.model")
    prompts = [step for step in definition["steps"] if step.get("type") == "prompt"]
    if len(prompts) != 1:
        return definition
    config = {**(prompts[0].get("config") or {}), "model": model}
    steps_now = [{**step, "config": config} if step is prompts[0] else step for step in definition["steps"]]
    return {**definition, "steps": steps_now}
