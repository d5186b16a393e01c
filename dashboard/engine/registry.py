"""Step kinds, found by file name in one package: a closed list, made once, from what is installed."""

import importlib
import pkgutil
from functools import lru_cache
from types import ModuleType
from typing import Any

from dashboard.engine.step import Step


def _kind_in(module: ModuleType, kind: str) -> type[Step[Any]]:
    for candidate in vars(module).values():
        if (
            isinstance(candidate, type)
            and issubclass(candidate, Step)
            and getattr(candidate, "kind", None) == kind
        ):
            return candidate
    raise LookupError(
        f"{module.__name__} holds no step class with kind = {kind!r}; a step's kind is its file's name."
    )


class Registry:
    """The step kinds of one package, by kind."""

    def __init__(self, package: ModuleType) -> None:
        self._kinds: dict[str, type[Step[Any]]] = {}
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
            kind = entry.name.replace("_", "-")
            self._kinds[kind] = _kind_in(module, kind)

    def get(self, kind: str) -> type[Step[Any]] | None:
        """The class of a kind, or None for a kind that is not here."""
        return self._kinds.get(kind)

    def all(self) -> list[type[Step[Any]]]:
        """Every kind, by group and title."""
        return sorted(self._kinds.values(), key=lambda step: (step.group, step.title))


@lru_cache(maxsize=4)
def registry_of(package: ModuleType) -> Registry:
    """The registry of a package, made at the first call."""
    return Registry(package)
