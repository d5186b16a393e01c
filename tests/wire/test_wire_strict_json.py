"""What the strict reader lets through, and what it says about the rest."""

import contextlib
import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.wire.errors import WireError
from dashboard.wire.strict_json import Limits, loads, loads_value


def refusal(raw: bytes, limits: Limits | None = None) -> WireError:
    with pytest.raises(WireError) as caught:
        loads(raw, limits or Limits())
    assert caught.value.status == 400
    assert caught.value.body()["code"] == "VALIDATION_ERROR"
    return caught.value


def place(raw: bytes, limits: Limits | None = None) -> tuple[str, str]:
    error = refusal(raw, limits)
    return error.code, error.details[0]["path"]


def test_an_object_is_read_as_it_is():
    assert loads(b' {"a": [1, 1.5, true, null, "\xc3\xa9"]} ') == {"a": [1, 1.5, True, None, "é"]}


def test_a_byte_order_mark_is_dropped():
    assert loads(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":1}//',
        b"{a:1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":0x1}',
        b"",
        b"  ",
    ]
    + [
        b"{",
        b'{"a"',
        b'{"a":"x',
        b'{"a":1}{}',
        b'{"a":"\n"}',
        b'{"a":tru}',
        b"}{",
        b"]" * 100_000,
        b'{"a":"\\x"}',
    ],
)
def test_what_is_not_json_is_refused(raw: bytes):
    assert refusal(raw).code == "invalid_json"


def test_the_place_of_a_syntax_error_is_named():
    assert "line 2, column 7" in refusal(b'{"a": 1,\n "b": }').message


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"1", b"null", b"true", b"1.5"])
def test_only_an_object_is_accepted_at_the_top(raw: bytes):
    assert refusal(raw).code == "object_expected"


@pytest.mark.parametrize(
    ("raw", "value"), [(b"[1, null]", [1, None]), (b'"x"', "x"), (b"1.5", 1.5), (b"null", None)]
)
def test_where_any_value_will_do_it_is_read_as_strictly(raw: bytes, value: object):
    assert loads_value(raw) == value
    with pytest.raises(WireError, match="NaN is not a JSON number"):
        loads_value(b"[" + raw + b", NaN]")


@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e5000", b"9" * 5_000, b"-" + b"9" * 400]
)
def test_a_number_others_cannot_read_is_refused_with_its_place(number: bytes):
    assert place(b'{"a":{"b":[0,' + number + b"]}}") == ("invalid_number", "a.b.1")


def test_large_but_ordinary_numbers_pass():
    assert loads(b'{"a":18446744073709551616,"b":1e300,"c":-0.0}') == {"a": 2**64, "b": 1e300, "c": 0.0}


def test_a_key_given_twice_is_refused_with_its_place():
    error = refusal(b'{"flow":[{"id":1,"id":2}]}')
    assert (error.code, error.details[0]["path"]) == ("duplicate_key", "flow.0")
    assert "The key id is given twice" in error.message


def test_the_same_key_in_two_objects_is_fine():
    assert loads(b'{"a":{"k":1},"b":{"k":1}}') == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize("raw", [b'{"a":["\\ud800"]}', b'{"a":["x\\udc00y"]}', b'{"a":["\\u0000"]}'])
def test_text_that_cannot_be_stored_is_refused_with_its_place(raw: bytes):
    assert place(raw) == ("invalid_unicode", "a.0")


@pytest.mark.parametrize("raw", [b'{"a":{"\\ud800":1}}', b'{"a":{"k\\u0000":1}}'])
def test_keys_that_cannot_be_stored_are_refused_too(raw: bytes):
    assert place(raw) == ("invalid_unicode", "a")


@pytest.mark.parametrize("raw", [b'{"a":"\xff"}', '{"a":1}'.encode("utf-16"), '{"a":"é"}'.encode("latin-1")])
def test_only_utf_8_is_read(raw: bytes):
    assert refusal(raw).code == "invalid_unicode"


def test_a_surrogate_pair_is_one_character():
    assert loads(b'{"a":"\\ud83d\\ude00"}') == {"a": "😀"}


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_64_levels_pass_and_65_do_not():
    assert loads(nested(64))
    assert refusal(nested(65)).code == "too_deep"


