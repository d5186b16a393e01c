"""Payloads for the tests of the editor: one to read, and a strategy for any the contract allows."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import dashboard

SALES = json.loads(
    (Path(dashboard.__file__).parent / "examples" / "1-sales-analysis.json").read_text("utf-8")
)


def sales() -> dict[str, Any]:
    """The payload of the public documentation, to change at will."""
    return deepcopy(SALES)


def flow(*steps: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A payload with these steps."""
    return {"flow": {"name": "Test", "steps": list(steps)}, **rest}


def prompt(step_id: str | None = None, **config: Any) -> dict[str, Any]:
    """A prompt step; without an id it has none."""
    step: dict[str, Any] = {"type": "prompt", "config": {"model": "demo", "userPrompt": "Hello", **config}}
    return step if step_id is None else {"id": step_id, **step}


_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)
_known = st.fixed_dictionaries(
    {},
    optional={
        "model": _text | _json,
        "userPrompt": _text | _json,
        "user_prompt": _text,
        "systemPrompt": _text | _json,
        "responseFormat": st.sampled_from(["text", "markdown", "json", "xml"]) | _json,
        "responseSchema": _json,
        "outputVariable": _text | _json,
        "previousMessages": _json,
        "temperature": _json,
        "maxTokens": _json,
        "seed": _json,
        "reasoning": st.sampled_from([True, False, "low", "other", 1, 0, 1.0]) | _json,
        "timeoutMs": _json,
        "variableName": _text | _json,
        "value": _json,
        "message": _text | _json,
        "sourceVariable": _text | _json,
        "tools": st.just({}),
    },
)
_config = st.builds(lambda known, more: {**more, **known}, _known, st.dictionaries(_text, _json, max_size=2))
_step = st.builds(
    lambda fixed, config, more: {**more, **fixed, **config},
    st.fixed_dictionaries(
        {"type": st.sampled_from(["prompt", "set-variable", "send-stream", "fetch-url", "unheard-of"])},
        optional={
            "id": st.sampled_from(["a", "b", "a b", "x#2", "step_1"]),
            "name": _text | st.none(),
            "order": st.integers(-5, 5),
            "enabled": st.booleans() | st.none(),
            "when": _text | st.booleans() | st.none(),
            "streamOutput": st.booleans() | st.none(),
            "errorHandling": st.sampled_from(["continue", "fail", "default"]) | st.just({"onError": "fail"}),
            "defaultValue": _json,
            "outputVariable": _text | st.none(),
        },
    ),
    st.fixed_dictionaries({}, optional={"config": _config}),
    st.dictionaries(_text.map(lambda text: f"x-{text}"), _json, max_size=2),
)


def _with_unique_ids(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    result = []
    for step in steps:
        kept = {name: value for name, value in step.items() if name != "id" or value not in seen}
        seen.add(str(kept.get("id")))
        result.append(kept)
    return result


payloads = st.builds(
    lambda name, field, steps, flow_more, rest, more: {
        **more,
        "flow": {**flow_more, "name": name, field: steps},
        **rest,
    },
    st.text("abc é✓", min_size=1, max_size=20).filter(str.strip),
    st.sampled_from(["steps", "steps", "flowSteps"]),
    st.lists(_step, min_size=1, max_size=4).map(_with_unique_ids),
    st.fixed_dictionaries({}, optional={"description": _text, "x-flow": _json}),
    st.fixed_dictionaries(
        {},
        optional={
            "record": st.fixed_dictionaries(
                {"name": st.just("R"), "type": st.just("t")},
                optional={"metadata": st.dictionaries(_text, _json, max_size=3), "x": _json},
            ),
            "inputs": st.dictionaries(st.sampled_from(["one", "two", "three"]), _json, max_size=3),
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.just("user"), "content": _text}), max_size=2
            ),
            "options": st.fixed_dictionaries({}, optional={"streamResponse": st.booleans(), "x-new": _json}),
        },
    ),
    st.dictionaries(_text.map(lambda text: f"y-{text}"), _json, max_size=2),
)
