"""The escape corpus: snippets that reach for the outside. Each must end in an error or a harmless value."""

import pytest

from dashboard.sandbox.errors import SandboxError
from dashboard.sandbox.pool import SandboxPool

# Names that would mean a way out if a script could see them.
HOST_NAMES = """process require module exports __dirname __filename Deno Bun std os bjson scriptArgs print load read
readline quit importScripts XMLHttpRequest WebSocket Worker WebAssembly fetch navigator window document self global
setTimeout setInterval setImmediate Buffer gc Atomics SharedArrayBuffer python __python__ ctypes sys"""

_REACH = "(typeof process !== 'undefined' || typeof require !== 'undefined' || typeof std !== 'undefined')"

# (group, snippet, what it may return; anything else, or nothing at all, must be an error)
CORPUS = [
    ("constructor chain", "return this.constructor.constructor('return typeof process')()", "undefined"),
    ("constructor chain", "return [].constructor.constructor('return typeof require')()", "undefined"),
    ("constructor chain", "return (() => {}).constructor('return typeof globalThis.process')()", "undefined"),
    ("constructor chain", "return input.constructor.constructor('return this === globalThis')()", True),
    ("constructor chain", "return console.log.constructor('return typeof std')()", "undefined"),
    ("constructor chain", "return console.constructor.constructor('return typeof os')()", "undefined"),
    ("constructor chain", "return (0).constructor.constructor('return this.process')() === undefined", True),
    ("Function", "return Function('return typeof process')()", "undefined"),
    ("Function", "return new Function('a', 'return a + typeof require')('')", "undefined"),
    ("Function", "return Reflect.construct(Function, ['return typeof std'])()", "undefined"),
    ("Function", "return (async () => {}).constructor('return typeof process')()", "undefined"),
    ("Function", "return (function* () {}).constructor('yield typeof process')().next().value", "undefined"),
    ("Function", "return (await (async function* () {}).constructor('yield typeof os')().next()).value", "undefined"),
    ("Function", "return eval('typeof process')", "undefined"),
    ("Function", "return (0, eval)('typeof require')", "undefined"),
    ("Function", "return arguments.callee.caller", None),
    ("Function", "return typeof (function f() { return f.caller })()", "undefined"),
    ("template literal", "return Function`return ${'typeof process'}`", None),
    ("template literal", "return eval(`${'typeof '}${'require'}`)", "undefined"),
    ("template literal", "return ((s, ...v) => s.raw[0].constructor.constructor('return typeof os')())`x`", "undefined"),
    ("getter", "return Object.defineProperty({}, 'a', {get() { return typeof process }}).a", "undefined"),
    ("getter", "return {get a() { return this.constructor.constructor('return typeof std')() }}", {"a": "undefined"}),
    ("proxy", "return new Proxy({}, {get: (t, k) => k === 'toJSON' ? () => 'proxied' : 1})", "proxied"),
    ("proxy", "return new Proxy([], {get() { throw new Error('trap') }})", None),
    ("proxy", "return new Proxy(() => {}, {apply: (t, th, a) => typeof process})()", "undefined"),
    ("proxy", "return new Proxy({}, {ownKeys() { return ['x'] }, getOwnPropertyDescriptor() { return {value: 1} }})", None),
    ("proxy", "return {then: new Proxy(() => {}, {apply(t, th, [ok]) { ok(typeof require) }})}", "undefined"),
    ("toPrimitive", "return '' + {[Symbol.toPrimitive]: () => typeof process}", "undefined"),
    ("toPrimitive", "throw {[Symbol.toPrimitive]() { return typeof process }, message: 1}", None),
    ("toPrimitive", "throw Object.assign(new Error(), {message: {toString() { return 'x' }}})", None),
    ("error stack", "Error.prepareStackTrace = (e, s) => s; return Array.isArray(new Error().stack)", True),
    ("error stack", "Error.prepareStackTrace = (e, s) => s[0].getThis(); return new Error().stack", None),
    ("error stack", "Error.stackTraceLimit = 1e9; return new Error('x').stack.includes('/')", False),
    ("error stack", "try { null.x } catch (e) { return e.constructor.constructor('return typeof os')() }", "undefined"),
    ("error stack", "Error.captureStackTrace?.(globalThis); return typeof process", "undefined"),
    ("promise", "class P extends Promise {} return P.resolve(1).constructor.constructor('return typeof os')()", "undefined"),
    ("promise", "Promise.prototype.then = function () { throw new Error('mine') }; return await 1", 1),
    ("promise", "Promise.prototype.constructor = {[Symbol.species]: function (f) { f(() => 1, () => 1) }}; return 2", 2),
    ("promise", "Promise = null; return 3", 3),
    ("promise", "return {then(ok) { ok({then(ok2) { ok2('nested') }}) }}", "nested"),
    ("promise", "return Promise.any([Promise.reject(typeof process)]).catch(e => e.errors[0])", "undefined"),
    ("module", "return (await import('os')).platform", None),
    ("module", "return await import('file:///etc/passwd')", None),
    ("module", "return await import('/etc/passwd')", None),
    ("module", "return await import('./walls.py')", None),
    ("module", "return await import('data:text/javascript,export default 1')", None),
    ("module", "return await import('std')", None),
    ("module", "return await import('http://127.0.0.1/x.js')", None),
    ("module", "return require('fs').readFileSync('/etc/passwd')", None),
    ("module", "import fs from 'fs'", None),
    ("module", "return import.meta.url", None),
    ("host object", f"return {_REACH}", False),
    ("host object", "return new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))", None),
    ("host object", "return new SharedArrayBuffer(8)", None),
    ("host object", "Atomics.wait(new Int32Array(8), 0, 0)", None),
    ("host object", "return new Intl.NumberFormat('en').format(1)", None),
    ("host object", "return fetch('http://169.254.169.254/')", None),
    ("host object", "return new Worker('x')", None),
    ("host object", "return Object.getOwnPropertyNames(console).sort()", ["debug", "error", "info", "log", "warn"]),
    ("harness", "return typeof harness + typeof outcome + typeof pending + typeof mapGet", "undefined" * 4),
    ("harness", "return console.log.toString().includes('native') || typeof console.log.caller", None),
    ("harness", "JSON.stringify = () => '{\"forged\":1}'; return 4", 4),
    ("harness", "JSON.parse = () => { throw 1 }; JSON = null; return 5", 5),
    ("harness", "Map.prototype.get = Map.prototype.set = () => { throw 1 }; return 6", 6),
    ("harness", "Reflect.apply = () => { throw 1 }; String = null; Object = null; return 7", 7),
    ("harness", "globalThis.TypeError = class extends Error {}; globalThis.InternalError = 1; null.x", None),
    ("harness", "Function.prototype.call = Function.prototype.apply = () => 'mine'; return 8", 8),
    ("harness", "Array.prototype.push = Array.prototype.join = () => 'mine'; console.log(1); return 9", 9),
    ("harness", "Object.defineProperty(Array.prototype, 0, {set() { throw 1 }}); console.log('x'); return 10", None),
    ("harness", "Object.defineProperty(InternalError, Symbol.hasInstance, {value: () => 1}); throw {message: 'x'}", None),
    ("harness", "}); return 'outside'; (async function () {", None),
    ("harness", "return 1 })(), (async () => { return 'second'", "second"),
    ("prototype", "Object.prototype.polluted = 1; return {}", {}),
    ("prototype", "Object.prototype.toJSON = () => 'forged'; return {a: 1}", "forged"),
    ("prototype", "String.prototype.toJSON = () => 'forged'; return 'plain'", "plain"),
    ("prototype", "Object.prototype.ok = true; Object.prototype.value = '\"forged\"'; throw new Error('real')", None),
    ("prototype", "Object.defineProperty(Object.prototype, 'reason', {get: () => 1, set() {}}); throw 'real'", None),
    ("prototype", "return JSON.parse('{\"__proto__\": {\"a\": 1}}')", {"__proto__": {"a": 1}}),
    ("prototype", "({}).__proto__.isAdmin = true; return Object.keys({}).length", 0),
    ("prototype", "Object.setPrototypeOf(Object.prototype, {a: 1}); return 1", None),
    ("toJSON", "return {toJSON() { throw new Error('thrown') }}", None),
    ("toJSON", "return {toJSON() { return typeof process }}", "undefined"),
    ("toJSON", "return {a: {toJSON(key) { return key }}}", {"a": "a"}),
    ("date", "return new Date(8.64e15 + 1)", None),
    ("date", "return new Date('9999-99-99').getTime()", None),
    ("date", "return new Date(0).getTimezoneOffset()", 0),
    ("date", "return new Date(0).toLocaleString('xx', {timeZone: '../../etc/passwd'}).includes('root')", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def outcomes():
    """Collects every result, for the count at the end of the module."""
    return []


@pytest.mark.parametrize(
    ("group", "snippet", "harmless"), CORPUS, ids=[f"{g}-{i}" for i, (g, _, _) in enumerate(CORPUS)]
)
async def test_a_snippet_does_not_get_out(pool, group, snippet, harmless):
    try:
        value = (await pool.run_script(snippet, {"given": [1]}, wall_seconds=10)).value
    except SandboxError as error:
        assert harmless is None or group == "prototype", error
        assert "Traceback" not in error.message
        assert "could not load module" in error.message or "/" not in error.message
    else:
        assert value == harmless
    # The worker that ran it still works, and runs the next job as if nothing had happened.
    assert await pool.evaluate("[typeof polluted, JSON.stringify({a: [1]})]", {}) == [
        "undefined",
        '{"a":[1]}',
    ]


async def test_the_whole_corpus_in_one_worker_leaves_it_clean(record_property):
    pool = SandboxPool(size=1)
    for _, snippet, _ in CORPUS:
        try:
            await pool.run_script(snippet, {}, wall_seconds=10)
        except SandboxError:
            continue
    assert await pool.evaluate("Object.keys(Object.prototype).length + typeof process", {}) == "0undefined"
    await pool.close()
    record_property("escapes", f"0/{len(CORPUS)}")
    print(f"escapes = 0 of {len(CORPUS)}")
    assert len(CORPUS) >= 60


async def test_no_host_name_is_visible(pool):
    names = HOST_NAMES.split()
    seen = await pool.run_script("return input.filter(name => name in globalThis)", names)
    assert seen.value == []


async def test_the_globals_are_exactly_the_language(pool):
    """A new version of the engine that brings a new global must be looked at before it is let in."""
    names = (await pool.run_script("return Object.getOwnPropertyNames(globalThis)", None)).value
    expected = """Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError InternalError
    AggregateError SuppressedError Iterator Array parseInt parseFloat isNaN isFinite queueMicrotask decodeURI
    decodeURIComponent encodeURI encodeURIComponent escape unescape Infinity NaN undefined eval Number Boolean String
    Math Reflect Symbol DisposableStack globalThis BigInt Date RegExp JSON Proxy Map Set WeakMap WeakSet ArrayBuffer
    Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array
    Float16Array Float32Array Float64Array DataView Promise AsyncDisposableStack WeakRef FinalizationRegistry
    DOMException btoa atob performance console"""
    assert set(names) == set(expected.split())


async def test_a_fetch_function_cannot_be_used_to_forge_replies_or_reach_the_harness(pool):
    asked = []

    async def fetch(request):
        asked.append(request["url"])
        return {"status": 200, "headers": {"__proto__": "x", "a": "b"}, "body": '{"__proto__": {"z": 1}}'}

    source = """
      Map.prototype.get = () => ({resolve() { throw 1 }});
      Promise.prototype.then = () => { throw 2 };
      JSON.parse = () => "forged";
      const r = await fetch({toString: () => "http://a/"});
      return [await r.json(), r.headers.get("__proto__"), r.headers.get("constructor"), ({}).z === undefined]
    """
    result = await pool.run_script(source, None, fetch=fetch)
    assert asked == ["http://a/"]
    assert result.value[0] == {"__proto__": {"z": 1}}
    assert result.value[3] is True
