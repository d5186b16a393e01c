"""Columns of our own: JSON kept as the text it was, and text that is encrypted at rest."""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class JSONText(models.TextField):
    """Any JSON value, stored as text: key order and numbers come back as they went in, on every database."""

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""


@lru_cache(maxsize=4)
def _keyring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def keyring() -> MultiFernet:
    """The keys of this installation, newest first: the first encrypts, all decrypt."""
    return _keyring(tuple(settings.ENCRYPTION_KEYS))


class Unreadable(Exception):
    """A stored secret was encrypted with a key that this installation no longer has."""


class EncryptedText(models.TextField):
    """Text encrypted at rest; empty text stays empty. The plain value lives in memory only."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value:
            return value
        try:
            return keyring().decrypt(value.encode()).decode()
        except InvalidToken:
            raise Unreadable(
                "A stored secret cannot be read: it was encrypted with a key that is not in ENCRYPTION_KEYS."
            ) from None

    def get_prep_value(self, value: str | None) -> str | None:
        if not value:
            return value
        return keyring().encrypt(value.encode()).decode()
