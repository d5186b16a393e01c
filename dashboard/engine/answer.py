"""Asks a model on behalf of a step: its words go into the step's blocks, and what came of it is returned."""

import json
from dataclasses import dataclass
from typing import Any

from jsonschema import SchemaError
from jsonschema.validators import validator_for

from dashboard.engine.context import StepContext
from dashboard.engine.ports import (
    ModelChosen,
    ModelDone,
    ModelRequest,
    ReasoningChunk,
    ResponseFormat,
    TextChunk,
)
from dashboard.engine.step import StepFailed
from dashboard.wire.events import Custom, Fallback


@dataclass(slots=True)
class Answer:
    """One model's whole answer: its text, who gave it, and what it took."""

    text: str
    chosen: ModelChosen
    done: ModelDone

    @property
    def fallback(self) -> Fallback | None:
        """The wire's note that another model answered than the one asked for."""
        if not self.chosen.fallback_reason:
            return None
        reason = self.chosen.fallback_reason
        return Fallback(used=True, exhausted=False, model=self.chosen.model, reason=reason, attempts=[])


async def ask(ctx: StepContext[Any], request: ModelRequest) -> Answer:
    """Stream one answer into the step's blocks. Raises `ModelFailure` when there is none."""
    pieces: list[str] = []
    answer = Answer("", ModelChosen(request.model, ""), ModelDone("unknown"))
    async for chunk in ctx.ports.models.stream(request):
        match chunk:
            case TextChunk(text):
                pieces.append(text)
                ctx.blocks.text(text)
            case ReasoningChunk(text):
                ctx.blocks.reasoning(text)
            case ModelChosen():
                answer.chosen = chunk
                _tell_fallback(ctx, chunk)
            case ModelDone():
                answer.done = chunk
    answer.text = "".join(pieces)
    ctx.blocks.close()
    return answer


def _tell_fallback(ctx: StepContext[Any], chosen: ModelChosen) -> None:
    """Say before the first word that another model answers, so that nobody reads it as the one asked for."""
    if chosen.fallback_reason:
        value = {
            "phase": "complete",
            "stepId": ctx.step.id,
            "model": chosen.model,
            "reason": chosen.fallback_reason,
        }
        ctx.emit(Custom(name="runtype.fallback", value=value))


def parsed(wanted: ResponseFormat, text: str) -> Any:
    """An answer as the value that later steps read: text as it is, JSON parsed and held to its schema.

    Raises `StepFailed` when a JSON answer is not JSON, or does not fit.
    """
    if wanted.kind != "json":
        return text
    body = text.strip()
    if body.startswith("```"):
        body = body.split("\n", 1)[-1].rsplit("```", 1)[0]
    try:
        value = json.loads(body)
    except ValueError:
        raise StepFailed(
            "The model was asked for JSON and its answer is not JSON.", code="INVALID_JSON_ANSWER"
        ) from None
    if wanted.schema is not None:
        _hold_to(wanted.schema, value)
    return value


def _hold_to(schema: dict[str, Any], value: Any) -> None:
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
        problem = next(iter(kind(schema).iter_errors(value)), None)
    except SchemaError as wrong:
        raise StepFailed(
            f"The JSON Schema of this step is not one: {wrong.message}.", code="INVALID_CONFIG"
        ) from None
    except Exception as wrong:  # a reference that leads nowhere; nothing is fetched for it
        raise StepFailed(
            f"The JSON Schema of this step cannot be used: {wrong}.", code="INVALID_CONFIG"
        ) from None
    if problem is not None:
        where = problem.json_path.removeprefix("$.").removeprefix("$") or "the value"
        raise StepFailed(
            f"The model's JSON does not fit the schema: {where}: {problem.message[:200]}.",
            code="INVALID_JSON_ANSWER",
        )
