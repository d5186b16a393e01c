"""Models that speak Anthropic's protocol."""

import httpx2
from anthropic import AsyncAnthropic
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.profiles.anthropic import ANTHROPIC_THINKING_BUDGET_MAP
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.settings import ModelSettings

from dashboard.engine.ports import ModelRequest
from dashboard.models_ai.connections import Connection
from dashboard.models_ai.table import Vendor
from dashboard.models_ai.vendor_request import JsonMode, common_settings, effort

_LEAST_BUDGET = 1024


def build(vendor: Vendor, connection: Connection, name: str, http: httpx2.AsyncClient) -> AnthropicModel:
    """The model called `name`. Given a key, the library looks for no other in the environment or on disk."""
    client = AsyncAnthropic(
        base_url=connection.address,
        api_key=connection.api_key or "none",
        http_client=http,
        max_retries=0,
    )
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))


def settings(vendor: Vendor, model: AnthropicModel, request: ModelRequest, mode: JsonMode) -> ModelSettings:
    """The request's options as Anthropic takes them; what it would refuse is left out."""
    wanted = AnthropicModelSettings(**common_settings(request))
    if request.sampling.top_k is not None:
        wanted["top_k"] = request.sampling.top_k
    if "temperature" in wanted:
        wanted["temperature"] = min(1.0, wanted["temperature"])
        # Its newer models take one of the two.
        wanted.pop("top_p", None)
    if request.reasoning is not None and model.profile.get("supports_thinking"):
        _add_thinking(wanted, model, request)
    if model.profile.get("anthropic_disallows_sampling_settings"):
        _drop_sampling(wanted)
    return wanted


def _add_thinking(wanted: AnthropicModelSettings, model: AnthropicModel, request: ModelRequest) -> None:
    """Thinking goes with no sampling options, and a budget counts against the longest answer."""
    _drop_sampling(wanted)
    level = effort(request.reasoning) or "medium"
    adapts = model.profile.get("anthropic_supports_adaptive_thinking")
    wants_budget = isinstance(request.reasoning, int)
    if adapts and (not wants_budget or model.profile.get("anthropic_disallows_budget_thinking")):
        wanted["thinking"] = level
        return
    budget = request.reasoning if isinstance(request.reasoning, int) else ANTHROPIC_THINKING_BUDGET_MAP[level]
    budget = max(_LEAST_BUDGET, budget)
    wanted["anthropic_thinking"] = {"type": "enabled", "budget_tokens": budget}
    if "max_tokens" in wanted:
        wanted["max_tokens"] += budget


def _drop_sampling(wanted: AnthropicModelSettings) -> None:
    wanted.pop("temperature", None)
    wanted.pop("top_p", None)
    wanted.pop("top_k", None)


def writes_schemas(vendor: Vendor, model: AnthropicModel) -> bool:
    """Whether the model can be held to a JSON Schema by the vendor."""
    return bool(model.profile.get("supports_json_schema_output"))
