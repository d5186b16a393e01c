"""What the demo model understands of a prompt: the question, facts written as `key: value`, numbers and names."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.engine.ports import Message, ModelRequest

# A prompt may hold a whole document. The demo looks at its beginning and its end.
_LOOK_AT = 20_000
_MOST = 12

_PAIR = re.compile(r"[\s\"'*>•-]*([A-Za-z_][\w .()-]{0,39}?)[\"'*]*[ \t]*[:=][ \t]*(\S.{0,199})")
_NEXT_PAIR = re.compile(r"[,;]\s+(?=[A-Za-z_][\w ]{0,30}\s?[:=]\s)")
_NUMBER = re.compile(r"(?<![\w.,])[$€£]?\d[\d,]{0,14}(?:\.\d{1,6})?(?: ?%|[KMB]\b| million\b| billion\b)?")
_NAME = re.compile(r"\b[A-Z][\w&-]{1,30}(?: (?:[A-Z][\w&-]{0,30}|\d{1,4}))*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. `facts` keeps the order of the prompt; `example` is a JSON object given as a model of the answer."""

    question: str
    facts: Mapping[str, str]
    numbers: Sequence[str]
    names: Sequence[str]
    earlier: int
    system: str
    example: dict[str, Any] | None = None


def read(request: ModelRequest) -> Reading:
    """Read the last user message, and count what came before it."""
    asked = next((m for m in reversed(request.messages) if m.role == "user"), None)
    text = _excerpt(text_of(asked) if asked else request.system)
    prose, objects = _split_json(text)
    facts = dict(list(_facts(prose, objects))[:_MOST])
    return Reading(
        question=_question(prose) or "nothing in words",
        facts=facts,
        numbers=list(dict.fromkeys(n.strip() for n in _NUMBER.findall(text)))[:_MOST],
        names=_names(prose, facts),
        earlier=max(0, len(request.messages) - 1),
        system=_question(_excerpt(request.system)),
        example=objects[-1] if objects and re.search(r"\bjson\b", prose, re.I) else None,
    )


def text_of(message: Message) -> str:
    """The text of a message, without its images and files."""
    if isinstance(message.content, str):
        return message.content
    parts = (part.get("text") for part in message.content if part.get("type") == "text")
    return "\n".join(part for part in parts if isinstance(part, str))


def _excerpt(text: str) -> str:
    return text if len(text) <= 2 * _LOOK_AT else f"{text[:_LOOK_AT]}\n{text[-_LOOK_AT:]}"


def _split_json(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The text without its JSON objects, and the objects."""
    decoder, objects, kept, at = json.JSONDecoder(), list[dict[str, Any]](), list[str](), 0
    for _ in range(_MOST):
        start = text.find("{", at)
        if start < 0:
            break
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            kept.append(text[at : start + 1])
            at = start + 1
            continue
        objects.append(value)
        kept.append(text[at:start])
        at = end
    return "".join((*kept, text[at:])), objects


def _facts(prose: str, objects: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for line in prose.splitlines():
        for piece in _NEXT_PAIR.split(line[:2000]):
            match = _PAIR.match(piece)
            if match and not match[2].startswith("//"):
                yield match[1].strip(), match[2].strip(" \t,;\"'*")
    for value in objects:
        yield from ((key, _shown(item)) for key, item in value.items() if item not in (None, "", [], {}))


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(str(item) for item in value)[:200]
    return json.dumps(value, ensure_ascii=False)[:200]


def _question(prose: str) -> str:
    """The first sentence, or the first that asks something."""
    sentences = [s.strip() for s in _SENTENCE_END.split(prose) if s.strip()][:50]
    asking = next((s for s in sentences if s.endswith("?")), None)
    return (asking or (sentences[0] if sentences else ""))[:300]


def _names(prose: str, facts: Mapping[str, str]) -> list[str]:
    """Capitalised words inside sentences; a single word at the start of a sentence is only its first word."""
    found = []
    for sentence in _SENTENCE_END.split(prose)[:200]:
        for match in _NAME.finditer(sentence):
            words = match[0].split(" ")
            if match.start() == 0 or not sentence[: match.start()].strip():
                words = words[1:]
            if words and match[0] not in facts:
                found.append(" ".join(words))
    return list(dict.fromkeys(found))[:_MOST]
