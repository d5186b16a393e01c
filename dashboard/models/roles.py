"""The roles a member can have."""

from django.db import models


class Role(models.TextChoices):
    """What a member may do; `permissions.TABLE` has the particulars."""

    VIEWER = "viewer", "Viewer"
    APPROVER = "approver", "Approver"
    AUTHOR = "author", "Author"
    ADMIN = "admin", "Admin"
