"""A cap on one frame of a vendor's event stream.

The vendor libraries collect a frame in memory and copy it with every piece that arrives, so a line that never ends would
keep a processor busy long before the client's limit on the whole answer is reached.
"""

from collections.abc import AsyncIterator

import httpx2

MOST_BYTES = 1_000_000
_ENDS = (b"\n\n", b"\r\r", b"\r\n\r\n")
_LONGEST_END = 4


class FrameTooLong(httpx2.TransportError):
    """One frame of an answer is too long. Shaped like the guarded client's own errors: a code and a sentence."""

    code = "frame_too_long"


def cap_frames(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Make every answer of this client raise FrameTooLong at more than `MOST_BYTES` without a blank line."""
    if _cap not in client.event_hooks["response"]:
        client.event_hooks = {
            **client.event_hooks,
            "response": [*client.event_hooks["response"], _cap],
        }
    return client


async def _cap(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Capped(response.stream)


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, tail = 0, b""
        async for piece in self._stream:
            seam = tail + piece
            end = max(seam.rfind(mark) for mark in _ENDS)
            size = size + len(piece) if end < 0 else len(seam) - end
            if size > MOST_BYTES:
                raise FrameTooLong("One part of its answer is larger than 1 MB.")
            tail = seam[1 - _LONGEST_END :]
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
