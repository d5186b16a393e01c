"""Who works here: users, workspaces, and members with a role in a workspace."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.functions import Lower

from dashboard.models.permissions import Actor
from dashboard.models.roles import Role


class UserManager(BaseUserManager["User"]):
    """Makes users whose name is their e-mail address, compared without regard to case."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who signs in with an e-mail address."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address")
    name = models.CharField(max_length=120, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()  # type: ignore[assignment,misc]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email


def one_founder_at_a_time() -> None:
    """Wait, within a transaction, until nobody else is making a first workspace or account.

    While there is no row of ours to lock, the row that describes the table of users serves: `migrate` made it.
    """
    list(ContentType.objects.select_for_update().filter(app_label="dashboard", model="user"))


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def oldest_or_new(self, name: str = "Workspace") -> "Workspace":
        """Where an operator's commands and the first account work: the oldest workspace, made when there is none."""
        with transaction.atomic():
            one_founder_at_a_time()
            return self.order_by("pk").first() or self.create(name=name)


class Workspace(models.Model):
    """The wall between teams: everything below belongs to one workspace."""

    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class MemberQuerySet(models.QuerySet["Member"]):
    def visible_to(self, actor: Actor) -> "MemberQuerySet":
        return self.filter(workspace_id=actor.workspace_id)

    def set_role(self, member: "Member", role: str) -> bool:
        """Give the member another role; False if that would leave the workspace without an admin."""
        with transaction.atomic():
            if role != Role.ADMIN and self._is_last_admin(member):
                return False
            self.filter(pk=member.pk).update(role=role)
        return True

    def remove(self, member: "Member") -> bool:
        """Take the member out of the workspace; False if that would leave it without an admin."""
        with transaction.atomic():
            if self._is_last_admin(member):
                return False
            self.filter(pk=member.pk).delete()
        return True

    def _is_last_admin(self, member: "Member") -> bool:
        # The workspace's row is the lock: two admins who remove each other at once must not both succeed.
        list(Workspace.objects.select_for_update().filter(pk=member.workspace_id))
        admins = self.filter(workspace_id=member.workspace_id, role=Role.ADMIN).values_list("pk", flat=True)
        return list(admins[:2]) == [member.pk]


class Member(models.Model):
    """A user in a workspace, with a role. The actor behind every page."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="member_once_per_workspace")
        ]

    def __str__(self) -> str:
        return str(self.user)
