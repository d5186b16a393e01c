"""Reads the run log: events after a number, for one run or for many at once."""

from collections.abc import Mapping
from typing import NamedTuple

from dashboard.models import MOVING, Run, RunEvent


class Row(NamedTuple):
    """One committed event. `data` is the wire's JSON text."""

    seq: int
    type: str
    data: str


class Position(NamedTuple):
    """Where a run's log stands: the number of its newest event, and whether more may come without anybody's doing."""

    last_seq: int
    moving: bool


def events_after(run_id: int, after: int, limit: int = 500) -> list[Row]:
    """The events of a run with seq > after, in order, at most `limit`."""
    rows = RunEvent.objects.filter(run_id=run_id, seq__gt=after).order_by("seq")
    return [Row(*row) for row in rows.values_list("seq", "type", "data")[:limit]]


def events_of(run_id: int) -> list[Row]:
    """The whole log of a run."""
    rows = RunEvent.objects.filter(run_id=run_id).order_by("seq")
    return [Row(*row) for row in rows.values_list("seq", "type", "data")]


def events_after_many(cursors: Mapping[int, int], limit: int = 5000) -> tuple[dict[int, list[Row]], bool]:
    """The events after each run's cursor, in one query; the flag says that `limit` cut the answer short."""
    rows = RunEvent.objects.after_many(cursors, limit)
    found: dict[int, list[Row]] = {}
    for run_id, seq, kind, data in rows:
        found.setdefault(run_id, []).append(Row(seq, kind, data))
    return found, len(rows) == limit


def positions(run_ids: list[int]) -> dict[int, Position]:
    """Where the logs of some runs stand, in one query."""
    rows = Run.objects.filter(pk__in=run_ids).values_list("pk", "last_seq", "state")
    return {pk: Position(last_seq, state in MOVING) for pk, last_seq, state in rows}
