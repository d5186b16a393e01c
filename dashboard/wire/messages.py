"""The conversation a request brings along: messages with text or with content parts."""

import base64
import binascii
import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ValidationError, WithJsonSchema

from dashboard.wire.base import JsonObject, SentModel
from dashboard.wire.problems import fail_at, problem, raise_all

MAX_MESSAGES: Final = 1_000

_MIME = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}/[A-Za-z0-9][\w.+-]{0,127}")
_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)


class TextPart(SentModel):
    """Text in a message."""

    type: Literal["text"] = "text"
    text: str


class ImagePart(SentModel):
    """An image: a base64 `data:` URL, an http(s) address, or bare base64 together with `mimeType`."""

    type: Literal["image"] = "image"
    image: str
    mime_type: str | None = None


class FilePart(SentModel):
    """A file as base64 (bare or as a `data:` URL)."""

    type: Literal["file"] = "file"
    data: str
    filename: str | None = None
    mime_type: str | None = None


class ReasoningPart(SentModel):
    """What the model thought in an earlier turn."""

    type: Literal["reasoning"] = "reasoning"
    text: str
    provider_options: JsonObject | None = None


ContentPart = TextPart | ImagePart | FilePart | ReasoningPart
_PARTS: Final[dict[str, type[ContentPart]]] = {
    "text": TextPart,
    "image": ImagePart,
    "file": FilePart,
    "reasoning": ReasoningPart,
}


_CONTENT_SCHEMA: Final = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"type": {"enum": list(_PARTS)}},
                "required": ["type"],
            },
        },
    ]
}


def _role(value: object) -> str:
    if value not in ("user", "assistant", "system"):
        raise problem("invalid_role", "The role of a message is user, assistant or system.")
    return str(value)


def _content(value: object) -> object:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise problem("invalid_content", "The content of a message is a text or a list of parts.")
    return [_part(index, item) for index, item in enumerate(value)]


def _part(index: int, value: object) -> ContentPart:
    if isinstance(value, TextPart | ImagePart | FilePart | ReasoningPart):
        return value
    kind = value.get("type") if isinstance(value, dict) else None
    model = _PARTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        known = ", ".join(_PARTS)
        fail_at(
            (index, "type"), problem("invalid_content", "The type of a part is one of {known}.", known=known)
        )
    try:
        part = model.model_validate(value)
    except ValidationError as exc:
        raise_all(
            [
                (
                    (index, *error["loc"]),
                    problem("invalid_content", "This part of the message is missing or has the wrong type."),
                )
                for error in exc.errors(include_url=False, include_input=False)
            ]
        )
    _check_binary(index, part)
    return part


def _check_binary(index: int, part: ContentPart) -> None:
    if isinstance(part, ImagePart):
        declared = _declared_type(part.image, part.mime_type)
        if _is_address(part.image):
            return
        if not declared.startswith("image/"):
            fail_at(
                (index, "image"),
                problem("invalid_content", "An image is an image data URL or an http address."),
            )
        _check_base64(index, "image", part.image)
    elif isinstance(part, FilePart):
        if part.mime_type is not None and not _MIME.fullmatch(part.mime_type):
            fail_at((index, "mimeType"), problem("invalid_content", "This is not a media type."))
        if part.filename is not None and not (part.filename.isprintable() and 0 < len(part.filename) <= 255):
            fail_at(
                (index, "filename"),
                problem("invalid_content", "A file name has 1 to 255 visible characters."),
            )
        _check_base64(index, "data", part.data)


def _declared_type(value: str, mime_type: str | None) -> str:
    data_url = _DATA_URL.match(value)
    declared = (data_url.group(1) if data_url else mime_type or "").lower()
    return declared if _MIME.fullmatch(declared) else ""


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _check_base64(index: int, field: str, value: str) -> None:
    data_url = _DATA_URL.match(value)
    if data_url and not data_url.group(3):
        fail_at((index, field), problem("invalid_content", "A data URL must be base64."))
    try:
        decoded = base64.b64decode(value[data_url.end() :] if data_url else value, validate=True)
    except (binascii.Error, ValueError):
        fail_at((index, field), problem("invalid_content", "The data is not base64."))
    if not decoded:
        fail_at((index, field), problem("invalid_content", "The data is empty."))


class Message(SentModel):
    """One message of the conversation.

    Tool calls that a caller writes into a message stay unknown fields: they are kept, and never become pending.
    """

    role: Annotated[Literal["user", "assistant", "system"], BeforeValidator(_role)]
    content: Annotated[Any, BeforeValidator(_content), WithJsonSchema(_CONTENT_SCHEMA)]

    @property
    def parts(self) -> list[ContentPart]:
        """The content as parts; a plain text is one part."""
        return [TextPart(text=self.content)] if isinstance(self.content, str) else self.content

    @property
    def text(self) -> str:
        """The text of the message without pictures, files and reasoning."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


def _messages(value: object) -> object:
    if isinstance(value, list) and len(value) > MAX_MESSAGES:
        raise problem("too_many_messages", "A request holds at most 1,000 messages.")
    if isinstance(value, list):
        missing = [
            index
            for index, item in enumerate(value)
            if isinstance(item, dict) and item.get("role", None) is None
        ]
        if missing:
            fail_at((missing[0], "role"), problem("invalid_role", "A message needs a role."))
    return value


MessageList = Annotated[list[Message], BeforeValidator(_messages)]

__all__ = [
    "MAX_MESSAGES",
    "ContentPart",
    "FilePart",
    "ImagePart",
    "Message",
    "MessageList",
    "ReasoningPart",
    "TextPart",
]
