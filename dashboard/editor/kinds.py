"""The menu of step kinds, and what a new step of a kind begins with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import dashboard.steps
from dashboard.editor.fields import specs_of
from dashboard.editor.names import names_of
from dashboard.editor.payload import Payload, RawStep, steps_of
from dashboard.engine.registry import registry_of
from dashboard.engine.step import Group, Step


@dataclass(frozen=True)
class MenuEntry:
    """One kind in the menu."""

    kind: str
    title: str
    group: Group
    help: str


@dataclass(frozen=True)
class MenuGroup:
    """The kinds under one heading of the menu."""

    title: Group
    kinds: list[MenuEntry]


def menu() -> list[MenuGroup]:
    """Every kind that can be added, by group."""
    kinds = [
        MenuEntry(kind.kind, kind.title, kind.group, help_of(kind))
        for kind in registry_of(dashboard.steps).all()
    ]
    groups = [MenuGroup(group, [kind for kind in kinds if kind.group == group]) for group in get_args(Group)]
    return [group for group in groups if group.kinds]


def help_of(kind: type[Step[Any]]) -> str:
    """The help text of a kind: the first paragraph of its docstring, on one line."""
    return " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())


def model_suggestions(payload: Mapping[str, Any]) -> list[str]:
    """Models that this payload uses already."""
    used = [model for step in steps_of(payload) if (model := _model_of(step))]
    return list(dict.fromkeys(used))


def _model_of(step: Mapping[str, Any]) -> str | None:
    config = step.get("config")
    model = config.get("model") if isinstance(config, dict) else None
    return model if isinstance(model, str) and model.strip() else None


def new_step(payload: Payload, kind_name: str) -> RawStep:
    """A step of a kind to add to the payload: named, and with the few values it is better not to begin without.

    Models are those of the step before; variable names are the kind's example, made unique. Raises LookupError.
    """
    kind = registry_of(dashboard.steps).get(kind_name)
    if kind is None:
        raise LookupError(kind_name)
    config: dict[str, Any] = {}
    models = model_suggestions(payload)
    taken = names_of(payload).setters
    for spec in specs_of(kind.Config):
        example = kind.example.get(spec.wire)
        if spec.kind == "model" and (models or example):
            config[spec.wire] = models[-1] if models else example
        elif spec.kind == "variable-name" and isinstance(example, str):
            config[spec.wire] = _unique(example, taken)
    return {"type": kind.kind, "name": kind.title, "config": config}


def _unique(name: str, taken: Mapping[str, Any]) -> str:
    number = 2
    wanted = name
    while wanted in taken:
        wanted = f"{name}_{number}"
        number += 1
    return wanted
