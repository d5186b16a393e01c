"""Writes one value from a JSON Schema, without checking it."""

import hashlib
import uuid
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from dashboard.models_ai.demo_merge import merged
from dashboard.models_ai.demo_pattern import sample

_DEEPEST = 24
_DEEP = 5
_MOST_VALUES = 5_000
_MOST_ITEMS = 1_000
_LONGEST_TEXT = 100_000

_FORMATS = {
    "date-time": "2026-01-15T09:30:00Z",
    "date": "2026-01-15",
    "time": "09:30:00Z",
    "duration": "PT30M",
    "email": "demo@example.com",
    "idn-email": "demo@example.com",
    "hostname": "demo.example.com",
    "idn-hostname": "demo.example.com",
    "ipv4": "192.0.2.10",
    "ipv6": "2001:db8::10",
    "uri": "https://example.com/demo",
    "uri-reference": "/demo",
    "iri": "https://example.com/demo",
    "iri-reference": "/demo",
    "uri-template": "https://example.com/{demo}",
    "json-pointer": "/demo",
    "relative-json-pointer": "0/demo",
    "regex": "^demo$",
}
_KINDS = ("string", "integer", "object", "array", "boolean", "null")
_HINTS_OF_TYPE = (
    ("object", {"properties", "required", "additionalProperties", "patternProperties", "minProperties"}),
    ("array", {"items", "prefixItems", "contains", "minItems", "uniqueItems"}),
    ("string", {"pattern", "format", "minLength", "maxLength"}),
    ("number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
)


class CannotFit(Exception):
    """No value was found; the text says why, as the end of a sentence."""


class SchemaWriter:
    """Writes values from parts of one schema document.

    `facts` gives properties of the same name their value. `variant` 0 is the natural choice; others choose other branches,
    leave optional properties out (odd ones) and make texts longer.
    """

    def __init__(self, document: dict[str, Any], facts: Mapping[str, str], variant: int) -> None:
        self._document = document
        self._facts = {_plain(key): value for key, value in facts.items()}
        self._variant = variant
        self._written = 0

    def write(self, schema: Any, name: str = "answer", index: int = 0, depth: int = 0) -> Any:
        """A value for `schema`; `name` is the property it is for and `index` its place in an array."""
        self._written += 1
        if depth > _DEEPEST or self._written > _MOST_VALUES:
            raise CannotFit("it asks for more than can be written.")
        if schema is False:
            raise CannotFit("a part of it allows nothing.")
        rules = self._flat(schema if isinstance(schema, dict) else {}, depth)
        if "const" in rules:
            return rules["const"]
        if rules.get("enum"):
            return self._chosen(rules["enum"], name, index)
        kind = self._kind(rules)
        if kind == "object":
            return self._object(rules, depth)
        if kind == "array":
            return self._array(rules, name, depth)
        if kind == "string":
            return self._string(rules, name, index)
        if kind in ("integer", "number"):
            return self._number(rules, name, index, whole=kind == "integer")
        return None if kind == "null" else (self._variant + index) % 2 == 0

    def _flat(self, rules: dict[str, Any], depth: int, hops: int = 0) -> dict[str, Any]:
        """The rules with references followed, `allOf` joined and one branch of each choice taken."""
        self._written += 1
        if hops > _DEEPEST or self._written > _MOST_VALUES:
            raise CannotFit("its references go round in circles.")
        rules = dict(rules)
        parts = list(rules.pop("allOf", []))
        if isinstance(rules.get("$ref"), str):
            parts.append(self._target(rules.pop("$ref")))
        for choice in ("anyOf", "oneOf"):
            if rules.get(choice):
                parts.append(self._branch(rules.pop(choice), depth))
        if isinstance(rules.get("if"), dict):
            condition, then, other = rules.pop("if"), rules.pop("then", {}), rules.pop("else", {})
            parts += [condition, then] if self._variant % 2 == 0 else [other]
        for part in parts:
            rules = merged(rules, self._flat(self._allowed(part), depth, hops + 1))
        return rules

    def _allowed(self, part: Any) -> dict[str, Any]:
        if part is False:
            raise CannotFit("a part of it allows nothing.")
        return part if isinstance(part, dict) else {}

    def _branch(self, branches: list[Any], depth: int) -> Any:
        """One branch: something rather than null, and the plainest one where it is deep."""
        real = [
            b for b in branches if b is not False and not (isinstance(b, dict) and b.get("type") == "null")
        ]
        if depth > _DEEP and len(real) < len(branches):
            return next(b for b in branches if b not in real)
        if depth > _DEEP and real:
            return min(real, key=lambda b: len(str(b)))
        return real[self._variant % len(real)] if real else branches[0]

    def _target(self, reference: str) -> dict[str, Any]:
        if not reference.startswith("#"):
            raise CannotFit("it refers to another document.")
        at: Any = self._document
        for part in reference[1:].split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            at = at[int(key)] if isinstance(at, list) and key.isdecimal() and int(key) < len(at) else at
            at = at.get(key) if isinstance(at, dict) else at
        return self._allowed(at)

    def _kind(self, rules: dict[str, Any]) -> str:
        wanted = rules.get("type")
        if isinstance(wanted, list):
            real = [kind for kind in wanted if kind != "null"] or ["null"]
            return str(real[self._variant % len(real)])
        if isinstance(wanted, str):
            return wanted
        hinted = next((kind for kind, hints in _HINTS_OF_TYPE if hints & rules.keys()), None)
        return hinted or _KINDS[self._variant // 2 % len(_KINDS)]

    def _chosen(self, values: list[Any], name: str, index: int) -> Any:
        fact = self._facts.get(_plain(name))
        named = [value for value in values if fact is not None and _plain(str(value)) == _plain(fact)]
        return named[0] if named and not index else values[(self._variant + index) % len(values)]

    def _object(self, rules: dict[str, Any], depth: int) -> dict[str, Any]:
        properties, required = rules.get("properties", {}), rules.get("required", [])
        lean = depth > _DEEP or self._variant % 2 == 1
        names = [name for name in properties if name in required or not lean]
        names = [name for name in names if properties[name] is not False]
        names += [name for name in required if name not in names]
        for trigger, further in rules.get("dependentRequired", {}).items():
            names += [name for name in further if trigger in names and name not in names]
        value = {
            name: self.write(properties.get(name, _other(rules)), name, depth=depth + 1)
            for name in names[: rules.get("maxProperties")]
        }
        self._fill(value, rules, depth)
        return value

    def _fill(self, value: dict[str, Any], rules: dict[str, Any], depth: int) -> None:
        """Add properties nobody named, as many as there must be; one where a map would otherwise be empty."""
        is_map = isinstance(rules.get("additionalProperties"), dict) and not rules.get("properties")
        least = max(rules.get("minProperties", 0), 1 if is_map and depth <= _DEEP else 0)
        patterns = list(rules.get("patternProperties", {}).items())
        if least > _MOST_ITEMS:
            raise CannotFit("it asks for more than can be written.")
        for number in range(least):
            if len(value) >= least:
                break
            name, schema = f"item{number + 1}", _other(rules)
            if patterns:
                name, schema = sample(patterns[0][0], number), patterns[0][1]
            value.setdefault(name, self.write(schema, name, number, depth + 1))

    def _array(self, rules: dict[str, Any], name: str, depth: int) -> list[Any]:
        fixed = rules.get("prefixItems", [])
        least, most = rules.get("minItems", 0), rules.get("maxItems", _MOST_ITEMS)
        usual = 0 if depth > _DEEP else len(fixed) or 2 - self._variant % 2
        count = min(max(least, usual), most)
        if max(count, least) > _MOST_ITEMS:
            raise CannotFit("it asks for more than can be written.")
        further = rules.get("items", {})
        schemas = [*fixed, *[further] * (count - len(fixed))][:count]
        if further is False:
            schemas = fixed[:count]
        if "contains" in rules:
            wanted = max(1, rules.get("minContains", 1))
            schemas = [{"allOf": [further, rules["contains"]]}] * wanted + schemas[wanted:]
        return [self.write(schema, name, index, depth + 1) for index, schema in enumerate(schemas)]

    def _string(self, rules: dict[str, Any], name: str, index: int) -> str:
        least, most = rules.get("minLength", 0), rules.get("maxLength", _LONGEST_TEXT)
        if least > _LONGEST_TEXT:
            raise CannotFit("it asks for more than can be written.")
        if isinstance(rules.get("pattern"), str):
            return sample(rules["pattern"], self._variant + index)
        if rules.get("format") == "uuid":
            digest = hashlib.sha256(f"{name}/{index}".encode()).digest()
            return str(uuid.UUID(bytes=digest[:16], version=4))
        if rules.get("format") in _FORMATS:
            return _FORMATS[rules["format"]]
        text = self._facts.get(_plain(name)) or f"Demo {_spoken(name)}"
        text = f"{text} {index + 1}" if index else text
        if len(text) > most:
            text = (
                f"{index}"[-most:] + text[: max(0, most - len(str(index)))] if index and most else text[:most]
            )
        return text + "." * (least - len(text))

    def _number(self, rules: dict[str, Any], name: str, index: int, whole: bool) -> int | float:
        wanted = (_as_number(self._facts.get(_plain(name), "")) or Decimal(1)) + index + self._variant // 4
        step = Decimal(str(rules["multipleOf"])) if "multipleOf" in rules else Decimal(1 if whole else 0)
        if whole and step != step.to_integral_value():
            step = Decimal(step.as_integer_ratio()[0])
        low, high = _bounds(rules, step or Decimal("0.001"))
        if low is not None:
            wanted = max(wanted, low + index * (step or Decimal("0.001")))
        if high is not None:
            wanted = min(wanted, high)
        if step:
            wanted = (wanted / step).to_integral_value(ROUND_CEILING) * step
            if high is not None and wanted > high:
                wanted -= step
        return int(wanted) if wanted == wanted.to_integral_value() else float(wanted)


def _bounds(rules: dict[str, Any], nudge: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest number allowed, strict bounds moved by `nudge`."""
    low = [Decimal(str(rules["minimum"]))] if "minimum" in rules else []
    high = [Decimal(str(rules["maximum"]))] if "maximum" in rules else []
    # Draft 4 wrote a strict bound as a flag beside the bound.
    for key, bounds, sign in (("exclusiveMinimum", low, 1), ("exclusiveMaximum", high, -1)):
        strict = rules.get(key)
        if strict is True and bounds:
            bounds[0] += sign * nudge
        elif strict is not None and not isinstance(strict, bool):
            bounds.append(Decimal(str(strict)) + sign * nudge)
    return max(low, default=None), min(high, default=None)


def _other(rules: dict[str, Any]) -> Any:
    further = rules.get("additionalProperties", {})
    return further if isinstance(further, dict) else {}


def _as_number(text: str) -> Decimal | None:
    digits = "".join(c for c in text.split(" ", maxsplit=1)[0] if c.isdecimal() or c in ".-")
    try:
        return Decimal(digits) if 0 < len(digits) < 16 else None
    except InvalidOperation:
        return None


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _spoken(name: str) -> str:
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in name)
    return spaced.replace("_", " ").replace("-", " ").strip()
