"""Bytes of a stream: what we write, and what we can read of other people's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.wire.events import TextDelta, parse_event
from dashboard.wire.sse import HEADERS, Decoder, Frame, FrameTooLong, comment, encode, frame

EVENT = TextDelta(id="text_1", delta="Hel").stamped("exec_01", 4)
DATA = '{"type":"text_delta","executionId":"exec_01","seq":4,"id":"text_1","delta":"Hel"}'


def frames_of(*chunks: bytes) -> list[Frame]:
    decoder = Decoder()
    return [frame for chunk in chunks for frame in decoder.feed(chunk)] + decoder.close()


def test_a_frame_is_event_data_and_a_blank_line():
    assert encode(EVENT, with_id=False) == f"event: text_delta\ndata: {DATA}\n\n".encode()


def test_a_stream_that_can_be_replayed_has_the_number_as_id():
    assert encode(EVENT, with_id=True) == f"id: 4\nevent: text_delta\ndata: {DATA}\n\n".encode()


def test_number_zero_is_an_id_too():
    assert frame("ping", "{}", 0).startswith(b"id: 0\n")


def test_no_frame_holds_a_carriage_return():
    event = TextDelta(id="t", delta="a\r\nb\rc\n\n").stamped("exec_01", 0)
    assert b"\r" not in encode(event, with_id=True)
    assert encode(event, with_id=True).count(b"\n") == 4


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\nevent: forged"])
def test_a_line_break_cannot_forge_a_field(text: str):
    with pytest.raises(ValueError, match="line break"):
        frame("custom", text)
    with pytest.raises(ValueError, match="line break"):
        frame(text, "{}")


def test_a_comment_is_read_as_nothing():
    assert comment("keepalive") == b": keepalive\n\n"
    assert frames_of(comment("two\nlines\rthree"), frame("a", "1")) == [Frame("a", "1")]


def test_the_headers_forbid_caching_and_buffering():
    assert HEADERS["Content-Type"] == "text/event-stream; charset=utf-8"
    assert {"no-cache", "no-transform", "no-store"} <= set(HEADERS["Cache-Control"].split(", "))
    assert HEADERS["Connection"] == "keep-alive"
    assert HEADERS["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(end: str):
    lines = ["id: 7", "event: a", "data: 1", "", "data: 2", "", ""]
    assert frames_of(end.join(lines).encode()) == [Frame("a", "1", "7"), Frame("", "2")]


def test_mixed_line_ends_are_read():
    assert frames_of(b"data: 1\r\rdata: 2\n\r\ndata: 3\r\n\n") == [
        Frame("", "1"),
        Frame("", "2"),
        Frame("", "3"),
    ]


def test_a_line_end_split_between_chunks_ends_one_line():
    assert frames_of(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == [Frame("", "1\n2")]
    assert frames_of(b"data: 1\r", b"", b"\n\n") == [Frame("", "1")]


def test_a_byte_order_mark_is_dropped_once():
    assert frames_of(b"\xef", b"\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [Frame("", "1")]


def test_a_character_split_between_chunks_is_whole():
    assert frames_of(b"data: \xe2\x9b", b"\xb5\n\n") == [Frame("", "⛵")]


def test_bytes_that_are_no_text_become_replacement_characters():
    assert frames_of(b"data: a\xffb\n\n") == [Frame("", "a\ufffdb")]


def test_data_lines_are_joined_by_line_breaks():
    assert frames_of(b"data: a\ndata:b\ndata:  c\ndata\n\n") == [Frame("", "a\nb\n c\n")]


def test_fields_nobody_knows_and_frames_without_data_are_dropped():
    assert frames_of(b"event: a\nid: 1\n\nmood: good\ndata: 2\n\n") == [Frame("", "2")]


def test_the_last_event_id_and_the_retry_time_are_remembered():
    decoder = Decoder()
    decoder.feed(b"id: 5\nretry: 1500\n\nid: bad\0id\nretry: soon\ndata: x\n\n")
    assert (decoder.last_event_id, decoder.retry_ms) == ("5", 1500)


def test_a_frame_without_its_blank_line_is_given_at_the_end_and_a_cut_line_is_not():
    assert frames_of(b"data: whole\n") == [Frame("", "whole")]
    assert frames_of(b"data: who") == []
    assert frames_of(b"data: one\n\ndata: tw") == [Frame("", "one")]


def test_a_stream_that_ends_inside_a_frame_is_incomplete():
    decoder = Decoder()
    decoder.feed(b"data: one\n\n")
    assert not decoder.incomplete
    decoder.feed(b"data: tw")
    assert decoder.incomplete
    decoder.feed(b"o\n")
    assert decoder.incomplete


def test_a_line_that_never_ends_is_refused():
    decoder = Decoder(line_cap=100)
    with pytest.raises(FrameTooLong, match="100 bytes"):
        for _ in range(20):
            decoder.feed(b"data: xx")


def test_a_line_of_exactly_the_cap_is_read():
    line = b"data: " + b"x" * 94
    assert Decoder(line_cap=100).feed(line + b"\n\n") == [Frame("", "x" * 94)]
    with pytest.raises(FrameTooLong):
        Decoder(line_cap=100).feed(line + b"x\n\n")


def test_many_lines_that_add_up_are_refused_too():
    decoder = Decoder(line_cap=100)
    with pytest.raises(FrameTooLong):
        for _ in range(50):
            decoder.feed(b"data: x\ndata: x\n")


def test_a_long_line_in_single_bytes_is_read_in_reasonable_time():
    decoder = Decoder()
    for byte in b"data: " + b"x" * 200_000:
        decoder.feed(bytes([byte]))
    assert decoder.feed(b"\n\n") == [Frame("", "x" * 200_000)]


stream_pieces = st.sampled_from(
    [
        b"data: ",
        b"data:x",
        b"event: ping",
        b"id: 3",
        b": note",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        "⛵é".encode(),
    ]
    + [b"\xff", b"\0", b"retry: 10", b"data"]
)


@given(pieces=st.lists(stream_pieces | st.binary(max_size=5), max_size=40), data=st.data())
def test_any_chunking_gives_the_same_frames(pieces: list[bytes], data: st.DataObject):
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole, cut = Decoder(), Decoder()
    expected = whole.feed(stream) + whole.close()
    assert [frame for chunk in chunks for frame in cut.feed(chunk)] + cut.close() == expected
    assert (cut.last_event_id, cut.retry_ms) == (whole.last_event_id, whole.retry_ms)


@given(deltas=st.lists(st.text(), max_size=6))
def test_what_we_write_we_read(deltas: list[str]):
    events = [TextDelta(id="t", delta=delta).stamped("exec_01", seq) for seq, delta in enumerate(deltas)]
    stream = b"".join(encode(event, with_id=True) for event in events)
    read = frames_of(stream)
    assert [frame.id for frame in read] == [str(seq) for seq in range(len(deltas))]
    assert [parse_event(frame.data).to_json() for frame in read] == [event.to_json() for event in events]
