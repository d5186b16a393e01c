"""Checks that run before the server or a command does anything: settings that are well-formed and still cannot work."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own names

from dashboard.net.policy import parse_allow_hosts

LEAST_SECRET = 32


@register(Tags.security)
def encryption_keys_work(app_configs: Any, **options: Any) -> Sequence[CheckMessage]:
    """Every entry of ENCRYPTION_KEYS is a Fernet key; the message never repeats one."""
    for number, key in enumerate(settings.ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except (ValueError, TypeError):
            return [
                Error(
                    f"Entry {number} of ENCRYPTION_KEYS is not a Fernet key (32 bytes in URL-safe base64).",
                    hint="Leave it empty, and one is made and kept under DATA_DIR.",
                    id="signalbox.E001",
                )
            ]
    return []


@register(Tags.security)
def allowed_hosts_can_be_read(app_configs: Any, **options: Any) -> Sequence[CheckMessage]:
    """NET_ALLOW_HOSTS is a list of host:port."""
    try:
        parse_allow_hosts(settings.NET_ALLOW_HOSTS)
    except ValueError as problem:
        return [Error(f"NET_ALLOW_HOSTS cannot be read: {problem}", id="signalbox.E002")]
    return []


@register(Tags.security)
def secret_key_is_long(app_configs: Any, **options: Any) -> Sequence[CheckMessage]:
    """A SECRET_KEY somebody chose is long enough to sign sessions with."""
    if len(settings.SECRET_KEY) >= LEAST_SECRET:
        return []
    return [
        Error(
            f"SECRET_KEY is shorter than {LEAST_SECRET} characters.",
            hint="Leave it empty, and one is made and kept under DATA_DIR.",
            id="signalbox.E003",
        )
    ]


@register(Tags.security)
def debug_stays_at_home(app_configs: Any, **options: Any) -> Sequence[CheckMessage]:
    """DEBUG shows tracebacks, and so source and settings, to whoever can reach the server."""
    if settings.DEBUG and settings.HOST not in {"127.0.0.1", "localhost", "::1"}:
        return [Warning("DEBUG is on while other machines can reach this server.", id="signalbox.W001")]
    return []
