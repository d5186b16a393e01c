"""Records: typed JSON that flows read and write."""

from django.db import models

from dashboard.models.fields import JSONText
from dashboard.models.people import Workspace
from dashboard.models.permissions import Actor
from dashboard.wire.ids import RECORD, new_id


def _new_record_id() -> str:
    return new_id(RECORD)


class RecordQuerySet(models.QuerySet["Record"]):
    def visible_to(self, actor: Actor) -> "RecordQuerySet":
        return self.filter(workspace_id=actor.workspace_id)


class Record(models.Model):
    """One record; (type, name) is unique in a workspace."""

    id = models.CharField(primary_key=True, max_length=40, default=_new_record_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="records")
    type = models.CharField(max_length=255)
    name = models.CharField(max_length=500)
    metadata = JSONText(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "type", "name"], name="record_type_and_name")
        ]
        indexes = [models.Index(fields=["workspace", "type", "-updated_at"], name="record_list")]

    def __str__(self) -> str:
        return self.name
