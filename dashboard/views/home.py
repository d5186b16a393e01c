"""Home: what runs now, what needs somebody, what ran last, and flows to run."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.models import MOVING, Action, Flow, Member, RunState
from dashboard.views.access import member_page
from dashboard.views.run_starting import run_form_id
from dashboard.views.runs import listed, row

MOST_MOVING: Final = 12
MOST_RECENT: Final = 8
MOST_FLOWS: Final = 8
ATTENTION: Final = (RunState.PAUSED, RunState.ATTENTION)


@require_safe
@member_page(Action.READ_RUNS)
def home(request: HttpRequest, member: Member) -> HttpResponse:
    """The page; its lists are re-read when a run changes its state."""
    runs = listed(member)
    flows = Flow.objects.visible_to(member).active()
    context = {
        "moving": [row(run) for run in runs.filter(state__in=MOVING)[:MOST_MOVING]],
        "attention": [row(run) for run in runs.filter(state__in=ATTENTION)[:MOST_MOVING]],
        "recent": [row(run) for run in runs.exclude(state__in=[*MOVING, *ATTENTION])[:MOST_RECENT]],
        "flows": [(flow, run_form_id(member)) for flow in flows.order_by("-updated_at", "pk")[:MOST_FLOWS]],
    }
    context["demo_answers"] = settings.MODEL_FALLBACK == "demo"
    return render(request, "home/home.html", context)
