"""The run log: one row per wire event, never changed.

Its two busiest statements are plain SQL: they run for every group of tokens, and building them anew each time with the query
builder costs several times as much as running them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models

from dashboard.models.run import Run

EventRow = tuple[int, int, str, str]


class RunEventQuerySet(models.QuerySet["RunEvent"]):
    def append(self, rows: Iterable[EventRow]) -> None:
        """Insert (run id, seq, type, data) rows. A number that is taken raises IntegrityError."""
        listed = list(rows)
        if listed:
            with connection.cursor() as cursor:
                cursor.executemany(_APPEND, listed)

    def after_many(self, cursors: Mapping[int, int], limit: int) -> list[EventRow]:
        """The rows after each run's cursor, by run and number, at most `limit` of them all. One query."""
        if not cursors:
            return []
        where = " OR ".join(["(run_id = %s AND seq > %s)"] * len(cursors))
        values: list[Any] = [number for pair in cursors.items() for number in pair]
        with connection.cursor() as cursor:
            cursor.execute(_AFTER.format(where=where), [*values, limit])
            return cursor.fetchall()


class RunEvent(models.Model):
    """One committed event. `data` is the exact JSON that API clients receive; `seq` counts from 0 without gaps."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.IntegerField()
    type = models.CharField(max_length=40)
    data = models.TextField()

    objects = RunEventQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


# The table's name is ours; everything else is a parameter.
_TABLE = RunEvent._meta.db_table
_APPEND = f"INSERT INTO {_TABLE} (run_id, seq, type, data) VALUES (%s, %s, %s, %s)"  # noqa: S608
_AFTER = f"SELECT run_id, seq, type, data FROM {_TABLE} WHERE {{where}} ORDER BY run_id, seq LIMIT %s"  # noqa: S608
