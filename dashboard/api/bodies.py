"""Reads a request's JSON body: media type, strict JSON, then the shape it has to have."""

import re
from email.message import Message
from typing import TypeVar

from django.http import HttpRequest

from dashboard.wire import strict_json
from dashboard.wire.base import SentModel
from dashboard.wire.errors import WireError

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json")
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})

Sent = TypeVar("Sent", bound=SentModel)


def read_body(request: HttpRequest, shape: type[Sent]) -> Sent:
    """The body as a request model. Raises WireError, or pydantic's ValidationError with the places of what is wrong."""
    _check_media_type(request.META.get("CONTENT_TYPE", ""))
    return shape.model_validate(strict_json.loads(request.body))


def _check_media_type(given: str) -> None:
    """No Content-Type at all is taken for JSON."""
    if not given:
        return
    header = Message()
    header["Content-Type"] = given
    if not _JSON.fullmatch(header.get_content_type()):
        raise WireError("unsupported_media_type")
    charset = header.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.lower() not in _CHARSETS:
        raise WireError("unsupported_charset")
