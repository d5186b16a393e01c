"""Two versions of a step that two people made of one: in what they differ, and one laid over the other."""

from dataclasses import dataclass
from typing import Any

from dashboard.editor.payload import RawStep
from dashboard.editor.reading import same, write_json


@dataclass(frozen=True)
class Difference:
    """One field in which two versions of a step differ, as JSON; empty where a version does not have it."""

    name: str
    mine: str
    theirs: str


def _fields(step: RawStep | None) -> dict[str, Any]:
    """A step's fields, those of its config one by one."""
    if step is None:
        return {}
    found = {name: value for name, value in step.items() if name != "config"}
    config = step.get("config")
    return found | ({f"config.{n}": v for n, v in config.items()} if isinstance(config, dict) else {})


def differences(mine: RawStep, theirs: RawStep | None) -> list[Difference]:
    """The fields in which two versions of a step differ; `theirs` is None for a step that is gone."""
    own, other = _fields(mine), _fields(theirs)

    def text(fields: dict[str, Any], name: str) -> str:
        if name not in fields:
            return ""
        return fields[name] if isinstance(fields[name], str) else write_json(fields[name])

    return [
        Difference(name, text(own, name), text(other, name))
        for name in dict.fromkeys([*own, *other])
        if name not in own or name not in other or not same(own[name], other[name])
    ]


def merged(base: RawStep, mine: RawStep, theirs: RawStep | None) -> RawStep:
    """Their step with what I changed in mine on top; mine alone where theirs is gone."""
    if theirs is None:
        return mine

    def laid_over(old: dict[str, Any], new: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
        result = dict(now)
        for name in dict.fromkeys([*old, *new]):
            if name in new and not (name in old and same(old[name], new[name])):
                result[name] = new[name]
            elif name in old and name not in new:
                result.pop(name, None)
        return result

    result = laid_over(base, mine, theirs)
    configs = [version.get("config") for version in (base, mine, theirs)]
    if all(isinstance(config, dict) for config in configs):
        result["config"] = laid_over(*configs)  # type: ignore[arg-type]
    return result
