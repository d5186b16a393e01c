"""Which variables a step can read: what the run is given, and what the steps before it set."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dashboard.steps
from dashboard.editor.fields import specs_of
from dashboard.editor.payload import is_enabled, keys_of, steps_of
from dashboard.engine.registry import registry_of
from dashboard.engine.step import Step
from dashboard.wire.definitions import BRANCHES

ALWAYS = ("user_message", "messages", "_record", "_error")
RECORD_FIELDS = ("name", "type", "id")


def kind_of(step: Mapping[str, Any]) -> type[Step[Any]] | None:
    """The class of a step's kind, or None for a kind that has no form here."""
    kind, config = step.get("type"), step.get("config", {})
    return (
        registry_of(dashboard.steps).get(kind) if isinstance(kind, str) and isinstance(config, dict) else None
    )


def label_of(step: Mapping[str, Any], number: int) -> str:
    """What a step is called: its name, else its kind and number."""
    name = step.get("name")
    return name if isinstance(name, str) and name.strip() else f"Step {number}"


@dataclass(frozen=True)
class Setter:
    """A step that sets a name. `offered`: the name is one to suggest, not only one that works."""

    at: int
    label: str
    enabled: bool
    offered: bool


@dataclass(frozen=True)
class Names:
    """The names a step may use. `at` is the step's place from 0; what earlier enabled steps set is there, and what is given.

    `given` are whole paths that every step can read, `record_fields` the metadata of the sample record, None without one.
    """

    at: int
    setters: dict[str, list[Setter]]
    given: list[str]
    roots: frozenset[str]
    record_fields: list[str] | None

    def at_step(self, at: int) -> "Names":
        """The same payload's names, seen from another step."""
        return replace(self, at=at)

    def knows(self, root: str) -> bool:
        """Whether something answers to this first part of a path."""
        return root in self.roots or any(s.at < self.at and s.enabled for s in self.setters.get(root, ()))

    def set_by_disabled(self, root: str) -> str | None:
        """The label of the disabled step before this one that would set the name."""
        return next((s.label for s in self.setters.get(root, ()) if s.at < self.at and not s.enabled), None)

    def set_later(self, root: str) -> str | None:
        """The label of the step after this one that sets the name."""
        return next((s.label for s in self.setters.get(root, ()) if s.at > self.at), None)

    @property
    def offered(self) -> list[str]:
        """Whole paths to suggest: what steps set, the nearest step first, then what is given."""
        usable = [
            (setter.at, name)
            for name, setters in self.setters.items()
            for setter in setters
            if setter.offered and setter.enabled and setter.at < self.at
        ]
        own = [name for _, name in sorted(usable, key=lambda pair: -pair[0])]
        return list(dict.fromkeys([*own, *self.given]))

    def nearest(self, path: str) -> list[str]:
        """Up to two known names that look like this one."""
        known = sorted({*self.offered, *self.roots})
        close = difflib.get_close_matches(path, known, n=2, cutoff=0.6)
        if close:
            return close
        root, dot, rest = path.partition(".")
        roots = difflib.get_close_matches(root, [name for name in known if "." not in name], n=2, cutoff=0.6)
        tail = path.rsplit(".", 1)[-1]
        return [f"{name}{dot}{rest}" for name in roots] or [
            name for name in known if name.rsplit(".", 1)[-1] == tail
        ][:2]


def names_of(payload: Mapping[str, Any]) -> Names:
    """The names of a payload, seen from behind its last step."""
    setters: dict[str, list[Setter]] = {}
    steps = steps_of(payload)
    for at, step in enumerate(steps):
        label, enabled = label_of(step, at + 1), is_enabled(step)
        for name, offered in _set_by(step):
            setters.setdefault(name, []).append(Setter(at, label, enabled, offered))
    given, roots = _given(payload)
    return Names(len(steps), setters, given, frozenset(roots), _record_fields(payload))


def names_for(payload: Mapping[str, Any], key: str) -> Names:
    """The names at one step."""
    keys = keys_of(steps_of(payload))
    return names_of(payload).at_step(keys.index(key) if key in keys else len(keys))


def _record_fields(payload: Mapping[str, Any]) -> list[str] | None:
    record = payload.get("record")
    metadata = record.get("metadata") if isinstance(record, dict) else None
    return list(metadata) if isinstance(metadata, dict) else None


def _given(payload: Mapping[str, Any]) -> tuple[list[str], set[str]]:
    """What a run is given: inputs, the record, messages. Paths to offer, and first parts that work."""
    offered: list[str] = []
    roots = set(ALWAYS)
    for source in ("inputs", "variables"):
        given = payload.get(source)
        if isinstance(given, dict):
            offered += given
            roots.update(given)
    record = payload.get("record")
    if isinstance(record, dict):
        offered += [f"_record.metadata.{name}" for name in _record_fields(payload) or ()]
        offered += [f"_record.{name}" for name in RECORD_FIELDS if name in record]
    if payload.get("messages"):
        offered += ["user_message", "messages"]
    return offered, roots


def _set_by(step: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Names a step sets, and whether to offer them: its variables first, its own name only where it has none."""
    variables = list(dict.fromkeys(_variables(step)))
    yield from ((name, True) for name in variables)
    name = step.get("name")
    if isinstance(name, str) and name:
        slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        yield slug or name, False
        yield name, False


def _variables(step: Mapping[str, Any]) -> Iterator[str]:
    config = step.get("config")
    config = config if isinstance(config, dict) else {}
    found: list[Any] = [step.get("outputVariable"), config.get("outputVariable")]
    kind = kind_of(step)
    if kind is not None:
        found += [config.get(s.place_in(config)) for s in specs_of(kind.Config) if s.kind == "variable-name"]
    yield from (name.strip() for name in found if isinstance(name, str) and name.strip())
    for branch in BRANCHES:
        inner = config.get(branch)
        yield from _of_branch(inner if isinstance(inner, list) else [])


def _of_branch(steps: Iterable[Any]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, dict) and is_enabled(step):
            yield from _variables(step)
