"""The child process: reads jobs as JSON lines, runs each in a fresh QuickJS context, answers in JSON lines.

Started by `pool` as `python -I -S -B worker.py <path of the _quickjs extension> <address space in MB>` with an
empty environment in an empty directory. It sees no package of ours and none that is installed.

In:  {"kind": "script"|"expression", "source", "input" (JSON text), "wall" (s), "memory_mb", "fetch": bool}
     {"id", "ok", "value"} for each request it asked for
Out: {"walls": [...]} once, {"fetch": {id, url, method, headers, body}} any number of times, and per job one
     {"ok": true, "value" (JSON text), "logs"} or {"ok": false, "reason", "message", "stack", "logs"}
"""

import importlib.machinery
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

_MEGABYTE = 1024 * 1024
_STACK_BYTES = 512 * 1024
_MIN_SLICE = 0.001
_HARNESS_FIRST_LINE = 100_100


class _Expired(Exception):
    """The time of the job is over."""


class _Job:
    """One job in one context."""

    def __init__(self, quickjs: Any, harness: str, order: dict[str, Any], lines: "_Lines") -> None:
        self._deadline = time.monotonic() + order["wall"]
        self._lines = lines
        self._waiting = 0
        self._quickjs = quickjs
        self._context = quickjs.Context()
        self._context.set_max_stack_size(_STACK_BYTES)
        self._context.set_memory_limit(order["memory_mb"] * _MEGABYTE)
        self._harness = self._context.eval(harness)
        if order["fetch"]:
            self._harness("allow fetch")
        self._order = order

    def run(self) -> dict[str, Any]:
        try:
            result = self._settle()
        except _Expired:
            result = _failure("timeout")
        except (self._quickjs.JSException, UnicodeDecodeError) as error:
            # What the harness could not catch: the interrupt at the deadline, or memory so short that not even
            # an error object could be made.
            result = _failure("timeout" if self._is_late() or "interrupted" in str(error) else "memory")
        result["logs"] = self._logs()
        return result

    def _settle(self) -> dict[str, Any]:
        self._call("run", self._order["kind"], self._order["source"], self._order["input"])
        while True:
            while self._step():
                pass
            for request in json.loads(json.loads(self._call("drain"))):
                self._lines.write({"fetch": request})
                self._waiting += 1
            outcome = self._call("outcome")
            if outcome:
                return json.loads(outcome)
            if not self._waiting:
                return _failure("unsettled")
            reply = self._lines.read()
            self._waiting -= 1
            self._call("answer", reply["id"], reply["ok"], json.dumps(reply["value"]))

    def _step(self) -> bool:
        self._context.set_time_limit(self._remaining())
        return bool(self._context.execute_pending_job())

    def _call(self, *arguments: Any) -> Any:
        self._context.set_time_limit(self._remaining())
        return self._harness(*arguments)

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise _Expired
        return max(remaining, _MIN_SLICE)

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _logs(self) -> list[str]:
        self._context.set_time_limit(_MIN_SLICE * 100)
        try:
            return json.loads(json.loads(self._harness("logs")))
        except (self._quickjs.JSException, UnicodeDecodeError, ValueError):
            return []


class _Lines:
    """JSON lines over two pipes."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink

    def read(self) -> dict[str, Any]:
        line = self._source.readline()
        if not line:
            # The pool is gone or has given up on this job.
            sys.exit(0)
        return json.loads(line)

    def write(self, message: dict[str, Any]) -> None:
        self._sink.write(json.dumps(message).encode() + b"\n")
        self._sink.flush()


def _failure(reason: str) -> dict[str, Any]:
    return {"ok": False, "reason": reason, "message": "", "stack": ""}


def _load(name: str, path: str) -> Any:
    """Import one file by its path; the import system itself is not pointed anywhere."""
    loader = (
        importlib.machinery.SourceFileLoader(name, path)
        if path.endswith(".py")
        else importlib.machinery.ExtensionFileLoader(name, path)
    )
    spec = importlib.util.spec_from_loader(name, loader, origin=path)
    if spec is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def main(quickjs_path: str, address_space_mb: int) -> None:
    here = Path(__file__).resolve().parent
    # All code in a context has the same file name in stack traces; far down, the harness cannot be mistaken for
    # a line of the script.
    harness = "\n" * _HARNESS_FIRST_LINE + (here / "harness.js").read_text(encoding="utf-8")
    quickjs = _load("_quickjs", quickjs_path)
    walls = _load("walls", str(here / "walls.py"))
    # One job before the walls go up, so that nothing is imported or allocated for the first time behind them.
    lines = _Lines(sys.stdin.buffer, sys.stdout.buffer)
    warm_up = {"kind": "expression", "source": "1", "input": "{}", "wall": 5, "memory_mb": 16, "fetch": False}
    _Job(quickjs, harness, warm_up, lines).run()
    lines.write({"walls": walls.raise_walls(address_space_mb)})
    while True:
        order = lines.read()
        walls.allow_cpu_seconds(order["wall"])
        try:
            result = _Job(quickjs, harness, order, lines).run()
        except MemoryError:
            result = _failure("memory")
        lines.write(result)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
