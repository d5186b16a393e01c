"""Server-sent events: events to bytes for our readers, and a tolerant reader for other people's streams."""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from dashboard.wire.events import Event

HEADERS: Final[dict[str, str]] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform, no-store",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",
}

DEFAULT_LINE_CAP: Final = 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BREAKS = re.compile(r"[\r\n]")


def frame(event_type: str, data: str, event_id: int | None = None) -> bytes:
    """One frame with LF line ends: `id:` only when given, then `event:`, one `data:` line and a blank line.

    Raises ValueError when the type or the data holds a line break, which would forge a second field or frame.
    """
    if _BREAKS.search(event_type) or _BREAKS.search(data):
        raise ValueError("an SSE field cannot hold a line break")
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}event: {event_type}\ndata: {data}\n\n".encode()


def encode(event: Event, with_id: bool) -> bytes:
    """The frame of a stamped event; `with_id` only on replayable streams, where `id:` equals `seq`."""
    return frame(event.type, event.to_json(), event.seq if with_id else None)


def comment(text: str) -> bytes:
    """A comment frame, which readers ignore; used to keep a quiet connection open."""
    lines = "".join(f": {line}\n" for line in _BREAKS.sub("\n", text).split("\n"))
    return f"{lines}\n".encode()


class FrameTooLong(ValueError):
    """A line, or the data lines of one frame together, passed the cap."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatched frame. `event` is empty and `id` is None where the frame had no such line."""

    event: str
    data: str
    id: str | None = None


class Decoder:
    """Reads a stream in any chunks: CR, LF and CRLF ends, a BOM, comments, several `data:` lines, `retry:`.

    Bytes that are not UTF-8 become U+FFFD. Raises FrameTooLong once a line or a frame's data passes
    `line_cap` bytes; after that the decoder is of no further use.
    """

    def __init__(self, line_cap: int = DEFAULT_LINE_CAP) -> None:
        self.line_cap = line_cap
        self.last_event_id: str | None = None
        self.retry_ms: int | None = None
        self._rest = bytearray()
        self._swallow_lf = False
        self._first_line = True
        self._event = ""
        self._data: list[str] = []
        self._data_size = 0
        self._id: str | None = None

    @property
    def incomplete(self) -> bool:
        """Whether the stream so far ends inside a line or a frame."""
        return bool(self._rest or self._data or self._event or self._id is not None)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that this chunk completed."""
        if self._swallow_lf and chunk:
            chunk = chunk[1:] if chunk[:1] == b"\n" else chunk
            self._swallow_lf = False
        frames: list[Frame] = []
        start = 0
        for end in _LINE_END.finditer(chunk):
            self._keep(chunk[start : end.start()])
            start = end.end()
            self._take_line(frames)
            self._swallow_lf = end.group() == b"\r" and start == len(chunk)
        self._keep(chunk[start:])
        return frames

    def close(self) -> list[Frame]:
        """The last frame if only its blank line is missing; a line that was cut short is dropped."""
        frames: list[Frame] = []
        if not self._rest:
            self._dispatch(frames)
        return frames

    def _keep(self, piece: bytes) -> None:
        self._rest += piece
        if len(self._rest) > self.line_cap:
            raise FrameTooLong(f"a line of the stream is longer than {self.line_cap} bytes")

    def _take_line(self, frames: list[Frame]) -> None:
        raw = bytes(self._rest)
        self._rest.clear()
        if self._first_line:
            self._first_line = False
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if not raw:
            self._dispatch(frames)
        elif not raw.startswith(b":"):
            name, _, value = raw.decode("utf-8", "replace").partition(":")
            self._take_field(name, value.removeprefix(" "))

    def _take_field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
            self._data_size += len(value) + 1
            if self._data_size > self.line_cap + 1:
                raise FrameTooLong(f"the data of one frame is longer than {self.line_cap} bytes")
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) <= 10:
            self.retry_ms = int(value)

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._id is not None:
            self.last_event_id = self._id
        if self._data:
            frames.append(Frame(self._event, "\n".join(self._data), self._id))
        self._clear_frame()

    def _clear_frame(self) -> None:
        self._event = ""
        self._data = []
        self._data_size = 0
        self._id = None
