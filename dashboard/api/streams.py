"""Answers that go on after Django has let go of the request: event streams, and JSON that waits for a run's end."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from django.http import HttpRequest, HttpResponse

from dashboard.api.auth import is_live
from dashboard.api.results import outputs_of, sync_result
from dashboard.models import ApiKey, Run
from dashboard.relay import follow
from dashboard.relay.handoff import continue_with
from dashboard.runs.log.reader import events_of
from dashboard.wire import sse
from dashboard.wire.base import JsonObject
from dashboard.wire.errors import WireError

STREAMS_PER_KEY: Final = 50
# A number no log reaches: to wait for the end of a run without reading its events on the way.
_WHATEVER_COMES: Final = 2**31 - 1

# Open answers per key. Only the server's loop counts; views in threads look.
_open: Counter[int] = Counter()


def check_room(key: ApiKey) -> None:
    """Raise WireError `too_many_streams` when the key has as many open answers as it may have."""
    if _open[key.pk] >= STREAMS_PER_KEY:
        raise WireError("too_many_streams", f"An API key may hold {STREAMS_PER_KEY} open streams.")


def stream(request: HttpRequest, key: ApiKey, run: Run, after: int, reset: bool = False) -> HttpResponse:
    """The run's events with seq > `after` as frames, live until it is over or paused, or the key is revoked.

    `reset` says in a comment that the client's cursor was not of this log, so everything is told again.
    """
    response = HttpResponse(headers={**sse.HEADERS, "X-Execution-Id": run.public_id})
    return continue_with(
        request, partial(_counted, key.pk, partial(_frames, key, run.pk, after, reset)), response
    )


def wait(request: HttpRequest, key: ApiKey, run: Run) -> HttpResponse:
    """One JSON body, sent when the run is over or paused."""
    response = HttpResponse(
        content_type="application/json; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Execution-Id": run.public_id},
    )
    return continue_with(
        request, partial(_counted, key.pk, partial(_result, run.pk, run.public_id)), response
    )


async def _counted(key_id: int, body: "partial[AsyncIterator[bytes]]") -> AsyncIterator[bytes]:
    _open[key_id] += 1
    try:
        async for chunk in body():
            yield chunk
    finally:
        _open[key_id] -= 1
        if not _open[key_id]:
            del _open[key_id]


async def _frames(key: ApiKey, run_id: int, after: int, reset: bool) -> AsyncIterator[bytes]:
    if reset:
        yield sse.comment("reset")
    try:
        async for chunk in follow.frames(run_id, after, with_id=True, still_allowed=partial(is_live, key)):
            yield chunk
    except follow.Closing:
        return


async def _result(run_id: int, public_id: str) -> AsyncIterator[bytes]:
    try:
        await follow.settled(run_id, _WHATEVER_COMES)
        answer = await follow.hub().database.call(_result_of, run_id)
    except follow.Closing:
        # The head is sent already; the run goes on, and its id says where to look.
        answer = {"success": False, "executionId": public_id, **WireError("unavailable").body()}
    yield json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _result_of(run_id: int) -> JsonObject:
    run = Run.objects.select_related("definition").get(pk=run_id)
    return sync_result(run, events_of(run_id), outputs_of(run)).to_wire()
