"""Internal addresses that admins let flows and model vendors reach, beside NET_ALLOW_HOSTS."""

from django.conf import settings
from django.db import models


class AllowedHost(models.Model):
    """One `host:port` of this installation's network that the outbound guard lets through."""

    host = models.CharField(max_length=253)
    port = models.IntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "port"], name="allowed_host_once"),
            models.UniqueConstraint(
                fields=["host"], condition=models.Q(port=None), name="allowed_host_any_port_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host
