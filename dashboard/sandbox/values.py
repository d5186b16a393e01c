"""JSON on its way in and out of the sandbox, checked as if a stranger had written it."""

import json
import math
from typing import Any

from dashboard.sandbox.errors import ScriptOutput

MAX_BYTES = 1_048_576
MAX_DEPTH = 64
_MAX_TEXT = 2_000


def encode(value: Any) -> str:
    """JSON text of a value. Raises ScriptOutput if it is not JSON (NaN, a set, ...) or over 1 MB."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ScriptOutput("The data for the script cannot be written as JSON.") from error
    if len(text) > MAX_BYTES:
        raise ScriptOutput("The data for the script is larger than 1 MB.")
    return text


def decode(text: Any) -> Any:
    """The value of JSON text from a worker: dicts, lists, strings, finite numbers, booleans, None.

    Raises ScriptOutput over 1 MB, deeper than 64 levels, for numbers that are not finite and for unpaired
    surrogates, which no database or network can store.
    """
    if not isinstance(text, str):
        raise ScriptOutput("The script did not return JSON.")
    try:
        size = len(text.encode("utf-8"))
        if size > MAX_BYTES:
            raise ScriptOutput("The script returned more than 1 MB.")
        value = json.loads(text)
    except UnicodeEncodeError as error:
        raise ScriptOutput("The script returned text that is not valid Unicode.") from error
    except RecursionError as error:
        raise ScriptOutput(_TOO_DEEP) from error
    except ValueError as error:
        raise ScriptOutput("The script did not return JSON.") from error
    _check(value)
    return value


def safe_text(text: Any) -> str:
    """Text for people: no control characters except line breaks, no lone surrogates, at most 2,000 characters."""
    if not isinstance(text, str):
        return ""
    clean = text[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char in "\n\t" or char.isprintable() else "\ufffd" for char in clean)


_TOO_DEEP = f"The script returned data nested deeper than {MAX_DEPTH} levels."


def _check(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        following: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                following.extend(item.keys())
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
            else:
                _check_scalar(item)
        if not following:
            return
        level = following
    raise ScriptOutput(_TOO_DEEP)


def _check_scalar(item: Any) -> None:
    if isinstance(item, float) and not math.isfinite(item):
        raise ScriptOutput("The script returned a number that is too large.")
    if isinstance(item, str) and not item.isascii():
        try:
            item.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ScriptOutput("The script returned text that is not valid Unicode.") from error
