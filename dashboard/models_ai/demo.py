"""The demo model: needs nothing, answers from the prompt it got, the same every time, and says what it is.

The answer is planned as a whole (`_plan`) and then streamed in words. A demo that calls tools would plan tool calls there,
and `stream` would yield them like the other pieces.
"""

import asyncio
import json
import math
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dashboard.engine.ports import (
    ModelChosen,
    ModelChunk,
    ModelDone,
    ModelFailure,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
)
from dashboard.models_ai import demo_prose
from dashboard.models_ai.demo_reading import Reading, read, text_of
from dashboard.models_ai.demo_schema import CannotFit, fitting_value, schema_like

_CHARACTERS_PER_TOKEN = 4
_WORD = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+$")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What will be said."""

    reasoning: str
    text: str


class Demo:
    """The demo model. `delay_s` is the pause before each word."""

    def __init__(self, delay_s: float = 0.025) -> None:
        self._delay_s = delay_s

    async def stream(
        self, request: ModelRequest, fallback_reason: str | None = None
    ) -> AsyncGenerator[ModelChunk, None]:
        """Answer like any vendor. `ModelFailure` when a JSON Schema cannot be met or the time is up."""
        yield ModelChosen("demo", "demo", fallback_reason)
        # A schema may take a while to meet, and everybody else's answers wait for this loop.
        plan = await asyncio.to_thread(_plan, request) if request.response_format.schema else _plan(request)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.timeout_s
        for word in words(plan.reasoning):
            await self._pause(deadline, request)
            yield ReasoningChunk(word)
        text, ended = _cut(plan.text, request)
        for word in words(text):
            await self._pause(deadline, request)
            yield TextChunk(word)
        yield ModelDone(
            "length" if ended == "length" else "end_turn",
            input_tokens=_prompt_tokens(request),
            output_tokens=tokens(plan.reasoning) + tokens(text),
            cost=Decimal(0),
        )

    async def _pause(self, deadline: float, request: ModelRequest) -> None:
        await asyncio.sleep(self._delay_s)
        if asyncio.get_running_loop().time() > deadline:
            raise ModelFailure(
                f"The built-in demo model did not finish within {request.timeout_s:g} seconds.",
                code="MODEL_TIMEOUT",
                retryable=True,
            )


def words(text: str) -> list[str]:
    """The text in pieces that end where a word ends; joined they are the text."""
    return _WORD.findall(text)


def tokens(text: str) -> int:
    """A plausible number of tokens."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def _prompt_tokens(request: ModelRequest) -> int:
    return tokens(request.system) + sum(tokens(text_of(message)) + 4 for message in request.messages)


def _plan(request: ModelRequest) -> _Plan:
    reading = read(request)
    thinks = request.reasoning is not None
    wanted = {"json": "JSON", "markdown": "Markdown", "text": "text"}[request.response_format.kind]
    return _Plan(
        reasoning=demo_prose.reasoning(reading, wanted) if thinks else "",
        text=_answer(request, reading),
    )


def _answer(request: ModelRequest, reading: Reading) -> str:
    wanted = request.response_format
    if wanted.kind == "markdown":
        return demo_prose.markdown(reading)
    if wanted.kind == "text":
        return demo_prose.text(reading)
    schema = wanted.schema or (schema_like(reading.example) if reading.example else None)
    value = _free_value(reading) if schema is None else _schema_value(schema, reading)
    return json.dumps(value, ensure_ascii=False, indent=2)


def _schema_value(schema: dict[str, Any], reading: Reading) -> Any:
    try:
        return fitting_value(schema, reading.facts)
    except CannotFit as problem:
        raise ModelFailure(
            f"The built-in demo model cannot write JSON that fits this schema: {problem}",
            code="SCHEMA_NOT_MET",
        ) from None


def _free_value(reading: Reading) -> dict[str, Any]:
    return {
        "answeredBy": "built-in demo model",
        "asked": reading.question,
        "facts": dict(reading.facts),
        "numbers": list(reading.numbers),
        "names": list(reading.names),
    }


def _cut(text: str, request: ModelRequest) -> tuple[str, str]:
    """The text up to a stop sequence or the longest answer, and which of the two ended it."""
    sampling = request.sampling
    stops = [at for stop in sampling.stop if stop and (at := text.find(stop)) >= 0]
    ended = "end"
    if stops:
        text, ended = text[: min(stops)], "stop"
    if sampling.max_tokens is not None and tokens(text) > sampling.max_tokens:
        text, ended = text[: sampling.max_tokens * _CHARACTERS_PER_TOKEN], "length"
    return text, ended
