"""What is Procrastinate's own: its tables stay small, its connections come back, its faults stay outside of a request."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone
from procrastinate.exceptions import ConnectorException

from dashboard.models import Run, RunState
from dashboard.runs import delivery
from dashboard.runs.worker import Worker
from tests.runs.conftest import HandModels, ended, until

if settings.DELIVERY != "procrastinate":
    pytest.skip("Procrastinate's tables are there only with DELIVERY=procrastinate", allow_module_level=True)

from dashboard.runs.delivery import procrastinate
from dashboard.runs.delivery.procrastinate import ProcrastinateDelivery

Start = Callable[..., Run]
MakeWorker = Callable[..., Worker]


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def jobs(status: str = "todo") -> list[tuple[Any, ...]]:
    return sql("SELECT args->>'run_id', scheduled_at FROM procrastinate_jobs WHERE status = %s", status)


@pytest.fixture(autouse=True)
def queue(transactional_db: None) -> Iterator[ProcrastinateDelivery]:
    """This process's delivery, with nothing in its tables: they are not Django's, so no test empties them."""
    sql("DELETE FROM procrastinate_jobs")
    sql("DELETE FROM procrastinate_workers")
    delivery.current.cache_clear()
    made = delivery.current()
    assert isinstance(made, ProcrastinateDelivery)
    yield made
    delivery.current.cache_clear()


def test_a_run_has_one_waiting_job_however_often_it_is_announced(queue: ProcrastinateDelivery, start: Start):
    run = start()
    for _ in range(5):
        queue.enqueue(run.pk)
    queue.enqueue_again([run.pk, run.pk])
    assert jobs() == [(str(run.pk), None)]


def test_an_appointed_job_does_not_stand_in_for_an_immediate_one(queue: ProcrastinateDelivery):
    later = timezone.now() + timedelta(hours=1)
    for at in (later, later, None):
        queue.enqueue(7, at)
    assert sorted(jobs(), key=str) == sorted([("7", later), ("7", None)], key=str)


def test_announcing_again_takes_the_same_number_of_statements_for_one_run_and_for_many(
    queue: ProcrastinateDelivery, django_assert_max_num_queries: Any
):
    queue.enqueue(1)
    with django_assert_max_num_queries(2):
        queue.enqueue_again([1, 2])
    with django_assert_max_num_queries(2):
        queue.enqueue_again(range(1, 150))
    assert sorted(int(run_id) for run_id, _ in jobs()) == list(range(1, 150))


def test_announcing_what_somebody_else_announces_meanwhile_loses_no_run(
    queue: ProcrastinateDelivery, monkeypatch: pytest.MonkeyPatch
):
    queue.enqueue(2)
    monkeypatch.setattr(procrastinate, "_without_a_job", list)
    queue.enqueue_again([1, 2, 3])
    assert sorted(run_id for run_id, _ in jobs()) == ["1", "2", "3"]


def test_a_queue_that_is_away_does_not_reach_whoever_starts_a_run(
    queue: ProcrastinateDelivery, make_worker: MakeWorker, start: Start, monkeypatch: pytest.MonkeyPatch
):
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the queue is away")

    with monkeypatch.context() as hiccup:
        hiccup.setattr(queue._app.job_manager, "batch_defer_jobs", away)
        run = start()
        queue.enqueue_again([run.pk])
    assert run.state == RunState.QUEUED and jobs() == []
    make_worker()
    assert ended(run).state == RunState.COMPLETED


def test_nothing_is_left_in_the_queue_of_runs_that_are_over(make_worker: MakeWorker, start: Start):
    worker = make_worker()
    for run in [start() for _ in range(5)]:
        ended(run)
    until(lambda: sql("SELECT 1 FROM procrastinate_jobs") == [], what="an empty queue")
    assert sql("SELECT 1 FROM procrastinate_events") == []
    worker.stop()
    assert sql("SELECT 1 FROM procrastinate_workers") == []


def test_a_run_there_is_no_room_for_is_put_back_for_later(queue: ProcrastinateDelivery):
    taken: list[int] = []

    async def drive(run_id: int) -> None:
        taken.append(run_id)

    async def full_then_free() -> None:
        room = [0]
        await queue.start(drive, lambda run_id: None, lambda: room[0])
        await procrastinate._job(queue._taking_app.job_manager, 5).defer_async()
        await asyncio.sleep(0.5)
        assert taken == []
        room[0] = 1
        async with asyncio.timeout(5):
            while not taken:
                await asyncio.sleep(0.02)
        await queue.stop()

    asyncio.run(full_then_free())
    assert taken == [5]


def test_two_jobs_at_once_do_not_both_take_the_last_place(queue: ProcrastinateDelivery):
    under_way: list[int] = []
    put_back: list[int] = []

    async def drive(run_id: int) -> None:
        under_way.append(run_id)
        await asyncio.sleep(0.2)

    async def note(run_id: int) -> None:
        put_back.append(run_id)

    async def both() -> None:
        queue._drive, queue._free = drive, lambda: 1 - len(under_way)
        queue._put_back = note  # type: ignore[method-assign]
        await asyncio.gather(queue._take(1), queue._take(2))

    asyncio.run(both())
    assert (under_way, put_back) == ([1], [2])


def test_a_job_of_a_dead_process_is_swept_away_and_its_run_goes_on(
    make_worker: MakeWorker, start: Start, queue: ProcrastinateDelivery
):
    run = start()
    [(dead,)] = sql("SELECT worker_id FROM procrastinate_register_worker_v1()")
    sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'")
    sql("SELECT procrastinate_fetch_job_v2(NULL, %s)", dead)
    assert len(jobs("doing")) == 1
    make_worker()
    assert ended(run).state == RunState.COMPLETED
    until(lambda: jobs("doing") == [], what="the sweep")
    assert sql("SELECT 1 FROM procrastinate_workers WHERE id = %s", dead) == []


OWN = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'signalbox-queue'"


def ears() -> set[int]:
    """The processes of the database server that listen for jobs on this queue's behalf."""
    return {pid for (pid,) in sql(f"SELECT pid {OWN} AND query ILIKE 'LISTEN%%'")}


