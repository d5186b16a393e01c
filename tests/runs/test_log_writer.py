"""The group-commit writer: numbers without gaps, one bad run alone, fencing, and survival of a broken database."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from django.db import OperationalError

from dashboard.models import Run, RunEvent
from dashboard.runs.log import hints, writer
from dashboard.runs.log.pending import Pending
from dashboard.runs.log.reader import events_after, events_after_many
from dashboard.runs.log.writer import GroupWriter, LostLease
from dashboard.wire.events import Custom, TextComplete, TextDelta, TextStart

Start = Callable[..., Run]


@pytest.fixture
def group(transactional_db: None) -> Iterator[GroupWriter]:
    group = GroupWriter()
    group.start()
    yield group
    group.stop()


def opened(run: Run) -> Pending:
    Run.objects.claim(run.pk, "test")
    run.refresh_from_db()
    return Pending(run.pk, run.public_id, run.epoch, run.last_seq)


def append(group: GroupWriter, log: Pending, *events: Any, **more: Any) -> Future[None]:
    durable: Future[None] = Future()
    group.append(log, events, durable=durable, **more)
    return durable


def note(value: int) -> Custom:
    return Custom(name="n", value=value)


def test_many_threads_append_to_many_runs_without_gaps(group: GroupWriter, start: Start):
    logs = [opened(start()) for _ in range(8)]

    def talk(log: Pending) -> None:
        for value in range(40):
            future = append(group, log, note(value))
        future.result(10)

    threads = [threading.Thread(target=talk, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log in logs:
        assert [row.seq for row in events_after(log.run_id, -1)] == list(range(40))
        assert Run.objects.get(pk=log.run_id).last_seq == 39


def test_deltas_of_one_block_that_wait_together_become_one_event(group: GroupWriter, start: Start):
    log = opened(start())
    told = [
        TextStart(id="t"),
        *(TextDelta(id="t", delta=word) for word in "abc"),
        TextComplete(id="t", text="abc"),
    ]
    append(group, log, *told, note(1), TextDelta(id="u", delta="x"), TextDelta(id="v", delta="y")).result(5)
    rows = events_after(log.run_id, -1)
    kinds = ["text_start", "text_delta", "text_complete", "custom", "text_delta", "text_delta"]
    assert [row.type for row in rows] == kinds
    assert '"delta":"abc"' in rows[1].data and '"seq":1' in rows[1].data


def test_state_changes_and_rows_share_the_events_transaction(group: GroupWriter, start: Start):
    log = opened(start())
    append(group, log, note(1), changes={"failed_steps": 3}).result(5)
    assert Run.objects.get(pk=log.run_id).failed_steps == 3
    with pytest.raises(Exception, match="no_such_column"):
        append(group, log, note(2), changes={"no_such_column": 1}).result(10)
    assert RunEvent.objects.filter(run_id=log.run_id).count() == 1


def test_a_run_that_cannot_be_written_does_not_sink_the_others(group: GroupWriter, start: Start):
    good, bad = opened(start()), opened(start())
    RunEvent.objects.create(run_id=bad.run_id, seq=0, type="x", data="{}")
    futures = [append(group, bad, note(1)), append(group, good, note(1))]
    futures[1].result(10)
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        futures[0].result(10)
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        append(group, bad, note(2))
    append(group, good, note(2)).result(10)


def test_a_late_writer_with_an_old_epoch_is_refused(group: GroupWriter, start: Start):
    log = opened(start())
    append(group, log, note(1)).result(5)
    Run.objects.take_over(log.run_id, ("running",), state="queued")
    with pytest.raises(LostLease):
        append(group, log, note(2)).result(5)
    assert [row.seq for row in events_after(log.run_id, -1)] == [0]


def test_the_writer_outlives_a_database_that_goes_away_for_a_moment(
    group: GroupWriter, start: Start, monkeypatch: pytest.MonkeyPatch
):
    log = opened(start())
    real, failures = writer._commit, [3]

    def flaky(works: list[Any]) -> set[int]:
        if failures[0]:
            failures[0] -= 1
            raise OperationalError("the database is away")
        return real(works)

    monkeypatch.setattr(writer, "_commit", flaky)
    append(group, log, note(1)).result(10)
    assert [row.seq for row in events_after(log.run_id, -1)] == [0]


def test_an_answer_lost_with_the_connection_is_not_written_twice(
    group: GroupWriter, start: Start, monkeypatch: pytest.MonkeyPatch
):
    log = opened(start())
    real, lost = writer._commit, [True]

    def commits_then_breaks(works: list[Any]) -> set[int]:
        answer = real(works)
        if lost.pop() if lost else False:
            raise OperationalError("the connection broke after COMMIT")
        return answer

    monkeypatch.setattr(writer, "_commit", commits_then_breaks)
    append(group, log, note(1)).result(10)
    append(group, log, note(2)).result(10)
    assert [row.seq for row in events_after(log.run_id, -1)] == [0, 1]


def test_a_database_that_stays_away_is_told_to_whoever_waits(
    group: GroupWriter, start: Start, monkeypatch: pytest.MonkeyPatch
):
    log = opened(start())

    def down(works: list[Any]) -> set[int]:
        raise OperationalError("the database is away")

    monkeypatch.setattr(writer, "_commit", down)
    monkeypatch.setattr(writer, "RETRY_S", (0.01,))
    with pytest.raises(OperationalError):
        append(group, log, note(1)).result(10)


def test_hints_come_after_the_commit(group: GroupWriter, start: Start):
    log = opened(start())
    seen: list[tuple[int, int]] = []

    def listener(news: Any) -> None:
        for run_id, last_seq in news:
            if run_id == log.run_id:
                seen.append((last_seq, len(events_after(run_id, -1))))

    hints.subscribe(listener)
    try:
        append(group, log, note(1), note(2)).result(5)
        append(group, log, note(3)).result(5)
        group.stop()
    finally:
        hints.unsubscribe(listener)
    assert seen == [(1, 2), (2, 3)]


def test_a_listener_that_fails_stops_nobody(group: GroupWriter, start: Start):
    log = opened(start())

    def broken(news: Any) -> None:
        raise RuntimeError("deaf")

    hints.subscribe(broken)
    try:
        append(group, log, note(1)).result(5)
        append(group, log, note(2)).result(5)
    finally:
        hints.unsubscribe(broken)


def test_stopping_commits_what_waits(group: GroupWriter, start: Start):
    log = opened(start())
    group.append(log, [note(1)])
    group.append(log, [note(2)])
    group.stop()
    assert len(events_after(log.run_id, -1)) == 2


def test_many_runs_are_read_in_one_query(group: GroupWriter, start: Start, django_assert_num_queries: Any):
    logs = [opened(start()) for _ in range(5)]
    for log in logs:
        append(group, log, *map(note, range(4))).result(5)
    with django_assert_num_queries(1):
        found, cut = events_after_many({log.run_id: 1 for log in logs})
    assert not cut and {run: [row.seq for row in rows] for run, rows in found.items()} == {
        log.run_id: [2, 3] for log in logs
    }
    found, cut = events_after_many({log.run_id: -1 for log in logs}, limit=7)
    assert cut and sum(len(rows) for rows in found.values()) == 7
