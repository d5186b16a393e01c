"""Immutable flow definitions, stored once however often they run."""

import hashlib
import json
from typing import Any

from django.db import models

from dashboard.models.fields import JSONText
from dashboard.models.people import Workspace


class DefinitionQuerySet(models.QuerySet["Definition"]):
    def keep(self, workspace_id: int, body: dict[str, Any]) -> "Definition":
        """The stored definition with this very body, made if it is new."""
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        known = self.filter(workspace_id=workspace_id, digest=digest).only("id").first()
        if known is not None:
            return known
        return self.get_or_create(workspace_id=workspace_id, digest=digest, defaults={"body": body})[0]


class Definition(models.Model):
    """What a run executes: the flow object of a dispatch payload, addressed by its content and never changed."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    body = JSONText()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DefinitionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "digest"], name="definition_once")]

    def __str__(self) -> str:
        return self.digest[:12]
