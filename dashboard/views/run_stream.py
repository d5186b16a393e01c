"""The streams of pages: a run's events, and hints about runs of the member's workspace."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from dashboard.models import Action, Member, Run, may
from dashboard.relay import follow, live
from dashboard.relay.handoff import Body, continue_with
from dashboard.runs.log.reader import events_after
from dashboard.views.access import get_or_404, member_page
from dashboard.wire import sse

STREAMS_PER_PERSON: Final = 6
EARS_PER_PERSON: Final = 20
RETRY_S: Final = 5
PAGE: Final = 2000
RECONNECT: Final = b"retry: 1000\n\n"
_SEQ = re.compile(r"-1|[0-9]{1,9}")

# Open streams per person in this process, of runs and of hints. Only the server's loop counts; views in threads look.
_open: Counter[int] = Counter()
_listening: Counter[int] = Counter()


@require_GET
@member_page(Action.READ_RUNS)
def events(request: HttpRequest, member: Member, public_id: str) -> HttpResponse:
    """The run's events after a number, live until it is over: a stream, or with `wait=0` what is stored by now.

    The number is that of the Last-Event-ID header, else of `after`; one that the log does not reach gives an event
    `reset` and everything from the start. 400 for a number that is none, 429 for one stream too many.
    """
    run = get_or_404(Run.objects.visible_to(member).only("id", "last_seq"), public_id=public_id)
    after = _cursor(request)
    if after is None:
        return _refused(400, "invalid_last_event_id", "The number of the last event must be a whole number.")
    head = b""
    if after > run.last_seq:
        after, head = -1, sse.frame("reset", "{}")
    if request.GET.get("wait") == "0":
        rows = events_after(run.pk, after, PAGE)
        body = head + b"".join(sse.frame(row.type, row.data, row.seq) for row in rows)
        return HttpResponse(body, headers=sse.HEADERS)
    if _open[member.user_id] >= STREAMS_PER_PERSON:
        return _too_many(STREAMS_PER_PERSON)
    allowed = partial(_may_go_on, member.pk, run.pk, request.session.session_key)
    frames = partial(_frames, run.pk, after, RECONNECT + head, allowed)
    return continue_with(
        request, partial(_counted, _open, member.user_id, frames), HttpResponse(headers=sse.HEADERS)
    )


@require_GET
@member_page(Action.READ_RUNS)
def hints(request: HttpRequest, member: Member) -> HttpResponse:
    """Which runs of the member's workspace changed their state: events `runs`, lists of {"run": id, "state": word}."""
    if _listening[member.user_id] >= EARS_PER_PERSON:
        return _too_many(EARS_PER_PERSON)
    allowed = partial(_may_go_on, member.pk, None, request.session.session_key)
    body = partial(live.body, member.workspace_id, member.pk, allowed)
    counted = partial(_counted, _listening, member.user_id, body)
    return continue_with(request, counted, HttpResponse(headers=sse.HEADERS))


def _cursor(request: HttpRequest) -> int | None:
    """The number to begin after, -1 for the first event; None for what is no such number."""
    header = request.headers.get("Last-Event-ID", "")
    given = [header] if header else request.GET.getlist("after")
    if not given or given == [""]:
        return -1
    if len(given) > 1 or not _SEQ.fullmatch(given[0]):
        return None
    return int(given[0])


def _refused(status: int, code: str, words: str) -> HttpResponse:
    return JsonResponse(
        {"error": code, "message": words}, status=status, headers={"Cache-Control": "no-store"}
    )


def _too_many(most: int) -> HttpResponse:
    refused = _refused(429, "too_many_streams", f"One person may hold {most} open streams of this kind.")
    refused.headers["Retry-After"] = str(RETRY_S)
    return refused


def _may_go_on(member_id: int, run_id: int | None, session_key: str | None) -> bool:
    """Whether the stream is still the member's: same role or a sufficient one, same run, not signed out."""
    member = Member.objects.filter(pk=member_id, user__is_active=True).first()
    if member is None or not may(member, Action.READ_RUNS):
        return False
    if session_key and not SessionStore().exists(session_key):
        return False
    return run_id is None or Run.objects.visible_to(member).filter(pk=run_id).exists()


async def _frames(run_id: int, after: int, head: bytes, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
    yield head
    try:
        async for chunk in follow.frames(run_id, after, with_id=True, still_allowed=allowed):
            yield chunk
    except follow.Closing:
        return


async def _counted(count: Counter[int], user_id: int, body: Body) -> AsyncIterator[bytes]:
    count[user_id] += 1
    try:
        async for chunk in body():
            yield chunk
    finally:
        count[user_id] -= 1
        if not count[user_id]:
            del count[user_id]
