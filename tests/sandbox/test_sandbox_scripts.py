"""What an author can do in a script and in an expression, and what errors say."""

import asyncio

import pytest

from dashboard.sandbox import process
from dashboard.sandbox.errors import FetchFailed, ScriptError, ScriptMemory, ScriptOutput, ScriptTimeout


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        ("return input.a + 1", {"a": 41}, 42),
        ("return 1.5", None, 1.5),
        ("return input", [1, "two", None, True, {"three": 3.25}], [1, "two", None, True, {"three": 3.25}]),
        ("return input", *["gr\u00fc\u00dfe \u4f60\u597d \U0001f600 \x00 \u2028"] * 2),
        ("return input.length", "\U0001f600", 2),
        ("const n = await Promise.resolve(20); return n * 2 + 2", None, 42),
        ("", None, None),
        ("return undefined", None, None),
        ("return () => 1", None, None),
        ("return [undefined, () => 1, Symbol('x'), NaN, Infinity]", None, [None] * 5),
        ("return {a: undefined, b: new Date(0), c: new Map([[1, 2]])}", None, {"b": "1970-01-01T00:00:00.000Z", "c": {}}),
        ("return [1, 2, 3, 4].findLast(x => x % 2).toString().padStart(3, '0')", None, "003"),
        ("return Object.groupBy(input, x => x > 1 ? 'big' : 'small')", [1, 2, 3], {"small": [1], "big": [2, 3]}),
        ("return input.map(r => r.total).reduce((a, b) => a + b, 0)", [{"total": 1}, {"total": 2}], 3),
        ("// only a comment", None, None),
        ("return 1 // a comment at the end", None, 1),
        ("return 9007199254740991", None, 9007199254740991),
        ("return btoa('hi') + atob('aGk=')", None, "aGk=hi"),
    ],
)  # fmt: skip
async def test_a_script_returns_its_value(pool, source, given, expected):
    assert (await pool.run_script(source, given)).value == expected


@pytest.mark.parametrize(
    ("expression", "variables", "expected"),
    [
        ("1 + 1", {}, 2),
        ("a.b > 1 && c", {"a": {"b": 2}, "c": "yes"}, "yes"),
        ("{a: 1}.a", {}, 1),
        ("({a: x})", {"x": [1]}, {"a": [1]}),
        ("x // really?", {"x": False}, False),
        ("typeof missing", {}, "undefined"),
        ("globalThis['my-name'].ok", {"my-name": {"ok": True}}, True),
        ("class_ === undefined", {"class": 1}, None),
        ("await_.length", {"await_": "abc"}, 3),
        ("Math + 1", {"Math": 1}, 2),
        ("Promise.resolve(x)", {"x": 5}, 5),
        ("`${name}!`", {"name": "{{x}}"}, "{{x}}!"),
        ("undefined", {"undefined": 1}, None),
        ("Object.keys(record).length", {"record": {"__proto__": 1, "constructor": 2}}, 2),
    ],
)
async def test_an_expression_sees_the_variables_as_globals(pool, expression, variables, expected):
    if expression == "class_ === undefined":
        with pytest.raises(ScriptError, match="class_ is not defined"):
            await pool.evaluate(expression, variables)
        return
    assert await pool.evaluate(expression, variables) == expected


async def test_only_variables_that_are_mentioned_are_handed_over(pool):
    assert await pool.evaluate("a", {"a": 1, "huge": "x" * 5_000_000, "odd": object()}) == 1


@pytest.mark.parametrize("expression", ["", "   ", "\n"])
async def test_an_empty_expression_is_an_error(pool, expression):
    with pytest.raises(ScriptError, match="empty"):
        await pool.evaluate(expression, {})


async def test_jobs_share_nothing(pool):
    await pool.run_script("globalThis.left = 1; Array.prototype.left = 1; Object.prototype.left = 1", None)
    results = [await pool.evaluate("[typeof left, typeof [].left, typeof ({}).left]", {}) for _ in range(4)]
    assert results == [["undefined"] * 3] * 4


