"""`return`: end the flow here."""

from typing import Any, ClassVar

from dashboard.engine.context import StepContext
from dashboard.engine.fieldtypes import Config, Field, Json, VariableRef
from dashboard.engine.step import Group, Result, Step


class ReturnConfig(Config):
    value: Json = Field(
        default="",
        title="Value",
        description="What the flow answers: text, or JSON. {{references}} are filled in.",
    )
    source_variable: VariableRef = Field(
        default="",
        title="Or a variable",
        description="Answers with this variable: its name, or a path such as result.summary.",
    )


class Return(Step[ReturnConfig]):
    """Ends the flow with success, also from inside a branch, and says what it answers."""

    kind: ClassVar[str] = "return"
    title: ClassVar[str] = "Return"
    group: ClassVar[Group] = "Control"
    Config: ClassVar[type[Config]] = ReturnConfig
    example: ClassVar[dict[str, Any]] = {"value": "Nothing to do for {{_record.name}}."}
    output_variable: ClassVar[str | None] = None

    async def run(self, ctx: StepContext[ReturnConfig]) -> Result:
        source = ctx.config.source_variable.strip().removeprefix("{{").removesuffix("}}").strip()
        value = ctx.resolve("{{" + source + "}}" if source else ctx.config.value)
        return Result(value=value, wire={"value": value}, ends_flow=True)
