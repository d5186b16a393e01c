"""Lists in pages: opaque cursors that hold a place in a list ordered by primary key, newest first."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field

from dashboard.wire.base import JsonObject
from dashboard.wire.errors import WireError
from dashboard.wire.responses import Pagination

MOST: Final = 100
# PostgreSQL cannot even compare with a text that holds one.
NO_NUL: Final = r"^[^\x00]*$"

Row = TypeVar("Row", bound=Model)
Direction = Literal["next", "prev"]


class ListQuery(Schema):
    """What every list takes in its address."""

    limit: int = Field(25, ge=1, le=MOST, description="Items per page, 1 to 100.")
    cursor: str | None = Field(
        None, max_length=400, description="`nextCursor` or `prevCursor` of an earlier page."
    )
    direction: Direction | None = Field(
        None, description="Which way to go from the cursor, if not the cursor's own."
    )
    include_count: bool = Field(
        False, alias="includeCount", description="true adds totalCount, totalPages and currentPage."
    )
    search: str = Field("", max_length=200, pattern=NO_NUL, description="Part of a name, in any case.")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two items: the key beside it, how many items stand before it, and the way to go."""

    key: Any
    offset: int
    direction: Direction

    def encode(self) -> str:
        text = json.dumps([self.key, self.offset, self.direction], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str, key_type: type) -> Cursor:
    """Raises WireError `invalid_cursor` for anything that `encode` did not write for such a list."""
    try:
        key, offset, direction = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise WireError("invalid_cursor", path="cursor") from None
    sound = type(key) is key_type and str(key).isprintable() and type(offset) is int and 0 <= offset < 2**31
    if not sound or direction not in ("next", "prev") or (key_type is int and not 0 <= key < 2**63):
        raise WireError("invalid_cursor", path="cursor")
    return Cursor(key, offset, direction)


def page_of(
    rows: "QuerySet[Row]", query: ListQuery, show: Callable[[Row], JsonObject], key_type: type
) -> JsonObject:
    """One page of `rows` as the wire has lists. `key_type` is the Python type of the primary key."""
    cursor = _decode(query.cursor, key_type) if query.cursor else None
    back = cursor is not None and (query.direction or cursor.direction) == "prev"
    if cursor:
        rows = rows.filter(**{"pk__gt" if back else "pk__lt": cursor.key})
    found = list(rows.order_by("pk" if back else "-pk")[: query.limit + 1])
    more = len(found) > query.limit
    shown = found[: query.limit]
    if back:
        shown.reverse()
    at = cursor.offset if cursor else 0
    offset = max(0, at - len(shown)) if back else at
    pagination = Pagination(
        limit=query.limit,
        current_offset=offset,
        has_more=more if not back else True,
        has_prev=more if back else cursor is not None,
    )
    if shown and pagination.has_more:
        pagination.next_cursor = Cursor(shown[-1].pk, offset + len(shown), "next").encode()
    if shown and pagination.has_prev:
        pagination.prev_cursor = Cursor(shown[0].pk, offset, "prev").encode()
    return {"data": [show(row) for row in shown], "pagination": pagination.to_wire()}


def counted(answer: JsonObject, total: int, limit: int) -> JsonObject:
    """The page with the totals that `includeCount` asks for."""
    pagination = answer["pagination"]
    pagination["totalCount"] = total
    pagination["totalPages"] = -(-total // limit)
    pagination["currentPage"] = pagination["currentOffset"] // limit + 1
    return answer
