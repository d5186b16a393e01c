"""`conditional` runs one branch inside itself; `return` ends the flow from anywhere."""

from typing import Any

from dashboard.engine.context import RunInput
from dashboard.engine.ports import Remembered
from dashboard.wire.grammar import violations
from tests.engine.world import fails, run_flow, says


def variable(step_id: str, name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "type": "set-variable", "config": {"variableName": name, "value": value}, **more}


def conditional(
    condition: str, true: list[Any], false: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    config = {"condition": condition, "trueSteps": true, "falseSteps": false or []}
    return {"id": "c", "name": "Check", "type": "conditional", "config": config, **more}


RETURN = {"id": "r", "type": "return", "config": {"value": "done: {{x}}"}}


async def test_the_branch_stands_between_the_start_and_the_end_of_its_step():
    ran = await run_flow(
        conditional("yes", [variable("t", "x", 1)], [variable("f", "x", 2)]), answers={"yes": True}
    )
    assert [(e.type, getattr(e, "id", None)) for e in ran.stored[1:-1]] == [
        ("step_start", "c"),
        ("step_start", "t"),
        ("step_complete", "t"),
        ("step_complete", "c"),
    ]
    assert ran.of("step_complete")[-1].result == {"branch": "true"}
    assert violations(ran.stored) == []


async def test_the_other_branch_runs_when_the_condition_does_not_hold_and_may_be_empty():
    ran = await run_flow(
        conditional("no", [variable("t", "x", 1)]), variable("b", "y", "after"), answers={"no": False}
    )
    assert [e.id for e in ran.of("step_start")] == ["c", "b"]
    assert ran.of("step_complete")[0].result == {"branch": "false"} and ran.finished.final_output == "after"


async def test_what_a_branch_sets_is_read_after_it():
    ran = await run_flow(
        conditional("yes", [variable("t", "x", "inner")]), variable("b", "y", "{{x}}!"), answers={"yes": 1}
    )
    assert ran.finished.final_output == "inner!"


async def test_a_branch_may_hold_another_condition():
    inner = conditional("also", [variable("deep", "x", "deep")])
    ran = await run_flow(conditional("yes", [{**inner, "id": "inner"}]), answers={"yes": 1, "also": 1})
    assert [e.id for e in ran.of("step_complete")] == ["deep", "inner", "c"]
    assert violations(ran.stored) == []


async def test_return_ends_the_flow_from_inside_a_branch_with_its_value():
    given = RunInput(inputs={"x": 7})
    ran = await run_flow(
        conditional("yes", [RETURN, variable("never", "x", 1)]),
        variable("b", "y", 1),
        answers={"yes": 1},
        given=given,
    )
    assert [e.id for e in ran.of("step_start")] == ["c", "r"]
    assert ran.finished.state == "completed" and ran.finished.final_output == "done: 7"
    assert violations(ran.stored) == []


async def test_return_can_answer_with_a_variable_of_any_type():
    step = {"id": "r", "type": "return", "config": {"sourceVariable": "rows"}}
    ran = await run_flow(step, given=RunInput(inputs={"rows": [1, 2]}))
    assert ran.finished.final_output == "[1, 2]"


async def test_a_step_that_fails_hard_inside_a_branch_stops_the_whole_flow():
    hard = {
        "id": "p",
        "type": "prompt",
        "config": {"model": "gpt-4", "userPrompt": "x"},
        "errorHandling": "fail",
    }
    ran = await run_flow(
        conditional("yes", [hard]), variable("b", "y", 1), scripts=[fails()], answers={"yes": 1}
    )
    assert [(e.id, e.success) for e in ran.of("step_complete")] == [("p", False), ("c", False)]
    assert ran.finished.state == "failed" and "OpenAI had a fault" in ran.finished.error
    assert violations(ran.stored) == []


async def test_steps_of_a_branch_that_were_completed_before_a_crash_are_not_run_again():
    step = conditional(
        "yes",
        [
            variable("t", "x", 1),
            {"id": "p", "type": "prompt", "config": {"model": "gpt-4", "userPrompt": "{{x}}"}},
        ],
    )
    memory = {"c/true/t": Remembered("c/true/t", "success", value=1, bindings={"x": 1})}
    ran = await run_flow(
        step,
        scripts=[says("ok")],
        answers={"yes": 1},
        memory=memory,
        announced=True,
        stretch=2,
        attempts={"c": 1, "p": 1},
    )
    assert [(e.id, e.attempt) for e in ran.of("step_start")] == [("c", 2), ("p", 2)]
    assert ran.models.requests[0].messages[-1].content == "1"


async def test_a_missing_or_broken_condition_fails_in_words():
    missing = await run_flow(conditional("", []))
    assert "no condition" in missing.of("step_complete")[0].error
    broken = await run_flow(conditional("tier ===", []))
    assert "could not be evaluated" in broken.of("step_complete")[0].error
