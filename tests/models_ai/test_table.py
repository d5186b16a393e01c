"""How model names are read."""

import pytest

from dashboard.models_ai.table import BY_NAME, VENDORS, known, resolve, suggestions


@pytest.mark.parametrize(
    ("name", "vendor", "model"),
    [
        ("gpt-4", "openai", "gpt-4"),
        ("gpt-4o-2024-08-06", "openai", "gpt-4o-2024-08-06"),
        ("o3", "openai", "o3"),
        ("o1-preview", "openai", "o1-preview"),
        ("chatgpt-4o-latest", "openai", "chatgpt-4o-latest"),
        ("ft:gpt-4o:acme::abc", "openai", "ft:gpt-4o:acme::abc"),
        ("claude-sonnet-4-6", "anthropic", "claude-sonnet-4-6"),
        ("gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("demo", "demo", "demo"),
        ("demo:anything", "demo", "anything"),
        ("ollama:llama3", "ollama", "llama3"),
        ("ollama:llama3:8b", "ollama", "llama3:8b"),
        ("Ollama: llama3 ", "ollama", "llama3"),
        ("openrouter:meta-llama/llama-3.3-70b", "openrouter", "meta-llama/llama-3.3-70b"),
        ("openai:my-tune", "openai", "my-tune"),
        ("anthropic:claude-next", "anthropic", "claude-next"),
        ("vllm:Qwen/Qwen3", "vllm", "Qwen/Qwen3"),
        ("lmstudio:phi", "lmstudio", "phi"),
        ("openai-compatible:x", "openai-compatible", "x"),
        ("  gpt-4  ", "openai", "gpt-4"),
    ],
)
def test_a_name_leads_to_a_vendor_and_its_own_name(name: str, vendor: str, model: str) -> None:
    resolved = resolve(name)
    assert resolved is not None
    assert (resolved.vendor.name, resolved.model) == (vendor, model)
    assert known(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "gtp-4",
        "llama3",
        "o",
        "oo1",
        "o1x",
        "demonstration",
        "nobody:gpt-4",
        "ollama:",
        ":gpt-4",
        "claude",
    ],
)
def test_other_names_lead_nowhere(name: str) -> None:
    assert resolve(name) is None
    assert not known(name)


def test_every_suggestion_is_known_and_the_demo_is_among_them() -> None:
    assert all(known(name) for name in suggestions())
    assert "demo" in suggestions()
    assert len(set(suggestions())) == len(suggestions())


def test_every_vendor_can_be_named_as_a_prefix() -> None:
    for vendor in VENDORS:
        resolved = resolve(f"{vendor.name}:some-model")
        assert resolved is not None
        assert resolved.vendor is vendor
    assert set(BY_NAME) == {vendor.name for vendor in VENDORS}


def test_a_vendor_without_a_public_address_needs_no_key() -> None:
    assert all(vendor.base_url or not vendor.needs_key for vendor in VENDORS)
