"""`prompt`: ask a model."""

import json
from typing import Annotated, Any, ClassVar, Literal

from dashboard.engine.answer import ask, parsed
from dashboard.engine.context import StepContext
from dashboard.engine.fieldtypes import (
    Advanced,
    Config,
    Field,
    Json,
    JsonSchema,
    LongTemplate,
    ModelName,
    Needed,
    OptionalCount,
    OptionalNumber,
    ShownWhen,
    VariableName,
)
from dashboard.engine.ports import Message, ModelRequest, ResponseFormat, Sampling
from dashboard.engine.step import Group, Result, Step, StepFailed
from dashboard.engine.templating import references

SAMPLING = Advanced("Sampling")


class PromptConfig(Config):
    model: Annotated[ModelName, Needed("Choose the model that answers.")] = Field(
        default="", title="Model", description="Which model answers, such as gpt-4 or claude-sonnet-4-6."
    )
    user_prompt: Annotated[LongTemplate, Needed("Write what to ask; a step with an empty prompt fails.")] = (
        Field(
            default="",
            title="Prompt",
            description="What to ask. {{references}} are filled in before the model sees it.",
        )
    )
    system_prompt: LongTemplate = Field(
        default="",
        title="System prompt",
        description="Who the model is and how it should answer. May stay empty.",
    )
    response_format: Literal["text", "markdown", "json"] | dict[str, Any] = Field(
        default="text",
        title="Answer as",
        description="Text, Markdown, or a JSON value that later steps can read by path.",
    )
    response_schema: Annotated[JsonSchema, ShownWhen("response_format", ("json",))] = Field(
        default=None, title="JSON Schema", description="The shape the JSON answer must have. May stay empty."
    )
    output_variable: VariableName = Field(
        default="", title="Output variable", description="Later steps read the answer as {{name}}."
    )
    previous_messages: Annotated[Json, Advanced("Conversation")] = Field(
        default=None,
        title="Previous messages",
        description="A list of messages, usually {{messages}}, put before the prompt.",
    )
    temperature: Annotated[OptionalNumber, SAMPLING] = Field(
        default=None,
        ge=0,
        le=2,
        title="Temperature",
        description="0 is steady, 2 is wild. Empty leaves the model's own.",
    )
    max_tokens: Annotated[OptionalCount, SAMPLING] = Field(
        default=None, ge=1, le=1_000_000, title="Longest answer", description="In tokens."
    )
    top_p: Annotated[OptionalNumber, SAMPLING] = Field(
        default=None, ge=0, le=1, title="Top P", description="Share of the likeliest words to choose from."
    )
    top_k: Annotated[OptionalCount, SAMPLING] = Field(
        default=None,
        ge=1,
        le=1000,
        title="Top K",
        description="Number of the likeliest words to choose from.",
    )
    frequency_penalty: Annotated[OptionalNumber, SAMPLING] = Field(
        default=None,
        ge=-2,
        le=2,
        title="Frequency penalty",
        description="Above 0 discourages words the more often they were used.",
    )
    presence_penalty: Annotated[OptionalNumber, SAMPLING] = Field(
        default=None,
        ge=-2,
        le=2,
        title="Presence penalty",
        description="Above 0 discourages words that were used at all.",
    )
    seed: Annotated[OptionalCount, SAMPLING] = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="The same seed asks for the same answer, where the vendor can.",
    )
    reasoning: Annotated[
        bool | int | Literal["low", "medium", "high"] | dict[str, Any] | None, Advanced("Reasoning")
    ] = Field(
        default=None,
        title="Reasoning",
        description="Let the model think first: on, an effort, or a budget in tokens.",
    )
    timeout_ms: Annotated[OptionalCount, Advanced("Limits")] = Field(
        default=None,
        ge=1000,
        le=900_000,
        title="Time limit",
        description="In milliseconds; 120,000 when empty.",
    )


