"""Saving the form of one step.

The form brings along the step it was made from (`base`). If the step is still that one, the fields that were changed are
stored, whatever else of the flow changed meanwhile; if somebody changed this very step, nothing is stored and both versions
are shown (409). htmx gets the few pieces of the page that follow from a save; a plain form post gets the page.
"""

import json
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from dashboard.editor import draft
from dashboard.editor.compare import differences, merged
from dashboard.editor.payload import (
    UNSET,
    Payload,
    RawStep,
    StepGone,
    digest,
    index_of,
    keys_of,
    step_at,
    steps_of,
)
from dashboard.editor.reading import Unreadable, read_object, same
from dashboard.editor.saving import Busy, Conflict, change, unless_step_changed
from dashboard.models import Action, Flow, Member
from dashboard.views.access import member_page
from dashboard.views.flow_editor import BUSY, GONE
from dashboard.views.flow_page import context_of, show
from dashboard.views.flow_place import OpenStep, Place, base_of, flow_at, made_open, write_base


@dataclass(frozen=True)
class _Edit:
    """What a posted form makes of the step it was made from."""

    opened: OpenStep
    step: RawStep
    trouble: str = ""


def _edited(key: str, base: RawStep, request: HttpRequest) -> _Edit:
    """Apply the posted form to `base`: the fields that were changed and could be read."""
    if "raw" in request.POST:
        raw = request.POST["raw"]
        try:
            step = read_object(raw, "A step")
        except Unreadable as problem:
            return _Edit(made_open(key, base, raw=raw), base, problem.message)
        if not isinstance(step.get("type"), str):
            return _Edit(made_open(key, base, raw=raw), base, 'A step needs a “type”, such as "prompt".')
        return _Edit(made_open(key, base, raw=raw), step)
    opened = made_open(key, base, request.POST)
    envelope = opened.envelope.changes()
    config = opened.form.changes() if opened.form else {}
    name = request.POST.get("name")
    if name is not None and name != opened.name:
        envelope["name"] = name[:500] or UNSET
    payload = draft.set_step_fields({"flow": {"steps": [base]}}, keys_of([base])[0], config, **envelope)
    unread = [*(opened.form.errors if opened.form else ()), *opened.envelope.errors]
    trouble = "Saved, except for what is marked below." if unread else ""
    return _Edit(opened, steps_of(payload)[0], trouble)


@require_POST
@member_page(Action.EDIT_FLOWS)
def step(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Save the form (or the JSON, `raw`) of the step that the address names."""
    flow = flow_at(member, flow_id)
    place = Place.read(request.GET)
    base = base_of(request)
    if not isinstance(base, dict):
        try:
            base = step_at(flow.draft, place.step)
        except StepGone:
            return show(request, member, flow, place, status=409, trouble=GONE)
    edit = _edited(place.step, base, request)
    new_key: list[str] = []

    def operation(payload: Payload) -> Payload:
        changed = draft.put_step(payload, place.step, edit.step)
        new_key[:] = [keys_of(steps_of(changed))[index_of(payload, place.step)]]
        return changed

    try:
        change(flow, member, unless_step_changed(place.step, digest(base), operation))
    except Conflict as conflict:
        if edit.trouble and same(edit.step, base):
            return _after_step(request, member, flow, place, place.step, edit)
        if same(edit.step, base) and conflict.theirs is not None:
            return _take_theirs(request, member, flow, place)
        return _step_conflict(request, member, flow, place, base, edit, conflict.theirs)
    except Busy:
        return show(request, member, flow, place, status=409, trouble=BUSY)
    key = new_key[0] if new_key else place.step
    return _after_step(request, member, flow, place, key, edit)


def _after_step(
    request: HttpRequest, member: Member, flow: Flow, place: Place, key: str, edit: _Edit
) -> HttpResponse:
    """What follows from a save. The form's new base is the step as this form says it, not as it may be by now."""
    status = 422 if edit.trouble else 200
    opened = replace(edit.opened, key=key, step=edit.step, raw_error=edit.trouble)
    if request.htmx and "raw" not in request.POST:  # type: ignore[attr-defined]
        context = context_of(request, member, flow, place, opened) | {"trouble": edit.trouble}
        return render(request, "flows/_saved.html", context, status=status)
    if edit.trouble:
        return show(request, member, flow, place, status=status, opened=opened, trouble=edit.trouble)
    return redirect(place.url(flow, step=key))


def _take_theirs(request: HttpRequest, member: Member, flow: Flow, place: Place) -> HttpResponse:
    """Somebody else changed the step and this form has nothing new: show the step as it is now."""
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "flows/_form_swap.html", context_of(request, member, flow, place))
    return redirect(place.url(flow))


def _step_conflict(
    request: HttpRequest,
    member: Member,
    flow: Flow,
    place: Place,
    base: RawStep,
    edit: _Edit,
    theirs: RawStep | None,
) -> HttpResponse:
    """409: who changed the step and when, both versions, and the two ways on. Nothing was stored."""
    mine = merged(base, edit.step, theirs)
    both = differences(mine, theirs)
    mixed = {row.name for row in both}
    context = {
        "conflict": {
            "differences": both,
            "mine": json.dumps(mine),
            "base": write_base(theirs),
            "gone": theirs is None,
            "theirs_alone": [row.name for row in differences(base, theirs) if row.name not in mixed]
            if theirs
            else [],
        }
    }
    if request.htmx:  # type: ignore[attr-defined]
        page = context_of(request, member, flow, place) | context
        return render(request, "flows/_form_swap.html", page, status=409)
    return show(request, member, flow, place, status=409, **context)


@require_POST
@member_page(Action.EDIT_FLOWS)
def keep_mine(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """After a conflict: store my version of the step over theirs, unless theirs has changed once more."""
    flow, place = flow_at(member, flow_id), Place.read(request.GET)
    base = base_of(request)
    try:
        mine = read_object(request.POST.get("raw", ""), "A step")
    except Unreadable as problem:
        return show(request, member, flow, place, status=422, trouble=problem.message)

    def operation(payload: Payload) -> Payload:
        if place.step in keys_of(steps_of(payload)):
            return draft.put_step(payload, place.step, mine)
        return draft.restore_step(payload, draft.Removed(mine, len(steps_of(payload))))[0]

    try:
        guard = digest(base) if isinstance(base, dict) else ""
        change(flow, member, unless_step_changed(place.step, guard, operation))
    except Conflict as conflict:
        edit = _Edit(made_open(place.step, mine), mine)
        return _step_conflict(request, member, flow, place, base, edit, conflict.theirs)
    except Busy:
        return show(request, member, flow, place, status=409, trouble=BUSY)
    return redirect(place.url(flow))