@pytest.mark.parametrize("raw", [nested(1_000), nested(100_000), b"[" * 100_000, b'{"a":' * 50_000])
def test_any_depth_is_refused_without_a_recursion_error(raw: bytes):
    assert refusal(raw).code == "too_deep"


def test_brackets_inside_texts_do_not_count():
    text = '[{"\\' * 5_000
    assert loads(json.dumps({text: text, "b": '\\"['}).encode()) == {text: text, "b": '\\"['}


def test_brackets_of_a_text_without_an_end_are_a_syntax_error():
    assert refusal(b'{"a":"' + b"[" * 1_000).code == "invalid_json"
    assert refusal(b'{"a":"' + b"[" * 1_000 + b"\\").code == "invalid_json"


def test_exactly_10_000_values_pass_and_one_more_does_not():
    assert len(loads(b'{"a":[' + b",".join([b"0"] * 9_998) + b"]}")["a"]) == 9_998
    assert refusal(b'{"a":[' + b",".join([b"0"] * 9_999) + b"]}").code == "too_many_nodes"
    assert refusal(b'{"a":[' + b",".join([b"[]"] * 9_999) + b"]}").code == "too_many_nodes"
    assert refusal(b'{"a":[' + b",".join([b"{}"] * 9_999) + b"]}").code == "too_many_nodes"
    chain = b'{"a":[' + b",".join([b"[0]"] * 6_000) + b"]}"
    assert refusal(chain).code == "too_many_nodes"


def test_a_text_of_256_kb_passes_and_one_byte_more_does_not():
    text = "x" * (256 * 1024)
    assert loads(json.dumps({"a": text}).encode()) == {"a": text}
    assert place(json.dumps({"a": {"b": text + "x"}}).encode()) == ("string_too_long", "a.b")
    assert refusal(json.dumps({text + "x": 1}).encode()).code == "string_too_long"
    assert (
        refusal(json.dumps({"a": "é" * (128 * 1024) + "x"}, ensure_ascii=False).encode()).code
        == "string_too_long"
    )


def test_limits_can_be_set():
    limits = Limits(depth=2, nodes=5, string_bytes=4)
    assert loads(b'{"a":[1,2,3]}', limits)
    assert refusal(b'{"a":[[]]}', limits).code == "too_deep"
    assert refusal(b'{"a":[1,2,3,4]}', limits).code == "too_many_nodes"
    assert refusal(b'{"a":"12345"}', limits).code == "string_too_long"


@pytest.mark.parametrize("key", ["__proto__", "constructor", "$where", "lc", "__class__", "", "a.b", " "])
def test_keys_that_are_special_elsewhere_are_plain_here(key: str):
    assert loads(json.dumps({key: {key: 1}}).encode()) == {key: {key: 1}}


HOSTILE = [
    b'{"a":[' + b"[]," * 330_000 + b"1]}",
    b'{"a":"' + b"\\\\" * 500_000 + b'"}',
    b'{"a":"' + b'\\"' * 500_000,
    b'"' * 1_000_000,
    b"[" * 1_000_000,
    b"{}" * 500_000,
    b'{"a":' + b"9" * 1_000_000 + b"}",
    b'{"a":0.' + b"0" * 1_000_000 + b"}",
    b'{"a":' + b" " * 1_000_000 + b"}",
    b"]" * 1_000_000,
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_megabyte_costs_little_time_and_memory(raw: bytes):
    tracemalloc.start()
    started = time.process_time()
    with contextlib.suppress(WireError):
        loads(raw)
    spent = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 1.0
    assert peak < 10 * 1024 * 1024


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


@given(value=st.dictionaries(texts, values, max_size=6), ascii_only=st.booleans())
def test_any_ordinary_object_is_read_as_json_reads_it(value: dict[str, Any], ascii_only: bool):
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(raw=st.binary(max_size=200) | st.text('{}[]",:\\u01eE+-.NaIt \n', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_words(raw: bytes):
    try:
        value = loads(raw)
    except WireError as error:
        assert error.status == 400
        assert error.details[0]["code"] == error.code
    else:
        assert json.loads(raw) == value
