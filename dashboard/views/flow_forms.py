"""The small forms of the flow pages."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer

from dashboard.editor.payload import UNSET, flow_of
from dashboard.models import Member
from dashboard.views.forms import NameField
from dashboard.wire.ids import FLOW, is_id, new_id

MAX_NAME = 200


def new_flow_mark(member: Member) -> str:
    """The signed id of the flow that one rendering of a form may make: sent twice, it is still one flow."""
    return Signer(salt=f"new-flow:{member.pk}").sign(new_id(FLOW))


def marked_flow_id(member: Member, mark: str) -> str:
    """The id behind a mark; a new one for a form that brings none or a forged one."""
    try:
        found = Signer(salt=f"new-flow:{member.pk}").unsign(mark)
    except BadSignature:
        return new_id(FLOW)
    return found if is_id(found, FLOW) else new_id(FLOW)


class NewFlowForm(forms.Form):
    """A new, empty flow."""

    name = NameField(
        label="Name",
        max_length=MAX_NAME,
        help_text="What the flow does, such as “Triage refunds”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )


class ImportForm(forms.Form):
    """A flow from a file or a paste."""

    file = forms.FileField(
        label="File",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
        help_text="A flow that was exported, or any dispatch payload.",
    )
    text = forms.CharField(
        label="Or paste JSON",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"data-code": "json", "rows": 8, "spellcheck": "false"}),
        help_text="A whole payload with “flow”, “record” and “inputs”, or a flow alone.",
    )

    def given(self) -> str:
        """The JSON text that was given. Raises UnicodeDecodeError for a file that is not text."""
        file = self.cleaned_data.get("file")
        if file:
            text: str = file.read().decode("utf-8")
            return text
        return str(self.cleaned_data.get("text") or "")


class DetailsForm(forms.Form):
    """The name and description of a flow."""

    name = NameField(label="Name", max_length=MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=20_000,
        help_text="What it is for, and what to know before changing it.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    @classmethod
    def of(cls, payload: Mapping[str, Any], data: Any = None) -> "DetailsForm":
        """The form of a payload's flow; bound when there is data."""
        flow = flow_of(payload)
        return cls(
            data, initial={"name": flow.get("name") or "", "description": flow.get("description") or ""}
        )

    def changes(self) -> dict[str, Any]:
        """What was changed, by payload name; UNSET for a description that was emptied."""
        self.full_clean()
        changed: dict[str, Any] = {}
        if "name" in self.cleaned_data and self.cleaned_data["name"] != _one_line(self.initial["name"]):
            changed["name"] = self.cleaned_data["name"]
        if "description" in self.cleaned_data:
            text = _plain(self.cleaned_data["description"])
            if text != _plain(self.initial["description"]):
                changed["description"] = text or UNSET
        return changed


def _one_line(text: object) -> str:
    """A name as a one-line field sends it back."""
    return str(text).replace("\r", "").replace("\n", "").strip()


def _plain(text: object) -> str:
    """A text as a field of several lines sends it back."""
    return str(text).replace("\r\n", "\n").replace("\r", "\n").strip()
