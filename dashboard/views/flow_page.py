"""The flow editor as a page: what it shows for a place in the address, whatever the request just did."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.editor.envelope import sample_form
from dashboard.editor.exchange import by_id, curl
from dashboard.editor.kinds import menu, model_suggestions
from dashboard.editor.names import kind_of, label_of, names_of
from dashboard.editor.payload import Payload, digest, flow_of, is_enabled, keys_of, steps_of
from dashboard.editor.reading import write_json
from dashboard.editor.validation import FLOW, Problem, problems
from dashboard.models import Action, Flow, Member, Record, Run, may
from dashboard.models_ai.table import suggestions
from dashboard.views.flow_forms import DetailsForm
from dashboard.views.flow_place import PANES, TABS, OpenStep, Place, open_step, write_base
from dashboard.views.run_starting import run_form_id

STORED_RECORDS = 100
REMOVED = "removed_step"
ICONS = {
    "AI": "sparkles",
    "Data": "braces",
    "Web": "globe",
    "Messages": "message-square",
    "Control": "git-branch",
}
SAMPLE_PARTS = ("record", "inputs", "messages", "options")


@dataclass(frozen=True)
class Row:
    """One step in the list of steps."""

    key: str
    number: int
    name: str
    kind: str
    icon: str
    enabled: bool
    when: str
    errors: int
    warnings: int
    url: str
    is_open: bool
    is_first: bool
    is_last: bool


def rows_of(flow: Flow, place: Place, found: list[Problem]) -> list[Row]:
    """The list of steps."""
    steps = steps_of(flow.draft)
    keys = keys_of(steps)
    rows = []
    for at, (key, step) in enumerate(zip(keys, steps, strict=True)):
        kind = kind_of(step)
        own = [problem.severity for problem in found if problem.step_key == key]
        rows.append(
            Row(
                key=key,
                number=at + 1,
                name=label_of(step, at + 1),
                kind=kind.title if kind else str(step.get("type")),
                icon=ICONS.get(kind.group, "box") if kind else "braces",
                enabled=is_enabled(step),
                when=str(step.get("when") or ""),
                errors=own.count("error"),
                warnings=own.count("warning"),
                url=place.url(flow, step=key, details=False, pane="form"),
                is_open=key == place.step and not place.details,
                is_first=at == 0,
                is_last=at == len(steps) - 1,
            )
        )
    return rows


def _payload_part(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    server = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    return {
        "payload_text": write_json(flow.draft),
        "payload_seen": digest(flow.draft),
        "curl_inline": curl(flow.draft, server),
        "curl_stored": curl(by_id(flow.draft, flow.pk), server),
    }


def sample_part(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a payload that the sample form edits."""
    return {name: payload[name] for name in SAMPLE_PARTS if name in payload}


def problems_by_field(found: list[Problem], key: str) -> dict[str, list[Problem]]:
    """The problems of one step (or of the flow) by field."""
    own: dict[str, list[Problem]] = {}
    for problem in found:
        if problem.step_key == key:
            own.setdefault(problem.field, []).append(problem)
    return own


def _stray(by_field: dict[str, list[Problem]], opened: OpenStep | None) -> list[Problem]:
    """Problems of the open step about something that has no field on the page."""
    shown = {"name"}
    for form in (opened.form, opened.envelope) if opened else ():
        shown |= set(form.fields) if form else set()
    return [problem for field, found in by_field.items() if field not in shown for problem in found]


def context_of(
    request: HttpRequest, member: Member, flow: Flow, place: Place, opened: OpenStep | None = None
) -> dict[str, Any]:
    """What the templates of the editor need. `opened` is given where a form comes back with what was posted."""
    payload, editable = flow.draft, may(member, Action.EDIT_FLOWS)
    found = problems(payload)
    keys = keys_of(steps_of(payload))
    if not place.details and not place.step and keys:
        place = replace(place, step=keys[0])
    if opened is None and not place.details:
        opened = open_step(payload, place.step)
    if not editable:
        _lock(opened)
    return {
        "flow": flow,
        "editable": editable,
        "runnable": may(member, Action.START_RUNS) and flow.archived_at is None,
        "rows": rows_of(flow, place, found),
        "removed": _removed(request, flow),
        "run_id": run_form_id(member),
        "menu_groups": menu(),
        "icons": ICONS,
        **_place_part(flow, place),
        **_form_part(payload, place, opened, found),
        **_payload_part(request, flow),
        **(_sample_part(member, flow, editable) if place.tab == "sample" else {}),
    }