# Errors


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("throw new Error('boom')", "Error: boom", 1),
        ("\n\nmissing.x", "ReferenceError: missing is not defined", 3),
        ("\nlet x = ;", "SyntaxError: unexpected token in expression: ';'", 2),
        ("const f = () => {\n  null.x\n}\nf()", "TypeError: cannot read property 'x' of null", 2),
        ("await null\nthrow new RangeError('later')", "RangeError: later", 2),
        ("throw 'text'", "text", None),
        ("throw 42", "42", None),
        ("throw null", "null was thrown, or the memory ran out.", None),
        ("throw undefined", "undefined was thrown.", None),
        ("throw Symbol('s')", "Symbol(s)", None),
        ("throw 10n", "10", None),
        ("throw {code: 7}", '{"code":7}', None),
        ("throw {message: 'plain'}", "plain", None),
        (
            "throw {get message() { throw 1 }, get name() { throw 2 }, get stack() { throw 3 }}",
            "[object]",
            None,
        ),
        ("throw {toString() { throw 1 }, toJSON() { throw 1 }}", "[object]", None),
        ("throw new Proxy({}, {get() { throw 1 }})", "[object]", None),
        ("throw Object.assign(new Error('m'), {stack: 'at <input>:999999'})", "Error: m", None),
        ("throw new Error('a\\u0000b\\u001bc\\u202ed')", "Error: a\ufffdb\ufffdc\ufffdd", 1),
        ("throw new Error('\\ud800')", "Error: ?", 1),
        ("return 10n", "TypeError: BigInt are forbidden in JSON.stringify", None),
        ("const a = {}; a.a = a; return a", "TypeError: circular reference", None),
        ("return {toJSON() { throw new Error('no') }}", "Error: no", 1),
        ("import x from 'y'", "SyntaxError: Unexpected identifier 'x'", 1),
        (
            "await new Promise(() => {})",
            "The script waits for a promise that nothing will settle, or its memory ran out.",
            None,
        ),
        ("await Promise.reject(new Error('nope'))", "Error: nope", 1),
    ],
)
async def test_an_error_becomes_safe_text_with_a_line(pool, source, message, line):
    with pytest.raises(ScriptError) as caught:
        await pool.run_script(source, None)
    assert (caught.value.message, caught.value.line) == (message, line)


async def test_the_line_is_the_scripts_own_in_a_long_script(pool):
    with pytest.raises(ScriptError) as caught:
        await pool.run_script(
            "\n" * 300 + "console.log({get a() { null.x }, toJSON() { throw 1 }}); null.y", None
        )
    assert caught.value.line == 301
    with pytest.raises(ScriptError) as caught:
        await pool.run_script("\n" * 300 + "return 10n", None)
    assert caught.value.line is None


async def test_a_long_error_is_cut(pool):
    with pytest.raises(ScriptError) as caught:
        await pool.run_script("throw new Error('x'.repeat(1000000))", None)
    assert len(caught.value.message) <= 2000


async def test_what_was_printed_before_the_end_is_kept(pool, monkeypatch):
    # On a busy machine the pool would otherwise kill the worker before that has used up its own time.
    monkeypatch.setattr(process, "GRACE_SECONDS", 20)
    for source in ("console.log('here'); throw 1", "console.log('here'); while (true);"):
        with pytest.raises((ScriptError, ScriptTimeout)) as caught:
            await pool.run_script(source, None, wall_seconds=0.3)
        assert caught.value.logs == ("here",)


@pytest.mark.parametrize("source", ["return 1" + " " * 100_000, "return '\0'", "return '\ud800'"])
async def test_a_source_that_cannot_be_run_is_refused(pool, source):
    with pytest.raises(ScriptError):
        await pool.run_script(source, None)


# Logs


async def test_console_prints_lines(pool):
    result = await pool.run_script(
        "console.log('a', 1, {b: [2]}, null, undefined); console.warn('w'); console.error(() => 1); console.debug()",
        None,
    )
    assert result.logs == ('a 1 {"b":[2]} null undefined', "w", "() => 1", "")


@pytest.mark.parametrize(
    "source",
    [
        "for (let i = 0; i < 100000; i++) console.log('line ' + i)",
        "for (let i = 0; i < 1000; i++) console.log('x'.repeat(10000))",
        "console.log('x'.repeat(10000000))",
        "console.log(...new Array(10000).fill('y'.repeat(1000)))",
    ],
)
async def test_console_output_is_capped(pool, source):
    logs = (await pool.run_script(source, None, wall_seconds=5)).logs
    assert len(logs) <= 500
    assert sum(map(len, logs)) < 70_000
    assert logs[-1].endswith("[more output was cut]")


# JSON in and out


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, object(), b"x", {"a": [float("-inf")]}]
)
async def test_input_that_is_not_json_is_refused(pool, value):
    with pytest.raises(ScriptOutput):
        await pool.run_script("return 1", value)


async def test_input_over_a_megabyte_is_refused(pool):
    with pytest.raises(ScriptOutput, match="1 MB"):
        await pool.run_script("return 1", "x" * 1_100_000)


async def test_a_large_value_travels_both_ways(pool):
    value = [{"id": number, "text": "\u4f60" * 10} for number in range(8000)]
    assert (await pool.run_script("return input", value)).value == value


@pytest.mark.parametrize(
    "source",
    [
        "return 'x'.repeat(1048577)",
        "return '\u4f60'.repeat(400000)",
        "return new Array(600000).fill(0)",
        "let a = []; for (let i = 0; i < 65; i++) a = [a]; return a",
        "let a = {}; for (let i = 0; i < 500; i++) a = {a}; return a",
        "return JSON.rawJSON('1e999')",
        "return [JSON.rawJSON('-1e5000')]",
        "return JSON.rawJSON('9'.repeat(5000))",
        "return '\\ud800'",
        "return {'\\udfff': 1}",
    ],
)
async def test_a_result_outside_the_limits_is_refused(pool, source):
    with pytest.raises(ScriptOutput):
        await pool.run_script(source, None)


