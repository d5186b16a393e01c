"""What every step has beside its config: when it runs, whether it shows, what happens when it fails."""

from typing import Annotated, Any, Literal

from dashboard.editor.fields import ConfigForm, form_for
from dashboard.engine.fieldtypes import Advanced, Config, Expression, Field, Json

FLOW_CONTROL = Advanced("When and how it runs")


class Envelope(Config):
    """The fields of a step that do not depend on its kind."""

    when: Annotated[Expression, FLOW_CONTROL] = Field(
        default="",
        title="Run only when",
        description="A JavaScript condition over the variables, such as tier === 'gold'. Empty: the step always runs.",
    )
    enabled: Annotated[bool, FLOW_CONTROL] = Field(
        default=True, title="Enabled", description="A disabled step is passed over."
    )
    stream_output: Annotated[bool | None, FLOW_CONTROL] = Field(
        default=None,
        title="Show its output in the stream",
        description="Not set leaves it to the kind of step: prompts show their answer, computations do not.",
    )
    error_handling: Annotated[Literal["continue", "fail"] | dict[str, Any] | None, FLOW_CONTROL] = Field(
        default=None,
        title="When it fails",
        description="Not set goes on with the next step. Custom takes retries, fallbacks and a default value.",
    )
    default_value: Annotated[Json, FLOW_CONTROL] = Field(
        default=None,
        title="Value after a failure",
        description="What the output variable gets when the step fails and the flow goes on.",
    )


class Sample(Config):
    """What a flow is tried out with: the rest of its payload."""

    record: dict[str, Any] | None = Field(
        default=None,
        title="Record",
        description="An object with name, type and metadata. Steps read it as {{_record.metadata.field}}.",
    )
    inputs: dict[str, Any] | None = Field(
        default=None, title="Inputs", description="An object; each key is a variable: {{key}}."
    )
    messages: Annotated[list[Any] | None, Advanced("Messages and options")] = Field(
        default=None,
        title="Messages",
        description="The conversation before this run: a list of objects with role and content.",
    )
    options: Annotated[dict[str, Any] | None, Advanced("Messages and options")] = Field(
        default=None,
        title="Options",
        description="Such as autoAppendMetadata, which adds the record to prompts that do not mention it.",
    )


def envelope_form(step: dict[str, Any], data: Any = None) -> ConfigForm:
    """The form of a step's envelope."""
    return form_for(Envelope)(step, data, prefix="step")


def sample_form(payload: dict[str, Any], data: Any = None) -> ConfigForm:
    """The form of a payload's sample."""
    return form_for(Sample)(payload, data, prefix="sample")
