"""Reading an answer's body with a limit on what it becomes, not on what was sent."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx2

from dashboard.net.errors import NetError, ResponseInvalid, ResponseTooLarge, translate

_INFLATE_STEP = 64 * 1024
# Accept both the gzip and the zlib wrapper; servers confuse the two names.
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Inflater:
    """Undo one gzip or deflate layer in steps of at most 64 KB, so that a bomb is noticed before it is in
    memory.
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` adds to the decoded body. Raises zlib.error if it is not compressed data."""
        while data:
            if self._stream.eof:
                # gzip allows several members one after the other.
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._started = True
            chunk = self._stream.decompress(data, _INFLATE_STEP)
            data = self._stream.unconsumed_tail or self._stream.unused_data
            if chunk:
                yield chunk
        while not self._stream.eof and (chunk := self._stream.decompress(b"", _INFLATE_STEP)):
            yield chunk

    def is_complete(self) -> bool:
        """True if nothing was fed at all, or the compressed data came to its proper end."""
        return self._stream.eof or not self._started


def inflater_for(encodings: list[str], host: str) -> Inflater | None:
    """Choose the decoder for the Content-Encoding values of an answer; None means as it is.

    Raises ResponseInvalid for encodings we did not ask for and do not know, and for more than one.
    """
    names = [name.strip().lower() for value in encodings for name in value.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return None
    if len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate"):
        raise ResponseInvalid(
            f"{host} sent an answer in an encoding that is not accepted ({', '.join(names)[:60]})."
        )
    return Inflater()


class BoundedBody(httpx2.AsyncByteStream):
    """The body of one answer: decoded chunk by chunk, counted, closed exactly once."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        close: Callable[[], Awaitable[None]],
        *,
        host: str,
        limit: int,
        inflater: Inflater | None,
    ) -> None:
        self._chunks = chunks
        self._close = close
        self._host = host
        self._limit = limit
        self._inflater = inflater
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield decoded chunks. Raises ResponseTooLarge, ResponseInvalid, ConnectionLost or TimedOut."""
        received = decoded = 0
        try:
            async for raw in self._chunks:
                received += len(raw)
                # Compressed data may also be endless without ever becoming anything.
                self._check(received)
                for chunk in self._decode(raw):
                    decoded += len(chunk)
                    self._check(decoded)
                    yield chunk
        except NetError:
            raise
        except zlib.error as error:
            raise ResponseInvalid(f"The compressed answer of {self._host} is broken.") from error
        except Exception as error:
            raise translate(error, self._host) from error
        if self._inflater is not None and not self._inflater.is_complete():
            raise ResponseInvalid(f"The compressed answer of {self._host} ends too early.")

    async def aclose(self) -> None:
        """Give the connection back (or close it, if the body was not read to its end)."""
        if not self._closed:
            self._closed = True
            await self._close()

    def _decode(self, raw: bytes) -> Iterator[bytes]:
        return iter((raw,)) if self._inflater is None else self._inflater.feed(raw)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ResponseTooLarge(too_large(self._host, self._limit))


def too_large(host: str, limit: int) -> str:
    """The sentence for an answer over the limit (bytes)."""
    shown = f"{limit / 1_000_000:g} MB" if limit >= 100_000 else f"{limit} bytes"
    return f"The answer of {host} is larger than the limit of {shown}."
