"""Where somebody is in the flow editor, and the step that is open there."""

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from dashboard.editor.envelope import envelope_form
from dashboard.editor.fields import ConfigForm, form_for
from dashboard.editor.kinds import help_of
from dashboard.editor.names import kind_of
from dashboard.editor.payload import Payload, RawStep, keys_of, steps_of
from dashboard.editor.reading import Unreadable, read_json, write_json
from dashboard.engine.step import Step
from dashboard.models import Flow, Member
from dashboard.views.access import get_or_404

TABS = ("json", "curl", "sample")
PANES = ("steps", "form", "payload")


def flow_at(member: Member, flow_id: str) -> Flow:
    """The flow that an address names, or 404."""
    return get_or_404(Flow.objects.visible_to(member).select_related("updated_by"), pk=flow_id)


def base_of(request: HttpRequest) -> Any:
    """What a form was made from; None for a form that does not say, or says it wrongly."""
    try:
        return read_json(request.POST.get("base", ""))
    except Unreadable:
        return None


@dataclass(frozen=True)
class Place:
    """Where in the editor somebody is: the open step (or the flow's details), the tab and, on a phone, the pane."""

    step: str = ""
    details: bool = False
    tab: str = "json"
    pane: str = "steps"

    @classmethod
    def read(cls, query: QueryDict) -> "Place":
        """The place that an address names; what it does not name, or wrongly, is the first."""
        tab, pane = query.get("tab", ""), query.get("pane", "")
        return cls(
            step=query.get("step", ""),
            details="details" in query,
            tab=tab if tab in TABS else TABS[0],
            pane=pane if pane in PANES else PANES[0],
        )

    def query(self, **changes: Any) -> str:
        """The place as a query string."""
        place = replace(self, **changes)
        pairs = {"step": "" if place.details else place.step, "details": "1" if place.details else ""}
        pairs |= {"tab": "" if place.tab == TABS[0] else place.tab}
        pairs |= {"pane": "" if place.pane == PANES[0] else place.pane}
        return urlencode({name: value for name, value in pairs.items() if value})

    def url(self, flow: Flow, **changes: Any) -> str:
        """The address of the editor at this place."""
        query = self.query(**changes)
        return reverse("flow", args=[flow.pk]) + (f"?{query}" if query else "")


@dataclass(frozen=True)
class OpenStep:
    """The step in the form pane. `form` is None for a kind without one; then `raw` is edited."""

    key: str
    step: RawStep
    kind: type[Step[Any]] | None
    form: ConfigForm | None
    envelope: ConfigForm
    raw: str
    raw_error: str = ""

    @property
    def base(self) -> str:
        """The step as it was sent to the browser; comes back with the form, to tell what was changed from what."""
        return write_base(self.step)

    @property
    def help(self) -> str:
        return help_of(self.kind) if self.kind else ""

    @property
    def title(self) -> str:
        return self.kind.title if self.kind else str(self.step.get("type"))

    @property
    def uses_options(self) -> bool:
        """Whether anything under "More options" is set, so that it should be seen."""
        forms = [form for form in (self.form, self.envelope) if form]
        return any(group.is_set for form in forms for group in form.groups() if group.parts)

    @property
    def name(self) -> str:
        name = self.step.get("name")
        return name if isinstance(name, str) else ""


def write_base(value: Any) -> str:
    """A value for a hidden field, in characters that no browser changes."""
    return json.dumps(value)


def open_step(payload: Payload, key: str, data: Any = None, raw: str | None = None) -> OpenStep | None:
    """The step to show at a key: None when there is no such step."""
    steps = steps_of(payload)
    keys = keys_of(steps)
    if key not in keys:
        return None
    step = steps[keys.index(key)]
    return made_open(key, step, data, raw)


def made_open(key: str, step: RawStep, data: Any = None, raw: str | None = None) -> OpenStep:
    """A step with its forms, which are bound when there is data."""
    kind = kind_of(step)
    form = form_for(kind.Config)(step.get("config") or {}, data) if kind else None
    return OpenStep(
        key, step, kind, form, envelope_form(step, data), raw if raw is not None else write_json(step)
    )