async def test_nesting_up_to_the_limit_is_fine(pool):
    value = (await pool.run_script("let a = 1; for (let i = 0; i < 64; i++) a = [a]; return a", None)).value
    for _ in range(64):
        [value] = value
    assert value == 1


async def test_odd_keys_come_back_as_plain_data(pool):
    source = 'return JSON.parse(\'{"__proto__": {"admin": true}, "constructor": 1, "": 2, "toString": 3}\')'
    assert (await pool.run_script(source, None)).value == {
        "__proto__": {"admin": True}, "constructor": 1, "": 2, "toString": 3,
    }  # fmt: skip


# fetch


async def test_without_a_callable_there_is_no_fetch(pool):
    assert (await pool.run_script("return typeof fetch", None)).value == "undefined"
    with pytest.raises(ScriptError, match="fetch is not defined"):
        await pool.run_script("await fetch('http://example.com/')", None)


async def test_a_script_may_fetch_in_parallel(pool):
    running = most = 0
    requests = []

    async def fetch(request):
        nonlocal running, most
        running, requests[len(requests) :] = running + 1, [request]
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return {"status": 404, "headers": {"X-Kind": "test"}, "body": '{"n": 1}', "url": "http://final/"}

    source = """
      const all = await Promise.all([1, 2, 3].map(n => fetch("http://a/" + n, {
        method: "POST", headers: {"X-N": n}, body: {n}})));
      const r = all[2];
      return [r.status, r.ok, r.url, r.headers.get("x-KIND"), r.headers.get("none"), await r.text(), await r.json()]
    """
    result = await pool.run_script(source, None, fetch=fetch)
    assert result.value == [404, False, "http://final/", "test", None, '{"n": 1}', {"n": 1}]
    assert most == 3
    assert requests[0] == {"url": "http://a/1", "method": "POST", "headers": {"X-N": "1"}, "body": '{"n":1}'}


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (FetchFailed("The host may not be contacted."), "TypeError: The host may not be contacted."),
        (RuntimeError("password=hunter2"), "TypeError: The request failed."),
        (TimeoutError(), "TypeError: The request failed."),
    ],
)
async def test_a_failed_fetch_rejects_without_telling_about_the_inside(pool, failure, message):
    async def fetch(request):
        raise failure

    with pytest.raises(ScriptError) as caught:
        await pool.run_script("await fetch('http://a/')", None, fetch=fetch)
    assert caught.value.message == message
    handled = await pool.run_script(
        "try { await fetch('http://a/') } catch (e) { return e.message }", None, fetch=fetch
    )
    assert f"TypeError: {handled.value}" == message


async def test_a_script_may_make_fifty_requests_and_not_more(pool):
    count = 0

    async def fetch(request):
        nonlocal count
        count += 1
        return {"status": 200, "headers": {}, "body": ""}

    with pytest.raises(ScriptError, match="at most 50"):
        await pool.run_script("for (let i = 0; i < 60; i++) await fetch('http://a/')", None, fetch=fetch)
    assert count == 50


async def test_a_slow_fetch_counts_as_the_scripts_time_and_is_cancelled(pool):
    cancelled = asyncio.Event()

    async def fetch(request):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(ScriptTimeout):
        await pool.run_script("await fetch('http://a/')", None, wall_seconds=0.2, fetch=fetch)
    assert cancelled.is_set()


@pytest.mark.parametrize(
    "options",
    [
        "{get method() { throw 1 }}",
        "{headers: {a: Symbol()}}",
        "{body: {toJSON() { throw 1 }}}",
        "{body: 1n}",
    ],
)
async def test_odd_fetch_options_reject_and_reach_nobody(pool, options):
    async def fetch(request):
        raise AssertionError("must not be called")

    source = f"try {{ await fetch('http://a/', {options}) }} catch (e) {{ return 'caught' }}"
    assert (await pool.run_script(source, None, fetch=fetch)).value == "caught"


async def test_a_script_may_end_without_waiting_for_its_requests(pool):
    async def fetch(request):
        await asyncio.sleep(30)

    assert (await pool.run_script("fetch('http://a/'); return 1", None, fetch=fetch)).value == 1
    assert (await pool.run_script("return 2", None)).value == 2


async def test_memory_is_limited_per_job(pool):
    source = (
        "const a = []; for (let i = 0; i < 40; i++) a.push(new Uint8Array(1 << 20).fill(1)); return a.length"
    )
    with pytest.raises(ScriptMemory, match="16 MB"):
        await pool.run_script(source, None, memory_mb=16)
    assert (await pool.run_script(source, None, memory_mb=64)).value == 40
