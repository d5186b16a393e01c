"""The page at `/v1/docs`: the OpenAPI document, read out on the server. No script, nothing from elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from ninja import NinjaAPI

from dashboard.wire.base import JsonObject

DEPTH: Final = 3


# Text as the page writes it: pieces, each with whether it is code.
Text = list[tuple[bool, str]]


def _text(said: str) -> Text:
    """Markdown's back quotes are the only markup that descriptions use."""
    return [(bool(index % 2), piece) for index, piece in enumerate(said.split("`")) if piece]


@dataclass(frozen=True, slots=True)
class Property:
    """One field of a body: its dotted name, type in words, and what is said about it."""

    name: str
    type: str
    required: bool
    text: Text


@dataclass(frozen=True, slots=True)
class Answer:
    """One status of an operation, with its media types and the fields of its JSON."""

    status: str
    lines: list[Text]
    media: list[str]
    properties: list[Property] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    paragraphs: list[Text]
    scopes: list[str]
    parameters: list[Property]
    body: list[Property]
    example: str
    answers: list[Answer]


def docs_page(request: HttpRequest, api: NinjaAPI) -> HttpResponse:
    """The description of `api` as a page. Public, as the document itself is."""
    return render(request, "api_docs/show.html", _page(api, reverse("api:openapi-json")))


@lru_cache(maxsize=1)
def _page(api: NinjaAPI, openapi_url: str) -> JsonObject:
    document = api.get_openapi_schema()
    reader = _Reader(document["components"]["schemas"])
    return {
        "info": document["info"],
        "intro": _text(document["info"]["description"]),
        "groups": _groups(document["paths"], reader),
        "events": [reader.event(ref) for ref in document["components"]["schemas"]["Event"]["oneOf"]],
        "openapi_url": openapi_url,
    }


def _groups(paths: JsonObject, reader: "_Reader") -> list[tuple[str, list[Operation]]]:
    groups: dict[str, list[Operation]] = {}
    for path, methods in paths.items():
        for method, said in methods.items():
            groups.setdefault(said["tags"][0], []).append(reader.operation(path, method, said))
    return list(groups.items())


class _Reader:
    """Follows references within one document."""

    def __init__(self, schemas: JsonObject) -> None:
        self._schemas = schemas

    def operation(self, path: str, method: str, said: JsonObject) -> Operation:
        sent = said.get("requestBody", {}).get("content", {}).get("application/json", {})
        example = json.dumps(sent["example"], indent=2, ensure_ascii=False) if "example" in sent else ""
        return Operation(
            id=said["operationId"],
            method=method.upper(),
            path=path,
            summary=said["summary"],
            paragraphs=[
                _text(part) for part in said["description"].split("\n\n") if not part.startswith("Scope: ")
            ],
            scopes=[scope for need in said["security"] for scope in need["Bearer"]],
            parameters=[self._parameter(parameter) for parameter in said["parameters"]],
            body=list(self._fields(sent.get("schema", {}))),
            example=example,
            answers=[self._answer(str(status), answer) for status, answer in said["responses"].items()],
        )

    def event(self, ref: JsonObject) -> tuple[str, Text, list[Property]]:
        """(type, what it says, fields) of one event."""
        schema = self._resolved(ref)
        kind = schema["properties"]["type"].get("const") or schema["properties"]["type"].get("default", "")
        return kind, _text(schema.get("description", "")), list(self._fields(schema, deepest=1))

    def _parameter(self, said: JsonObject) -> Property:
        name = f"{said['name']} (header)" if said["in"] == "header" else said["name"]
        return Property(
            name, self._type(said["schema"]), said["required"], _text(said.get("description", ""))
        )

    def _answer(self, status: str, said: JsonObject) -> Answer:
        content = said.get("content", {})
        shown = content.get("application/json", {}).get("schema", {}) if status.startswith("2") else {}
        lines = [_text(line) for line in said["description"].split("\n")]
        return Answer(
            status, lines, list(content), [replace(said, required=False) for said in self._fields(shown)]
        )

    def _fields(
        self, schema: JsonObject, prefix: str = "", depth: int = 0, deepest: int = DEPTH
    ) -> Iterator[Property]:
        schema = self._resolved(schema)
        required = schema.get("required", [])
        for name, said in schema.get("properties", {}).items():
            text = _text(said.get("description", ""))
            yield Property(f"{prefix}{name}", self._type(said), name in required, text)
            inner, mark = self._inside(said)
            if inner and depth + 1 < deepest:
                yield from self._fields(inner, f"{prefix}{name}{mark}.", depth + 1, deepest)

    def _inside(self, said: JsonObject) -> tuple[JsonObject, str]:
        """The object schema within a field, if there is one, and `[]` where it stands in a list."""
        for option in (said, *said.get("anyOf", [])):
            if "$ref" in option:
                return self._resolved(option), ""
            if "$ref" in option.get("items", {}):
                return self._resolved(option["items"]), "[]"
        return {}, ""

    def _resolved(self, schema: JsonObject) -> JsonObject:
        ref = schema.get("$ref")
        return self._schemas[ref.rsplit("/", 1)[1]] if ref else schema

    def _type(self, said: Any) -> str:
        if "$ref" in said:
            return self._type(self._resolved(said))
        options = said.get("anyOf") or said.get("oneOf")
        if options:
            return " or ".join(
                dict.fromkeys(self._type(option) for option in options if option != {"type": "null"})
            )
        if "enum" in said:
            return " | ".join(json.dumps(value) for value in said["enum"])
        if "const" in said:
            return json.dumps(said["const"])
        if said.get("type") == "array":
            return f"{self._type(said.get('items', {}))}[]"
        return str(said.get("type", "any"))
