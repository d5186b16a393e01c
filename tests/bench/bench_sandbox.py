"""Measure the sandbox: `python -m tests.bench.bench_sandbox`. Prints medians; nothing is asserted."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from dashboard.sandbox.errors import ScriptTimeout
from dashboard.sandbox.pool import SandboxPool

Call = Callable[[], Awaitable[object]]


async def timed(call: Call, rounds: int) -> list[float]:
    """Seconds of each of `rounds` calls, sorted."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - started)
    return sorted(taken)


def show(name: str, taken: list[float]) -> None:
    p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    print(
        f"{name:<44} p50 {statistics.median(taken) * 1000:8.2f} ms   p99 {p99 * 1000:8.2f} ms   n={len(taken)}"
    )


async def first_use() -> None:
    pool = SandboxPool()
    await pool.evaluate("1", {})
    await pool.close()


async def main() -> None:
    show("first use (start a worker, run, stop)", await timed(first_use, 20))
    pool = SandboxPool(size=2)
    await pool.walls()
    rows = [{"id": number, "name": "x" * 60} for number in range(1000)]
    show("evaluate a condition", await timed(lambda: pool.evaluate("a.b > 1", {"a": {"b": 2}}), 1000))
    show("run a small script", await timed(lambda: pool.run_script("return input.n + 1", {"n": 1}), 1000))
    show("run a script over 90 KB", await timed(lambda: pool.run_script("return input", rows), 200))

    started = time.perf_counter()
    await asyncio.gather(*(pool.evaluate("1", {}) for _ in range(2000)))
    print(
        f"{'2000 expressions at once, 2 workers':<44} {2000 / (time.perf_counter() - started):.0f} per second"
    )

    async def hang() -> None:
        try:
            await pool.run_script("return new Array(2 ** 32 - 2).join('abc')", None, wall_seconds=0.3)
        except ScriptTimeout:
            return

    late = [seconds - 0.3 for seconds in await timed(hang, 30)]
    show("kill latency past the wall (with a new worker)", late)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main())
