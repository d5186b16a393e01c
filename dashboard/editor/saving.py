"""Storing drafts: a change is applied to the newest draft and stored by compare-and-set; nothing is overwritten unseen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard.editor.payload import Payload, RawStep, StepGone, digest, step_at
from dashboard.editor.reading import same
from dashboard.models import Flow, Member

TRIES = 20


class Conflict(Exception):
    """Somebody else changed the very thing that this change is about. `theirs` is what it is now, None if it is gone."""

    def __init__(self, theirs: Any) -> None:
        super().__init__("changed by somebody else")
        self.theirs = theirs


class Busy(Exception):
    """So many people saved at once that this change found no gap."""


@dataclass(frozen=True)
class Saved:
    """Outcome of a change: whether anything was stored. The flow given to `change` is the newest afterwards."""

    stored: bool


def change(flow: Flow, by: Member, operation: Callable[[Payload], Payload]) -> Saved:
    """Apply a pure operation to the newest draft and store it; a payload that comes back the same is not stored.

    `flow` is refreshed. What the operation raises (StepGone, Conflict) goes to the caller and nothing is stored.
    Raises Busy.
    """
    for _ in range(TRIES):
        payload = operation(flow.draft)
        if same(payload, flow.draft):
            return Saved(False)
        stored = Flow.objects.save_draft(flow, payload, flow.revision, by.user)
        flow.refresh_from_db()
        if stored:
            return Saved(True)
    raise Busy


def unless_step_changed(
    key: str, seen: str, operation: Callable[[Payload], Payload]
) -> Callable[[Payload], Payload]:
    """The operation, guarded: Conflict when the step is not the one that was seen (by digest). Empty: no guard."""

    def guarded(payload: Payload) -> Payload:
        current: RawStep | None
        try:
            current = step_at(payload, key)
        except StepGone:
            current = None
        if seen and (current is None or digest(current) != seen):
            raise Conflict(current)
        return operation(payload)

    return guarded


def unless_changed(
    seen: str, part: Callable[[Payload], Any], operation: Callable[[Payload], Payload]
) -> Callable[[Payload], Payload]:
    """The operation, guarded: Conflict when that part of the payload is not what was seen (by digest). Empty: no guard."""

    def guarded(payload: Payload) -> Payload:
        current = part(payload)
        if seen and digest(current) != seen:
            raise Conflict(current)
        return operation(payload)

    return guarded
