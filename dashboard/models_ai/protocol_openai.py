"""Models that speak the OpenAI protocol (chat completions): OpenAI itself and everyone compatible."""

import re
from typing import Any

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
from pydantic_ai.profiles.openai import OpenAIModelProfile, openai_model_profile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from dashboard.engine.ports import ModelRequest
from dashboard.models_ai.connections import Connection
from dashboard.models_ai.table import Vendor
from dashboard.models_ai.vendor_request import JsonMode, common_settings, effort

# OpenAI's models from before schemas, and those from before any JSON mode.
_NO_SCHEMAS = re.compile(r"gpt-3\.5|gpt-4(-|$)|chatgpt|o1-(mini|preview)")
_NO_JSON = re.compile(r"gpt-4(-0314|-0613|-32k.*)?$|o1-(mini|preview)")


def build(vendor: Vendor, connection: Connection, name: str, http: httpx2.AsyncClient) -> OpenAIChatModel:
    """The model called `name`. Reads nothing from the environment."""
    client = AsyncOpenAI(
        base_url=connection.address,
        api_key=connection.api_key or "none",
        http_client=http,
        # Trying again is for the step's policy. Said here and not per request, where it would make the library copy
        # the client, and the copy read the environment again.
        max_retries=0,
    )
    # The library takes these from the environment, and would send them to any server.
    client.organization = client.project = None
    provider = (
        OpenAIProvider(openai_client=client)
        if vendor.name == "openai"
        else OpenAICompatibleProvider(vendor.name, openai_client=client)
    )
    return OpenAIChatModel(name, provider=provider, profile=_profile(vendor, connection, name))


def _profile(vendor: Vendor, connection: Connection, name: str) -> OpenAIModelProfile:
    reasons = bool(openai_model_profile(name).get("openai_supports_reasoning"))
    is_openai = vendor.name == "openai"
    at_openai = is_openai and connection.address == vendor.base_url
    return OpenAIModelProfile(
        # Without it a connection that ends early would pass for an answer that ended.
        openai_chat_streaming_requires_finish_reason=True,
        # Compatible servers know the older name of this option; OpenAI's reasoning models only the newer one.
        openai_chat_supports_max_completion_tokens=at_openai or (is_openai and reasons),
        supports_json_schema_output=_writes_schemas(vendor, name),
    )


def writes_schemas(vendor: Vendor, model: OpenAIChatModel) -> bool:
    """Whether the model can be held to a JSON Schema by the vendor."""
    return _writes_schemas(vendor, model.model_name)


def _writes_schemas(vendor: Vendor, name: str) -> bool:
    return vendor.writes_schemas and not (vendor.name == "openai" and _NO_SCHEMAS.match(name))


def settings(vendor: Vendor, model: OpenAIChatModel, request: ModelRequest, mode: JsonMode) -> ModelSettings:
    """The request's options as this vendor takes them; what it would refuse is left out."""
    wanted = OpenAIChatModelSettings(**common_settings(request))
    sampling, body = request.sampling, dict[str, Any]()
    if sampling.frequency_penalty is not None:
        wanted["frequency_penalty"] = sampling.frequency_penalty
    if sampling.presence_penalty is not None:
        wanted["presence_penalty"] = sampling.presence_penalty
    if sampling.seed is not None and vendor.name != "google":
        wanted["seed"] = sampling.seed
    if sampling.top_k is not None and vendor.passes_top_k:
        body["top_k"] = sampling.top_k
    if vendor.name == "openai" and model.profile.get("openai_supports_reasoning"):
        wanted.pop("stop_sequences", None)
    if mode == "instruction" and _takes_json_mode(vendor, model.model_name, request):
        body["response_format"] = {"type": "json_object"}
    _add_reasoning(wanted, body, vendor, request)
    if body:
        wanted["extra_body"] = body
    return wanted


def _takes_json_mode(vendor: Vendor, name: str, request: ModelRequest) -> bool:
    """The vendors' JSON mode writes objects only, so a schema of anything else goes without it."""
    is_old = vendor.name == "openai" and _NO_JSON.match(name)
    return vendor.writes_schemas and request.response_format.schema is None and not is_old


def _add_reasoning(
    wanted: OpenAIChatModelSettings, body: dict[str, Any], vendor: Vendor, request: ModelRequest
) -> None:
    level = effort(request.reasoning)
    if level is None:
        return
    if vendor.name == "openai":
        # The library knows which of OpenAI's models reason and drops this for the others.
        wanted["thinking"] = level
    elif vendor.name == "openrouter":
        budget = request.reasoning if isinstance(request.reasoning, int) else None
        body["reasoning"] = {"max_tokens": budget} if budget else {"effort": level}
    else:
        wanted["openai_reasoning_effort"] = "high" if level in ("xhigh", "max") else level
