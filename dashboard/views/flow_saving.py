"""Saving what stands around the steps: the details, the sample, the whole payload.

Each form says what it was made from (`base`, or a digest). If somebody changed the same part meanwhile, nothing is
stored, and both versions are shown (409).
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from dashboard.editor import draft
from dashboard.editor.envelope import sample_form
from dashboard.editor.exchange import read_payload
from dashboard.editor.fields import ConfigForm
from dashboard.editor.payload import (
    Payload,
    digest,
    flow_of,
)
from dashboard.editor.reading import Unreadable, write_json
from dashboard.editor.saving import Busy, Conflict, change, unless_changed
from dashboard.models import Action, Flow, Member
from dashboard.views.access import member_page
from dashboard.views.flow_editor import BUSY
from dashboard.views.flow_forms import DetailsForm
from dashboard.views.flow_page import context_of, sample_part, show
from dashboard.views.flow_place import Place, base_of, flow_at


def _store(flow: Flow, member: Member, operation: Callable[[Payload], Payload]) -> str:
    """Store a change of a part that the guard watches; answers what went wrong, in words, or nothing."""
    try:
        change(flow, member, operation)
    except Busy:
        return BUSY
    return ""


@require_POST
@member_page(Action.EDIT_FLOWS)
def details(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Save the flow's name and description."""
    flow = flow_at(member, flow_id)
    place = Place(details=True, tab=Place.read(request.GET).tab, pane="form")
    base = base_of(request)
    seen = base if isinstance(base, dict) else flow_of(flow.draft)
    form = DetailsForm.of({"flow": seen}, request.POST)
    changes = form.changes()

    def part(payload: Payload) -> Any:
        return [flow_of(payload).get(name) for name in changes]

    guard = digest([seen.get(name) for name in changes])
    try:
        trouble = _store(flow, member, unless_changed(guard, part, lambda p: draft.set_meta(p, **changes)))
    except Conflict:
        theirs = flow_of(flow.draft)
        trouble = (
            f"{flow.updated_by or 'Somebody'} changed this meanwhile, to “{theirs.get('name')}”. Your text is still here; "
            "save again to replace theirs, or reload the page to take it."
        )
        return show(request, member, flow, place, status=409, details_form=form, trouble=trouble)
    if form.errors or trouble:
        return show(request, member, flow, place, status=422, details_form=form, trouble=trouble)
    return redirect(place.url(flow))


@require_POST
@member_page(Action.EDIT_FLOWS)
def sample(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Save the sample: record, inputs, messages and options."""
    flow = flow_at(member, flow_id)
    place = Place.read(request.GET)
    base = base_of(request)
    seen = base if isinstance(base, dict) else sample_part(flow.draft)
    form = sample_form(seen, request.POST)
    changes = form.changes()

    def part(payload: Payload) -> Any:
        return [payload.get(name) for name in changes]

    guard = digest([seen.get(name) for name in changes])
    try:
        trouble = _store(flow, member, unless_changed(guard, part, lambda p: draft.set_top(p, **changes)))
    except Conflict:
        return _sample_conflict(request, member, flow, place, form)
    if form.errors or trouble:
        return _sample_answer(request, member, flow, place, form, trouble, 422)
    return _sample_answer(request, member, flow, place, None, "", 200)


def _sample_conflict(
    request: HttpRequest, member: Member, flow: Flow, place: Place, form: ConfigForm
) -> HttpResponse:
    """409: my sample is still in its form, theirs stands beside it; saving again replaces theirs."""
    place = replace(place, tab="sample", pane="payload")
    context = {"sample": form, "sample_conflict": write_json(sample_part(flow.draft))}
    if request.htmx:  # type: ignore[attr-defined]
        page = context_of(request, member, flow, place) | context
        return render(request, "flows/_payload_swap.html", page, status=409)
    return show(request, member, flow, place, status=409, **context)


def _sample_answer(
    request: HttpRequest,
    member: Member,
    flow: Flow,
    place: Place,
    form: ConfigForm | None,
    trouble: str,
    status: int,
) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        context = context_of(request, member, flow, place)
        context |= {"sample": form or context["sample"], "trouble": trouble, "for_sample": True}
        return render(request, "flows/_saved.html", context, status=status)
    if status == 200:
        return redirect(place.url(flow, tab="sample", pane="payload"))
    more = {"sample": form} if form else {}
    return show(request, member, flow, place, status=status, trouble=trouble, **more)


@require_POST
@member_page(Action.EDIT_FLOWS)
def payload(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Take the JSON of the payload pane as the new payload; the forms follow."""
    flow = flow_at(member, flow_id)
    place = Place.read(request.GET)
    text = request.POST.get("payload", "")
    try:
        read = read_payload(text)
    except Unreadable as problem:
        wrong = {"payload_text": text, "payload_error": problem.message, "payload_line": problem.line}
        return show(
            request, member, flow, place, status=422, payload_seen=request.POST.get("seen", ""), **wrong
        )
    seen = request.POST.get("seen", "")
    try:
        trouble = _store(flow, member, unless_changed(seen, lambda p: p, lambda _: read.payload))
    except Conflict as conflict:
        theirs, mine = write_json(conflict.theirs).splitlines(), write_json(read.payload).splitlines()
        lines = list(difflib.unified_diff(theirs, mine, "theirs", "yours", lineterm="", n=2))
        more = {"payload_text": text, "payload_diff": "\n".join(lines)}
        return show(request, member, flow, place, status=409, **more)
    if trouble:
        return show(request, member, flow, place, status=409, payload_text=text, payload_error=trouble)
    for note in read.notes:
        messages.info(request, note)
    return redirect(place.url(flow, pane="payload"))
