"""The product's side of the sandbox: a few worker processes, started when needed and stopped when idle."""

import asyncio
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.sandbox.errors import (
    SandboxError,
    SandboxUnavailable,
    ScriptError,
    ScriptMemory,
    ScriptOutput,
    ScriptTimeout,
)
from dashboard.sandbox.process import Fetch, Job, WorkerDied, WorkerProcess
from dashboard.sandbox.values import decode, encode, safe_text

MAX_WALL_SECONDS = 30.0
MAX_MEMORY_MB = 128
MAX_SOURCE_CHARS = 100_000

_EXPRESSION_SECONDS = 1.0
_EXPRESSION_MEMORY_MB = 32
_LINE_OF_STACK = re.compile(r"<input>:(\d{1,9})")
# A signal from outside (an impatient operator, the kernel short of memory) says nothing about the script.
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(frozen=True)
class ScriptResult:
    """`value` is plain JSON data; `logs` are the lines of console.log and its kin, capped."""

    value: Any
    logs: tuple[str, ...]


class SandboxPool:
    """Runs scripts and expressions in at most `size` workers; more callers wait in line.

    Nothing is started before the first use; workers idle for `idle_seconds` are stopped, and one that has done
    `jobs_per_worker` jobs is replaced. Belongs to one event loop.
    """

    def __init__(self, size: int = 2, *, idle_seconds: float = 60.0, jobs_per_worker: int = 1000) -> None:
        self._slots = asyncio.Semaphore(size)
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._idle_seconds = idle_seconds
        self._jobs_per_worker = jobs_per_worker
        self._idle_timer: asyncio.TimerHandle | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run_script(
        self,
        source: str,
        input: Any,
        *,
        wall_seconds: float = 2.0,
        memory_mb: int = 64,
        fetch: Fetch | None = None,
    ) -> ScriptResult:
        """Run the body of an async function that sees its data as `input`, and return what it returns.

        `fetch` gives the script a `fetch()`; without it there is none. The limits are cut to 30 s and 128 MB.
        Raises ScriptError, ScriptTimeout, ScriptMemory, ScriptOutput or SandboxUnavailable.
        """
        job = Job(
            kind="script",
            source=_checked_source(source),
            input=encode(input),
            wall_seconds=min(wall_seconds, MAX_WALL_SECONDS),
            memory_mb=min(memory_mb, MAX_MEMORY_MB),
        )
        return await self._run(job, fetch)

    async def evaluate(
        self, expression: str, variables: Mapping[str, Any], *, wall_seconds: float = _EXPRESSION_SECONDS
    ) -> Any:
        """The JSON value of one JavaScript expression that sees the variables as globals.

        Only variables whose name occurs in the expression are handed over. Raises what run_script raises.
        """
        source = _checked_source(expression)
        if not source.strip():
            raise ScriptError("The expression is empty.")
        needed = {name: value for name, value in variables.items() if name in source}
        job = Job(
            kind="expression",
            source=source,
            input=encode(needed),
            wall_seconds=min(wall_seconds, MAX_WALL_SECONDS),
            memory_mb=_EXPRESSION_MEMORY_MB,
        )
        return (await self._run(job, None)).value

    async def walls(self) -> tuple[str, ...]:
        """The names of the walls that stand around a worker on this machine; starts one if none runs."""
        async with self._slots:
            worker = await self._take()
            self._give_back(worker)
            return worker.walls

    async def close(self) -> None:
        """Kill all workers. Jobs under way end with SandboxUnavailable; later ones are refused with it."""
        self._closed = True
        self._cancel_idle_timer()
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(worker.kill() for worker in workers), *self._stopping)

    async def _run(self, job: Job, fetch: Fetch | None) -> ScriptResult:
        async with self._slots:
            try:
                answer = await self._attempt(job, fetch)
            except WorkerDied as death:
                if death.had_effects or self._closed or death.signal_number not in _FROM_OUTSIDE:
                    raise _after_death(death, job) from death
                # Killed from outside and nothing has left the sandbox: running it again is harmless.
                try:
                    answer = await self._attempt(job, fetch)
                except WorkerDied as second:
                    raise _after_death(second, job) from second
        return _result(answer, job)

    async def _attempt(self, job: Job, fetch: Fetch | None) -> dict[str, Any]:
        worker = await self._take()
        self._busy.add(worker)
        try:
            answer = await worker.run(job, fetch)
        finally:
            self._busy.discard(worker)
        # A worker that came close to its memory limit may be in any state.
        if answer.get("reason") == "memory" or worker.jobs_done >= self._jobs_per_worker or self._closed:
            await worker.kill()
        else:
            self._give_back(worker)
        return answer

    async def _take(self) -> WorkerProcess:
        if self._closed:
            raise SandboxUnavailable("The sandbox for scripts is shut down.")
        self._cancel_idle_timer()
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
        worker = await WorkerProcess.start()
        if self._closed:
            await worker.kill()
            raise SandboxUnavailable("The sandbox for scripts is shut down.")
        return worker

    def _give_back(self, worker: WorkerProcess) -> None:
        self._idle.append(worker)
        self._cancel_idle_timer()
        self._idle_timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._stop_idle)

    def _stop_idle(self) -> None:
        workers = list(self._idle)
        self._idle.clear()
        for worker in workers:
            task = asyncio.create_task(worker.kill())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


def _checked_source(source: str) -> str:
    if len(source) > MAX_SOURCE_CHARS:
        raise ScriptError(f"The script is longer than {MAX_SOURCE_CHARS} characters.")
    if "\0" in source or not _is_unicode(source):
        raise ScriptError("The script holds a character that no source text may hold.")
    return source


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _after_death(death: WorkerDied, job: Job) -> SandboxError:
    if death.signal_number in (signal.SIGXCPU, signal.SIGALRM):
        return ScriptTimeout(f"The script did not finish within {job.wall_seconds:g} s.")
    if death.signal_number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGSYS):
        return ScriptError("The script broke the interpreter and was stopped.")
    return SandboxUnavailable("The sandbox stopped while the script was running.")


def _result(answer: dict[str, Any], job: Job) -> ScriptResult:
    logs = _logs(answer.get("logs"))
    if answer.get("ok") is True:
        try:
            return ScriptResult(decode(answer.get("value")), logs)
        except ScriptOutput as error:
            error.logs = logs
            raise
    match answer.get("reason"):
        case "timeout":
            raise ScriptTimeout(f"The script did not finish within {job.wall_seconds:g} s.", logs=logs)
        case "memory":
            raise ScriptMemory(f"The script needed more than {job.memory_mb} MB of memory.", logs=logs)
        case "output":
            raise ScriptOutput("The script returned more than 1 MB.", logs=logs)
        case "unsettled":
            # A chain of promises that used up the memory ends in the same silence.
            raise ScriptError(
                "The script waits for a promise that nothing will settle, or its memory ran out.", logs=logs
            )
    message = safe_text(answer.get("message")) or "The script failed without saying why."
    raise ScriptError(message, line=_line(answer.get("stack"), job), logs=logs)


def _logs(lines: Any) -> tuple[str, ...]:
    if not isinstance(lines, list):
        return ()
    return tuple(_printable(line) for line in lines[:500])


def _printable(line: Any) -> str:
    if not isinstance(line, str):
        return ""
    return line.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _line(stack: Any, job: Job) -> int | None:
    """The line of the innermost frame that belongs to the script; frames of the harness lie far below it."""
    if not isinstance(stack, str):
        return None
    last = job.source.count("\n") + 2
    frames = (int(match[1]) for match in _LINE_OF_STACK.finditer(stack))
    return next((line for line in frames if line <= last), None)
