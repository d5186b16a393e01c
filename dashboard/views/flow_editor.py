"""The flow editor: the page, and everything that changes the list of steps."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from dashboard.editor import draft
from dashboard.editor.kinds import new_step
from dashboard.editor.names import label_of
from dashboard.editor.payload import Payload, StepGone, index_of, keys_of, step_at, steps_of
from dashboard.editor.saving import Busy, change
from dashboard.models import Action, Member
from dashboard.views.access import member_page
from dashboard.views.flow_page import REMOVED, show
from dashboard.views.flow_place import Place, flow_at

GONE = "This step is not in the flow any more: somebody deleted it or gave it another id."
BUSY = "Many people are saving this flow right now. Nothing was changed; try again."


@require_safe
@member_page(Action.READ_FLOWS)
def flow(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """The editor at the place that the address names."""
    found = flow_at(member, flow_id)
    place = Place.read(request.GET)
    return show(request, member, found, place)


Operation = Callable[[Payload], tuple[Payload, str | None]]


def _change_steps(
    request: HttpRequest,
    member: Member,
    flow_id: str,
    operation: Operation,
    *,
    pane: str = "steps",
    undo: bool = False,
) -> HttpResponse:
    """Apply an operation that says which step to open afterwards, and go there. `undo`: it can be taken back."""
    found = flow_at(member, flow_id)
    place = Place.read(request.GET)
    opened: list[str | None] = []

    def once(payload: Payload) -> Payload:
        changed, key = operation(payload)
        opened[:] = [key]
        return changed

    try:
        change(found, member, once)
    except StepGone:
        return show(request, member, found, place, status=409, trouble=GONE)
    except Busy:
        return show(request, member, found, place, status=409, trouble=BUSY)
    removed = request.session.get(REMOVED)
    if removed and removed["flow"] == found.pk and not undo:
        del request.session[REMOVED]
    key = opened[0]
    changes: dict[str, Any] = {"pane": pane} | ({"step": key, "details": False} if key is not None else {})
    return redirect(place.url(found, **changes))


@require_POST
@member_page(Action.EDIT_FLOWS)
def add(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Add a step of the kind `kind`, last or after the step `after`, and open it."""
    kind, after = request.POST.get("kind", ""), request.POST.get("after") or None

    def operation(payload: Payload) -> tuple[Payload, str | None]:
        return draft.add_step(payload, new_step(payload, kind), after)

    try:
        return _change_steps(request, member, flow_id, operation, pane="form")
    except LookupError:
        found = flow_at(member, flow_id)
        text = f"There is no kind of step called “{kind[:60]}”."
        return show(request, member, found, Place.read(request.GET), status=422, trouble=text)


@require_POST
@member_page(Action.EDIT_FLOWS)
def move(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Move the step `key`: one place up or down (`by`), or behind the step `after` (empty: to the front)."""
    key, by = request.POST.get("key", ""), request.POST.get("by", "")

    def operation(payload: Payload) -> tuple[Payload, str | None]:
        if by in ("-1", "1"):
            moved = draft.move_step_by(payload, key, int(by))
        else:
            moved = draft.move_step(payload, key, request.POST.get("after") or None)
        return moved, _same_step(payload, moved, Place.read(request.GET).step)

    return _change_steps(request, member, flow_id, operation)


def _same_step(before: Payload, after: Payload, key: str) -> str | None:
    """The key that the step has after a move: steps without an id are numbered by place."""
    if key not in keys_of(steps_of(before)):
        return None
    step = {name: value for name, value in step_at(before, key).items() if name != "order"}
    for found, other in zip(keys_of(steps_of(after)), steps_of(after), strict=True):
        if {name: value for name, value in other.items() if name != "order"} == step:
            return found
    return None


@require_POST
@member_page(Action.EDIT_FLOWS)
def duplicate(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Put a copy of the step `key` behind it, and open the copy."""
    key = request.POST.get("key", "")
    return _change_steps(
        request, member, flow_id, lambda payload: draft.duplicate_step(payload, key), pane="form"
    )


@require_POST
@member_page(Action.EDIT_FLOWS)
def enable(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Let the step `key` run (`enabled` is 1) or pass it over."""
    key, enabled = request.POST.get("key", ""), request.POST.get("enabled") == "1"
    return _change_steps(
        request, member, flow_id, lambda payload: (draft.set_enabled(payload, key, enabled), None)
    )


@require_POST
@member_page(Action.EDIT_FLOWS)
def delete(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Take the step `key` out. It can be put back until the next change of the list."""
    key = request.POST.get("key", "")
    open_key = Place.read(request.GET).step

    def operation(payload: Payload) -> tuple[Payload, str | None]:
        at = index_of(payload, key)
        changed, removed = draft.delete_step(payload, key)
        request.session[REMOVED] = {
            "flow": flow_id,
            "step": removed.step,
            "at": removed.at,
            "label": label_of(removed.step, at + 1),
        }
        left = keys_of(steps_of(changed))
        if open_key and open_key != key:
            return changed, _same_step(payload, changed, open_key)
        return changed, left[min(at, len(left) - 1)] if left else ""

    return _change_steps(request, member, flow_id, operation, undo=True)


@require_POST
@member_page(Action.EDIT_FLOWS)
def restore(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Put the last deleted step back."""
    removed = request.session.get(REMOVED)
    if not removed or removed["flow"] != flow_id:
        found = flow_at(member, flow_id)
        return redirect(Place.read(request.GET).url(found))
    back = draft.Removed(removed["step"], removed["at"])
    return _change_steps(
        request, member, flow_id, lambda payload: draft.restore_step(payload, back), pane="form"
    )
