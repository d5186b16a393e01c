"""Commands that write say plainly when the database is not ready for them."""

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def require_tables() -> None:
    """Raise CommandError unless every migration has been applied."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError(
            "The database has no tables yet, or older ones. Start the server once, or run manage.py migrate."
        )
