"""JSON that people type, paste or upload: text to a value, or a sentence that says where it is wrong."""

import json
import re
from typing import Any

from dashboard.wire.errors import WireError
from dashboard.wire.strict_json import loads_value

MAX_BYTES = 1024 * 1024
_LINE = re.compile(r"line (\d+), column")


class Unreadable(ValueError):
    """The text is not JSON that can be kept. `line` counts from 1 where the place is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read_json(text: str) -> Any:
    """The value of a JSON text of at most 1 MB, read as strictly as the API reads bodies. Raises Unreadable."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise Unreadable("The text is longer than 1 MB.")
    try:
        return loads_value(raw)
    except WireError as problem:
        message = problem.message.replace("The body", "This")
        path = problem.details[0]["path"] if problem.details else ""
        line = _LINE.search(message)
        raise Unreadable(f"{message} ({path})" if path else message, int(line[1]) if line else None) from None


def read_object(text: str, what: str) -> dict[str, Any]:
    """Like `read_json`, for a text that must be an object; `what` names it in the sentence."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is a JSON object: it begins with {{ and ends with }}.")
    return value


def write_json(value: Any) -> str:
    """A value as people read and edit it: indented, characters as they are."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: key order counts, and 1, 1.0 and true are three things."""
    return json.dumps(one) == json.dumps(other)
