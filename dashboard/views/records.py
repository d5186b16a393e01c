"""Records: a list, one record as JSON, and a form to store one that runs can then use."""

from typing import Any, Final

from django import forms
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.editor.reading import Unreadable, read_object
from dashboard.models import Action, Member, Record
from dashboard.views.access import get_or_404, member_page
from dashboard.views.forms import NameField
from dashboard.views.runs import listed, row

PAGE: Final = 50
RUNS: Final = 10
TAKEN: Final = "There is a record of this type and name already. Choose another name."


class RecordForm(forms.Form):
    """A new record: type, name, and metadata as a JSON object."""

    type = NameField(
        label="Type",
        help_text="What kind of thing it is, such as “report” or “customer”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    name = NameField(
        label="Name",
        max_length=500,
        help_text="Unique among the records of its type.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    metadata = forms.CharField(
        label="Metadata",
        initial="{}",
        strip=False,
        widget=forms.Textarea(attrs={"data-code": "json", "rows": 12, "spellcheck": "false"}),
        help_text="A JSON object. Flows read it as {{_record.metadata.…}}.",
    )

    def clean_metadata(self) -> Any:
        try:
            return read_object(self.cleaned_data["metadata"], "The metadata")
        except Unreadable as problem:
            raise forms.ValidationError(problem.message) from None


@require_safe
@member_page(Action.READ_RECORDS)
def records(request: HttpRequest, member: Member) -> HttpResponse:
    """The workspace's records, those changed last first; `q` searches names and types."""
    text = request.GET.get("q", "").strip().replace("\x00", "")[:200]
    found = Record.objects.visible_to(member).order_by("-updated_at", "pk").defer("metadata")
    if text:
        found = found.filter(Q(name__icontains=text) | Q(type__icontains=text))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "records/list.html", {"page_obj": page, "q": text})


@require_safe
@member_page(Action.READ_RECORDS)
def record(request: HttpRequest, member: Member, record_id: str) -> HttpResponse:
    """One record, and the last runs that used it."""
    found = get_or_404(Record.objects.visible_to(member), pk=record_id)
    used = [row(run) for run in listed(member).filter(record=found)[:RUNS]]
    return render(request, "records/show.html", {"record": found, "rows": used})


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Action.EDIT_RECORDS)
def new_record(request: HttpRequest, member: Member) -> HttpResponse:
    """Store a record. What is wrong with it is said beside the field, and nothing typed is lost."""
    form = RecordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = _store(member, form.cleaned_data)
        if made is not None:
            return redirect("record", made.pk)
        form.add_error("name", TAKEN)
    return render(request, "records/new.html", {"form": form}, status=422 if form.errors else 200)


def _store(member: Member, said: dict[str, Any]) -> Record | None:
    """The stored record; None when the workspace has one of this type and name."""
    try:
        with transaction.atomic():
            return Record.objects.create(workspace_id=member.workspace_id, **said)
    except IntegrityError:
        return None
