"""A model server of the OpenAI protocol whose every token says when it was written, in nanoseconds of the machine's clock.

`python -m tests.bench.upstream TOKENS PER_SECOND` prints its address and serves until it is ended.
"""

import asyncio
import json
import sys
import time


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def framed(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


async def answer(writer: asyncio.StreamWriter, tokens: int, per_second: float) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head)
    began = time.monotonic()
    for number in range(tokens):
        due = began + number / per_second
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        writer.write(framed(chunk({"content": f"{time.monotonic_ns()} "})))
        await writer.drain()
    usage = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4", "choices": []}
    usage |= {"usage": {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": tokens + 5}}
    last = b"data: " + json.dumps(usage).encode() + b"\n\ndata: [DONE]\n\n"
    writer.write(framed(chunk({}, "stop")) + framed(last) + b"0\r\n\r\n")
    await writer.drain()


async def serve(tokens: int, per_second: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                length = next(
                    (int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0
                )
                await reader.readexactly(length)
                await answer(writer, tokens, per_second)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
