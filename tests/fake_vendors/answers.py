"""Answers, plain and odd, that are whole. Each script's name, with dashes, is in SCRIPTS."""

import asyncio
import gzip
import json

from tests.fake_vendors.exchange import Exchange, script


@script
async def normal(x: Exchange) -> None:
    """A whole answer; in one piece when no stream was asked for."""
    if not x.body.get("stream"):
        await x.answer(
            200, json.dumps(x.dialect.whole(str(x.body["model"]), x.talk.text, x.talk.usage)).encode()
        )
        return
    await x.begin()
    await x.say()
    await x.close_well()


@script
async def endless(x: Exchange) -> None:
    """Words for ever, until the client leaves."""
    await x.begin()
    while True:
        await x.say(("again ",))
        await asyncio.sleep(0.005)


@script
async def content_filter(x: Exchange) -> None:
    await x.begin()
    await x.say(("I will ",))
    await x.close_well("content_filter")


@script
async def refusal(x: Exchange) -> None:
    await x.begin()
    await x.chunks(x.dialect.refusal("I will not write that."))
    await x.close_well("content_filter" if x.dialect.name == "anthropic" else "stop")


@script
async def length(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well("length")


@script
async def unknown_finish(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well("solar_flare")


@script
async def reasoning(x: Exchange) -> None:
    await x.begin()
    for piece in ("Let me ", "think."):
        await x.chunks(x.dialect.reasoning(piece))
    await x.say()
    await x.close_well()


@script
async def reasoning_only(x: Exchange) -> None:
    await x.begin()
    await x.chunks(x.dialect.reasoning("Nothing comes of this."))
    await x.close_well()


@script
async def no_text(x: Exchange) -> None:
    await x.begin()
    await x.close_well()


@script
async def no_usage(x: Exchange) -> None:
    await x.begin() if x.dialect.name == "openai" else await _begin_without_usage(x)
    await x.say()
    await x.close_well(usage=None)


async def _begin_without_usage(x: Exchange) -> None:
    await x.open()
    await x.chunks(x.dialect.opening(str(x.body.get("model", "")), None))


@script
async def wild_usage(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well(usage=(-5, 10**18))


@script
async def gzipped(x: Exchange) -> None:
    """Compressed although nobody asked for it."""
    frames = [
        *x.dialect.opening(str(x.body.get("model", "")), x.talk.usage),
        *(part for piece in x.talk.pieces for part in x.dialect.text(piece)),
        *x.dialect.finish("stop", x.talk.usage),
        *x.dialect.done(),
    ]
    await x.answer(200, gzip.compress(b"".join(frames)), "text/event-stream", Content_Encoding="gzip")


@script
async def byte_order_mark_and_crlf(x: Exchange) -> None:
    await x.open()
    frames = [
        *x.dialect.opening(str(x.body.get("model", "")), x.talk.usage),
        *(part for piece in x.talk.pieces for part in x.dialect.text(piece)),
        *x.dialect.finish("stop", x.talk.usage),
        *x.dialect.done(),
    ]
    await x.chunk(b"\xef\xbb\xbf: hello\r\n\r\n")
    for one in frames:
        await x.chunk(one.replace(b"\n", b"\r\n"))
    await x.end()


@script
async def done_twice_and_more(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunks(x.dialect.finish("stop", x.talk.usage))
    await x.chunks(x.dialect.done())
    await x.chunks(x.dialect.text("after the end"))
    await x.chunks(x.dialect.done())
    await x.end()


@script
async def split_everywhere(x: Exchange) -> None:
    """Every byte in a chunk of its own, characters of three bytes included."""
    await x.open()
    frames = [
        *x.dialect.opening(str(x.body.get("model", "")), x.talk.usage),
        *(part for piece in x.talk.pieces for part in x.dialect.text(piece)),
        *x.dialect.finish("stop", x.talk.usage),
        *x.dialect.done(),
    ]
    for byte in b"".join(frames):
        await x.chunk(bytes((byte,)))
    await x.end()


@script
async def unknown_event(x: Exchange) -> None:
    await x.begin()
    await x.chunk(b'event: party\ndata: {"type": "party", "hats": 12}\n\n')
    await x.say()
    await x.close_well()
