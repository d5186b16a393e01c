"""Tools as a request declares them: the caller's own, and what is checked of a `tools` object."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from dashboard.wire.base import JsonObject, SentModel
from dashboard.wire.errors import clip
from dashboard.wire.fields import THIRTY_DAYS_MS, number_check
from dashboard.wire.problems import Loc, fail_at, problem
from dashboard.wire.tool_schema import check_parameters_schema

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_ALLOWED_PATTERN = re.compile(r"\*|[A-Za-z0-9_.:/-]{1,128}\*?")
_timeout = number_check(1, THIRTY_DAYS_MS, whole=True)


def check_at(loc: Loc, check: Callable[[object], object], value: object) -> None:
    """Run `check` on `value`; a problem it raises is reported at `loc`."""
    try:
        check(value)
    except PydanticCustomError as error:
        fail_at(loc, error)


def check_tools(tools: object, at: Loc = ()) -> None:
    """Check what this room promises about a `tools` object: approval timeout, schemas of runtime tools.

    Problems are reported below `at`, the place of the object in the model that is being validated.
    """
    if not isinstance(tools, dict):
        return
    approval = tools.get("approval")
    if isinstance(approval, dict) and approval.get("timeout") is not None:
        check_at((*at, "approval", "timeout"), _timeout, approval["timeout"])
    runtime = tools.get("runtimeTools")
    for index, tool in enumerate(runtime if isinstance(runtime, list) else []):
        if isinstance(tool, dict) and tool.get("parametersSchema") is not None:
            loc = (*at, "runtimeTools", index, "parametersSchema")
            check_at(loc, check_parameters_schema, tool["parametersSchema"])


def _tool_name(value: object) -> str:
    if not isinstance(value, str) or not _TOOL_NAME.fullmatch(value):
        raise problem("invalid_tool_name", "A tool name is 1 to 128 letters, digits or . _ - : /")
    return value


def _schema(value: object) -> JsonObject:
    check_parameters_schema(value)
    return value  # type: ignore[return-value]


class ClientTool(SentModel):
    """A tool that the caller executes itself. Without `parametersSchema` it takes no parameters."""

    name: Annotated[str, BeforeValidator(_tool_name)]
    description: str
    parameters_schema: Annotated[JsonObject, BeforeValidator(_schema)] | None = None
    origin: Literal["webmcp", "sdk"] | None = None
    page_origin: str | None = None
    annotations: JsonObject | None = None
    untrusted_content_hint: bool | None = None

    @property
    def schema_or_empty(self) -> JsonObject:
        """The JSON Schema of the parameters."""
        return self.parameters_schema or {"type": "object", "properties": {}}


def _distinct(tools: list[ClientTool]) -> list[ClientTool]:
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        if tool.name in seen:
            fail_at(
                (index, "name"),
                problem("duplicate_tool", "Two tools are named {name}.", name=clip(tool.name)),
            )
        seen.add(tool.name)
    return tools


ClientToolList = Annotated[list[ClientTool], AfterValidator(_distinct)]


def _allowlist(value: object) -> object:
    for index, pattern in enumerate(value if isinstance(value, list) else []):
        if not isinstance(pattern, str) or not _ALLOWED_PATTERN.fullmatch(pattern):
            fail_at((index,), problem("invalid_option", "Expected a tool name, * or a name that ends in *."))
    return value


class ClientToolsPolicy(SentModel):
    """Which of the page's own tools (`origin: webmcp`) are admitted; no list admits all."""

    allowlist: Annotated[list[str], BeforeValidator(_allowlist)] | None = None

    def admits(self, tool: ClientTool) -> bool:
        """Whether `tool` may be offered to the model."""
        if tool.origin != "webmcp" or self.allowlist is None:
            return True
        bare = tool.name.removeprefix("webmcp:")
        return any(
            bare.startswith(pattern[:-1]) if pattern.endswith("*") else bare == pattern
            for pattern in self.allowlist
        )
