"""How each protocol says the same things: a stream's frames, a plain answer, an error."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Usage = tuple[int, int] | None


class Dialect(Protocol):
    """Frames are complete SSE frames; a script sends them one by one."""

    name: str
    path: str

    def opening(self, model: str, usage: Usage) -> list[bytes]: ...
    def text(self, text: str) -> list[bytes]: ...
    def reasoning(self, text: str) -> list[bytes]: ...
    def refusal(self, text: str) -> list[bytes]: ...
    def finish(self, reason: str | None, usage: Usage) -> list[bytes]: ...
    def done(self) -> list[bytes]: ...
    def ping(self) -> bytes: ...
    def error(self, status: int, message: str) -> dict[str, Any]: ...
    def error_frame(self, message: str) -> bytes: ...
    def whole(self, model: str, text: str, usage: Usage) -> dict[str, Any]: ...


def frame(data: Mapping[str, Any] | str, event: str = "") -> bytes:
    body = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {body}\n\n".encode()


class OpenAi:
    """Chat completions. Reasons: stop, length, content_filter, tool_calls."""

    name = "openai"
    path = "/v1/chat/completions"

    def __init__(self) -> None:
        self._model = "gpt-4"

    def opening(self, model: str, usage: Usage) -> list[bytes]:
        self._model = model
        return [self._delta({"role": "assistant", "content": ""})]

    def text(self, text: str) -> list[bytes]:
        return [self._delta({"content": text})]

    def reasoning(self, text: str) -> list[bytes]:
        return [self._delta({"reasoning_content": text})]

    def refusal(self, text: str) -> list[bytes]:
        return [self._delta({"refusal": text})]

    def finish(self, reason: str | None, usage: Usage) -> list[bytes]:
        frames = [self._delta({}, reason)] if reason else []
        return (
            [*frames, frame({**self._head(), "choices": [], "usage": self._usage(usage)})]
            if usage
            else frames
        )

    def done(self) -> list[bytes]:
        return [frame("[DONE]")]

    def ping(self) -> bytes:
        return b": keep-alive\n\n"

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
        return {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": None,
                "code": kinds.get(status),
            }
        }

    def error_frame(self, message: str) -> bytes:
        return frame({"error": {"message": message, "type": "server_error", "code": "server_error"}})

    def whole(self, model: str, text: str, usage: Usage) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {
            **self._head(),
            "object": "chat.completion",
            "model": model,
            "choices": [choice],
            "usage": self._usage(usage),
        }

    def _delta(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return frame({**self._head(), "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def _head(self) -> dict[str, Any]:
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": self._model,
        }

    @staticmethod
    def _usage(usage: Usage) -> dict[str, int] | None:
        if usage is None:
            return None
        return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


class Anthropic:
    """Messages. The reasons of the scripts are OpenAI's; they are translated here."""

    name = "anthropic"
    path = "/v1/messages"
    _reasons = {
        "stop": "end_turn",
        "length": "max_tokens",
        "content_filter": "refusal",
        "tool_calls": "tool_use",
    }

    def __init__(self) -> None:
        self._index, self._block = -1, ""

    def opening(self, model: str, usage: Usage) -> list[bytes]:
        self._index, self._block = -1, ""
        message = {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": usage[0] if usage else 0, "output_tokens": 0},
        }
        return [self._event({"type": "message_start", "message": message}), self.ping()]

    def text(self, text: str) -> list[bytes]:
        return [*self._in_block("text", {"text": ""}), self._delta({"type": "text_delta", "text": text})]

    def reasoning(self, text: str) -> list[bytes]:
        start = self._in_block("thinking", {"thinking": "", "signature": ""})
        return [*start, self._delta({"type": "thinking_delta", "thinking": text})]

    def refusal(self, text: str) -> list[bytes]:
        return self.text(text)

    def finish(self, reason: str | None, usage: Usage) -> list[bytes]:
        frames = self._close()
        if reason:
            delta = {"stop_reason": self._reasons.get(reason, reason), "stop_sequence": None}
            counts = {"output_tokens": usage[1] if usage else 0}
            frames.append(self._event({"type": "message_delta", "delta": delta, "usage": counts}))
        return frames

    def done(self) -> list[bytes]:
        return [self._event({"type": "message_stop"})]

    def ping(self) -> bytes:
        return self._event({"type": "ping"})

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            403: "permission_error",
            404: "not_found_error",
            429: "rate_limit_error",
            529: "overloaded_error",
        }
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}

    def error_frame(self, message: str) -> bytes:
        return frame({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")

    def whole(self, model: str, text: str, usage: Usage) -> dict[str, Any]:
        counts = {"input_tokens": usage[0], "output_tokens": usage[1]} if usage else None
        return {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": counts,
        }

    def _in_block(self, kind: str, content: dict[str, str]) -> list[bytes]:
        if self._block == kind:
            return []
        frames = self._close()
        self._index, self._block = self._index + 1, kind
        block = {"type": kind, **content}
        return [
            *frames,
            self._event({"type": "content_block_start", "index": self._index, "content_block": block}),
        ]

    def _close(self) -> list[bytes]:
        if not self._block:
            return []
        self._block = ""
        return [self._event({"type": "content_block_stop", "index": self._index})]

    def _delta(self, delta: dict[str, str]) -> bytes:
        return self._event({"type": "content_block_delta", "index": self._index, "delta": delta})

    @staticmethod
    def _event(data: dict[str, Any]) -> bytes:
        return frame(data, data["type"])


DIALECTS: Sequence[type[OpenAi] | type[Anthropic]] = (OpenAi, Anthropic)
