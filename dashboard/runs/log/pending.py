"""What one run has told and the writer has not committed yet."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from dashboard.models.event import EventRow
from dashboard.wire.events import Event, ReasoningDelta, TextDelta


@dataclass(slots=True)
class Work:
    """One run's share of a commit: numbered events and what changes with them."""

    log: "Pending"
    events: list[EventRow]
    last_seq: int
    changes: dict[str, Any]
    rows: list[models.Model]
    waiting: list[Future[None]]

    def succeed(self) -> None:
        for future in self.waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def fail(self, problem: BaseException) -> None:
        """Nothing of this run can be written any more: whoever waits is told, and so is whoever comes later."""
        self.log.broken = problem
        for future in self.waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(problem)


@dataclass(slots=True)
class Pending:
    """The open end of one run's log in the process that owns the run under `epoch`.

    Guarded by the writer's lock. Numbers are given when events are taken, so that deltas can be joined before. `has_news`
    says that something waits which a reader should not wait for.
    """

    run_id: int
    execution_id: str
    epoch: int
    last_seq: int
    broken: BaseException | None = None
    has_news: bool = False
    _flowing: str | None = None
    _events: list[Event] = field(default_factory=list)
    _changes: dict[str, Any] = field(default_factory=dict)
    _rows: list[models.Model] = field(default_factory=list)
    _waiting: list[Future[None]] = field(default_factory=list)

    def add(
        self,
        events: Sequence[Event],
        changes: dict[str, Any] | None,
        rows: Sequence[models.Model],
        durable: Future[None] | None,
    ) -> None:
        if self.broken is not None:
            raise self.broken
        for event in events:
            self._events.append(event)
            self._note(event)
        self._changes.update(changes or {})
        self._rows.extend(rows)
        if durable is not None:
            self._waiting.append(durable)

    def _note(self, event: Event) -> None:
        """Deltas of a block that is already under way can wait for the next tick; everything else is news."""
        if isinstance(event, TextDelta | ReasoningDelta) and event.id == self._flowing:
            return
        self._flowing = event.id if isinstance(event, TextDelta | ReasoningDelta) else None
        self.has_news = True

    def take(self) -> Work:
        """Everything waiting, with adjacent deltas of a block joined, numbered from where the log ends."""
        stamped: list[EventRow] = []
        for event in _joined(self._events):
            self.last_seq += 1
            body = event.stamped(self.execution_id, self.last_seq).to_json()
            stamped.append((self.run_id, self.last_seq, event.type, body))
        work = Work(self, stamped, self.last_seq, self._changes, self._rows, self._waiting)
        self._events, self._changes, self._rows, self._waiting = [], {}, [], []
        self.has_news = False
        return work


def _joined(events: list[Event]) -> list[Event]:
    """The same events with runs of deltas of one block as one delta each: a reader sees the same text in fewer frames."""
    joined: list[Event] = []
    pieces: list[str] = []
    for event in events:
        last = joined[-1] if joined else None
        if (
            isinstance(event, TextDelta | ReasoningDelta)
            and type(last) is type(event)
            and last.id == event.id
        ):
            pieces.append(event.delta)
            continue
        _put(joined, pieces)
        pieces = [event.delta] if isinstance(event, TextDelta | ReasoningDelta) else []
        joined.append(event)
    _put(joined, pieces)
    return joined


def _put(joined: list[Event], pieces: list[str]) -> None:
    """Give the last delta the text of all that followed it."""
    if len(pieces) > 1:
        last = joined[-1]
        assert isinstance(last, TextDelta | ReasoningDelta)
        joined[-1] = type(last)(id=last.id, delta="".join(pieces))
