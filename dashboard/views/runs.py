"""The list of runs: newest first, narrowed by the address, a page at a time; its rows are live."""

from typing import Any, Final

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.models import Action, Flow, Member, Run
from dashboard.models.run import RunQuerySet
from dashboard.views.access import member_page
from dashboard.views.run_filters import Filters
from dashboard.views.run_shown import aspect_of, took
from dashboard.views.run_starting import run_form_id

PAGE: Final = 50
MOST_ROWS: Final = 100
_HEAVY = ("inputs", "messages", "options", "secrets", "record_snapshot", "final_output")


def listed(member: Member) -> RunQuerySet:
    """The member's runs as rows need them: two joins, no large columns, newest first."""
    runs = Run.objects.visible_to(member).select_related("started_by", "api_key").defer(*_HEAVY)
    return runs.order_by("-id")


def row(run: Run) -> dict[str, Any]:
    """What a row says of a run."""
    return {
        "run": run,
        "state": aspect_of(run),
        "seconds": took(run),
        "tokens": tokens_of(run),
        "who": who(run),
    }


def tokens_of(run: Run) -> int | None:
    """Tokens of a finished run, None where it used no model or goes on."""
    return (run.input_tokens + run.output_tokens) or None


def who(run: Run) -> str:
    """Who started the run, as the list names them."""
    if run.started_by is not None:
        return str(run.started_by)
    return f"Key {run.api_key.name}" if run.api_key is not None else "Somebody who has left"


@require_safe
@member_page(Action.READ_RUNS)
def runs(request: HttpRequest, member: Member) -> HttpResponse:
    """One page of the list. 503 with the same page's frame when the runs cannot be read."""
    filters = Filters(request.GET, member)
    try:
        context = _page(request, member, filters)
    except DatabaseError:
        return render(request, "runs/list.html", {"filters": filters, "failed": True}, status=503)
    return render(request, "runs/list.html", context)


@require_safe
@member_page(Action.READ_RUNS)
def rows(request: HttpRequest, member: Member) -> HttpResponse:
    """The rows of some runs (`run=…`, repeated) as they are now; ids that are not the member's are left out."""
    wanted = [public_id for public_id in request.GET.getlist("run")[:MOST_ROWS] if "\x00" not in public_id]
    found = [row(run) for run in listed(member).filter(public_id__in=wanted)]
    return render(request, "runs/_rows.html", {"rows": found, "oob": True})


def _page(request: HttpRequest, member: Member, filters: Filters) -> dict[str, Any]:
    before = request.GET.get("before", "").replace("\x00", "")
    fitting = filters.narrow(listed(member))
    if before:
        fitting = fitting.filter(
            pk__lt=Run.objects.visible_to(member).filter(public_id=before).values("pk")[:1]
        )
    found = list(fitting[: PAGE + 1])
    shown, more = found[:PAGE], len(found) > PAGE
    first = _address(request, None)
    return {
        "filters": filters,
        "chips": filters.chips(),
        "rows": [row(run) for run in shown],
        "newer": first if before else "",
        "older": _address(request, shown[-1].public_id) if more else "",
        "first": first,
        "nothing": _nothing(member, filters, before) if not shown else "",
        "example": _example(member) if not shown and not before and not filters.any else None,
        "run_id": run_form_id(member),
    }


def _nothing(member: Member, filters: Filters, before: str) -> str:
    """Why the page is empty: `past` the end, everything `filtered` out, or there are `none` yet."""
    if before:
        return "past"
    return "filtered" if filters.any and Run.objects.visible_to(member).exists() else "none"


def _example(member: Member) -> Flow | None:
    return Flow.objects.visible_to(member).active().order_by("created_at", "pk").first()


def _address(request: HttpRequest, before: str | None) -> str:
    """This list, with its filters, from another place."""
    query = request.GET.copy()
    query.pop("before", None)
    if before:
        query["before"] = before
    return request.path + ("?" + query.urlencode() if query else "")
