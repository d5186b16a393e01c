"""Errors as the wire promises them: `error` is always a string, `code` is upper case, details name a path.

A problem with the shape of a request is answered with `code: "VALIDATION_ERROR"`; what exactly is wrong stands in
`details[].code`, in lower case. All other codes stand in `code` themselves.
"""

from typing import Any, Final, NotRequired, TypedDict

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dashboard.wire.error_shapes import SHAPES
from dashboard.wire.error_table import RULES, Rule

MAX_DETAILS: Final = 20
MAX_VALUE: Final = 64
_MAX_MESSAGE = 400


class Detail(TypedDict):
    """One problem: where (dotted, as the client wrote it; empty for the whole body), what, and which code."""

    path: str
    message: str
    code: NotRequired[str]


class WireError(Exception):
    """An HTTP error of the API.

    `code` is the lower-case key of the tables; `headers` are to be sent with the answer; `extra` are further
    top-level fields such as `upgradeUrl`. Unknown codes raise KeyError, so a typing error fails a test.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        path: str = "",
        hint: str = "",
        details: list[Detail] | None = None,
        headers: dict[str, str] | None = None,
        status: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        rule = rule_for(code)
        self.code = code
        self.status = status or rule.status
        self.is_shape = self.status == 400 and (code in SHAPES or code == "validation_error")
        self.error = rule.error if self.is_shape or code not in SHAPES else RULES["flow_invalid"].error
        self.message = message or rule.message
        self.hint = hint or rule.hint
        self.details = details or []
        if not self.details and (path or self.is_shape):
            self.details = [{"path": path, "message": self.message, "code": code}]
        self.headers = _default_headers(self.status, rule) | (headers or {})
        self.extra = extra or {}
        super().__init__(self.message)

    def body(self, request_id: str = "") -> dict[str, Any]:
        """The JSON answer. At most 20 details; texts are cut and hold no markup."""
        answer: dict[str, Any] = {
            "error": self.error,
            "code": "VALIDATION_ERROR" if self.is_shape else self.code.upper(),
            "message": clip(self.message, _MAX_MESSAGE),
        }
        if self.hint:
            answer["hint"] = self.hint
        if self.details:
            answer["details"] = [_clean(detail) for detail in self.details[:MAX_DETAILS]]
        answer.update(self.extra)
        if request_id:
            answer["requestId"] = request_id
        return answer


def rule_for(code: str) -> Rule:
    """How `code` is answered. Raises KeyError for a code that is in no table."""
    if code in SHAPES:
        message, hint = SHAPES[code]
        return Rule(400, RULES["validation_error"].error, message, hint)
    return RULES[code]


def clip(value: object, limit: int = MAX_VALUE) -> str:
    """`value` as text that is safe to repeat: at most `limit` characters, no markup, no control characters."""
    text = str(value)
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(
        char if char.isprintable() and char not in "<>&" else "\N{REPLACEMENT CHARACTER}" for char in cut
    )


def from_validation(exc: ValidationError, prefix: tuple[str, ...] = ()) -> WireError:
    """The WireError of a failed validation: 400 VALIDATION_ERROR, or 422 with its own code when every problem is
    about a well-formed flow that cannot run. What the client sent is never repeated, except names it chose."""
    found = exc.errors(include_url=False, include_input=False)
    details: list[Detail] = []
    statuses: list[int] = []
    for error in found:
        code, message = _code_and_message(error)
        detail: Detail = {"path": _path((*prefix, *error["loc"])), "message": message, "code": code}
        if detail not in details:
            details.append(detail)
            statuses.append(int(error.get("ctx", {}).get("status") or rule_for(code).status))
    first = details[0].get("code", "validation_error")
    if 400 not in statuses:
        return WireError(first, details[0]["message"], details=details, status=statuses[0])
    message = details[0]["message"] if len(details) == 1 else f"The request has {len(details)} problems."
    return WireError("validation_error", message, details=details, hint=rule_for(first).hint)


# pydantic's own error types: (code, sentence).
_BUILT_IN: Final[dict[str, tuple[str, str]]] = {
    "missing": ("missing_field", "This field is required."),
    "extra_forbidden": ("unknown_field", "This field is not known."),
    "string_type": ("invalid_type", "Expected text."),
    "bool_type": ("invalid_type", "Expected true or false."),
    "int_type": ("invalid_type", "Expected a whole number."),
    "float_type": ("invalid_type", "Expected a number."),
    "dict_type": ("invalid_type", "Expected an object."),
    "model_type": ("invalid_type", "Expected an object."),
    "model_attributes_type": ("invalid_type", "Expected an object."),
    "list_type": ("invalid_type", "Expected a list."),
    "int_from_float": ("out_of_range", "Expected a whole number."),
    "int_parsing_size": ("out_of_range", "The number is too large."),
}
_RANGE_ERRORS: Final = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def _code_and_message(error: ErrorDetails) -> tuple[str, str]:
    kind = error["type"]
    limits = error.get("ctx", {})
    if kind in ("string_too_long", "too_long") and "max_length" in limits:
        return "too_long", f"At most {limits['max_length']} are allowed."
    if kind in ("string_too_short", "too_short") and "min_length" in limits:
        return "too_short", f"At least {limits['min_length']} are needed."
    if kind in SHAPES or kind in RULES:
        return kind, error["msg"]
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    if kind in ("literal_error", "enum"):
        return "invalid_option", f"Expected one of {error['ctx']['expected']}."
    if kind in _RANGE_ERRORS:
        return "out_of_range", f"{error['msg']}."
    return "invalid_value", "The value is not allowed."


def _path(loc: tuple[int | str, ...]) -> str:
    # Parts with brackets are pydantic's names for the branches of a union, not keys of the client.
    parts = [str(part) for part in loc if not (isinstance(part, str) and ("[" in part or "(" in part))]
    if parts[:1] == ["body"]:
        parts = parts[1:]
    return ".".join(clip(part) for part in parts)


def _clean(detail: Detail) -> Detail:
    cleaned: Detail = {
        "path": clip(detail["path"], _MAX_MESSAGE),
        "message": clip(detail["message"], _MAX_MESSAGE),
    }
    if "code" in detail:
        cleaned["code"] = detail["code"]
    return cleaned


def _default_headers(status: int, rule: Rule) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="signalbox"'
    if rule.retry_after is not None:
        headers["Retry-After"] = str(rule.retry_after)
    return headers
