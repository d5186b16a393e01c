"""A `ModelRequest` of ours in the words of the model library: messages, instructions, options every vendor has."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.messages import ModelRequest as LibraryRequest
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings, ThinkingEffort

from dashboard.engine.ports import Message, ModelFailure, ModelRequest, ResponseFormat

JsonMode = Literal["none", "instruction", "schema"]

_DATA_URI = re.compile(r"data:(?P<type>[\w.+/-]{1,100})?(?:;[\w=.-]{1,60})*;base64,")
_EFFORTS: dict[str, ThinkingEffort] = {
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def effort(reasoning: str | int | None) -> ThinkingEffort | None:
    """An effort in words; a budget in tokens becomes the nearest one."""
    if reasoning is None or isinstance(reasoning, str):
        return None if reasoning is None else _EFFORTS.get(reasoning.lower(), "medium")
    return "low" if reasoning < 4000 else "medium" if reasoning < 12_000 else "high"


def json_mode(wanted: ResponseFormat, writes_schemas: bool) -> JsonMode:
    """How JSON is asked for. Vendors that take schemas want an object at the top."""
    if wanted.kind != "json":
        return "none"
    schema = wanted.schema or {}
    is_object = schema.get("type") == "object" or "properties" in schema
    return "schema" if schema and writes_schemas and is_object else "instruction"


def common_settings(request: ModelRequest) -> ModelSettings:
    """The options that mean the same everywhere."""
    settings = ModelSettings(timeout=request.timeout_s)
    sampling = request.sampling
    if sampling.temperature is not None:
        settings["temperature"] = sampling.temperature
    if sampling.max_tokens is not None:
        settings["max_tokens"] = sampling.max_tokens
    if sampling.top_p is not None:
        settings["top_p"] = sampling.top_p
    if sampling.stop:
        settings["stop_sequences"] = list(sampling.stop)
    return settings


def parameters(request: ModelRequest, mode: JsonMode) -> ModelRequestParameters:
    """What the answer must look like, as far as the library takes it."""
    wanted = request.response_format
    if mode != "schema" or wanted.schema is None:
        return ModelRequestParameters()
    name = re.sub(r"[^\w-]", "_", wanted.name)[:64] or "answer"
    return ModelRequestParameters(
        output_mode="native", output_object=OutputObjectDefinition(json_schema=wanted.schema, name=name)
    )


def messages(request: ModelRequest, mode: JsonMode) -> list[ModelMessage]:
    """The conversation. Raises ModelFailure for content that cannot be read."""
    pending: list[ModelRequestPart] = []
    history: list[ModelMessage] = []
    system = "\n\n".join(
        text for text in (request.system, _instruction(request.response_format, mode)) if text
    )
    if system:
        pending.append(SystemPromptPart(system))
    for message in request.messages:
        if message.role == "assistant":
            if pending:
                history.append(LibraryRequest(parts=pending))
                pending = []
            history.append(ModelResponse(parts=[TextPart(_text(message))]))
        elif message.role == "system":
            pending.append(SystemPromptPart(_text(message)))
        else:
            pending.append(UserPromptPart(_content(message)))
    if pending:
        history.append(LibraryRequest(parts=pending))
    return history


def _instruction(wanted: ResponseFormat, mode: JsonMode) -> str:
    if wanted.kind == "markdown":
        return "Write the answer as Markdown."
    if mode != "instruction":
        return ""
    rule = "Answer with one JSON value and nothing else: no words around it, no code fence."
    if wanted.schema is None:
        return rule
    return f"{rule} It must fit this JSON Schema:\n{json.dumps(wanted.schema, ensure_ascii=False)}"


def _text(message: Message) -> str:
    return "\n".join(part for part in _items(message) if isinstance(part, str))


def _content(message: Message) -> str | Sequence[UserContent]:
    return message.content if isinstance(message.content, str) else list(_items(message))


def _items(message: Message) -> Iterator[UserContent]:
    if isinstance(message.content, str):
        yield message.content
        return
    for part in message.content:
        match part:
            case {"type": "text", "text": str(text)}:
                yield text
            case {"type": "image", "image": str(image)}:
                yield _image(image, part.get("mimeType"))
            case {"type": "file", "data": str(data)}:
                yield _binary(data, part.get("mimeType") or "application/octet-stream")
            case _:
                # Reasoning of an earlier answer, and parts of later versions of the wire: not for the model.
                continue


def _image(image: str, mime_type: Any) -> BinaryContent | ImageUrl:
    if image.startswith(("http://", "https://")):
        return ImageUrl(url=image)
    return _binary(image, mime_type or "image/png")


def _binary(data: str, mime_type: Any) -> BinaryContent:
    head = _DATA_URI.match(data)
    try:
        body = base64.b64decode(data[head.end() :] if head else data, validate=True)
    except (binascii.Error, ValueError):
        raise ModelFailure(
            "A message holds an image or file that is not base64.", code="INVALID_CONTENT"
        ) from None
    return BinaryContent(data=body, media_type=str((head and head["type"]) or mime_type))
