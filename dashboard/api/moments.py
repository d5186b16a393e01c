"""Moments as the wire writes them."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, `2026-11-23T10:15:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stamp_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
