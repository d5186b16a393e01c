"""Everything that can go wrong with an answer. Each script's name, with dashes, is in SCRIPTS."""

import asyncio
import gzip

from tests.fake_vendors.exchange import SCRIPTS, Exchange, Script, script


@script
async def never(x: Exchange) -> None:
    """Accepted, never answered."""
    await asyncio.Event().wait()


@script
async def silent_after_text(x: Exchange) -> None:
    await x.begin()
    await x.say()
    while True:
        await x.chunk(x.dialect.ping())
        await asyncio.sleep(0.01)


@script
async def pings_only(x: Exchange) -> None:
    await x.begin()
    while True:
        await x.chunk(x.dialect.ping())
        await asyncio.sleep(0.01)


@script
async def trickle(x: Exchange) -> None:
    """One byte of a long line at a time."""
    await x.open()
    await x.chunk(b"data: ")
    while True:
        await x.chunk(b"a")
        await asyncio.sleep(0.02)


@script
async def cut_at_once(x: Exchange) -> None:
    x.cut()


@script
async def cut_after_headers(x: Exchange) -> None:
    await x.open()
    x.cut()


@script
async def cut_mid_stream(x: Exchange) -> None:
    await x.begin()
    await x.say()
    # Without this the reset overtakes what was written.
    await asyncio.sleep(0.05)
    x.cut()


@script
async def cut_mid_line(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(b'data: {"id": "cut')
    await asyncio.sleep(0.05)
    x.cut()


@script
async def cut_mid_character(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk("data: ✓".encode()[:-1])
    await asyncio.sleep(0.05)
    x.cut()


@script
async def end_without_finish(x: Exchange) -> None:
    """A proper end of the HTTP answer, after some text and before the protocol's own end."""
    await x.begin()
    await x.say()
    await x.end()


@script
async def end_mid_line(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(b'data: {"id": "half')
    await x.end()


@script
async def done_without_finish(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well(reason=None)


@script
async def cut_after_finish(x: Exchange) -> None:
    """Everything but the protocol's last word, then a broken connection."""
    await x.begin()
    await x.say()
    await x.chunks(x.dialect.finish("stop", None))
    await asyncio.sleep(0.05)
    x.cut()


@script
async def empty_stream(x: Exchange) -> None:
    await x.open()
    await x.end()


@script
async def no_content_204(x: Exchange) -> None:
    await x.raw(b"HTTP/1.1 204 No Content\r\n\r\n")


@script
async def redirect_inwards(x: Exchange) -> None:
    await x.answer(301, b"", Location="http://169.254.169.254/latest/meta-data/")


@script
async def html_200(x: Exchange) -> None:
    await x.answer(200, b"<html><body><h1>Please sign in</h1></body></html>", "text/html")


@script
async def error_200(x: Exchange) -> None:
    """An error as plain JSON under a status of success."""
    await x.refuse(200, "The upstream model is on fire")


@script
async def error_frame(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(x.dialect.error_frame("The model tripped over the carpet"))
    await x.end()


@script
async def key_echo(x: Exchange) -> None:
    """An error that repeats the key it was given, whole and in part, with an escape sequence and a lot of padding."""
    echo = (
        f"\x1b[31mKey {x.key} is wrong (starts with {x.key[:12]}). Authorization: Bearer {x.key} "
        + "pad " * 500
    )
    await x.refuse(400, echo)


@script
async def gzip_bomb(x: Exchange) -> None:
    await x.answer(
        200, gzip.compress(b": " + b"a" * 40_000_000), "text/event-stream", Content_Encoding="gzip"
    )


@script
async def broken_json(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(b'data: {"id": NaN, "choices": [}\n\n')
    await x.end()


@script
async def not_an_object(x: Exchange) -> None:
    await x.begin()
    await x.chunk(b'data: ["surprise"]\n\n')
    await x.close_well()


@script
async def one_huge_line(x: Exchange) -> None:
    """A line of 100 MB that never ends."""
    await x.open()
    await x.chunk(b"data: ")
    for _ in range(100):
        await x.chunk(b"a" * 1_000_000)
    await x.end()


@script
async def header_flood(x: Exchange) -> None:
    flood = "".join(f"X-Flood-{number}: {'y' * 200}\r\n" for number in range(2000))
    await x.raw(f"HTTP/1.1 200 OK\r\n{flood}\r\n".encode())


@script
async def fail_429(x: Exchange) -> None:
    wait = {"Retry_After": x.talk.retry_after} if x.talk.retry_after else {}
    await x.refuse(429, "Slow down", **wait)


def _failing(status: int, message: str) -> Script:
    async def fail(x: Exchange) -> None:
        await x.refuse(status, message)

    return fail


for _status, _message in (
    (400, "Temperature is out of range"),
    (401, "Incorrect API key provided"),
    (403, "Your country is not supported"),
    (404, "The model does not exist"),
    (500, "Internal error"),
    (502, "Bad gateway"),
    (503, "Try later"),
    (529, "Overloaded"),
):
    SCRIPTS[f"fail-{_status}"] = _failing(_status, _message)
