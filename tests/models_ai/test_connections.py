"""Connections from the environment and from forms."""

import pytest

from dashboard.models_ai.connections import Connection, from_environment, what_to_configure
from dashboard.models_ai.table import BY_NAME, VENDORS
from dashboard.settings import VENDOR_ENVIRONMENT


def test_an_empty_environment_connects_nothing() -> None:
    assert from_environment({}) == {}
    assert from_environment(dict.fromkeys(VENDOR_ENVIRONMENT, "")) == {}


def test_a_key_connects_the_vendors_public_address_which_needs_no_trust() -> None:
    connections = from_environment(
        {"OPENAI_API_KEY": "k1", "GEMINI_API_KEY": "k2", "OPENROUTER_API_KEY": "k3"}
    )
    assert set(connections) == {"openai", "google", "openrouter"}
    assert connections["openai"] == Connection("openai", "", "k1", trusted=False)
    assert connections["openai"].address == "https://api.openai.com/v1"
    assert connections["google"].address.startswith("https://generativelanguage.googleapis.com/")


def test_an_address_of_the_operator_is_trusted_and_needs_no_key() -> None:
    connections = from_environment({"OPENAI_BASE_URL": "http://10.0.0.5:8000/v1"})
    assert connections["openai"] == Connection("openai", "http://10.0.0.5:8000/v1", "", trusted=True)
    assert connections["openai"].is_usable


def test_the_variables_of_the_table_are_those_of_the_settings() -> None:
    named = {name for vendor in VENDORS for name in (vendor.key_variable, vendor.url_variable) if name}
    assert named == set(VENDOR_ENVIRONMENT)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        ("http://box/llm/v1", "http://box/llm/v1"),
    ],
)
def test_ollama_is_reached_at_its_openai_path(given: str, used: str) -> None:
    assert Connection("ollama", given).address == used


@pytest.mark.parametrize(
    ("connection", "usable"),
    [
        (Connection("openai"), False),
        (Connection("openai", api_key="k"), True),
        (Connection("openai", "https://api.openai.com/v1/"), False),
        (Connection("openai", "http://localhost:1/v1"), True),
        (Connection("vllm"), False),
        (Connection("vllm", "http://localhost:1/v1"), True),
        (Connection("openai-compatible", api_key="k"), False),
    ],
)
def test_a_connection_needs_an_address_and_where_the_vendor_wants_one_a_key(
    connection: Connection, usable: bool
) -> None:
    assert connection.is_usable is usable


def test_a_key_is_not_shown_by_accident() -> None:
    assert "s3cret" not in repr(Connection("openai", api_key="s3cret"))


@pytest.mark.parametrize(
    ("vendor", "sentence"),
    [
        ("openai", "Set OPENAI_API_KEY or add a connection under Settings → Models."),
        ("ollama", "Set OLLAMA_BASE_URL or add a connection under Settings → Models."),
        ("vllm", "Add a connection under Settings → Models."),
    ],
)
def test_what_to_configure_is_named(vendor: str, sentence: str) -> None:
    assert what_to_configure(BY_NAME[vendor]) == sentence
