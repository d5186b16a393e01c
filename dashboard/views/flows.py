"""Flows: the list, and what is done with a flow as a whole: make, import, copy, archive, export."""

import json
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.editor.draft import new_payload, rename_flow
from dashboard.editor.exchange import file_name, read_payload
from dashboard.editor.payload import Payload, flow_of, steps_of
from dashboard.editor.reading import MAX_BYTES, Unreadable
from dashboard.models import Action, Flow, Member, Run, RunState
from dashboard.views.access import get_or_404, member_page
from dashboard.views.flow_forms import MAX_NAME, ImportForm, NewFlowForm, marked_flow_id, new_flow_mark

PER_PAGE = 50


def _listed(member: Member, query: str, archived: bool) -> QuerySet[Flow]:
    """The flows of a list, each with the state of its last run; two queries however many there are."""
    newest = Run.objects.filter(flow=OuterRef("pk")).order_by("-id")
    flows = (
        Flow.objects.visible_to(member)
        .filter(archived_at__isnull=not archived)
        .select_related("updated_by")
        .defer("draft")
        .annotate(
            last_state=Subquery(newest.values("state")[:1]),
            last_failed_steps=Subquery(newest.values("failed_steps")[:1]),
            last_run_id=Subquery(newest.values("public_id")[:1]),
            last_run_at=Subquery(newest.values("created_at")[:1]),
        )
        .order_by("-updated_at", "pk")
    )
    for word in query.split():
        flows = flows.filter(Q(name__icontains=word) | Q(description__icontains=word))
    return flows


def _with_aspect(flow: Flow) -> Flow:
    """The flow, with how its last run is to be drawn: a completed one with failed steps has a shape of its own."""
    row = vars(flow)
    partly = row["last_state"] == RunState.COMPLETED and row["last_failed_steps"]
    row["last_aspect"] = "partial" if partly else row["last_state"]
    return flow


@require_safe
@member_page(Action.READ_FLOWS)
def flows(request: HttpRequest, member: Member) -> HttpResponse:
    """The list of flows, newest change first. `q` searches, `archived` shows those put away."""
    query = request.GET.get("q", "").strip()[:200].replace("\0", "")
    archived = "archived" in request.GET
    context: dict[str, Any] = {"query": query, "archived": archived}
    try:
        page = Paginator(_listed(member, query, archived), PER_PAGE).get_page(request.GET.get("page"))
        context["rows"] = [_with_aspect(flow) for flow in page.object_list]
        context["page_obj"] = page
        if not context["rows"]:
            context["any_active"] = Flow.objects.visible_to(member).active().exists()
    except DatabaseError:
        return render(request, "flows/list.html", {**context, "failed": True}, status=503)
    return render(request, "flows/list.html", context)


def _make(member: Member, payload: Payload, mark: str) -> Flow:
    """Store a new flow. A mark that made a flow before gives that flow."""
    definition = flow_of(payload)
    flow_id = marked_flow_id(member, mark)
    try:
        with transaction.atomic():
            return Flow.objects.create(
                pk=flow_id,
                workspace_id=member.workspace_id,
                name=str(definition.get("name") or "Untitled flow")[:MAX_NAME],
                description=str(definition.get("description") or ""),
                draft=payload,
                step_count=len(steps_of(payload)),
                created_by=member.user,
                updated_by=member.user,
            )
    except IntegrityError:
        return get_or_404(Flow.objects.visible_to(member), pk=flow_id)


def _new_page(
    request: HttpRequest, member: Member, form: NewFlowForm, importing: ImportForm, status: int = 200
) -> HttpResponse:
    context = {"form": form, "import_form": importing, "mark": new_flow_mark(member)}
    return render(request, "flows/new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Action.EDIT_FLOWS)
def new(request: HttpRequest, member: Member) -> HttpResponse:
    """Make an empty flow, under a name."""
    if request.method != "POST":
        return _new_page(request, member, NewFlowForm(), ImportForm())
    form = NewFlowForm(request.POST)
    if not form.is_valid():
        return _new_page(request, member, form, ImportForm(), 422)
    flow = _make(member, new_payload(form.cleaned_data["name"]), request.POST.get("mark", ""))
    return redirect("flow", flow.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Action.EDIT_FLOWS)
def import_flow(request: HttpRequest, member: Member) -> HttpResponse:
    """Make a flow from a file or a pasted payload."""
    if request.method != "POST":
        return _new_page(request, member, NewFlowForm(), ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            text = _text_of(form)
            imported = read_payload(text)
        except Unreadable as problem:
            form.add_error("file" if form.cleaned_data.get("file") else "text", problem.message)
        else:
            for note in imported.notes:
                messages.info(request, note)
            return redirect("flow", _make(member, imported.payload, request.POST.get("mark", "")).pk)
    return _new_page(request, member, NewFlowForm(), form, 422)


def _text_of(form: ImportForm) -> str:
    file = form.cleaned_data.get("file")
    if file and file.size > MAX_BYTES:
        raise Unreadable("The file is larger than 1 MB.")
    try:
        text = form.given()
    except UnicodeDecodeError:
        raise Unreadable("The file is not a text in UTF-8.") from None
    if not text.strip():
        raise Unreadable("Choose a file, or paste the JSON of a flow.")
    return text


@require_POST
@member_page(Action.EDIT_FLOWS)
def copy(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Make a flow like another one."""
    flow = get_or_404(Flow.objects.visible_to(member), pk=flow_id)
    name = f"{flow.name[: MAX_NAME - 7]} (copy)"
    made = _make(member, rename_flow(flow.draft, name), request.POST.get("mark", ""))
    return redirect("flow", made.pk)


@require_POST
@member_page(Action.EDIT_FLOWS)
def archive(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Put a flow away: it leaves the list and cannot be started. Its runs stay."""
    flow = get_or_404(Flow.objects.visible_to(member), pk=flow_id)
    Flow.objects.filter(pk=flow.pk, archived_at=None).update(archived_at=Now())
    messages.success(request, f"“{flow.name}” is archived. Find it under “Archived” to bring it back.")
    return redirect("flows")


@require_POST
@member_page(Action.EDIT_FLOWS)
def unarchive(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """Bring an archived flow back."""
    flow = get_or_404(Flow.objects.visible_to(member), pk=flow_id)
    Flow.objects.filter(pk=flow.pk).update(archived_at=None)
    return redirect("flow", flow.pk)


@require_safe
@member_page(Action.READ_FLOWS)
def export(request: HttpRequest, member: Member, flow_id: str) -> HttpResponse:
    """The flow's payload as a file, exactly as it is kept."""
    flow = get_or_404(Flow.objects.visible_to(member), pk=flow_id)
    text = json.dumps(flow.draft, indent=2, ensure_ascii=False) + "\n"
    headers = {"Content-Disposition": f'attachment; filename="{file_name(flow.draft)}"'}
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)
