"""The words in which operations describe themselves to OpenAPI: shapes by reference, answers by error code."""

from collections import defaultdict
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from dashboard.api.meanings import MEANINGS
from dashboard.wire.base import JsonObject
from dashboard.wire.errors import rule_for
from dashboard.wire.events import event_json_schema
from dashboard.wire.executions import ArchiveResult, CancelResult, ExecutionObject
from dashboard.wire.requests import DispatchRequest, FlowDefinition
from dashboard.wire.responses import ErrorBody, FlowObject, Page, SyncResult

_REF: Final = "#/components/schemas/{model}"


class FlowPage(Page[FlowObject]):
    """One page of flows."""


class ExecutionPage(Page[ExecutionObject]):
    """One page of executions."""


_SENT: Final[tuple[type[BaseModel], ...]] = (DispatchRequest, FlowDefinition)
_ANSWERED: Final[tuple[type[BaseModel], ...]] = (
    ArchiveResult,
    CancelResult,
    ErrorBody,
    ExecutionObject,
    ExecutionPage,
    FlowObject,
    FlowPage,
    SyncResult,
)

_modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    *((model, "validation") for model in _SENT),
    *((model, "serialization") for model in _ANSWERED),
]
_refs, _defined = models_json_schema(_modes, by_alias=True, ref_template=_REF)
_event, _event_definitions = event_json_schema(_REF)

# Every operation can be answered with these.
COMMON: Final = ("missing_api_key", "invalid_api_key", "api_key_revoked", "api_key_expired", "api_key_in_url")
ALWAYS: Final = (
    *COMMON,
    "insufficient_scope",
    "bad_request",
    "rate_limited",
    "internal_error",
    "unavailable",
)
BODY: Final = (
    "validation_error",
    "unsupported_media_type",
    "unsupported_charset",
    "unsupported_encoding",
    "body_too_large",
    "request_timeout",
)


def components() -> JsonObject:
    """Every schema that operations refer to, the whole union of events among them; fields say what they mean."""
    schemas = {**_event_definitions, **_defined.get("$defs", {}), "Event": _event}
    return {name: _explained(schema, MEANINGS.get(name, {})) for name, schema in schemas.items()}


def _explained(schema: JsonObject, meanings: dict[str, str]) -> JsonObject:
    properties = {
        name: {**said, "description": meanings[name]} if name in meanings else said
        for name, said in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties} if meanings else schema


def ref(model: type[BaseModel]) -> JsonObject:
    """A reference to the schema of a request or an answer."""
    mode: JsonSchemaMode = "validation" if model in _SENT else "serialization"
    return _refs[(model, mode)]


def operation(
    answer: type[BaseModel] | None = None,
    *,
    sends: type[BaseModel] | None = None,
    streams: bool = False,
    errors: tuple[str, ...] = (),
    parameters: tuple[JsonObject, ...] = (),
    example: Any = None,
    status: int = 200,
) -> JsonObject:
    """The `openapi_extra` of one operation. `errors` are codes beside those that every operation may answer with."""
    content: JsonObject = {}
    if streams:
        # The schema of a stream in OpenAPI 3.1 is that of one frame's `data:` line.
        content["text/event-stream"] = {"schema": {"$ref": _REF.format(model="Event")}}
    if answer is not None:
        content["application/json"] = {"schema": ref(answer)}
    said = {
        "description": "A stream; each frame's `data:` line is one event." if streams else "Success.",
        "headers": _HEADERS,
    }
    extra: JsonObject = {"responses": {status: {**said, "content": content}, **_failures((*ALWAYS, *errors))}}
    if sends is not None:
        body: JsonObject = {"schema": ref(sends)}
        if example is not None:
            body["example"] = example
        extra["requestBody"] = {"required": True, "content": {"application/json": body}}
        extra["responses"].update(_failures((*ALWAYS, *BODY, *errors)))
    if parameters:
        extra["parameters"] = list(parameters)
    return extra


_HEADERS: Final[JsonObject] = {
    "X-Request-Id": {"description": "Finds this request in the server's log.", "schema": {"type": "string"}}
}


def _failures(codes: tuple[str, ...]) -> dict[int, JsonObject]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[rule_for(code).status].append(code)
    return {status: _failure(codes) for status, codes in sorted(by_status.items())}


def _failure(codes: list[str]) -> JsonObject:
    rules = [(code.upper(), rule_for(code)) for code in codes]
    headers = dict(_HEADERS)
    if any(rule.retry_after is not None for _, rule in rules):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    return {
        "description": "\n".join(f"`{code}`: {rule.message}" for code, rule in rules),
        "headers": headers,
        "content": {"application/json": {"schema": ref(ErrorBody)}},
    }
