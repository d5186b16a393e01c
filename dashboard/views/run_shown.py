"""A run as its page draws it: the transcript's steps with keys, bars and words. Read-only, no request."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pydantic import ValidationError

from dashboard.engine.walker import step_keys
from dashboard.models import MOVING, Run, RunState, StepMemory
from dashboard.runs.log.reader import Row, events_of
from dashboard.runs.transcript import StepView, Transcript, fold
from dashboard.wire.definitions import FlowDefinition
from dashboard.wire.events import Event, parse_event

SPAN = 1000
LEAST_BAR = 4
DEEPEST = 6
MODEL_STEPS = frozenset({"prompt"})


@dataclass(slots=True)
class ShownStep:
    """One row of the tree and, once it began, one block of the transcript. `bar` is None before it began.

    `key` names it in addresses and element ids: the step's id made fit for them, numbered where an id is taken twice.
    """

    key: str
    name: str
    type: str
    state: str
    view: StepView | None = None
    bar: str = ""
    x: int = 0
    width: int = 0
    depth: int = 0
    seconds: float | None = None

    @property
    def shown_json(self) -> str | None:
        """The step's result where no text of it was shown."""
        if self.view is None or self.view.result is None or any(b.kind == "text" for b in self.view.blocks):
            return None
        return json.dumps(self.view.result, ensure_ascii=False, indent=2, default=str)


@dataclass(slots=True)
class ShownRun:
    """Everything a page or a fragment of it shows of one run, as of `seq`."""

    run: Run
    transcript: Transcript
    steps: list[ShownStep] = field(default_factory=list)

    @property
    def seq(self) -> int:
        return self.transcript.last_seq

    @property
    def moving(self) -> bool:
        return self.run.state in MOVING

    @property
    def state(self) -> str:
        return aspect_of(self.run)

    @property
    def started(self) -> list[ShownStep]:
        """The steps that have a block in the transcript."""
        return [step for step in self.steps if step.view is not None]

    @property
    def open_key(self) -> str:
        """The key of the step that runs now, or empty."""
        return next((step.key for step in reversed(self.steps) if step.state == "running"), "")

    @property
    def stopped_at(self) -> str:
        """The name of the step whose error is the run's, which the transcript shows already; else empty."""
        failed = [
            step
            for step in self.started
            if step.view and step.view.error and step.view.error in self.run.error
        ]
        return failed[-1].name if failed else ""

    @property
    def seconds(self) -> float | None:
        """From the start to the end, or None while the run has not both."""
        return took(self.run)

    @property
    def tokens(self) -> int | None:
        """Tokens of the finished run, or of the steps so far; None while no step has used a model."""
        if self.run.finished_at is not None and self.run.input_tokens + self.run.output_tokens:
            return self.run.input_tokens + self.run.output_tokens
        views = [step.view for step in self.started if step.view and step.view.used_model]
        return sum((view.input_tokens or 0) + (view.output_tokens or 0) for view in views) if views else None

    def step(self, key: str) -> ShownStep | None:
        return next((step for step in self.steps if step.key == key), None)


def aspect_of(run: Run) -> str:
    """The state as people see it: a run that completed with failed steps is not simply completed."""
    if run.state == RunState.COMPLETED and run.failed_steps:
        return "partial"
    return run.state


def took(run: Run) -> float | None:
    """Seconds from the start of a run to its end; None while it goes on or if it never began."""
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


def show(run: Run) -> ShownRun:
    """Read a run's log once and fold it. `run` needs its definition; the log is read up to the row's `last_seq`, so that
    state and transcript belong together."""
    rows = [row for row in events_of(run.pk) if row.seq <= run.last_seq]
    transcript = fold(parsed(rows))
    return ShownRun(run, transcript, _steps(run, transcript))


def parsed(rows: Iterable[Row]) -> Iterable[Event]:
    return (parse_event(row.data) for row in rows)


def variables_of(run: Run, step: ShownStep | None) -> dict[str, Any]:
    """The variables that a step set, or with None those of the whole run, as they ended."""
    found: dict[str, Any] = {}
    for memory in StepMemory.objects.filter(run=run).order_by("id"):
        if step is None or (step.view is not None and f"/{memory.key}".endswith(f"/{step.view.id}")):
            found.update(memory.body.get("bindings") or {})
    return found


def _steps(run: Run, transcript: Transcript) -> list[ShownStep]:
    end = _moment(run.finished_at) or timezone.now()
    begin = run.started_at or run.created_at
    if transcript.steps and transcript.steps[0].started_at:
        begin = min(begin, parse_datetime(transcript.steps[0].started_at) or begin)
    total = max((end - begin).total_seconds(), 0.001)
    taken: dict[str, int] = {}
    steps = []
    for view in transcript.steps:
        cut_off = (
            transcript.error_code == "CANCELLED" and view is transcript.steps[-1] and view.state == "failed"
        )
        step = _begun(_key(view, taken), view, end, cut_off)
        _place(step, view, begin, total)
        steps.append(step)
    return steps + [step for step in _to_come(run, transcript) if step.key not in taken]


def key_of(step_id: str) -> str:
    """A step's id as part of an element's id: what is no letter, digit or hyphen becomes its code. `run.js` does so too."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}", step_id)


def _key(view: StepView, taken: dict[str, int]) -> str:
    key = key_of(view.id)
    taken[key] = taken.get(key, 0) + 1
    return key if taken[key] == 1 else f"{key}-{taken[key]}"


def _begun(key: str, view: StepView, end: datetime, cut_off: bool) -> ShownStep:
    step = ShownStep(
        key,
        view.name,
        view.type,
        "cancelled" if cut_off else view.state,
        view,
        depth=min(view.depth, DEEPEST),
    )
    started = parse_datetime(view.started_at) if view.started_at else None
    if view.duration_ms is not None:
        step.seconds = view.duration_ms / 1000
    elif started is not None:
        step.seconds = max((end - started).total_seconds(), 0)
    return step


def _place(step: ShownStep, view: StepView, begin: datetime, total: float) -> None:
    """Where the step's bar lies, in thousandths of the run."""
    started = parse_datetime(view.started_at) if view.started_at else None
    if started is None:
        return
    offset = max((started - begin).total_seconds(), 0)
    step.x = min(round(offset / total * SPAN), SPAN - LEAST_BAR)
    step.width = max(min(round((step.seconds or 0) / total * SPAN), SPAN - step.x), LEAST_BAR)
    kind = "model" if view.used_model or view.type in MODEL_STEPS else "tool"
    step.bar = {"running": "running", "failed": "failed"}.get(step.state, kind)


def _moment(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _to_come(run: Run, transcript: Transcript) -> list[ShownStep]:
    """The flow's steps that have not begun: waiting while the run goes on, never reached once it is over."""
    try:
        flow = FlowDefinition.model_validate(run.definition.body)
    except ValidationError:
        return []
    state = "not reached" if transcript.ended else "queued"
    steps = [step for step in flow.ordered_steps if step.enabled is not False]
    return [
        ShownStep(key_of(key), step.name or step.id or f"Step {place + 1}", step.type, state)
        for place, (step, key) in enumerate(zip(steps, step_keys(steps), strict=True))
    ]
