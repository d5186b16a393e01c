"""`{{name.path}}` references: found, looked up and filled in, once. Values are never read as templates again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*([^{}\"']{1,300}?)\s*\}\}")
_PATH = re.compile(r"[A-Za-z_$][\w$ -]*(?:\.[\w$ -]+)*")
_SECRET = re.compile(r"secret:[A-Z][A-Z0-9_]*|secrets\.[A-Za-z_]\w*")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Reference:
    """One `{{…}}` in a text: what is written, and where it starts and ends."""

    path: str
    start: int
    end: int

    @property
    def root(self) -> str:
        return self.path.split(".", 1)[0]

    @property
    def is_secret(self) -> bool:
        return bool(_SECRET.fullmatch(self.path))

    @property
    def is_misspelt_secret(self) -> bool:
        return not self.is_secret and bool(re.match(r"secrets?\s*[:.]", self.path))


def references(text: str) -> list[Reference]:
    """Every reference of a text, in order. Braces that hold no path (`{{"k": 1}}`) are plain text."""
    found = []
    for match in _REFERENCE.finditer(text):
        path = match[1]
        if _PATH.fullmatch(path) or re.match(r"secrets?:", path):
            found.append(Reference(path, match.start(), match.end()))
    return found


def _step_into(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, _MISSING)
    if isinstance(value, list | tuple) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return _MISSING


def _find(path: str, scope: Mapping[str, Any]) -> Any:
    value: Any = scope
    for name in path.split("."):
        value = _step_into(value, name)
        if value is _MISSING:
            return _MISSING
    return value


def as_text(value: Any) -> str:
    """How a value reads inside a text: strings as they are, nothing for null, everything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


class Unresolved:
    """Collects the paths that a template named and nothing answered to, each once, in order."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def note(self, path: str) -> None:
        if path not in self.paths:
            self.paths.append(path)


def render(text: str, scope: Mapping[str, Any], unresolved: Unresolved) -> str:
    """The text with its references filled in; a missing one becomes empty text and is noted."""
    pieces: list[str] = []
    at = 0
    for reference in references(text):
        pieces.append(text[at : reference.start])
        value = _find(reference.path, scope)
        if value is _MISSING:
            unresolved.note(reference.path)
        else:
            pieces.append(as_text(value))
        at = reference.end
    pieces.append(text[at:])
    return "".join(pieces)


def resolve(value: Any, scope: Mapping[str, Any], unresolved: Unresolved) -> Any:
    """A JSON value with its references filled in; a text that is one reference becomes that very value."""
    if isinstance(value, str):
        found = references(value)
        if len(found) == 1 and value.strip() == value[found[0].start : found[0].end]:
            result = _find(found[0].path, scope)
            if result is _MISSING:
                unresolved.note(found[0].path)
                return None
            return result
        return render(value, scope, unresolved)
    if isinstance(value, Mapping):
        return {key: resolve(item, scope, unresolved) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, scope, unresolved) for item in value]
    return value


def as_expression(text: str, scope: Mapping[str, Any]) -> str:
    """An expression with its `{{references}}` as JSON literals; a missing one is null. Values cannot become code."""
    pieces: list[str] = []
    at = 0
    for reference in references(text):
        value = _find(reference.path, scope)
        pieces += [text[at : reference.start], json.dumps(None if value is _MISSING else value)]
        at = reference.end
    pieces.append(text[at:])
    return "".join(pieces)
