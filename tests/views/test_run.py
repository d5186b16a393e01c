"""The page of one run: what it shows of a log, its fragments, cancelling, running again, exports."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.models import Run, Source
from dashboard.views.run_starting import run_form_id
from dashboard.wire.events import (
    Custom,
    ErrorDetail,
    ExecutionComplete,
    ExecutionError,
    Fallback,
    FallbackAttempt,
    ReasoningComplete,
    ReasoningDelta,
    ReasoningStart,
    StepComplete,
    StepSkip,
    StepStart,
    TextComplete,
)
from tests.views.run_rows import (
    PROMPT,
    answer,
    append,
    make_flow,
    make_run,
    opening,
    remember,
    result,
    whole_log,
)


@pytest.fixture
def ana(member):
    return member("author", email="ana@example.org")


@pytest.fixture
def web(signed_in_client, ana):
    return signed_in_client(ana)


def shown(web, run, **query):
    answer = web.get(f"/runs/{run.public_id}", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_finished_run_shows_text_as_markdown_prompt_model_tokens_cost_and_time(web, ana):
    html = shown(web, make_run(ana, events=whole_log()))
    assert "<strong>Jane</strong>" in html
    for words in (PROMPT, "gpt-5.4-mini", "1,200 in, 34 out", "$0.0123", "2.1 s", "Completed"):
        assert words in html


def test_text_of_models_is_never_markup(web, ana):
    html = shown(
        web, make_run(ana, events=whole_log("<img src=x onerror=alert(1)> <script>alert(2)</script>"))
    )
    assert "<img src=x" not in html
    assert "<script>alert" not in html


def test_text_that_is_still_coming_is_plain_and_marked_live(web, ana):
    html = shown(web, make_run(ana, "running", [*opening(), *answer("Hello **Ja", "ne")]))
    assert '<span class="block__text" data-block="text_1">Hello **Jane</span>' in html
    assert "block--live" in html
    assert 'data-moving="1"' in html
    assert 'data-seq="4"' in html


def test_a_json_answer_is_shown_as_json_that_folds(web, ana):
    html = shown(web, make_run(ana, events=whole_log('{"region": "EMEA"}')))
    assert "data-json=" in html
    assert "&quot;region&quot;: &quot;EMEA&quot;" in html


def test_a_cost_that_nobody_knows_is_unknown_and_never_nought(web, ana):
    html = shown(web, make_run(ana, events=whole_log(cost=None)))
    assert "unknown" in html
    assert "$0.00" not in html


def test_what_the_demo_model_answered_says_so_with_the_reason(web, ana):
    reason = "No vendor is configured for gpt-5.4-mini."
    fallback = Fallback(used=True, exhausted=False, model="demo", reason=reason)
    html = shown(web, make_run(ana, events=whole_log(fallback=fallback), demo=True))
    assert "answered by the demo model" in html
    assert reason in html


def test_while_it_streams_the_fallback_is_known_already(web, ana):
    told = Custom(name="runtype.fallback", value={"stepId": "greet", "model": "demo", "reason": "No key."})
    html = shown(web, make_run(ana, "running", [*opening(), told, *answer("Hi")]))
    assert "answered by the demo model" in html


def test_attempts_unresolved_variables_and_reasoning_are_told(web, ana):
    tried = FallbackAttempt(attempt=1, type="retry", success=False, error="The vendor answered 503.")
    fallback = Fallback(used=True, exhausted=False, attempts=[tried])
    events = whole_log(fallback=fallback, unresolved_variables=["_record.metadata.regoin"])
    thought = [
        ReasoningStart(id="r1"),
        ReasoningDelta(id="r1", delta="Let me think."),
        ReasoningComplete(id="r1"),
    ]
    html = shown(web, make_run(ana, events=events[:2] + thought + events[2:]))
    for words in ("_record.metadata.regoin", "1 more attempt", "The vendor answered 503.", "Let me think."):
        assert words in html


def test_errors_are_words(web, ana):
    sentence = "The vendor refused the key (401). Check it in Settings, Models."
    events = [
        *opening(),
        StepComplete(id="greet", success=False, error=sentence),
        ExecutionError(
            kind="flow", error=ErrorDetail(code="STEP_FAILED", message=f"Step “Greet” failed: {sentence}")
        ),
    ]
    run = make_run(ana, "failed", events, error=f"Step “Greet” failed: {sentence}")
    html = shown(web, run)
    assert "the run stopped at the step “Greet”" in html
    assert html.count(f"<p>{sentence}</p>") == 1


def test_an_error_that_no_step_has_is_told_below_the_steps(web, ana):
    why = "The run was interrupted 6 times at the same step, so it was stopped there."
    html = shown(web, make_run(ana, "failed", opening(), error=why))
    assert "The run failed." in html
    assert why in html


def test_skipped_steps_and_steps_that_were_never_reached_stay_in_the_tree(web, ana):
    body = {
        "name": "Two",
        "steps": [
            {"id": "a", "type": "prompt", "name": "First"},
            {"id": "off", "type": "prompt", "name": "Switched off", "enabled": False},
            {"id": "b", "type": "prompt", "name": "Second"},
        ],
    }
    skip = StepSkip(id="a", name="First", step_type="prompt", index=0, when="inputs.go")
    running = make_run(ana, "running", [opening()[0], skip], flow_body=body)
    html = shown(web, running)
    assert "the condition <code>inputs.go</code> did not hold" in html
    assert "Second" in html
    assert "Switched off" not in html.split('id="inspector"')[0]
    append(running, [ExecutionComplete(kind="flow", success=True)])
    Run.objects.filter(pk=running.pk).update(state="completed")
    assert "Not reached" in shown(web, running)


def test_an_interrupted_attempt_is_replaced_by_the_one_after_it(web, ana):
    again = StepStart(id="greet", name="Greet", step_type="prompt", index=0, attempt=2)
    html = shown(web, make_run(ana, "running", [*opening(), *answer("lost"), again]))
    assert "attempt 2" in html
    assert "lost" not in html.split('id="inspector"')[0]


def test_the_page_shows_the_log_as_far_as_the_row_says_so_that_both_belong_together(web, ana):
    run = make_run(ana, "running", whole_log())
    Run.objects.filter(pk=run.pk).update(last_seq=3)
    html = shown(web, run)
    assert 'data-seq="3"' in html
    assert 'data-moving="1"' in html
    assert '<span class="block__text" data-block="text_1">Hello</span>' in html


def test_the_inspector_shows_result_prompt_variables_and_events_of_a_step_or_of_the_run(web, ana):
    run = make_run(ana, events=whole_log(), inputs={"tone": "dry"}, final_output="Hello **Jane**.")
    remember(run, "greet", {"greeting": "Hello **Jane**."})
    remember(run, "other", {"later": 1})
    assert "final-output" in shown(web, run)
    assert "&quot;tone&quot;: &quot;dry&quot;" in shown(web, run, tab="prompt")
    assert "inspected-prompt" in shown(web, run, tab="prompt", step="greet")
    of_step = shown(web, run, tab="variables", step="greet")
    assert "greeting" in of_step
    assert "&quot;later&quot;" not in of_step
    assert "&quot;later&quot;: 1" in shown(web, run, tab="variables")
    assert "execution_complete" in shown(web, run, tab="events")
    assert "&quot;response&quot;" in shown(web, run, step="greet")


def test_raw_events_come_in_windows(web, ana):
    run = make_run(ana, "running", [*opening(), *answer(*(f"w{n} " for n in range(260)))])
    newest = web.get(f"/runs/{run.public_id}/inspector", {"tab": "events"})
    assert [event["seq"] for event in newest.context["events"]] == list(range(63, 263))
    older = web.get(f"/runs/{run.public_id}/inspector", {"tab": "events", "before": newest.context["older"]})
    assert [event["seq"] for event in older.context["events"]] == list(range(63))
    assert older.context["older"] is None
    assert web.get(f"/runs/{run.public_id}/inspector?tab=events&before=x%00").status_code == 200


def test_a_step_that_does_not_exist_and_a_tab_that_does_not_exist_fall_back_to_the_run(web, ana):
    html = shown(web, make_run(ana, events=whole_log()), step="99", tab="nonsense")
    assert "Whole run" in html


def test_parts_are_the_same_pieces_with_the_number_they_were_made_at(web, ana):
    run = make_run(ana, "running", [*opening(), *answer("Hi")])
    html = web.get(
        f"/runs/{run.public_id}/parts", {"part": ["greet", "7"], "state": "running"}
    ).content.decode()
    assert html.count('id="step-greet"') == 1
    assert html.count('data-seq="3"') == 2
    assert 'id="run-actions"' not in html
    assert 'id="inspector"' not in html
    with_more = web.get(f"/runs/{run.public_id}/parts?state=queued&inspector").content.decode()
    assert 'id="run-actions"' in with_more
    assert 'id="inspector"' in with_more
    assert with_more.count("hx-swap-oob") == 6


def test_a_run_with_many_events_is_read_once_per_request(web, ana):
    run = make_run(ana, "running", [*opening(), *answer(*(f"word{n} " for n in range(2000)))])
    web.get(f"/runs/{run.public_id}/parts?part=greet")
    with CaptureQueriesContext(connection) as caught:
        html = web.get(f"/runs/{run.public_id}/parts?part=greet").content.decode()
    assert "word1999" in html
    assert sum("runevent" in query["sql"] for query in caught) == 1


PATHS = ("", "/parts", "/inspector", "/events", "/events.jsonl", "/transcript.json")


@pytest.mark.parametrize("path", PATHS)
def test_what_belongs_to_another_workspace_is_not_there(web, member, other_workspace, path):
    foreign = make_run(member("admin", workspace=other_workspace), events=whole_log())
    assert web.get(f"/runs/{foreign.public_id}{path}").status_code == 404
    assert web.get(f"/runs/exec_%00{path}").status_code == 404


@pytest.mark.parametrize("path", ["/cancel", "/again"])
def test_nobody_acts_on_runs_of_another_workspace(web, member, other_workspace, path):
    foreign = make_run(member("admin", workspace=other_workspace), "queued")
    assert web.post(f"/runs/{foreign.public_id}{path}").status_code == 404
    assert Run.objects.get().state == "queued"


@pytest.mark.parametrize("path", ["/cancel", "/again"])
@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("approver", 403), ("author", 302), ("admin", 302)]
)
def test_only_those_who_may_cancel_and_start(signed_in_client, ana, path, role, status):
    run = make_run(ana, "queued")
    assert signed_in_client(role).post(f"/runs/{run.public_id}{path}").status_code == status


def test_actions_are_offered_to_those_who_may_and_while_they_make_sense(web, signed_in_client, ana):
    moving, over = make_run(ana, "running", opening()), make_run(ana, events=whole_log())
    assert "Cancel this run" in shown(web, moving)
    assert "Cancel this run" not in shown(web, over)
    html = shown(signed_in_client("viewer"), moving)
    assert "Cancel this run" not in html
    assert "Run again" not in html


@pytest.mark.parametrize("path", ["/cancel", "/again"])
def test_a_get_changes_nothing(web, ana, path):
    run = make_run(ana, "queued")
    assert web.get(f"/runs/{run.public_id}{path}").status_code == 405
    assert Run.objects.get() == run


def test_cancelling_says_who_and_why_and_ends_a_queued_run_at_once(web, ana):
    run = make_run(ana, "queued")
    answer = web.post(f"/runs/{run.public_id}/cancel", {"reason": "  wrong\n quarter "})
    assert answer.headers["Location"] == f"/runs/{run.public_id}"
    run.refresh_from_db()
    assert (run.state, run.error) == ("cancelled", "Cancelled by ana@example.org (“wrong quarter”).")
    assert "wrong quarter" in shown(web, run)


def test_cancelling_what_is_over_changes_nothing_and_says_so(web, ana):
    run = make_run(ana, events=whole_log())
    answer = web.post(f"/runs/{run.public_id}/cancel", follow=True)
    assert "nothing to cancel" in answer.content.decode()
    run.refresh_from_db()
    assert run.state == "completed"


def test_running_again_uses_what_the_run_was_given(web, ana):
    flow = make_flow(ana)
    snapshot = {"id": None, "type": "report", "name": "Q4", "metadata": {"quarter": "Q4"}}
    given: dict[str, Any] = {
        "inputs": {"tone": "dry"},
        "messages": [{"role": "user", "content": "Hi"}],
        "record_snapshot": snapshot,
    }
    run = make_run(ana, flow=flow, options={"debugMode": True}, source=Source.API, **given)
    answer = web.post(f"/runs/{run.public_id}/again")
    started = Run.objects.exclude(pk=run.pk).get()
    assert answer.headers["Location"] == f"/runs/{started.public_id}"
    for name in ("definition_id", "inputs", "messages", "record_snapshot", "options", "flow_id", "flow_name"):
        assert getattr(started, name) == getattr(run, name)
    assert (started.source, started.started_by, started.state) == ("dashboard", ana.user, "queued")


def test_the_same_button_pressed_twice_starts_one_run(web, ana):
    run = make_run(ana)
    sent = {"run_id": run_form_id(ana)}
    first, second = (web.post(f"/runs/{run.public_id}/again", sent) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Run.objects.count() == 2


def test_a_forged_mark_names_no_run(web, ana):
    run = make_run(ana)
    web.post(f"/runs/{run.public_id}/again", {"run_id": run.public_id})
    assert Run.objects.count() == 2


def test_raw_events_are_exported_byte_for_byte(web, ana):
    run = make_run(ana, events=whole_log())
    answer = web.get(f"/runs/{run.public_id}/events.jsonl")
    assert answer.content.decode() == "".join(f"{event.data}\n" for event in run.events.order_by("seq"))
    assert f'filename="{run.public_id}.events.jsonl"' in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_transcript_is_exported_as_json(web, ana):
    run = make_run(ana, events=whole_log(), final_output="Hello **Jane**.")
    told = json.loads(web.get(f"/runs/{run.public_id}/transcript.json").content)
    assert (told["run"], told["state"], told["startedBy"]) == (run.public_id, "completed", "ana@example.org")
    [step] = told["transcript"]["steps"]
    assert (step["prompt"], step["cost"], step["blocks"][0]["text"]) == (PROMPT, 0.0123, "Hello **Jane**.")


def test_pages_of_runs_are_not_kept_by_caches(web, ana):
    run = make_run(ana, events=whole_log())
    for path in ("", "/parts", "/inspector", "/transcript.json"):
        assert "no-store" in web.get(f"/runs/{run.public_id}{path}").headers["Cache-Control"]


def test_a_text_that_looks_like_json_but_nests_too_deeply_stays_text(web, ana):
    html = shown(web, make_run(ana, events=whole_log("[" * 5000)))
    assert "Completed" in html


def test_a_step_without_text_shows_its_result(web, ana):
    events = [
        opening()[0],
        StepStart(id="set", name="Set", step_type="set-variable", index=0),
        StepComplete(id="set", success=True, result={"variableName": "x", "value": [1, 2]}, duration_ms=1),
    ]
    html = shown(web, make_run(ana, "running", events))
    assert "result-set" in html
    assert "&quot;variableName&quot;: &quot;x&quot;" in html


def test_a_block_that_ended_with_its_step_failed_keeps_its_text(web, ana):
    events = [*opening(), *answer("Half an ans"), TextComplete(id="text_1", text="Half an ans")]
    events.append(StepComplete(id="greet", success=False, error="The vendor hung up.", result=result("")))
    html = shown(web, make_run(ana, "running", events))
    assert "Half an ans" in html
    assert "The vendor hung up." in html


def test_the_step_that_was_cut_off_by_cancelling_did_not_fail(web, ana):
    words = "Cancelled by ana@example.org."
    events = [*opening(), *answer("Half"), StepComplete(id="greet", success=False, error="Cancelled.")]
    events.append(
        ExecutionError(kind="flow", error=ErrorDetail(code="CANCELLED", message=words), code="CANCELLED")
    )
    html = shown(web, make_run(ana, "cancelled", events, error=words))
    assert "Cut off when the run was cancelled." in html
    assert words in html
    assert "block--error" not in html
