"""A strict JSON reader in front of the models: what it lets through can be stored, shown and sent on.

The body is measured before it is parsed, because parsing is where a small hostile body becomes a large one.
"""

import codecs
import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from dashboard.wire.base import JsonObject
from dashboard.wire.errors import WireError, clip


@dataclass(frozen=True, slots=True)
class Limits:
    """Depth of nesting, number of values, and length of one text in UTF-8 bytes."""

    depth: int = 64
    nodes: int = 10_000
    string_bytes: int = 256 * 1024


DEFAULT: Final = Limits()

# The longest integer that still fits a double; anything longer is no number to other JSON readers.
_MAX_DIGITS = 309

# A string, or what is left of the body when its last string has no end.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands where the parser met something we refuse, until the walk finds out where that is."""

    code: str
    message: str


def loads(raw: bytes, limits: Limits = DEFAULT) -> JsonObject:
    """The JSON object in `raw`. Raises WireError like `loads_value`, and `object_expected` for any other value."""
    value = loads_value(raw, limits)
    if not isinstance(value, dict):
        raise WireError("object_expected")
    return value


def loads_value(raw: bytes, limits: Limits = DEFAULT) -> Any:
    """The JSON value in `raw`.

    Raises WireError with one of the codes invalid_json, invalid_number, too_deep, too_many_nodes, string_too_long,
    invalid_unicode and duplicate_key; where the place is known, it is in `details[0].path`.
    """
    body = raw.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise WireError(
            "invalid_unicode", f"The body is not UTF-8: byte {exc.start} cannot be read."
        ) from None
    _measure(body, limits)
    value = _parse(text)
    _walk(value, limits)
    return value


def _measure(body: bytes, limits: Limits) -> None:
    """Refuse by counting brackets and commas outside strings, at no more cost than a copy of the body."""
    structure, complete = _without_strings(body, limits)
    # Within the allowed number of values, brackets beyond this many can only be stray closing ones.
    brackets = structure.translate(None, _ALL_BUT_BRACKETS)[: 4 * limits.nodes]
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > limits.depth:
            raise WireError("too_deep", f"The body is nested more than {limits.depth} levels deep.")
        if depth < 0:
            break  # Not JSON; the parser stops here too and says where.
    opened = structure.count(b"[") + structure.count(b"{")
    if not complete or max(structure.count(b",") + 1, opened) > limits.nodes:
        raise _too_many(limits)


def _without_strings(body: bytes, limits: Limits) -> tuple[bytes, bool]:
    """(the body without its strings, whether that is all of it): it ends where there are too many of them."""
    pieces: list[bytes] = []
    end = 0
    for string in _STRING.finditer(body):
        pieces.append(body[end : string.start()])
        end = string.end()
        # Every value has at most one key.
        if len(pieces) > 2 * limits.nodes:
            return b"".join(pieces), False
    pieces.append(body[end:])
    return b"".join(pieces), True


def _too_many(limits: Limits) -> WireError:
    return WireError("too_many_nodes", f"The body holds more than {limits.nodes:,} values.")


def _integer(text: str) -> int | _Refused:
    if len(text) > _MAX_DIGITS:
        return _Refused("invalid_number", f"The number has more than {_MAX_DIGITS} digits.")
    return int(text)


def _float(text: str) -> float | _Refused:
    value = float(text)
    return value if math.isfinite(value) else _Refused("invalid_number", "The number is too large.")


def _constant(text: str) -> _Refused:
    return _Refused("invalid_number", f"{text} is not a JSON number.")


def _object(pairs: list[tuple[str, Any]]) -> JsonObject | _Refused:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return _Refused("duplicate_key", f"The key {clip(twice)} is given twice.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _parse(text: str) -> Any:
    if not text.strip():
        raise WireError("invalid_json", "The body is empty.")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        raise WireError(
            "invalid_json", f"The body is not valid JSON: {exc.msg.removesuffix(' at')} at {place}."
        ) from None


# A place in the value: the place it is in, and its key or index there.
_Place = tuple[Any, str | int] | None


def _walk(root: Any, limits: Limits) -> None:
    waiting: list[tuple[Any, _Place]] = [(root, None)]
    nodes = 0
    while waiting:
        value, place = waiting.pop()
        nodes += 1
        if isinstance(value, str):
            _check_text(value, place, limits)
        elif isinstance(value, dict):
            for key, item in value.items():
                _check_text(key, place, limits)
                waiting.append((item, (place, key)))
        elif isinstance(value, list):
            waiting.extend((item, (place, index)) for index, item in enumerate(value))
        elif isinstance(value, _Refused):
            raise WireError(value.code, value.message, path=_path(place))
    if nodes > limits.nodes:
        raise _too_many(limits)


def _check_text(text: str, place: _Place, limits: Limits) -> None:
    size = len(text)
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise WireError(
                "invalid_unicode", "A text holds half a surrogate pair.", path=_path(place)
            ) from None
    if size > limits.string_bytes:
        limit = limits.string_bytes // 1024
        raise WireError("string_too_long", f"A text is longer than {limit} KB.", path=_path(place))
    if "\0" in text:
        raise WireError("invalid_unicode", "A text holds the character NUL.", path=_path(place))


def _path(place: _Place) -> str:
    parts: list[str] = []
    while place is not None:
        place, key = place
        parts.append(clip(key))
    return ".".join(reversed(parts))
