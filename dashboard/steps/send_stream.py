"""`send-stream`: show a message in the middle of a flow."""

from typing import Annotated, Any, ClassVar

from dashboard.engine.context import StepContext
from dashboard.engine.fieldtypes import Config, Field, LongTemplate, Needed, VariableRef
from dashboard.engine.step import Group, Result, Step, StepFailed
from dashboard.engine.templating import as_text


class SendStreamConfig(Config):
    message: Annotated[
        LongTemplate, Needed("Write a message, or name a variable below.", unless="source_variable")
    ] = Field(
        default="",
        title="Message",
        description="Text to show, such as “Looking that up…”. {{references}} are filled in.",
    )
    source_variable: VariableRef = Field(
        default="",
        title="Or a variable",
        description="Shows this variable's value instead of a message: its name, or a path such as result.summary.",
    )


class SendStream(Step[SendStreamConfig]):
    """Shows a text to whoever watches the run, while the flow goes on."""

    kind: ClassVar[str] = "send-stream"
    title: ClassVar[str] = "Send to stream"
    group: ClassVar[Group] = "Messages"
    Config: ClassVar[type[Config]] = SendStreamConfig
    example: ClassVar[dict[str, Any]] = {"message": "Looking up {{_record.name}}…"}
    streams: ClassVar[bool] = True
    output_variable: ClassVar[str | None] = None

    async def run(self, ctx: StepContext[SendStreamConfig]) -> Result:
        source = ctx.config.source_variable.strip().removeprefix("{{").removesuffix("}}").strip()
        if not source and not ctx.config.message:
            raise StepFailed(
                "This step has nothing to show: give it a message or name a variable.", code="INVALID_CONFIG"
            )
        text = as_text(ctx.resolve("{{" + source + "}}")) if source else ctx.render(ctx.config.message)
        ctx.blocks.text(text)
        ctx.blocks.close()
        return Result(wire={"text": text})
