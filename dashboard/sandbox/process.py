"""One worker process as the product sees it: start, one job at a time, kill."""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.sandbox.errors import FetchFailed, SandboxUnavailable, ScriptTimeout

Fetch = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""{"url", "method", "headers": {name: value}, "body": str | None} -> {"status", "headers", "body": str, "url"}.

May raise FetchFailed, whose text the script sees; of any other error it sees only that the request failed.
"""

ADDRESS_SPACE_MB = 256
# The worker notices its deadline by itself; this is what it gets on top before it is killed.
GRACE_SECONDS = 0.1
_START_SECONDS = 10.0
_MAX_LINE = 16 * 1024 * 1024
_MAX_PARALLEL_FETCHES = 10


@dataclass(frozen=True)
class Job:
    """What a worker is asked to do; `input` is JSON text."""

    kind: str
    source: str
    input: str
    wall_seconds: float
    memory_mb: int


class WorkerDied(Exception):
    """The process ended during a job. `signal_number` is what ended it, 0 if it exited by itself."""

    def __init__(self, signal_number: int, *, had_effects: bool) -> None:
        super().__init__(f"worker ended by signal {signal_number}")
        self.signal_number = signal_number
        self.had_effects = had_effects


class WorkerProcess:
    """A running worker. Not for use by two jobs at once."""

    def __init__(self, process: asyncio.subprocess.Process, walls: tuple[str, ...]) -> None:
        self._process = process
        self.walls = walls
        self.jobs_done = 0

    @classmethod
    async def start(cls) -> "WorkerProcess":
        """Start a process and wait until its walls stand. Raises SandboxUnavailable."""
        process = await _spawn()
        try:
            async with asyncio.timeout(_START_SECONDS):
                hello = await _read(process)
            return cls(process, tuple(str(wall) for wall in hello["walls"]))
        except (TimeoutError, WorkerDied, KeyError, ValueError) as error:
            await _kill(process)
            raise SandboxUnavailable("The sandbox for scripts could not be started.") from error
        except BaseException:
            await _kill(process)
            raise

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def run(self, job: Job, fetch: Fetch | None) -> dict[str, Any]:
        """Run one job and return the worker's last line. After any exception the process is gone.

        Raises ScriptTimeout at the wall deadline and WorkerDied if the process ended before.
        """
        self.jobs_done += 1
        try:
            async with asyncio.timeout(job.wall_seconds + GRACE_SECONDS):
                return await self._converse(job, fetch)
        except TimeoutError as error:
            await self.kill()
            raise ScriptTimeout(f"The script did not finish within {job.wall_seconds:g} s.") from error
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """End the process and everything in its group at once."""
        await _kill(self._process)

    async def _converse(self, job: Job, fetch: Fetch | None) -> dict[str, Any]:
        await self._write(
            {
                "kind": job.kind,
                "source": job.source,
                "input": job.input,
                "wall": job.wall_seconds,
                "memory_mb": job.memory_mb,
                "fetch": fetch is not None,
            }
        )
        gate = asyncio.Semaphore(_MAX_PARALLEL_FETCHES)
        requests: set[asyncio.Task[None]] = set()
        try:
            while True:
                message = await self._next_message(requests)
                if "fetch" not in message:
                    return message
                if fetch is None:
                    raise ValueError("the worker asked for a request nobody allowed")
                requests.add(asyncio.create_task(self._serve(fetch, message["fetch"], gate)))
        except (ValueError, TypeError, KeyError) as error:
            raise WorkerDied(0, had_effects=bool(requests)) from error
        finally:
            for task in requests:
                task.cancel()
            await asyncio.gather(*requests, return_exceptions=True)

    async def _next_message(self, requests: set[asyncio.Task[None]]) -> dict[str, Any]:
        try:
            return await _read(self._process)
        except WorkerDied as error:
            error.had_effects = bool(requests)
            raise

    async def _serve(self, fetch: Fetch, request: Any, gate: asyncio.Semaphore) -> None:
        identity = request["id"]
        try:
            async with gate:
                answer = await fetch({key: request[key] for key in ("url", "method", "headers", "body")})
            headers = {str(name).lower(): str(value) for name, value in answer["headers"].items()}
            value: Any = {
                "status": int(answer["status"]),
                "headers": headers,
                "body": str(answer["body"]),
                "url": str(answer.get("url", request["url"])),
            }
            reply = {"id": identity, "ok": True, "value": value}
        except FetchFailed as error:
            reply = {"id": identity, "ok": False, "value": str(error)}
        except Exception:
            # What went wrong is for the caller's own log; the script is not told about the inside.
            reply = {"id": identity, "ok": False, "value": "The request failed."}
        await self._write(reply)

    async def _write(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        # A pipe that broke is noticed by the reading side, which also knows why.
        with contextlib.suppress(ConnectionError):
            stdin.write(json.dumps(message).encode() + b"\n")
            await stdin.drain()


async def _spawn() -> asyncio.subprocess.Process:
    extension = importlib.util.find_spec("_quickjs")
    if extension is None or extension.origin is None:
        raise SandboxUnavailable("The sandbox for scripts is not installed (quickjs-ng is missing).")
    worker = Path(__file__).with_name("worker.py")
    empty = await asyncio.to_thread(_make_empty_directory)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-B", str(worker), extension.origin, str(ADDRESS_SPACE_MB),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=empty,
            env={},
            start_new_session=True,
            limit=_MAX_LINE,
        )  # fmt: skip
    except OSError as error:
        raise SandboxUnavailable("The sandbox for scripts could not be started.") from error
    finally:
        # The process keeps the directory as its own; for everyone else it is gone, so nothing can appear in it.
        await asyncio.to_thread(_remove_directory, empty)


def _make_empty_directory() -> Path:
    path = Path(tempfile.mkdtemp(prefix="signalbox-sandbox-"))
    path.chmod(0o555)
    return path


def _remove_directory(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.rmdir()


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line. Raises WorkerDied at the end of the stream, ValueError if it is no JSON object."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        code = await process.wait()
        raise WorkerDied(-code if code < 0 else 0, had_effects=False)
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # A cancelled caller must not leave a zombie behind.
    await asyncio.shield(process.wait())
    if process.stdin is not None:
        process.stdin.close()
