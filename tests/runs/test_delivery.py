"""What every delivery promises, asked of each: a queued run is driven by some worker that lives, and only once at a time."""

import asyncio
import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from dashboard.models import Run, RunEvent, RunState
from dashboard.runs import control, delivery
from dashboard.runs.drive import Stretch
from dashboard.runs.worker import Worker
from dashboard.wire.events import parse_event
from dashboard.wire.grammar import violations
from tests.rel.processes import Site, kill, site
from tests.runs.conftest import HandModels, ended, prompt_flow, until

Start = Callable[..., Run]
MakeWorker = Callable[..., Worker]

NEVER_S = 60.0
SLOW_POLL_S = 4.0


@pytest.fixture(params=["embedded", "procrastinate"])
def adapter(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """The name of the delivery that the test is about; `delivery.current()` is of this kind."""
    name: str = request.param
    if name == "procrastinate" and not configured.ON_POSTGRES:
        pytest.skip("Procrastinate needs PostgreSQL: set DATABASE_URL and DELIVERY=procrastinate")
    if name == "procrastinate" and name != configured.DELIVERY:
        pytest.skip("Procrastinate's tables are there only with DELIVERY=procrastinate")
    settings.DELIVERY = name
    delivery.current.cache_clear()
    yield name
    delivery.current.cache_clear()


@pytest.fixture
def slow_poll(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever learns of a run by looking, and not by being told, learns of it late."""
    module = importlib.import_module(f"dashboard.runs.delivery.{adapter}")
    monkeypatch.setattr(module, "POLL_S", SLOW_POLL_S)


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look for forgotten runs after moments instead of seconds."""
    monkeypatch.setattr("dashboard.runs.worker.BEAT_S", 0.05)
    monkeypatch.setattr("dashboard.runs.watch.RENEW_S", 0.1)
    monkeypatch.setattr("dashboard.runs.watch.LOST_S", 0.3)


def whole(run: Run) -> bool:
    rows = RunEvent.objects.filter(run=run).order_by("seq")
    return violations([parse_event(row.data) for row in rows]) == []


def test_a_run_queued_before_any_worker_lives_is_driven(
    adapter: str, make_worker: MakeWorker, start: Start, slow_poll: None
):
    run = start()
    make_worker()
    assert ended(run).state == RunState.COMPLETED


def test_an_announced_run_begins_without_waiting_for_a_poll(
    adapter: str, make_worker: MakeWorker, start: Start, slow_poll: None
):
    make_worker()
    took = []
    for _ in range(5):
        run, began = start(), time.monotonic()
        assert ended(run).state == RunState.COMPLETED
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < SLOW_POLL_S / 4, took


def test_many_runs_are_each_driven_once(
    adapter: str, make_worker: MakeWorker, start: Start, models: HandModels
):
    before = [start() for _ in range(10)]
    make_worker()
    runs = [*before, *(start() for _ in range(20))]
    assert {ended(run, 20).state for run in runs} == {RunState.COMPLETED}
    assert len(models.requests) == 30
    assert set(Run.objects.values_list("epoch", flat=True)) == {1}


def test_a_worker_has_no_more_runs_than_it_has_room_for(
    adapter: str, make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 0
    make_worker(capacity=2)
    runs = [start() for _ in range(5)]
    until(lambda: len(models.requests) == 2, what="two runs under way")
    time.sleep(0.7)
    assert Counter(Run.objects.values_list("state", flat=True)) == {"running": 2, "queued": 3}
    models.go_on.set()
    assert {ended(run).state for run in runs} == {RunState.COMPLETED}


def test_announcing_a_run_many_times_is_announcing_it_once(
    adapter: str, make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 1
    queue, run = delivery.current(), start()
    for _ in range(4):
        queue.enqueue(run.pk)
    make_worker()
    assert models.holding.wait(5)
    queue.enqueue(run.pk)
    queue.enqueue_again([run.pk, run.pk])
    models.go_on.set()
    run = ended(run)
    queue.enqueue(run.pk)
    time.sleep(0.3)
    assert (Run.objects.get(pk=run.pk).epoch, len(models.requests)) == (1, 1) and whole(run)


def test_a_run_that_nobody_knows_harms_nobody(adapter: str, make_worker: MakeWorker, start: Start):
    make_worker()
    delivery.current().enqueue(987_654_321)
    delivery.current().cancel(987_654_321)
    assert ended(start()).state == RunState.COMPLETED


def test_a_cancellation_reaches_the_worker_of_this_process_at_once(
    adapter: str,
    make_worker: MakeWorker,
    start: Start,
    models: HandModels,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("dashboard.runs.worker.BEAT_S", NEVER_S)
    models.hold_at = 1
    make_worker()
    run = start()
    assert models.holding.wait(5)
    assert control.cancel(run, "Ana")
    run = ended(run, 4)
    assert run.state == RunState.CANCELLED and models.closed == 1 and whole(run)


def test_a_cancellation_reaches_a_worker_elsewhere_with_its_next_beat(
    adapter: str, make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 1
    make_worker(queue=delivery.make())
    run = start()
    assert models.holding.wait(5)
    assert control.cancel(run, "Ana")
    assert ended(run, 4).state == RunState.CANCELLED


def test_a_worker_that_stops_hands_its_run_to_another_one(
    adapter: str,
    make_worker: MakeWorker,
    start: Start,
    models: HandModels,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("dashboard.runs.worker.GRACE_S", 0.1)
    models.hold_at, models.hold_request = 1, 0
    first = make_worker()
    run = start(prompt_flow("a", "b"))
    assert models.holding.wait(5)
    second = make_worker()
    began = time.monotonic()
    first.stop()
    assert time.monotonic() - began < 4
    run = ended(run)
    assert run.state == RunState.COMPLETED and run.epoch == 2 and whole(run)
    second.stop()


def test_a_run_handed_back_to_nobody_waits_for_the_next_worker(
    adapter: str,
    make_worker: MakeWorker,
    start: Start,
    models: HandModels,
    slow_poll: None,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("dashboard.runs.worker.GRACE_S", 0.1)
    models.hold_at, models.hold_request = 1, 0
    first = make_worker()
    run = start()
    assert models.holding.wait(5)
    first.stop()
    assert Run.objects.get(pk=run.pk).state == RunState.QUEUED
    make_worker()
    assert ended(run).state == RunState.COMPLETED


def test_a_stopped_delivery_takes_nothing_and_may_start_again(
    adapter: str, make_worker: MakeWorker, start: Start
):
    queue = delivery.current()
    make_worker().stop()
    run = start()
    time.sleep(0.7)
    assert Run.objects.get(pk=run.pk).state == RunState.QUEUED
    make_worker(queue=queue)
    assert ended(run).state == RunState.COMPLETED


def test_an_appointed_time_is_kept(adapter: str, make_worker: MakeWorker, start: Start):
    run, later = start(), timezone.now() + timedelta(seconds=1.5)
    Run.objects.filter(pk=run.pk).update(available_at=later)
    delivery.current().enqueue(run.pk, later)
    make_worker()
    other = ended(start())
    assert other.state == RunState.COMPLETED and timezone.now() < later
    assert Run.objects.get(pk=run.pk).state == RunState.QUEUED
    run = ended(run)
    assert run.state == RunState.COMPLETED and run.started_at is not None
    assert later <= run.started_at < later + timedelta(seconds=4)


def test_a_run_is_wanted_before_its_appointed_time(adapter: str, make_worker: MakeWorker, start: Start):
    run, later = start(), timezone.now() + timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(available_at=later)
    delivery.current().enqueue(run.pk, later)
    make_worker()
    assert ended(start()).state == RunState.COMPLETED
    Run.objects.filter(pk=run.pk).update(available_at=None)
    delivery.current().enqueue(run.pk)
    assert ended(run).state == RunState.COMPLETED


def test_a_run_whose_announcement_got_lost_is_found(
    adapter: str,
    make_worker: MakeWorker,
    start: Start,
    slow_poll: None,
    watchful: None,
    monkeypatch: pytest.MonkeyPatch,
):
    make_worker()
    with monkeypatch.context() as deaf:
        deaf.setattr(delivery.current(), "enqueue", lambda run_id, at=None: None)
        runs = [start() for _ in range(3)]
    assert {ended(run).state for run in runs} == {RunState.COMPLETED}


def test_a_run_whose_worker_died_is_announced_again(
    adapter: str, make_worker: MakeWorker, start: Start, slow_poll: None, watchful: None
):
    make_worker()
    with pytest.MonkeyPatch.context() as deaf:
        deaf.setattr(delivery.current(), "enqueue", lambda run_id, at=None: None)
        run = start()
    assert Run.objects.claim(run.pk, "gone:1")
    run = ended(run)
    assert run.state == RunState.COMPLETED and run.recoveries == 0 and run.epoch == 3


def test_two_workers_share_what_there_is(
    adapter: str, make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 0
    make_worker(capacity=2)
    make_worker(capacity=2)
    runs = [start() for _ in range(4)]
    until(lambda: len(models.requests) == 4, what="four runs under way")
    owners = Counter(Run.objects.values_list("owner", flat=True))
    models.go_on.set()
    assert sorted(owners.values()) == [2, 2]
    assert {ended(run).epoch for run in runs} == {1}


def test_a_run_queued_anew_while_its_last_stretch_winds_up_is_not_forgotten(
    adapter: str, make_worker: MakeWorker, start: Start, slow_poll: None, monkeypatch: pytest.MonkeyPatch
):
    queued_anew, real = [], Stretch.drive

    def enqueue(run_id: int) -> None:
        delivery.current().enqueue(run_id)
        connection.close()

    async def queued_before_it_ended(self: Stretch) -> None:
        if queued_anew:
            await real(self)
            return
        queued_anew.append(self.run_id)
        await asyncio.get_running_loop().run_in_executor(None, enqueue, self.run_id)
        await asyncio.sleep(0.3)

    make_worker()
    assert ended(start()).state == RunState.COMPLETED
    monkeypatch.setattr(Stretch, "drive", queued_before_it_ended)
    began, run = time.monotonic(), start()
    assert ended(run).state == RunState.COMPLETED and queued_anew == [run.pk]
    assert time.monotonic() - began < SLOW_POLL_S / 2


@pytest.fixture
def here(adapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("DELIVERY", adapter)
    with site(tmp_path / "data") as made:
        yield made


@pytest.mark.crash
def test_a_run_of_a_worker_that_was_killed_goes_on_in_another(adapter: str, here: Site):
    text = "Tell me slowly about " + " ".join(f"item{n}: value{n}," for n in range(60))
    steps = [{"id": "a", "type": "prompt", "config": {"model": "demo", "userPrompt": text}}]
    body = {"flow": {"name": "Killed", "steps": steps}, "options": {"streamResponse": True}}
    here.serve(WORKER="off")
    first = here.start("work", ready="is ready")
    with here.client() as client:
        with client.stream("POST", "/v1/dispatch", json=body) as answer:
            wait_for_text(answer.iter_text(), "event: text_delta")
        kill(first)
        here.start("work", ready="is ready")
        run_id = client.get("/v1/executions").json()["data"][0]["executionId"]
        log = client.get(f"/v1/executions/{run_id}/events", timeout=40).text
    assert log.count("event: step_start") == 2 and log.count("event: execution_complete") == 1
    numbers = [line for line in log.splitlines() if line.startswith("id: ")]
    assert numbers == [f"id: {n}" for n in range(len(numbers))]


def wait_for_text(chunks: Iterator[str], wanted: str) -> None:
    said = ""
    for chunk in chunks:
        said += chunk
        if wanted in said:
            return
    raise AssertionError(f"the stream ended without {wanted!r}:\n{said}")
