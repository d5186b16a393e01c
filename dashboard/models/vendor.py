"""Connections to model vendors that admins keep in Settings, beside those of the environment."""

from django.conf import settings
from django.db import models

from dashboard.models.fields import EncryptedText
from dashboard.models.people import Workspace
from dashboard.models.permissions import Actor


class VendorQuerySet(models.QuerySet["VendorConnection"]):
    def visible_to(self, actor: Actor) -> "VendorQuerySet":
        return self.filter(workspace_id=actor.workspace_id)


class VendorConnection(models.Model):
    """How one workspace reaches one vendor (`models_ai` has the list of vendor names). The key is write-only."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="vendor_connections")
    vendor = models.CharField(max_length=40)
    base_url = models.CharField(max_length=500, blank=True, default="")
    api_key = EncryptedText(blank=True, default="")
    key_hint = models.CharField(max_length=8, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects = VendorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "vendor"], name="vendor_once_per_workspace")
        ]

    def __str__(self) -> str:
        return self.vendor
