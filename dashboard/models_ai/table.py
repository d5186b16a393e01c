"""The one table of model vendors, and how a model's name is read.

A name is bare (`gpt-4o`, `claude-sonnet-4-6`), which only works for families that belong to one vendor, or carries the
vendor before a colon (`ollama:llama3`, `openrouter:meta-llama/llama-3.3-70b-instruct`). Everything after the first
colon is the vendor's own name for the model, colons included (`ollama:llama3:8b`).
"""

import re
from dataclasses import dataclass
from typing import Literal

Protocol = Literal["openai", "anthropic", "demo"]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor.

    `base_url` is its public address, empty when there is none and an operator has to name one. `key_variable` and
    `url_variable` are the environment variables that connect it, empty when only Settings can. `bare_names` matches
    the model names that need no prefix. `priced`: the price list knows the vendor. `writes_schemas`: its models can be
    held to a JSON Schema. `passes_top_k`: it takes `top_k`, which the OpenAI protocol lacks.
    """

    name: str
    title: str
    protocol: Protocol
    base_url: str = ""
    needs_key: bool = True
    key_variable: str = ""
    url_variable: str = ""
    bare_names: str = ""
    priced: bool = False
    writes_schemas: bool = True
    passes_top_k: bool = False
    models: tuple[str, ...] = ()

    @property
    def has_form(self) -> bool:
        """Whether Settings offers a connection to it."""
        return self.protocol != "demo"


DEMO = Vendor("demo", "Built-in demo", "demo", needs_key=False, bare_names=r"demo", models=("demo",))

VENDORS: tuple[Vendor, ...] = (
    Vendor(
        "openai",
        "OpenAI",
        "openai",
        "https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
        bare_names=r"(gpt-|chatgpt|o[1-9](-|$)|ft:gpt-|codex-)",
        priced=True,
        models=(
            "gpt-4",
            "gpt-4o",
            "gpt-4o-mini",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-5",
            "gpt-5-mini",
            "o3",
            "o4-mini",
        ),
    ),
    Vendor(
        "anthropic",
        "Anthropic",
        "anthropic",
        "https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        url_variable="ANTHROPIC_BASE_URL",
        bare_names=r"claude-",
        priced=True,
        models=("claude-haiku-4-5", "claude-opus-4-6", "claude-sonnet-4-5", "claude-sonnet-4-6"),
    ),
    # The native Google library needs the old HTTP library; this address speaks the OpenAI protocol.
    Vendor(
        "google",
        "Google",
        "openai",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        key_variable="GEMINI_API_KEY",
        bare_names=r"gemini-",
        priced=True,
        models=("gemini-2.5-flash", "gemini-2.5-pro"),
    ),
    Vendor(
        "openrouter",
        "OpenRouter",
        "openai",
        "https://openrouter.ai/api/v1",
        key_variable="OPENROUTER_API_KEY",
        priced=True,
        passes_top_k=True,
        models=("openrouter:meta-llama/llama-3.3-70b-instruct",),
    ),
    Vendor(
        "ollama",
        "Ollama",
        "openai",
        needs_key=False,
        url_variable="OLLAMA_BASE_URL",
        models=("ollama:llama3",),
    ),
    Vendor("vllm", "vLLM", "openai", needs_key=False, passes_top_k=True),
    Vendor("lmstudio", "LM Studio", "openai", needs_key=False),
    Vendor("openai-compatible", "OpenAI-compatible server", "openai", needs_key=False, writes_schemas=False),
    DEMO,
)

BY_NAME: dict[str, Vendor] = {vendor.name: vendor for vendor in VENDORS}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A vendor and the name that vendor knows the model by."""

    vendor: Vendor
    model: str


def resolve(name: str) -> Resolved | None:
    """Read a model's name; None when it names no vendor of the table. Upper and lower case of the prefix are equal."""
    name = name.strip()
    prefix, colon, rest = name.partition(":")
    vendor = BY_NAME.get(prefix.strip().lower()) if colon else None
    if vendor is not None:
        return Resolved(vendor, rest.strip()) if rest.strip() else None
    for row in VENDORS:
        if row.bare_names and re.match(rf"{row.bare_names}", name) and (row is not DEMO or name == "demo"):
            return Resolved(row, name)
    return None


def known(name: str) -> bool:
    """Whether the name leads to a vendor; says nothing about whether that vendor is connected or has the model."""
    return resolve(name) is not None


def suggestions() -> list[str]:
    """Well-known model names for an editor's list, the demo last."""
    return [model for vendor in VENDORS for model in vendor.models]
