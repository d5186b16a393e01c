"""Flows: what an author edits."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from dashboard.models.fields import JSONText
from dashboard.models.people import Workspace
from dashboard.models.permissions import Actor
from dashboard.wire.ids import FLOW, new_id


def _new_flow_id() -> str:
    return new_id(FLOW)


class FlowQuerySet(models.QuerySet["Flow"]):
    def visible_to(self, actor: Actor) -> "FlowQuerySet":
        return self.filter(workspace_id=actor.workspace_id)

    def active(self) -> "FlowQuerySet":
        return self.filter(archived_at=None)

    def save_draft(self, flow: "Flow", payload: dict[str, Any], seen_revision: int, by: Any) -> bool:
        """Store a new draft if nobody stored another since `seen_revision`; False means somebody did."""
        definition = payload.get("flow") or {}
        moved = self.filter(pk=flow.pk, revision=seen_revision).update(
            draft=payload,
            name=str(definition.get("name") or "Untitled flow")[:200],
            description=str(definition.get("description") or ""),
            step_count=len(definition.get("steps") or definition.get("flowSteps") or ()),
            revision=models.F("revision") + 1,
            updated_at=Now(),
            updated_by=by,
        )
        return moved == 1


class Flow(models.Model):
    """A saved flow. `draft` is the whole dispatch payload as its author sees it: flow, sample record, inputs, options.

    `name`, `description` and `step_count` repeat what the draft says, for lists and search. `revision` grows with each
    save; a save that saw an older one is refused.
    """

    id = models.CharField(primary_key=True, max_length=40, default=_new_flow_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="flows")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    draft = JSONText(default=dict)
    step_count = models.IntegerField(default=0)
    revision = models.IntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now_add=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = FlowQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["workspace", "archived_at", "-updated_at"], name="flow_list")]

    def __str__(self) -> str:
        return self.name
