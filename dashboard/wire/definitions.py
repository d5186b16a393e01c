"""What a flow, a step and an agent look like when somebody sends one."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from dashboard.wire.base import JsonObject, SentModel
from dashboard.wire.client_tools import check_at, check_tools
from dashboard.wire.errors import clip
from dashboard.wire.fields import Expression, OpaqueId, Order, number_between, number_check
from dashboard.wire.problems import fail_at, problem

MAX_NESTING: Final = 10
MAX_STEPS: Final = 1_000
BRANCHES: Final = ("trueSteps", "falseSteps")

_STEP_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_LOOP_CHECKS: Final = {
    "maxTurns": number_check(1, 100, whole=True),
    "maxCost": number_check(0, 1_000_000, whole=False),
    "reflectionInterval": number_check(1, 50, whole=True),
}


def _step_type(value: object) -> str:
    if not isinstance(value, str) or not _STEP_TYPE.fullmatch(value):
        raise problem("unknown_step_type", "A step needs a type such as prompt or fetch-url.", status=422)
    return value


def _step_id(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 255 or not value.isprintable():
        raise problem("invalid_id", "The id of a step is a text of 1 to 255 visible characters.")
    return value


def _error_handling(value: object) -> object:
    if not isinstance(value, str | dict):
        raise problem("invalid_type", "Expected an object, or one of continue, fail and default.")
    return value


ErrorHandling = Annotated[
    Any, BeforeValidator(_error_handling), WithJsonSchema({"type": ["string", "object"]})
]


class StepDefinition(SentModel):
    """One entry of a flow. `config` belongs to the step's type and is kept as it came.

    A type nobody knows is accepted here: it can be stored, and fails when it is run.
    """

    id: Annotated[str, BeforeValidator(_step_id)] | None = None
    name: str | None = Field(default=None, max_length=500)
    type: Annotated[str, BeforeValidator(_step_type)] = Field(default="", validate_default=True)
    order: Order | None = None
    enabled: bool | None = True
    when: Expression | None = None
    config: JsonObject = Field(default_factory=dict)
    output_variable: str | None = Field(default=None, max_length=255)
    stream_output: bool | None = None
    error_handling: ErrorHandling | None = None
    default_value: Any = None

    @field_validator("config")
    @classmethod
    def _check_config(cls, config: JsonObject, info: ValidationInfo) -> JsonObject:
        check_tools(config.get("tools"), ("tools",))
        if info.data.get("type") == "conditional":
            _check_nesting(config)
            _Branches.model_validate(config)
        return config

    @property
    def condition(self) -> str | bool | None:
        """The `when` of the step, which some callers put into `config`."""
        return self.when if self.when is not None else self.config.get("when")

    @property
    def output_name(self) -> str | None:
        """The variable the result is bound to, given beside `config` or inside it."""
        return self.output_variable or self.config.get("outputVariable")

    def branch(self, name: str) -> list["StepDefinition"]:
        """The steps of `trueSteps` or `falseSteps` of a conditional, in order."""
        return in_order([StepDefinition.model_validate(item) for item in self.config.get(name) or []])


def _branch(value: object) -> object:
    if not isinstance(value, list):
        raise problem("invalid_type", "A branch is a list of steps.", status=422)
    return value


_Branch = Annotated[list[StepDefinition], BeforeValidator(_branch)]


class _Branches(SentModel):
    true_steps: _Branch | None = None
    false_steps: _Branch | None = None


def _check_nesting(config: JsonObject) -> None:
    """Refuse conditionals more than ten deep, without recursion: this runs before anything descends."""
    level: list[JsonObject] = [config]
    for _ in range(MAX_NESTING):
        level = [step["config"] for holder in level for step in _conditionals(holder)]
        if not level:
            return
    raise problem("too_deep", "Conditionals are nested more than 10 deep.", status=422)


def _conditionals(config: JsonObject) -> Iterator[JsonObject]:
    for branch in BRANCHES:
        steps = config.get(branch)
        for step in steps if isinstance(steps, list) else []:
            if (
                isinstance(step, dict)
                and step.get("type") == "conditional"
                and isinstance(step.get("config"), dict)
            ):
                yield step


def nested_steps(steps: list[StepDefinition]) -> Iterator[tuple[JsonObject, tuple[int | str, ...]]]:
    """Every step as it was sent, the ones inside branches included, with its place (`1.config.trueSteps.0`)."""
    waiting: list[tuple[JsonObject, tuple[int | str, ...]]] = [
        (step.shallow(), (index,)) for index, step in enumerate(steps)
    ]
    waiting.reverse()
    while waiting:
        step, loc = waiting.pop()
        yield step, loc
        config = step.get("config")
        if step.get("type") == "conditional" and isinstance(config, dict):
            for branch in BRANCHES:
                for index, nested in enumerate(config.get(branch) or []):
                    waiting.append((nested, (*loc, "config", branch, index)))


def in_order(steps: list[StepDefinition]) -> list[StepDefinition]:
    """Steps as they run: by `order` when every step has one, else as listed."""
    if all(step.order is not None for step in steps):
        return sorted(steps, key=lambda step: step.order or 0)
    return steps


class FlowDefinition(SentModel):
    """A flow with its steps under `steps` or, as answers spell it, `flowSteps`."""

    id: OpaqueId | None = None
    name: str | None = Field(default=None, max_length=500)
    description: str | None = None
    steps: list[StepDefinition] | None = None
    flow_steps: list[StepDefinition] | None = None

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if sum(1 for _ in nested_steps(self.listed_steps)) > MAX_STEPS:
            fail_at(
                (self.steps_field,),
                problem("too_many_steps", "A flow holds at most 1,000 steps.", status=422),
            )
        return self

    @property
    def steps_field(self) -> str:
        """The name under which the caller sent the steps."""
        return "flowSteps" if self.steps is None and self.flow_steps is not None else "steps"

    @property
    def listed_steps(self) -> list[StepDefinition]:
        """The steps as they were listed."""
        return self.steps or self.flow_steps or []

    @property
    def ordered_steps(self) -> list[StepDefinition]:
        """The steps as they run, disabled ones included."""
        return in_order(self.listed_steps)


class FlowRef(FlowDefinition):
    """The `flow` of a dispatch: a stored one by id, or an inline one with a name and at least one step."""

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if self.id is not None:
            if self.listed_steps:
                raise problem(
                    "ambiguous_target", "A flow is named by its id or sent with its steps, not both."
                )
            return self
        if not (self.name or "").strip():
            fail_at(("name",), problem("missing_field", "An inline flow needs a name, a stored one its id."))
        if not self.listed_steps:
            fail_at((self.steps_field,), problem("missing_field", "An inline flow needs at least one step."))
        self._check_step_ids()
        return self

    def _check_step_ids(self) -> None:
        seen: set[str] = set()
        for step, loc in nested_steps(self.listed_steps):
            step_id = step.get("id")
            if isinstance(step_id, str) and step_id in seen:
                fail_at(
                    (self.steps_field, *loc, "id"),
                    problem(
                        "duplicate_step_id", "Another step has the id {id} too.", id=clip(step_id), status=422
                    ),
                )
            seen.add(str(step_id))

    @property
    def is_inline(self) -> bool:
        """Whether the flow came with the request."""
        return self.id is None


class AgentDefinition(SentModel):
    """An agent: a model with tools in a loop. Settings this version does not know are kept."""

    name: str | None = Field(default=None, max_length=500)
    description: str | None = None
    model: str | None = None
    system_prompt: str | None = None
    temperature: number_between(0, 2) | None = None  # type: ignore[valid-type]
    top_p: number_between(0, 1) | None = None  # type: ignore[valid-type]
    max_turns: number_between(1, 100, whole=True) | None = None  # type: ignore[valid-type]
    loop_config: JsonObject | None = None
    tools: JsonObject | None = None

    @field_validator("tools")
    @classmethod
    def _check_tools(cls, tools: JsonObject | None) -> JsonObject | None:
        check_tools(tools)
        return tools

    @field_validator("loop_config")
    @classmethod
    def _check_loop(cls, loop: JsonObject | None) -> JsonObject | None:
        for key, check in _LOOP_CHECKS.items():
            if loop and loop.get(key) is not None:
                check_at((key,), check, loop[key])
        return loop


class AgentRef(AgentDefinition):
    """The `agent` of a dispatch: a stored one by `agentId` (or `id`), or an inline one."""

    id: OpaqueId | None = None
    agent_id: OpaqueId | None = None

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if self.id and self.agent_id and self.id != self.agent_id:
            raise problem("ambiguous_target", "The fields id and agentId name different agents.")
        if self.stored_id and self.system_prompt is not None:
            raise problem(
                "ambiguous_target", "An agent is named by its id or sent with its prompt, not both."
            )
        if self.stored_id is None:
            for field, value in (
                ("name", self.name),
                ("model", self.model),
                ("systemPrompt", self.system_prompt),
            ):
                if value is None:
                    fail_at(
                        (field,),
                        problem("missing_field", "An inline agent needs name, model and systemPrompt."),
                    )
        return self

    @property
    def stored_id(self) -> str | None:
        """The id of the stored agent, None for an inline one."""
        return self.agent_id or self.id

    @property
    def is_inline(self) -> bool:
        """Whether the agent came with the request."""
        return self.stored_id is None
