"""The API itself: its routers, its description, and where it hangs in the address space."""

import re
from functools import lru_cache
from typing import Any

from django.urls import URLPattern, URLResolver, path
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from pydantic.alias_generators import to_camel

from dashboard.api import describe, dispatch, errors, executions, flows
from dashboard.api.auth import Bearer
from dashboard.api.docs import docs_page

VERSION = "1"


class SignalboxApi(NinjaAPI):
    """NinjaAPI whose description also has the events of streams and the scopes of every operation."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return _described(self, path_prefix or self.get_root_path(path_params or {}))


_CAMEL = re.compile(r"(?<=\{)\w+(?=\})")


def _camel(name: re.Match[str]) -> str:
    return to_camel(name.group())


@lru_cache(maxsize=4)
def _described(api: SignalboxApi, path_prefix: str) -> OpenAPISchema:
    schema = OpenAPISchema(api, path_prefix)
    schema["components"]["schemas"].update(describe.components())
    schema["paths"] = {_CAMEL.sub(_camel, path): methods for path, methods in schema["paths"].items()}
    scopes = scopes_by_operation(api)
    for methods in schema["paths"].values():
        for said in methods.values():
            for parameter in said["parameters"]:
                if parameter["in"] == "path":
                    parameter["name"] = to_camel(parameter["name"])
            needed = scopes[said["operationId"]]
            if 201 in said["responses"]:
                del said["responses"][200]
            said["security"] = [{"Bearer": [scope]} for scope in needed]
            said["description"] = (
                f"{said.get('description', '')}\n\nScope: {' or '.join(f'`{scope}`' for scope in needed)}."
            )
    return schema


def scopes_by_operation(api: NinjaAPI) -> dict[str, tuple[str, ...]]:
    """The scopes of each operation, any one of which lets a key in. An operation that asks for no key fails here."""
    found: dict[str, tuple[str, ...]] = {}
    for bound in api._get_bound_routers():
        for view in bound.path_operations.values():
            for operation in view.operations:
                (door,) = operation.auth_callbacks
                assert isinstance(door, Bearer)
                assert operation.operation_id
                found[operation.operation_id] = tuple(action.value for action in door.actions)
    return found


api = SignalboxApi(
    title="Signalbox API",
    version=VERSION,
    description="Run flows over HTTP. Errors are JSON with `error`, `code`, `message` and, where it helps, `details`.",
    urls_namespace="api",
    docs_url=None,
    servers=[{"url": "/"}],
)
errors.install(api)
for part in (dispatch, executions, flows):
    api.add_router("", part.router)

urlpatterns: list[URLPattern | URLResolver] = [
    path("docs", docs_page, {"api": api}, name="api_docs"),
    path("", (api.urls[0], "api", "api")),
]
