"""API keys: shown once, kept as a digest, scoped, expiring, revocable."""

import hashlib
import re
import secrets
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from dashboard.models.fields import JSONText
from dashboard.models.people import Member, Workspace
from dashboard.models.permissions import Action, Actor, may

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_SHAPE = re.compile(r"sb_live_([0-9A-Za-z]{8})_([0-9A-Za-z]{32})_([0-9a-f]{4})")


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, actor: Actor) -> "ApiKeyQuerySet":
        """An admin sees every key of the workspace, others their own."""
        keys = self.filter(workspace_id=actor.workspace_id)
        if may(actor, Action.MANAGE_MEMBERS):
            return keys
        return keys.filter(created_by_id=getattr(actor, "user_id", None))

    def presented(self, text: str) -> "ApiKey | None":
        """The key somebody presents, whether or not it is still good; None for a key that never was ours."""
        shape = KEY_SHAPE.fullmatch(text)
        if not shape:
            return None
        key = self.filter(prefix=shape[1]).first()
        if key is None or not secrets.compare_digest(key.digest, _digest(text)):
            return None
        return key

    def live(self) -> "ApiKeyQuerySet":
        """Keys that would be let in now."""
        return self.filter(revoked_at=None).exclude(expires_at__lte=Now())

    def revoke(self) -> int:
        """Revoke these keys at once; the number of those that were not revoked yet."""
        return self.filter(revoked_at=None).update(revoked_at=Now())

    def revoke_beyond(self, member: Member, allowed: Actor | None) -> int:
        """Revoke those of the member's own keys that say more than `allowed` may do (None: all of them)."""
        own = self.filter(workspace_id=member.workspace_id, created_by_id=member.user_id).live()
        beyond = [
            key.pk
            for key in own
            if allowed is None or not all(may(allowed, Action(scope)) for scope in key.scopes)
        ]
        return self.filter(pk__in=beyond).revoke()

    def touch(self, key: "ApiKey") -> None:
        """Note the use, at most once a minute, so that busy keys do not write on every request."""
        recent = models.Q(last_used_at__gt=Now() - timedelta(minutes=1))
        self.filter(pk=key.pk).exclude(recent).update(last_used_at=Now())


class ApiKey(models.Model):
    """A machine's way in. The actor behind every `/v1` request."""

    LIFETIME: ClassVar[timedelta] = timedelta(days=90)

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    scopes = JSONText(default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} (sb_live_{self.prefix}…)"

    @classmethod
    def make(cls, **fields: object) -> "tuple[ApiKey, str]":
        """Store a new key and return it with its plain text, which exists nowhere afterwards."""
        prefix, body = _letters(8), _letters(32)
        text = f"sb_live_{prefix}_{body}_{_digest(prefix + body)[:4]}"
        return cls.objects.create(prefix=prefix, digest=_digest(text), **fields), text
