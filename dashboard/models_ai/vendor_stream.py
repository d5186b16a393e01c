"""One vendor's model, streamed: from a request of ours to chunks of ours, with an end that is certain.

Importing this module costs about a second, so the router loads it when a vendor is first asked. An answer counts as complete
only if the vendor said why it stopped.
"""

import asyncio
import importlib
import warnings
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any, Literal

import httpx2
from pydantic_ai.exceptions import UsageExtractionFailedWarning
from pydantic_ai.messages import (
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
)
from pydantic_ai.models import Model

from dashboard.engine.ports import (
    ModelChosen,
    ModelChunk,
    ModelDone,
    ModelFailure,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
)
from dashboard.models_ai import vendor_request
from dashboard.models_ai.connections import Connection
from dashboard.models_ai.failures import failure_from, incomplete, timed_out
from dashboard.models_ai.prices import used
from dashboard.models_ai.table import Vendor

# The library warns about options it drops for a model, and about usage it cannot read. Dropping the first is what we
# want, and the second is shown as unknown.
warnings.filterwarnings("ignore", message="Sampling parameters", category=UserWarning)
warnings.filterwarnings("ignore", category=UsageExtractionFailedWarning)

StopReason = Literal["end_turn", "max_tool_calls", "length", "content_filter", "error", "unknown"]
_STOP_REASONS: dict[str | None, StopReason] = {
    "stop": "end_turn",
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "end_turn",
    "error": "error",
}


class VendorModel:
    """One model at one connection. Holds no state of a request, so any number may stream at once.

    `idle_timeout_s` is the longest silence once the answer has begun. Pings and empty chunks do not break the silence.
    """

    def __init__(
        self, vendor: Vendor, model: Model, protocol: Any, api_key: str, idle_timeout_s: float
    ) -> None:
        self._vendor, self._model, self._protocol = vendor, model, protocol
        self._api_key = api_key
        self._idle_timeout_s = idle_timeout_s

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """`ModelChosen`, text and reasoning, `ModelDone`; or `ModelFailure`. Leaving it early closes the connection."""
        patience = _Patience(self._vendor, request.timeout_s, self._idle_timeout_s)
        try:
            async with AsyncExitStack() as stack:
                async with patience.next():
                    answer = await stack.enter_async_context(self._open(request))
                yield ModelChosen(request.model, self._vendor.name)
                events = aiter(answer)
                while True:
                    async with patience.next():
                        event = await anext(events, None)
                    if event is None:
                        break
                    chunk = _chunk(event)
                    if chunk is not None:
                        patience.heard()
                        yield chunk
                for last in self._end(answer.get()):
                    yield last
        except TimeoutError:
            raise patience.failure() from None
        except Exception as error:
            raise failure_from(error, self._vendor, self._api_key) from None

    def _open(self, request: ModelRequest) -> Any:
        writes_schemas = self._protocol.writes_schemas(self._vendor, self._model)
        mode = vendor_request.json_mode(request.response_format, writes_schemas)
        return self._model.request_stream(
            vendor_request.messages(request, mode),
            self._protocol.settings(self._vendor, self._model, request, mode),
            vendor_request.parameters(request, mode),
        )

    def _end(self, answer: ModelResponse) -> list[ModelChunk]:
        details = answer.provider_details or {}
        # A reason that the library has no word for is kept in the details, as the vendor wrote it.
        if answer.finish_reason is None and not details.get("finish_reason"):
            raise incomplete(self._vendor)
        # A refusal takes the place of the answer, but arrives beside it.
        refusal = details.get("refusal")
        chunks: list[ModelChunk] = [TextChunk(refusal)] if isinstance(refusal, str) and refusal else []
        usage = used(self._vendor, self._model.model_name, answer.usage)
        reason = _STOP_REASONS.get(answer.finish_reason, "unknown")
        chunks.append(ModelDone(reason, usage.input_tokens, usage.output_tokens, usage.cost))
        return chunks


def build(
    vendor: Vendor, connection: Connection, name: str, http: httpx2.AsyncClient, idle_timeout_s: float
) -> VendorModel:
    """The vendor's model called `name`, reached over `http`."""
    # Each vendor library takes up to a second to import; only the one that is wanted is loaded.
    protocol = importlib.import_module(f"dashboard.models_ai.protocol_{vendor.protocol}")
    model = protocol.build(vendor, connection, name, http)
    return VendorModel(vendor, model, protocol, connection.api_key, idle_timeout_s)


class _Patience:
    """Two clocks: one for the whole answer, one for the silence since the last content."""

    def __init__(self, vendor: Vendor, total_s: float, idle_s: float) -> None:
        self._vendor, self._total_s, self._idle_s = vendor, total_s, idle_s
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + total_s
        self._silent_until: float | None = None

    def next(self) -> asyncio.Timeout:
        """Bounds one wait. Never held over a `yield`: it would cancel whoever reads the answer."""
        return asyncio.timeout_at(min(self._end, self._silent_until or self._end))

    def heard(self) -> None:
        self._silent_until = self._loop.time() + self._idle_s

    def failure(self) -> ModelFailure:
        if self._loop.time() >= self._end:
            return timed_out(self._vendor, self._total_s, "did not finish its answer")
        return timed_out(
            self._vendor, self._idle_s, "fell silent in the middle of its answer and said nothing more"
        )


def _chunk(event: object) -> TextChunk | ReasoningChunk | None:
    match event:
        case PartStartEvent(part=TextPart(content=text)) if text:
            return TextChunk(text)
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
            return TextChunk(text)
        case PartStartEvent(part=ThinkingPart(content=text)) if text:
            return ReasoningChunk(text)
        case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=str(text))) if text:
            return ReasoningChunk(text)
        case _:
            # Ends of parts, signatures, and whatever later versions of the library bring.
            return None
