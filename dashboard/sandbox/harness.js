// Runs inside QuickJS, before any user code, in a fresh context per job. Everything it needs later is taken
// now, because user code may replace every global and every prototype. It answers only with JSON text fresh from
// stringify: the binding cannot take a string that is still a chain of concatenations.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { apply, ownKeys } = Reflect;
  const { defineProperty } = Object;
  const PromiseAtStart = Promise;
  const InternalErrorAtStart = InternalError;
  const TypeErrorAtStart = TypeError;
  const text = String;
  const indirectEval = eval;
  const { slice, toLowerCase } = String.prototype;
  const pending = new Map();
  const { get: mapGet, set: mapSet, delete: mapDelete } = Map.prototype;

  const MAX_RESULT = 1048576;
  const MAX_LOG_CHARS = 65536;
  const MAX_LOG_LINES = 500;
  const MAX_MESSAGE = 2000;
  const MAX_REQUESTS = 50;
  const UNSPEAKABLE =
    '{"ok":false,"reason":"error","message":"The script failed with an error that cannot be shown.","stack":""}';

  // Lists are kept as JSON text: a setter on Array.prototype cannot listen in.
  let logs = "";
  let logChars = 0;
  let logLines = 0;
  let requests = "";
  let requestCount = 0;
  let outcome = "";

  const cut = (value, length) => apply(slice, value, [0, length]);

  function show(value) {
    if (typeof value === "string") return value;
    try {
      const shown = stringify(value);
      return shown === undefined ? text(value) : shown;
    } catch {
      return "[" + typeof value + "]";
    }
  }

  function print(...values) {
    if (logLines >= MAX_LOG_LINES || logChars >= MAX_LOG_CHARS) return;
    let line = "";
    for (let i = 0; i < values.length && line.length < MAX_LOG_CHARS; i++) {
      line += (i ? " " : "") + show(values[i]);
    }
    line = cut(line, MAX_LOG_CHARS - logChars);
    logChars += line.length;
    logLines += 1;
    if (logLines >= MAX_LOG_LINES || logChars >= MAX_LOG_CHARS) line += " [more output was cut]";
    logs += (logs ? "," : "") + stringify(line);
  }

  function property(error, name) {
    try {
      const value = error[name];
      return typeof value === "string" ? cut(value, MAX_MESSAGE) : "";
    } catch {
      return "";
    }
  }

  function fail(reason, message, stack) {
    outcome = stringify({ __proto__: null, ok: false, reason, message, stack });
  }

  function failWith(error) {
    if (error === null) {
      // The engine itself throws null when it has no memory left to make an error.
      fail("error", "null was thrown, or the memory ran out.", "");
      return;
    }
    if (error === undefined) {
      fail("error", "undefined was thrown.", "");
      return;
    }
    if (typeof error !== "object" && typeof error !== "function") {
      fail("error", cut(text(error), MAX_MESSAGE), "");
      return;
    }
    const name = property(error, "name");
    const message = property(error, "message");
    const exhausted = message === "out of memory" || message === "string too long";
    if (exhausted && error instanceof InternalErrorAtStart) {
      fail("memory", message, property(error, "stack"));
      return;
    }
    const known = name && message ? name + ": " + message : name || message;
    fail("error", known || cut(show(error), MAX_MESSAGE), property(error, "stack"));
  }

  function failSafely(error) {
    try {
      failWith(error);
    } catch {
      outcome = UNSPEAKABLE;
    }
  }

  function succeed(value) {
    const encoded = stringify(value);
    if (encoded === undefined) {
      outcome = stringify({ __proto__: null, ok: true, value: "null" });
    } else if (encoded.length > MAX_RESULT) {
      fail("output", "", "");
    } else {
      outcome = stringify({ __proto__: null, ok: true, value: encoded });
    }
  }

  async function settle(program, input) {
    try {
      succeed(await program(input));
    } catch (error) {
      failSafely(error);
    }
  }

  function run(kind, source, inputText) {
    try {
      const input = parse(inputText);
      if (kind === "script") {
        settle(indirectEval("(async function (input) {" + source + "\n})"), input);
        return;
      }
      for (const name of ownKeys(input)) {
        try {
          const value = input[name];
          defineProperty(globalThis, name, {
            __proto__: null, value, writable: true, configurable: true, enumerable: true,
          });
        } catch {
          // undefined, NaN and Infinity cannot be replaced.
        }
      }
      settle(() => indirectEval("(" + source + "\n)"));
    } catch (error) {
      failSafely(error);
    }
  }

  function fetchHeaders(given) {
    const headers = { __proto__: null };
    if (given === undefined || given === null) return headers;
    for (const name of ownKeys(given)) {
      if (typeof name === "string") headers[name] = text(given[name]);
    }
    return headers;
  }

  function fetchFromHost(url, options) {
    return new PromiseAtStart((resolve, reject) => {
      requestCount += 1;
      if (requestCount > MAX_REQUESTS) {
        throw new TypeErrorAtStart("A script may make at most " + MAX_REQUESTS + " requests.");
      }
      const given = options === undefined || options === null ? { __proto__: null } : options;
      const body = given.body;
      const request = stringify({
        __proto__: null,
        id: requestCount,
        url: text(url),
        method: given.method === undefined ? "GET" : text(given.method),
        headers: fetchHeaders(given.headers),
        body: body === undefined || body === null ? null : typeof body === "string" ? body : stringify(body),
      });
      apply(mapSet, pending, [requestCount, { __proto__: null, resolve, reject }]);
      requests += (requests ? "," : "") + request;
    });
  }

  function response(data) {
    const headers = data.headers;
    return {
      status: data.status,
      ok: data.status >= 200 && data.status < 300,
      url: data.url,
      headers: {
        get(name) {
          const wanted = apply(toLowerCase, text(name), []);
          const value = headers[wanted];
          return value === undefined ? null : value;
        },
      },
      text: async () => data.body,
      json: async () => parse(data.body),
    };
  }

  function answer(id, ok, payload) {
    const waiting = apply(mapGet, pending, [id]);
    if (waiting === undefined) return;
    apply(mapDelete, pending, [id]);
    const value = parse(payload);
    if (ok) waiting.resolve(response(value));
    else waiting.reject(new TypeErrorAtStart(value));
  }

  const hidden = ["Atomics", "SharedArrayBuffer"];
  for (let i = 0; i < hidden.length; i++) delete globalThis[hidden[i]];
  globalThis.console = { log: print, info: print, warn: print, error: print, debug: print };

  return function (operation, a, b, c) {
    if (operation === "run") return run(a, b, c);
    if (operation === "answer") return answer(a, b, c);
    if (operation === "outcome") return outcome;
    if (operation === "logs") return stringify("[" + logs + "]");
    if (operation === "allow fetch") {
      globalThis.fetch = fetchFromHost;
      return undefined;
    }
    const drained = stringify("[" + requests + "]");
    requests = "";
    return drained;
  };
})();
