"""Runs as rows, with a log, without an engine: what tests of pages look at."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from dashboard.models import Definition, Flow, Member, Run, RunEvent, RunState, Source, StepMemory
from dashboard.wire.events import (
    Event,
    ExecutionComplete,
    ExecutionStart,
    StepComplete,
    StepStart,
    TextComplete,
    TextDelta,
    TextStart,
)

_numbers = count(1)
PROMPT = "Say hello to Jane."
FLOW = {
    "name": "Greeting",
    "steps": [{"id": "greet", "type": "prompt", "name": "Greet", "config": {"model": "demo"}}],
}


def make_flow(member: Member, name: str = "Greeting") -> Flow:
    return Flow.objects.create(
        workspace_id=member.workspace_id,
        name=name,
        draft={"flow": FLOW | {"name": name}},
        step_count=1,
        created_by=member.user,
    )


def make_run(
    member: Member, state: str = RunState.COMPLETED, events: list[Event] | None = None, **fields: Any
) -> Run:
    """A run of the member's workspace, started by them, with these events as its whole log."""
    now = timezone.now()
    over = state in ("completed", "failed", "cancelled")
    told: dict[str, Any] = {
        "workspace_id": member.workspace_id,
        "source": Source.DASHBOARD,
        "flow_name": f"Greeting {next(_numbers)}",
        "definition": Definition.objects.keep(member.workspace_id, fields.pop("flow_body", FLOW)),
        "started_by": member.user,
        "state": state,
        "started_at": None if state == "queued" else now - timedelta(seconds=4),
        "finished_at": now if over else None,
    }
    run = Run.objects.create(**(told | fields))
    append(run, events or [])
    return run


def append(run: Run, events: list[Event]) -> None:
    """More events at the end of the run's log."""
    for seq, event in enumerate(events, start=run.last_seq + 1):
        body = event.stamped(run.public_id, seq).to_json()
        RunEvent.objects.create(run=run, seq=seq, type=event.type, data=body)
    run.last_seq += len(events)
    run.save(update_fields=["last_seq"])


def remember(run: Run, key: str, bindings: dict[str, Any]) -> None:
    StepMemory.objects.create(run=run, key=key, body={"key": key, "outcome": "success", "bindings": bindings})


def opening(steps: int = 1) -> list[Event]:
    stamp = timezone.now().isoformat()
    return [
        ExecutionStart(kind="flow", started_at=stamp, flow_name="Greeting", total_steps=steps),
        StepStart(id="greet", name="Greet", step_type="prompt", index=0, total_steps=steps, started_at=stamp),
    ]


def answer(*words: str) -> list[Event]:
    return [
        TextStart(id="text_1", role="assistant", step_id="greet"),
        *(TextDelta(id="text_1", delta=w) for w in words),
    ]


def result(text: str, **more: Any) -> dict[str, Any]:
    return {
        "processedPrompt": PROMPT,
        "response": text,
        "model": "gpt-5.4-mini",
        "tokens": {"input": 1200, "output": 34},
        **more,
    }


def whole_log(text: str = "Hello **Jane**.", **step: Any) -> list[Event]:
    """A prompt step that answered, and the end."""
    told: dict[str, Any] = {
        "success": True,
        "duration_ms": 2100,
        "tokens_used": 1234,
        "cost": 0.0123,
        "result": result(text),
    }
    return [
        *opening(),
        *answer(text[:5], text[5:]),
        TextComplete(id="text_1", text=text),
        StepComplete(id="greet", name="Greet", step_type="prompt", **(told | step)),
        ExecutionComplete(kind="flow", success=True, final_output=text, duration_ms=2200),
    ]
