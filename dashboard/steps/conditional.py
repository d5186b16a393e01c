"""`conditional`: one of two branches."""

from typing import Any, ClassVar

from dashboard.engine.context import StepContext
from dashboard.engine.fieldtypes import Config, Expression, Field, Steps
from dashboard.engine.step import Group, Result, Step, StepFailed


class ConditionalConfig(Config):
    condition: Expression = Field(
        default="",
        title="Condition",
        description="A JavaScript expression over the variables, such as tier === 'gold'. {{references}} work too.",
    )
    true_steps: Steps = Field(default_factory=list, title="If it holds", description="The steps to run then.")
    false_steps: Steps = Field(
        default_factory=list, title="Otherwise", description="The steps to run if not. May be empty."
    )


class Conditional(Step[ConditionalConfig]):
    """Runs one list of steps or another. What the branch sets can be read by the steps after it."""

    kind: ClassVar[str] = "conditional"
    title: ClassVar[str] = "Condition"
    group: ClassVar[Group] = "Control"
    Config: ClassVar[type[Config]] = ConditionalConfig
    example: ClassVar[dict[str, Any]] = {
        "condition": "_record.metadata.tier === 'gold'",
        "trueSteps": [
            {
                "id": "greet-gold",
                "type": "set-variable",
                "config": {"variableName": "greeting", "value": "Welcome back"},
            }
        ],
        "falseSteps": [],
    }
    output_variable: ClassVar[str | None] = None

    async def run(self, ctx: StepContext[ConditionalConfig]) -> Result:
        if not ctx.config.condition.strip():
            raise StepFailed(
                "This step has no condition. Write one, such as tier === 'gold'.", code="INVALID_CONFIG"
            )
        branch = "true" if await ctx.evaluate(ctx.config.condition) else "false"
        walked = await ctx.run_steps(ctx.step.branch(f"{branch}Steps"), branch)
        return Result(value=walked.output, wire={"branch": branch}, ends_flow=walked.ended)
