"""`manage.py create_api_key NAME --scopes a,b`: a key, printed alone on standard output, once."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard.management.tables import require_tables
from dashboard.models import SCOPES, ApiKey, Workspace
from dashboard.views.forms import NameField

LONGEST_DAYS = 3650


def _scopes(text: str) -> list[str]:
    known = [scope.value for scope in SCOPES]
    asked = [part.strip() for part in text.split(",") if part.strip()]
    if asked == ["all"]:
        return known
    unknown = [part for part in asked if part not in known]
    if unknown or not asked:
        said = f"There is no scope {', '.join(unknown)}. " if unknown else "Name at least one scope. "
        raise ArgumentTypeError(f"{said}The scopes are: all, {', '.join(known)}.")
    return [scope for scope in known if scope in asked]


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST_DAYS:
        raise ArgumentTypeError(f"use a whole number from 1 to {LONGEST_DAYS}.")
    return int(text)


class Command(BaseCommand):
    help = "Create an API key of the workspace. The key is the only thing on standard output, and is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="What the key is for.")
        parser.add_argument("--scopes", type=_scopes, required=True, help="Comma-separated scopes, or all.")
        parser.add_argument(
            "--expires-days", type=_days, default=None, help="Days until it stops working; default: never."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        require_tables()
        try:
            name = NameField().clean(options["name"])
        except ValidationError as problem:
            raise CommandError("The name cannot be used. " + " ".join(problem.messages)) from None
        days = options["expires_days"]
        key, text = ApiKey.make(
            workspace=Workspace.objects.oldest_or_new(),
            name=name,
            scopes=options["scopes"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        until = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "until it is revoked"
        self.stderr.write(f"The key “{key.name}” works {until}. Scopes: {', '.join(key.scopes)}.")
        self.stdout.write(text)
