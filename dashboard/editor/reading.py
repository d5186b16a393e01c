"""JSON that people type, paste or upload: text to a value, or a sentence that says where it is wrong."""

import json
import math
import re
from typing import Any

MAX_TEXT = 1024 * 1024
MAX_DEPTH = 64
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class Unreadable(ValueError):
    """The text is not JSON that can be kept. `line` counts from 1 where the place is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def _refuse_constant(name: str) -> Any:
    raise Unreadable(f"{name} is not a JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable("A number is too large. Write it as text, in quotes.")
    return number


def _whole(text: str) -> int:
    if len(text) > 30:
        raise Unreadable("A number has more than 30 digits. Write it as text, in quotes.")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"The key “{twice[:60]}” is given twice in one object.")
    return found


def _check(value: Any) -> None:
    """Refuse what no page, database and client could all keep as it is. Walks without recursion."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Unreadable(f"The value is nested more than {MAX_DEPTH} deep.")
        if isinstance(item, dict):
            waiting.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)
        elif isinstance(item, str) and _UNKEEPABLE.search(item):
            raise Unreadable("A text holds a character that cannot be stored (NUL, or half of a pair).")


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises Unreadable with a sentence, and the line where there is one.

    Numbers must be finite, keys unique, texts valid Unicode; at most 1 MB and 64 levels.
    """
    if len(text) > MAX_TEXT:
        raise Unreadable("The text is longer than 1 MB.")
    try:
        value = json.loads(
            text.removeprefix("\ufeff"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_once,
        )
    except json.JSONDecodeError as problem:
        words = problem.msg[:1].lower() + problem.msg[1:]
        raise Unreadable(
            f"Not valid JSON: {words} (line {problem.lineno}, column {problem.colno}).", problem.lineno
        ) from None
    except RecursionError:
        raise Unreadable(f"The value is nested more than {MAX_DEPTH} deep.") from None
    _check(value)
    return value


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
