"""A worker's watch: what waits too long is announced again, little by little, and at the same cost however much there is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from dashboard.models import Run, RunState, Worker
from dashboard.runs import watch
from dashboard.runs.watch import Watch

Start = Callable[..., Run]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`clock(5)` lets five seconds go by for the watch."""
    now = [1000.0]
    monkeypatch.setattr("dashboard.runs.watch.time.monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def waits_for(seen: Watch, clock: Callable[[float], None], seconds: int) -> list[int]:
    """What the watch announces again while so many seconds go by, a beat each second."""
    found: list[int] = []
    for _ in range(seconds):
        clock(1)
        found += seen.beat([]).waiting
    return found


def test_what_waits_when_a_worker_arrives_is_announced_at_once(start: Start, clock: Any):
    runs = [start() for _ in range(3)]
    Run.objects.filter(pk=runs[1].pk).update(available_at=Now() + timedelta(hours=1))
    assert Watch("here:1").arrive() == [runs[0].pk, runs[2].pk]


def test_a_run_is_announced_again_once_it_has_waited_too_long(start: Start, clock: Any):
    seen = Watch("here:1")
    seen.arrive()
    run = start()
    assert waits_for(seen, clock, 14) == []
    assert waits_for(seen, clock, 6) == [run.pk]
    assert waits_for(seen, clock, 4) == []
    assert waits_for(seen, clock, 6) == [run.pk]


def test_a_run_that_was_taken_and_came_back_begins_to_wait_anew(start: Start, clock: Any):
    seen = Watch("here:1")
    seen.arrive()
    run = start()
    assert waits_for(seen, clock, 14) == []
    assert Run.objects.claim(run.pk, "here:1") and Run.objects.release(run.pk, 1)
    assert waits_for(seen, clock, 10) == []


def test_runs_of_the_dead_are_announced_again_with_the_beat_that_frees_them(start: Start, clock: Any):
    seen = Watch("here:1")
    seen.arrive()
    run = start()
    assert Run.objects.claim(run.pk, "gone:1")
    assert waits_for(seen, clock, 5) == [run.pk]
    run.refresh_from_db()
    assert (run.state, run.recoveries, run.epoch) == (RunState.QUEUED, 1, 2)


def test_a_beat_costs_the_same_however_many_runs_wait(start: Start, clock: Any):
    seen = Watch("here:1")
    seen.arrive()

    def statements() -> int:
        clock(watch.RENEW_S)
        with CaptureQueriesContext(connection) as queries:
            seen.beat([1])
        return len(queries)

    start()
    one = statements()
    for _ in range(20):
        start()
    clock(watch.LOST_S)
    assert statements() == one <= 5


def test_no_more_runs_are_looked_at_than_a_beat_has_time_for(
    start: Start, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "MOST_LOOKED_AT", 3)
    runs = [start() for _ in range(5)]
    seen = Watch("here:1")
    assert seen.arrive() == [run.pk for run in runs[:3]]
    Run.objects.filter(pk__in=[run.pk for run in runs[:3]]).update(state=RunState.COMPLETED)
    assert waits_for(seen, clock, 15) == [run.pk for run in runs[3:]]


def test_a_worker_that_leaves_gives_up_its_lease(start: Start, clock: Any):
    seen = Watch("here:1")
    seen.arrive()
    assert Worker.objects.filter(pk="here:1").exists()
    seen.leave()
    assert not Worker.objects.filter(pk="here:1").exists()