def test_a_worker_whose_connections_to_the_queue_break_goes_on_taking_runs(
    make_worker: MakeWorker, start: Start, models: HandModels, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(procrastinate, "POLL_S", 60.0)
    models.hold_at, models.hold_request = 1, 0
    make_worker()
    until(lambda: bool(ears()), what="an ear")
    before, held = ears(), start()
    assert models.holding.wait(5)
    assert len(sql(f"SELECT pg_terminate_backend(pid) {OWN}")) >= 2
    until(lambda: bool(ears() - before), what="another ear")
    time.sleep(0.1)
    assert ended(start()).state == RunState.COMPLETED
    models.go_on.set()
    held = ended(held)
    assert held.state == RunState.COMPLETED and held.epoch == 1


def test_a_fault_of_the_queue_neither_ends_the_taking_nor_the_runs_under_way(
    queue: ProcrastinateDelivery,
    make_worker: MakeWorker,
    start: Start,
    models: HandModels,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(procrastinate, "LAST_WORDS_S", 0.1)
    monkeypatch.setattr(procrastinate, "RETRY_S", 0.1)
    models.hold_at = 1
    make_worker(capacity=2)
    held = start()
    assert models.holding.wait(5)
    manager, faults = queue._taking_app.job_manager, []
    real = manager.fetch_job

    async def fails_once(**asked: Any) -> Any:
        if not faults:
            faults.append(1)
            raise ConnectorException("the database restarts")
        return await real(**asked)

    monkeypatch.setattr(manager, "fetch_job", fails_once)
    others = [start(), start()]
    until(lambda: len(models.requests) == 2, what="a second run under way")
    time.sleep(0.5)
    assert len(models.requests) == 2 and faults
    models.go_on.set()
    assert {ended(run).epoch for run in [held, *others]} == {1}
