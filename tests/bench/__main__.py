"""`make bench`: the product's figures, measured against a real server over real sockets. Nothing is asserted.

Every figure that can be is a difference or a ratio to a baseline taken in the same run, because machines differ.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from dashboard.engine.ports import Message, ModelRequest, TextChunk
from dashboard.models_ai.connections import Connection
from dashboard.models_ai.router import Router
from dashboard.net.client import MODEL_TIMEOUTS, build_client
from dashboard.net.policy import AddressPolicy
from tests.rel.processes import ROOT, Site, site

TOKENS = 60
PER_SECOND = 20.0


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show(name: str, text: str) -> None:
    print(f"  {name:<58} {text}", flush=True)


@contextmanager
def upstream() -> Iterator[str]:
    """The address of the scripted model server."""
    command = [sys.executable, "-m", "tests.bench.upstream", str(TOKENS), str(PER_SECOND)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def start_up(here: Site) -> None:
    print("Start-up and memory")
    for name in ("first start (migrates)", "second start"):
        began = time.perf_counter()
        server = here.serve()
        show(name, f"{time.perf_counter() - began:.2f} s")
        time.sleep(2)
        lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
        memory = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        if name == "second start":
            show("idle resident memory", f"{memory / 1024:.0f} MB")
        server.terminate()
        server.wait()


def client_for(here: Site, connections: int) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=here.url,
        headers={"Authorization": f"Bearer {here.key}"},
        timeout=120,
        trust_env=False,
        limits=httpx2.Limits(max_connections=connections),
    )


def no_op_flow(steps: int) -> dict[str, Any]:
    step = {"type": "set-variable", "config": {"variableName": "x", "value": "y"}}
    listed = [{"id": f"s{number}", **step} for number in range(steps)]
    return {"flow": {"name": "Bench", "steps": listed}, "options": {"streamResponse": False}}


async def runs_per_second(here: Site, steps: int, at_once: int, count: int) -> None:
    body, taken = no_op_flow(steps), []
    gate = asyncio.Semaphore(at_once)

    async with client_for(here, at_once) as client:

        async def one() -> None:
            async with gate:
                began = time.perf_counter()
                answer = await client.post("/v1/dispatch", json=body)
                assert answer.status_code == 200, answer.text
                taken.append((time.perf_counter() - began) * 1000)

        await one()
        taken.clear()
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        total = time.perf_counter() - began
    name = f"{steps}-step flow over HTTP, {at_once} at a time"
    show(
        name,
        f"{count / total:.0f} runs/s, p50 {quantile(taken, 0.5):.1f} ms, p99 {quantile(taken, 0.99):.1f} ms",
    )


def written_at(text: str) -> Iterator[int]:
    return (int(word) for word in text.split() if word.isdigit())


async def direct(client: httpx2.AsyncClient, base: str) -> tuple[float, list[float]]:
    """Milliseconds to the first token, and of each token from the upstream's write to our read."""
    body = {"model": "gpt-4", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
    return await _read(client.stream("POST", f"{base}/chat/completions", json=body), '"content": "')


async def through(client: httpx2.AsyncClient) -> tuple[float, list[float]]:
    step = {"id": "a", "type": "prompt", "config": {"model": "gpt-4", "userPrompt": "Go"}}
    body = {"flow": {"name": "Bench", "steps": [step]}, "options": {"streamResponse": True}}
    return await _read(client.stream("POST", "/v1/dispatch", json=body), '"delta":"')


async def _read(request: Any, mark: str) -> tuple[float, list[float]]:
    began, first, delays = time.monotonic_ns(), 0.0, []
    async with request as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            if mark in line:
                now = time.monotonic_ns()
                first = first or (now - began) / 1e6
                text = line.split(mark, 1)[1].split('"', 1)[0]
                delays += [(now - at) / 1e6 for at in written_at(text)]
    return first, delays


async def model_layer(base: str) -> None:
    """What the model layer alone adds: the router with its cached clients, against the same call made directly."""
    address = urlsplit(base)
    policy = AddressPolicy(allow_hosts=frozenset({(address.hostname or "", address.port)}))
    connection = Connection("openai", base, "bench", trusted=True)
    router = Router(
        lambda: {"openai": connection}, lambda _: build_client(lambda: policy, timeouts=MODEL_TIMEOUTS)
    )
    request = ModelRequest(model="gpt-4", messages=(Message("user", "Go"),))

    async def first_text() -> float:
        began = time.perf_counter()
        stream = router.stream(request)
        async for chunk in stream:
            if isinstance(chunk, TextChunk):
                return (time.perf_counter() - began) * 1000
        raise AssertionError("the model said nothing")

    async with httpx2.AsyncClient(timeout=120, trust_env=False) as plain:
        await first_text()
        straight = [await _first_line(plain, base) for _ in range(40)]
        routed = [await first_text() for _ in range(40)]
    await router.aclose()
    added = statistics.median(routed) - statistics.median(straight)
    show(
        "model layer, cached clients: first token",
        f"direct {statistics.median(straight):.1f} ms, added p50 {added:.1f} ms",
    )


async def _first_line(client: httpx2.AsyncClient, base: str) -> float:
    body = {"model": "gpt-4", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
    began = time.perf_counter()
    async with client.stream("POST", f"{base}/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if "content" in line:
                return (time.perf_counter() - began) * 1000
    raise AssertionError("the upstream said nothing")


async def tokens(here: Site, base: str, at_once: int) -> None:
    """The same streams read directly and through us, one way after the other in one run."""
    limits = httpx2.Limits(max_connections=at_once)
    async with (
        httpx2.AsyncClient(timeout=120, trust_env=False, limits=limits) as plain,
        client_for(here, at_once) as ours,
    ):
        rounds = 5 if at_once == 1 else 1
        await direct(plain, base)
        await through(ours)
        straight = [
            r
            for _ in range(rounds)
            for r in await asyncio.gather(*(direct(plain, base) for _ in range(at_once)))
        ]
        relayed = [
            r for _ in range(rounds) for r in await asyncio.gather(*(through(ours) for _ in range(at_once)))
        ]
    name = f"{at_once} stream{'s' if at_once > 1 else ''} of {PER_SECOND:.0f} tokens/s"
    firsts = [statistics.median(first for first, _ in side) for side in (straight, relayed)]
    show(f"{name}: first token", f"direct {firsts[0]:.1f} ms, added p50 {firsts[1] - firsts[0]:.1f} ms")
    sides = [[delay for _, delays in side for delay in delays] for side in (straight, relayed)]
    added = [quantile(sides[1], share) - quantile(sides[0], share) for share in (0.5, 0.99)]
    show(
        f"{name}: delay of a token", f"added p50 {added[0]:.1f} ms, p99 {added[1]:.1f} ms (n={len(sides[1])})"
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder,
        upstream() as base,
        site(Path(folder) / "data") as here,
    ):
        start_up(here)
        here.serve(OPENAI_BASE_URL=base, OPENAI_API_KEY="bench", RUNS_PER_KEY="10000", RUN_CONCURRENCY="200")
        print("Runs (every event committed before it is shown)")
        for steps in (1, 10):
            for at_once in (1, 20):
                asyncio.run(runs_per_second(here, steps, at_once, 100 if at_once == 1 else 400))
        print("Streams against a scripted model server")
        asyncio.run(model_layer(base))
        for at_once in (1, 50):
            asyncio.run(tokens(here, base, at_once))


if __name__ == "__main__":
    main()
