"""`manage.py load_examples`: give every workspace the example flows it was never given."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboard.editor import examples
from dashboard.models import Workspace


class Command(BaseCommand):
    help = "Give every workspace the example flows. What was loaded before, even renamed or archived, stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = sum(examples.load(workspace) for workspace in Workspace.objects.order_by("pk"))
        if options["verbosity"]:
            self.stdout.write(f"{loaded} example flows loaded.")
