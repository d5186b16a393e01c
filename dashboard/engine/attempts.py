"""One step, tried until it works or its error policy is used up."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from dashboard.engine.context import Around, StepContext
from dashboard.engine.policy import ErrorPolicy, FallbackOption, PolicyProblem, policy_of
from dashboard.engine.ports import ExpressionFailure, ModelFailure
from dashboard.engine.step import Result, Step, StepFailed
from dashboard.engine.templating import Unresolved
from dashboard.wire.events import Custom, Fallback, FallbackAttempt


@dataclass(slots=True)
class Attempted:
    """What came of a step: its result, the sentence of its error if it failed, and the names nothing answered to."""

    result: Result
    error: str | None = None
    unresolved: list[str] = field(default_factory=list)

    @classmethod
    def failed(cls, why: str) -> "Attempted":
        return cls(Result(), error=why)


@dataclass(slots=True)
class _Try:
    """Everything one attempt needs; a fallback model changes only the config."""

    kind: type[Step[Any]]
    around: Around
    unresolved: Unresolved = field(default_factory=Unresolved)

    @property
    def step_id(self) -> str:
        return self.around.step.id or self.around.key

    async def once(self, changes: dict[str, Any] | None = None) -> Result:
        """One attempt; a failure of any kind becomes `StepFailed`."""
        self.unresolved = Unresolved()
        config = self._config(changes or {})
        ctx: StepContext[Any] = StepContext(config, self.around, self.unresolved)
        try:
            result = await self.kind().run(ctx)
        except ModelFailure as failure:
            raise StepFailed(failure.message, code=failure.code, retryable=failure.retryable) from failure
        except ExpressionFailure as failure:
            raise StepFailed(
                f"The condition could not be evaluated: {failure}", code="CODE_ERROR"
            ) from failure
        finally:
            self.around.blocks.close()
        if result.wire is None:
            result.wire = {"value": result.value}
        return result

    def _config(self, changes: dict[str, Any]) -> Any:
        try:
            return self.kind.Config.model_validate({**self.around.step.config, **changes})
        except ValidationError as problem:
            raise StepFailed(_first_problem(problem), code="INVALID_CONFIG") from None


def _first_problem(problem: ValidationError) -> str:
    first = problem.errors()[0]
    where = ".".join(str(part) for part in ("config", *first["loc"]))
    return f"The step's settings are not usable: {where}: {first['msg']}."


async def attempt_step(kind: type[Step[Any]], around: Around) -> Attempted:
    """Run a step under its error policy: retries, then fallbacks, then the default value. Never raises `StepFailed`."""
    trial = _Try(kind, around)
    try:
        policy = policy_of(around.step)
    except PolicyProblem as problem:
        return Attempted.failed(str(problem))
    history: list[FallbackAttempt] = []
    error = await _with_retries(trial, policy, history)
    if isinstance(error, Result):
        return _worked(trial, error, history, None)
    if policy.fallbacks:
        replaced = await _with_fallbacks(trial, policy, history, error)
        if replaced is not None:
            return replaced
    spent = Fallback(used=bool(policy.fallbacks), exhausted=True, attempts=history) if history else None
    return Attempted(Result(value=policy.default_value, fallback=spent), error, trial.unresolved.paths)


async def _with_retries(trial: _Try, policy: ErrorPolicy, history: list[FallbackAttempt]) -> Result | str:
    """The first result, or the sentence of the last error. Each retry is one entry of the history."""
    failure = await _tried(trial)
    for attempt in range(1, policy.retry.max_attempts + 1):
        if isinstance(failure, Result):
            return failure
        await asyncio.sleep(policy.retry.delay_s(attempt))
        failure = await _tried(trial)
        worked = isinstance(failure, Result)
        error = None if isinstance(failure, Result) else failure
        history.append(FallbackAttempt(attempt=len(history) + 1, type="retry", success=worked, error=error))
    return failure


async def _tried(trial: _Try, changes: dict[str, Any] | None = None) -> Result | str:
    try:
        return await trial.once(changes)
    except StepFailed as failure:
        return failure.message


async def _with_fallbacks(
    trial: _Try, policy: ErrorPolicy, history: list[FallbackAttempt], error: str
) -> Attempted | None:
    emit = trial.around.ports.log.emit
    emit(Custom(name="runtype.fallback", value={"phase": "start", "stepId": trial.step_id, "error": error}))
    for option in policy.fallbacks:
        outcome = await _fall_back(trial, option)
        worked = isinstance(outcome, Result)
        history.append(
            FallbackAttempt(
                attempt=len(history) + 1,
                type=option.type,
                model=option.model,
                success=worked,
                error=None if isinstance(outcome, Result) else outcome,
            )
        )
        if isinstance(outcome, Result):
            emit(
                Custom(
                    name="runtype.fallback",
                    value={"phase": "complete", "stepId": trial.step_id, "type": option.type},
                )
            )
            return _worked(trial, outcome, history, option)
    emit(Custom(name="runtype.fallback", value={"phase": "exhausted", "stepId": trial.step_id}))
    return None


async def _fall_back(trial: _Try, option: FallbackOption) -> Result | str:
    if option.type == "model":
        if not option.model or "model" not in trial.kind.Config.model_fields:
            return "This fallback names no model, or the step has none to replace."
        return await _tried(trial, {"model": option.model})
    if option.type == "message":
        text = option.message or ""
        trial.around.blocks.text(text)
        trial.around.blocks.close()
        return Result(value=text, wire={"response": text})
    return "Falling back to another flow is not available in this version."


def _worked(
    trial: _Try, result: Result, history: list[FallbackAttempt], option: FallbackOption | None
) -> Attempted:
    if history:
        known = result.fallback
        result.fallback = Fallback(
            used=True,
            exhausted=False,
            model=option.model if option else (known.model if known else None),
            reason=known.reason if known else None,
            attempts=history,
        )
    return Attempted(result, None, trial.unresolved.paths)
