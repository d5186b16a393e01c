"""Runs in a real worker with real tables: stored before shown, cancelled in words, handed back and gone on with."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models.functions import Now

from dashboard.models import Run, RunEvent, RunState, StepMemory, Worker
from dashboard.runs import control, watch
from dashboard.runs.job import MOST_RECOVERIES
from dashboard.runs.worker import Worker as LiveWorker
from dashboard.wire.events import Event, parse_event
from dashboard.wire.grammar import violations
from tests.runs.conftest import HandModels, ended, prompt_flow, until

Start = Callable[..., Run]
MakeWorker = Callable[..., LiveWorker]


def stored(run: Run) -> list[Event]:
    rows = RunEvent.objects.filter(run=run).order_by("seq")
    assert [row.seq for row in rows] == list(range(len(rows)))
    for row in rows:
        assert json.loads(row.data)["seq"] == row.seq and json.loads(row.data)["type"] == row.type
    return [parse_event(row.data) for row in rows]


def types(run: Run) -> list[str]:
    return [event.type for event in stored(run)]


def test_a_run_is_driven_to_its_end_and_its_log_obeys_the_grammar(make_worker: MakeWorker, start: Start):
    make_worker()
    run = ended(start(prompt_flow("a", "b")))
    events = stored(run)
    assert violations(events) == []
    assert run.state == RunState.COMPLETED and run.final_output == "one two three"
    assert (run.input_tokens, run.output_tokens, run.cost) == (2, 6, None)
    assert (
        run.last_seq == len(events) - 1
        and run.finished_at
        and run.started_at
        and run.finished_at >= run.started_at >= run.created_at
    )
    assert StepMemory.objects.filter(run=run).count() == 2


def test_a_run_started_before_any_worker_lives_is_found_by_the_next_one(
    make_worker: MakeWorker, start: Start
):
    run = start()
    assert run.state == RunState.QUEUED
    make_worker()
    assert ended(run).state == RunState.COMPLETED


def test_events_are_committed_while_the_model_still_speaks(
    make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 2
    make_worker()
    run = start()
    assert models.holding.wait(5)
    until(lambda: RunEvent.objects.filter(run=run, type="text_delta").exists(), what="the first delta")
    assert Run.objects.get(pk=run.pk).state == RunState.RUNNING
    models.go_on.set()
    assert ended(run).state == RunState.COMPLETED
    text = "".join(event.delta for event in stored(run) if event.type == "text_delta")
    assert text == "one two three"


def test_cancelling_a_queued_run_ends_it_at_once_with_a_whole_log(start: Start):
    run = start()
    assert control.cancel(run, "Ana")
    run = Run.objects.get(pk=run.pk)
    assert run.state == RunState.CANCELLED and run.error == "Cancelled by Ana."
    assert types(run) == ["execution_start", "execution_error"]
    assert violations(stored(run)) == []
    assert not control.cancel(run, "Ben")


def test_cancelling_a_running_run_closes_the_model_and_names_who(
    make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 1
    make_worker()
    run = start()
    assert models.holding.wait(5)
    assert control.cancel(run, "Ana")
    run = ended(run)
    assert run.state == RunState.CANCELLED and run.error == "Cancelled by Ana."
    assert models.closed == 1
    events = stored(run)
    assert violations(events) == [] and events[-1].error.code == "CANCELLED"
    assert types(run)[-3:] == ["text_complete", "step_complete", "execution_error"]


def test_a_cancellation_that_another_process_asked_for_is_seen(
    make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 1
    make_worker()
    run = start()
    assert models.holding.wait(5)
    Run.objects.ask_to_cancel(run.pk, "Ana")
    assert ended(run, 4).state == RunState.CANCELLED


def test_a_stopped_worker_hands_its_run_back_and_the_next_goes_on_from_the_last_step(
    make_worker: MakeWorker, start: Start, models: HandModels, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dashboard.runs.worker.GRACE_S", 0.1)
    models.hold_request, models.hold_at = 1, 1
    first = make_worker()
    run = start(prompt_flow("a", "b"))
    assert models.holding.wait(5)
    until(
        lambda: RunEvent.objects.filter(run=run, type="text_delta").count() >= 2,
        what="the second step's text",
    )
    first.stop()
    assert Run.objects.get(pk=run.pk).state == RunState.QUEUED
    models.hold_at = None
    make_worker()
    run = ended(run)
    events = stored(run)
    assert run.state == RunState.COMPLETED and violations(events) == []
    assert len(models.requests) == 3
    starts = [(e.id, e.attempt) for e in events if e.type == "step_start"]
    assert starts == [("a", None), ("b", None), ("b", 2)]


def test_a_run_of_a_dead_worker_is_taken_over(make_worker: MakeWorker, start: Start):
    run = start()
    Run.objects.claim(run.pk, "gone:1")
    Worker.objects.create(id="gone:1", host="gone", lease_until=Now() - timedelta(seconds=1))
    make_worker()
    run = ended(run)
    assert run.state == RunState.COMPLETED and run.epoch == 3


def test_a_worker_that_only_slept_cannot_write_any_more(start: Start):
    run = start()
    assert Run.objects.claim(run.pk, "sleepy")
    assert watch.free_orphans() == [run.pk]
    assert not Run.objects.advance(run.pk, 1, 5, {})
    assert not Run.objects.release(run.pk, 1)


def test_a_run_that_keeps_dying_at_one_step_ends_in_words(make_worker: MakeWorker, start: Start):
    run = start()
    Run.objects.filter(pk=run.pk).update(recoveries=MOST_RECOVERIES + 1)
    make_worker()
    run = ended(run)
    assert run.state == RunState.FAILED and "interrupted" in run.error
    assert violations(stored(run)) == []


def test_a_run_that_cannot_be_read_ends_in_words(make_worker: MakeWorker, start: Start):
    run = start({"name": "Broken", "steps": [{"id": "a", "type": "prompt", "config": "not an object"}]})
    make_worker()
    run = ended(run)
    assert run.state == RunState.FAILED and "cannot be read" in run.error
    assert types(run) == ["execution_start", "execution_error"]


def test_request_secrets_are_gone_when_the_run_is_over(make_worker: MakeWorker, start: Start):
    run = start(secrets={"token": "hush-hush-canary"})
    assert Run.objects.get(pk=run.pk).secrets == '{"token": "hush-hush-canary"}'
    make_worker()
    assert ended(run).secrets == ""


def test_two_workers_never_drive_one_run(make_worker: MakeWorker, start: Start, models: HandModels):
    make_worker()
    make_worker()
    runs = [start() for _ in range(25)]
    assert [ended(run).state for run in runs] == [RunState.COMPLETED] * 25
    assert len(models.requests) == 25 and {Run.objects.get(pk=run.pk).epoch for run in runs} == {1}


def test_no_more_runs_are_driven_at_a_time_than_the_worker_has_room_for(
    make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_at = 0
    make_worker(capacity=2)
    runs = [start() for _ in range(4)]
    until(lambda: len(models.requests) == 2)
    assert Run.objects.filter(state=RunState.RUNNING).count() == 2
    models.go_on.set()
    assert {ended(run).state for run in runs} == {RunState.COMPLETED}


def test_one_definition_is_stored_once(start: Start):
    first, second = start(), start()
    assert first.definition_id == second.definition_id


@pytest.mark.parametrize("steps", [1, 6])
def test_a_step_costs_the_same_number_of_statements_however_many_there_are(
    steps: int, make_worker: MakeWorker, start: Start, monkeypatch: pytest.MonkeyPatch
):
    from dashboard.runs.log import writer

    statements: list[int] = []
    real = writer._commit

    def counted(works: list[Any]) -> set[int]:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            lost = real(works)
        if any(work.rows for work in works):
            statements.append(len(queries))
        return lost

    monkeypatch.setattr(writer, "_commit", counted)
    make_worker()
    ended(start(prompt_flow(*"abcdef"[:steps])))
    telling_other_processes = 0 if settings.RUN_HINTS == "local" else 1
    assert len(statements) == steps and max(statements) <= 5 + telling_other_processes


def test_model_libraries_are_loaded_before_the_first_run_needs_them(
    make_worker: MakeWorker, models: HandModels
):
    make_worker()
    until(lambda: models.warmed == ["a connection"], what="warming up")


def test_a_cancelled_run_says_what_its_completed_steps_took(
    make_worker: MakeWorker, start: Start, models: HandModels
):
    models.hold_request, models.hold_at = 1, 0
    make_worker()
    run = start(prompt_flow("a", "b"))
    assert models.holding.wait(5)
    control.cancel(run, "Ana")
    run = ended(run)
    assert run.state == RunState.CANCELLED and (run.input_tokens, run.output_tokens, run.cost) == (1, 3, None)
