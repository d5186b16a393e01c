"""`set-variable`: name a value."""

from typing import Annotated, Any, ClassVar

from dashboard.engine.context import StepContext
from dashboard.engine.fieldtypes import Config, Field, Json, Needed, VariableName
from dashboard.engine.step import Group, Result, Step, StepFailed


class SetVariableConfig(Config):
    variable_name: Annotated[VariableName, Needed("Name the variable that gets the value.")] = Field(
        default="", title="Variable", description="Later steps read the value as {{name}}.", max_length=100
    )
    value: Json = Field(
        default="",
        title="Value",
        description="Text, or JSON. {{references}} are filled in; a value that is one reference keeps its type.",
    )


class SetVariable(Step[SetVariableConfig]):
    """Gives a value a name that later steps can use."""

    kind: ClassVar[str] = "set-variable"
    title: ClassVar[str] = "Set variable"
    group: ClassVar[Group] = "Data"
    Config: ClassVar[type[Config]] = SetVariableConfig
    example: ClassVar[dict[str, Any]] = {"variableName": "greeting", "value": "Hello {{_record.name}}"}
    output_variable: ClassVar[str | None] = None

    async def run(self, ctx: StepContext[SetVariableConfig]) -> Result:
        name = ctx.config.variable_name.strip()
        if not name:
            raise StepFailed(
                "This step names no variable. Give it a name under “Variable”.", code="INVALID_CONFIG"
            )
        value = ctx.resolve(ctx.config.value)
        return Result(value=value, wire={"variableName": name, "value": value}, bindings={name: value})