class Prompt(Step[PromptConfig]):
    """Asks a model and streams its answer."""

    kind: ClassVar[str] = "prompt"
    title: ClassVar[str] = "Prompt"
    group: ClassVar[Group] = "AI"
    Config: ClassVar[type[Config]] = PromptConfig
    example: ClassVar[dict[str, Any]] = {
        "model": "demo",
        "userPrompt": "Say hello to {{_record.name}}.",
        "outputVariable": "answer",
    }
    streams: ClassVar[bool] = True

    async def run(self, ctx: StepContext[PromptConfig]) -> Result:
        request = _request(ctx)
        began = ctx.ports.clock.monotonic()
        answer = await ask(ctx, request)
        value, done = parsed(request.response_format, answer.text), answer.done
        tokens = {"input": done.input_tokens, "output": done.output_tokens}
        if done.input_tokens is not None and done.output_tokens is not None:
            tokens["total"] = done.input_tokens + done.output_tokens
        wire = {
            "promptId": ctx.step.id,
            "promptName": ctx.step.name,
            "processedPrompt": request.messages[-1].content,
            "response": answer.text,
            "model": answer.chosen.model,
            "tokens": tokens,
            "cost": None if done.cost is None else float(done.cost),
            "executionTime": round((ctx.ports.clock.monotonic() - began) * 1000),
            "order": ctx.step.order,
        }
        return Result(
            value=value,
            wire=wire,
            stop_reason=done.stop_reason,
            input_tokens=done.input_tokens or 0,
            output_tokens=done.output_tokens or 0,
            cost=done.cost,
            used_model=True,
            fallback=answer.fallback,
            demo=answer.chosen.vendor == "demo",
        )


def _request(ctx: StepContext[PromptConfig]) -> ModelRequest:
    config = ctx.config
    if not config.model.strip():
        raise StepFailed("This step names no model. Choose one under “Model”.", code="INVALID_CONFIG")
    _refuse_secrets(config.user_prompt, config.system_prompt)
    prompt = _prompt_text(ctx)
    if not prompt.strip():
        raise StepFailed("The prompt is empty after its references were filled in.", code="EMPTY_PROMPT")
    return ModelRequest(
        model=ctx.render(config.model).strip(),
        messages=(*_history(ctx), Message("user", prompt)),
        system=ctx.render(config.system_prompt),
        sampling=Sampling(
            temperature=config.temperature,
            max_tokens=config.max_tokens,
            top_p=config.top_p,
            top_k=config.top_k,
            frequency_penalty=config.frequency_penalty,
            presence_penalty=config.presence_penalty,
            seed=config.seed,
        ),
        response_format=_format(config),
        reasoning=_reasoning(config.reasoning),
        timeout_s=(config.timeout_ms or 120_000) / 1000,
    )


def _refuse_secrets(*texts: str) -> None:
    for text in texts:
        for reference in references(text):
            if reference.is_secret or reference.is_misspelt_secret:
                raise StepFailed(
                    f"Secrets are never shown to a model: take {{{{{reference.path}}}}} out of the prompt.",
                    code="SECRET_NOT_ALLOWED_HERE",
                )


def _prompt_text(ctx: StepContext[PromptConfig]) -> str:
    """The filled-in prompt, with the record's metadata below it when nothing in the prompt reads the record."""
    text = ctx.render(ctx.config.user_prompt)
    metadata = (ctx.given.record or {}).get("metadata")
    reads_record = any(
        r.root == "_record" for r in references(ctx.config.user_prompt + ctx.config.system_prompt)
    )
    if not ctx.given.auto_append_metadata or not metadata or reads_record:
        return text
    return f"{text}\n\nRecord metadata:\n{json.dumps(metadata, ensure_ascii=False, indent=2)}"


def _history(ctx: StepContext[PromptConfig]) -> list[Message]:
    value = ctx.resolve(ctx.config.previous_messages)
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise StepFailed(
            "“Previous messages” must be a list of messages, such as {{messages}}.", code="INVALID_CONFIG"
        )
    history = []
    for item in value:
        if not isinstance(item, dict) or item.get("role") not in ("user", "assistant", "system"):
            raise StepFailed(
                "Each of the previous messages needs a role (user, assistant or system) and a content.",
                code="INVALID_CONFIG",
            )
        history.append(Message(item["role"], item.get("content", "")))
    return history


def _format(config: PromptConfig) -> ResponseFormat:
    """The answer's format. A schema may come beside the format, or inside it as OpenAI writes it."""
    wanted = config.response_format
    if isinstance(wanted, str):
        return ResponseFormat(wanted, schema=config.response_schema if wanted == "json" else None)
    inner = wanted.get("json_schema") or wanted.get("jsonSchema") or wanted
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return ResponseFormat(
        "json", schema=schema or config.response_schema, name=str(inner.get("name") or "answer")
    )


def _reasoning(value: Any) -> str | int | None:
    if isinstance(value, dict):
        budget, effort = value.get("budgetTokens") or value.get("budget"), value.get("effort")
        if value.get("enabled") is False:
            return None
        return budget if isinstance(budget, int) else (effort if isinstance(effort, str) else "medium")
    if value is True:
        return "medium"
    return value or None
