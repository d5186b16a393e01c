"""Joins the engine's port for conditions to the sandbox."""

from collections.abc import Mapping
from typing import Any

from dashboard.engine.ports import ExpressionFailure
from dashboard.sandbox.errors import SandboxError
from dashboard.sandbox.pool import SandboxPool


class SandboxedExpressions:
    """Evaluates conditions in sandbox processes, started at the first one. Belongs to the engine's loop."""

    def __init__(self) -> None:
        self._pool = SandboxPool(size=2)

    async def evaluate(self, expression: str, variables: Mapping[str, Any]) -> Any:
        try:
            return await self._pool.evaluate(expression, variables)
        except SandboxError as problem:
            raise ExpressionFailure(str(problem)) from problem

    async def close(self) -> None:
        await self._pool.close()