def _place_part(flow: Flow, place: Place) -> dict[str, Any]:
    panes, tabs = ("Steps", "Form", "Payload"), ("JSON", "curl", "Sample")
    return {
        "place": place,
        "here": place.query(),
        "here_url": place.url(flow),
        "pane_links": [
            (name, word, place.url(flow, pane=name)) for name, word in zip(PANES, panes, strict=True)
        ],
        "tab_links": [
            (name, word, place.url(flow, tab=name, pane="payload"))
            for name, word in zip(TABS, tabs, strict=True)
        ],
    }


def _form_part(
    payload: Payload, place: Place, opened: OpenStep | None, found: list[Problem]
) -> dict[str, Any]:
    """The open step (or the flow's details), its problems, and the names it may use."""
    keys, definition = keys_of(steps_of(payload)), flow_of(payload)
    by_field = problems_by_field(found, opened.key if opened else FLOW)
    at = keys.index(opened.key) if opened and opened.key in keys else len(keys)
    offered = names_of(payload).at_step(at).offered
    _mark(opened, by_field)
    described = {name: definition[name] for name in ("name", "description") if name in definition}
    return {
        "opened": opened,
        "missing": bool(place.step and not place.details and opened is None),
        "problems": by_field,
        "stray": _stray(by_field, opened),
        "flow_problems": problems_by_field(found, FLOW),
        "error_count": sum(problem.severity == "error" for problem in found),
        "names": offered,
        "names_json": json.dumps(offered, ensure_ascii=False),
        "models": list(dict.fromkeys([*model_suggestions(payload), *suggestions()])),
        "details_form": DetailsForm.of(payload) if place.details else None,
        "details_base": write_base(described),
    }


def _lock(opened: OpenStep | None) -> None:
    """Make the forms of somebody who may only read unchangeable."""
    for form in (opened.form, opened.envelope) if opened else ():
        for field in form.fields.values() if form else ():
            field.disabled = True


def _mark(opened: OpenStep | None, by_field: dict[str, list[Problem]]) -> None:
    """Tell screen readers which fields are wrong."""
    for form in (opened.form, opened.envelope) if opened else ():
        for name, field in form.fields.items() if form else ():
            if any(problem.severity == "error" for problem in by_field.get(name, ())):
                field.widget.attrs["aria-invalid"] = "true"


def _sample_part(member: Member, flow: Flow, editable: bool) -> dict[str, Any]:
    form = sample_form(flow.draft)
    for field in form.fields.values() if not editable else ():
        field.disabled = True
    stored = Record.objects.visible_to(member).order_by("-updated_at").values("pk", "type", "name")
    return {
        "sample": form,
        "sample_base": write_base(sample_part(flow.draft)),
        "stored_records": list(stored[:STORED_RECORDS]) if may(member, Action.READ_RECORDS) else [],
        "last_run": Run.objects.visible_to(member).filter(flow=flow).order_by("-id").first(),
    }


def _removed(request: HttpRequest, flow: Flow) -> dict[str, Any] | None:
    removed = request.session.get(REMOVED)
    return removed if removed and removed["flow"] == flow.pk else None


def show(
    request: HttpRequest, member: Member, flow: Flow, place: Place, status: int = 200, **more: Any
) -> HttpResponse:
    """The whole page, at a place; `more` replaces parts of its context."""
    context = context_of(request, member, flow, place, more.pop("opened", None))
    return render(request, "flows/editor.html", context | more, status=status)
