"""One run: its page, the fragments that keep the page fresh, and what people do with a run."""

import json
from dataclasses import asdict
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.models import OVER, Action, Member, Run, RunEvent
from dashboard.runs import control
from dashboard.runs.log.reader import events_of
from dashboard.views.access import get_or_404, member_page
from dashboard.views.run_shown import ShownRun, show, variables_of
from dashboard.views.run_starting import run_form_id, start_again
from dashboard.views.runs import who
from dashboard.wire.events import EVENT_TYPES

TABS: Final = {"result": "Result", "prompt": "Prompt", "variables": "Variables", "events": "Raw events"}
WINDOW: Final = 200
LONGEST_REASON: Final = 120
MOST_STEPS: Final = 50


def find(member: Member, public_id: str) -> Run:
    """The member's run with what its page reads, or 404."""
    runs = Run.objects.visible_to(member).select_related(
        "definition", "started_by", "api_key", "flow", "record"
    )
    return get_or_404(runs, public_id=public_id)


@require_safe
@member_page(Action.READ_RUNS)
def run(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """The whole page; `step` and `tab` say what is open beside the transcript."""
    shown = show(find(member, public_id))
    context = _context(request, member, shown) | {
        "types": " ".join(EVENT_TYPES),
        "on_inspector": "tab" in request.GET,
    }
    return _fresh(render(request, "runs/show.html", context))


@require_safe
@member_page(Action.READ_RUNS)
def parts(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """Fragments of the page as of now: head, tree and end always, the steps asked for (`part`, their keys), the actions
    when the state is another than the page knows (`state`), the inspector when asked for (`inspector`)."""
    shown = show(find(member, public_id))
    wanted = request.GET.getlist("part")[:MOST_STEPS]
    context = _context(request, member, shown) | {
        "oob": True,
        "wanted": [step for step in shown.started if step.key in wanted],
        "with_actions": request.GET.get("state") != shown.state,
        "with_inspector": "inspector" in request.GET,
    }
    return _fresh(render(request, "runs/_parts.html", context))


@require_safe
@member_page(Action.READ_RUNS)
def inspector(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """The pane beside the transcript: `tab`, of one step (`step`, its key) or of the whole run."""
    return _fresh(
        render(request, "runs/_inspector.html", _context(request, member, show(find(member, public_id))))
    )


@require_POST
@member_page(Action.CANCEL_RUNS)
def cancel(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """Cancel the run, with a reason if one is given. A run that is over stays as it is, and the page says so."""
    target = find(member, public_id)
    reason = " ".join(request.POST.get("reason", "").split())[:LONGEST_REASON].replace("\x00", "")
    by = f"{member} (“{reason}”)" if reason else str(member)
    if not control.cancel(target, by):
        messages.info(request, "This run was over already, so there was nothing to cancel.")
    return redirect("run", public_id)


@require_POST
@member_page(Action.START_RUNS)
def again(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """Start a run with the same definition, record and inputs, and go to it."""
    started = start_again(member, find(member, public_id), request.POST.get("run_id", ""))
    return redirect("run", started.public_id)


@require_safe
@member_page(Action.READ_RUNS)
def export_events(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """The log as JSON lines, byte for byte what API clients receive."""
    target = find(member, public_id)
    body = "".join(f"{row.data}\n" for row in events_of(target.pk))
    return _download(body, "application/jsonl; charset=utf-8", f"{public_id}.events.jsonl")


@require_safe
@member_page(Action.READ_RUNS)
def export_transcript(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """The transcript as JSON: the run, its steps, their texts, prompts, tokens, costs and errors."""
    shown = show(find(member, public_id))
    row = shown.run
    told = {
        "run": row.public_id,
        "flow": row.flow_name,
        "state": row.state,
        "startedBy": who(row),
        "createdAt": row.created_at.isoformat(),
        "finishedAt": row.finished_at.isoformat() if row.finished_at else None,
        "record": row.record_snapshot,
        "inputs": row.inputs,
        "inputTokens": row.input_tokens,
        "outputTokens": row.output_tokens,
        "cost": None if row.cost is None else str(row.cost),
        "error": row.error or None,
        "transcript": _plain(shown),
    }
    body = json.dumps(told, ensure_ascii=False, indent=2, default=str) + "\n"
    return _download(body, "application/json; charset=utf-8", f"{public_id}.transcript.json")


def _plain(shown: ShownRun) -> dict[str, Any]:
    told = asdict(shown.transcript)
    for step in told["steps"]:
        for block in step["blocks"]:
            block["text"] = "".join(block.pop("pieces"))
    return told


def _download(body: str, kind: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(body, content_type=kind, headers=headers)


def _fresh(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    return response


def _context(request: HttpRequest, member: Member, shown: ShownRun) -> dict[str, Any]:
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "result"
    opened = shown.step(request.GET.get("step", ""))
    context = {
        "shown": shown,
        "run": shown.run,
        "who": who(shown.run),
        "over": shown.run.state in OVER,
        "opened": opened,
        "tab": tab,
        "tabs": TABS,
        "run_id": run_form_id(member),
    }
    if tab == "variables":
        context["variables"] = variables_of(shown.run, opened)
    if tab == "events":
        context |= _window(shown.run, request.GET.get("before", ""))
    return context


def _window(run: Run, before: str) -> dict[str, Any]:
    """The last events, or those before a number, and where the older ones begin."""
    rows = RunEvent.objects.filter(run=run).order_by("-seq")
    if before.isdecimal() and len(before) < 10:
        rows = rows.filter(seq__lt=int(before))
    found = list(rows.values("seq", "type", "data")[:WINDOW])[::-1]
    return {
        "events": found,
        "older": found[0]["seq"] if found and found[0]["seq"] > 0 else None,
        "before": before,
    }
