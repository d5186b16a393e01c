"""Exhaustion, killed workers, and the walls around a worker."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dashboard.sandbox.process
from dashboard.sandbox.errors import (
    SandboxError,
    SandboxUnavailable,
    ScriptError,
    ScriptMemory,
    ScriptTimeout,
)
from dashboard.sandbox.pool import SandboxPool
from dashboard.sandbox.process import Job, WorkerDied, WorkerProcess

WALL = 0.4
# A busy machine may be late to notice, but never by this much.
LATEST = WALL + 5

ENDLESS = [
    "while (true);",
    "for (;;) { try { while (true); } catch {} }",
    "try { while (true); } finally { return 1 }",
    "while (true) await null",
    "queueMicrotask(function again() { queueMicrotask(again) }); await new Promise(() => {})",
    "const f = async () => { await null; f(); f() }; await f()",
    "return /(a+)+$/.test('a'.repeat(30) + 'b')",
    "return /(x+x+)+y/.test('x'.repeat(40))",
    "return /^(?=(a+)+$)b/.test('a'.repeat(40) + 'c')",
    "return new Array(2 ** 32 - 2).join('abc')",
    "return {toJSON() { while (true); }}",
    "return {get a() { while (true); }}",
    "return new Proxy({}, {ownKeys() { while (true); }})",
    "throw {get message() { while (true); }}",
    "return [1, 2].sort(() => { while (true); })",
    "return 'a'.replace(/a/, () => { while (true); })",
    "const d = new Date(0); while (true) d.setUTCDate(d.getUTCDate() + 1)",
    "function* g() { while (true) yield 1 } for (const x of g());",
    "return {then() { while (true); }}",
    "for (let i = 0n; ; i += 1n) ;",
    "let n = 3n; while (true) n = n * n",
]  # fmt: skip

GREEDY = [
    "const f = () => Promise.resolve().then(f); await f()",
    "const a = []; while (true) a.push(new Array(1000).fill(1))",
    "let s = 'a'; while (true) s += s",
    "return new Array(1e9).fill(0).length",
    "return new Array(1e8).fill({}).map(() => [1])",
    "return 'x'.repeat(2 ** 30 - 1).split('')",
    "return new ArrayBuffer(2 ** 31)",
    "const a = []; while (true) a.push(new Uint8Array(1 << 20))",
    "const m = new Map(); for (let i = 0; ; i++) m.set(i, 'x'.repeat(1000) + i)",
    "return JSON.stringify(new Array(1e7).fill('xxxxxxxxxx'))",
    "return [...'x'.repeat(5e7)]",
    "let f = x => x; while (true) { const g = f; f = x => g(x) }",
    "const a = []; while (true) a.push(Promise.resolve(a.length))",
]  # fmt: skip

DEEP = [
    "function f() { return f() + 1 } return f()",
    "const f = () => [f()]; return f()",
    "let a = []; for (let i = 0; i < 100000; i++) a = [a]; return a",
    "let a = []; for (let i = 0; i < 100000; i++) a = [a]; return JSON.stringify(a)",
    "return JSON.parse('['.repeat(100000))",
    "return eval('('.repeat(50000))",
    "return new RegExp('('.repeat(50000) + ')'.repeat(50000)).test('')",
    "class A { get x() { return this.x } } return new A().x",
    "const p = new Proxy({}, {}); let q = p; for (let i = 0; i < 100000; i++) q = new Proxy(q, {}); return q.x",
]  # fmt: skip


@pytest.mark.parametrize("source", ENDLESS)
async def test_an_endless_script_is_ended_at_its_wall(pool, source):
    await pool.walls()
    started = time.monotonic()
    with pytest.raises((ScriptTimeout, ScriptMemory, ScriptError)) as caught:
        await pool.run_script(source, None, wall_seconds=WALL)
    assert time.monotonic() - started < LATEST
    assert caught.value.code in ("code_timeout", "code_memory") or "too" in caught.value.message
    assert await pool.evaluate("1", {}) == 1


@pytest.mark.parametrize("source", GREEDY)
async def test_a_greedy_script_does_not_get_the_memory(pool, source):
    with pytest.raises((ScriptMemory, ScriptTimeout, ScriptError)) as caught:
        await pool.run_script(source, None, wall_seconds=2, memory_mb=32)
    assert not isinstance(caught.value, SandboxUnavailable)
    assert await pool.evaluate("1", {}) == 1


@pytest.mark.parametrize("source", DEEP)
async def test_a_deep_script_does_not_break_the_stack(pool, source):
    with pytest.raises(SandboxError) as caught:
        await pool.run_script(source, None, wall_seconds=2)
    assert "broke the interpreter" not in caught.value.message
    assert await pool.evaluate("1", {}) == 1


async def test_a_greedy_neighbour_does_not_disturb_a_good_script(pool):
    greedy = asyncio.create_task(
        pool.run_script("const a = []; while (true) a.push([1])", None, memory_mb=64)
    )
    for number in range(20):
        assert await pool.evaluate("n * 2", {"n": number}) == number * 2
    with pytest.raises(SandboxError):
        await greedy


async def test_the_event_loop_stays_free_while_a_script_spins(pool):
    await pool.walls()
    spinning = asyncio.create_task(pool.run_script("while (true);", None, wall_seconds=0.5))
    ticks = 0
    while not spinning.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 10
    assert isinstance(spinning.exception(), ScriptTimeout)


# Workers that die


async def test_nothing_is_started_before_the_first_use():
    pool = SandboxPool()
    assert not pool._idle
    await pool.close()


async def test_an_idle_worker_that_was_killed_is_replaced(pool):
    assert await pool.evaluate("1", {}) == 1
    [worker] = pool._idle
    os.kill(worker.pid, signal.SIGKILL)
    assert await pool.evaluate("2", {}) == 2
    assert [one.pid for one in pool._idle] != [worker.pid]


async def test_a_script_is_run_again_when_its_worker_is_killed_from_outside(pool):
    await pool.walls()
    [worker] = pool._idle
    running = asyncio.create_task(
        pool.run_script("const t = Date.now(); while (Date.now() - t < 300); return 'done'", None)
    )
    await asyncio.sleep(0.1)
    os.kill(worker.pid, signal.SIGKILL)
    assert (await running).value == "done"


async def test_a_script_that_sent_something_is_not_run_again(pool):
    sent = 0

    async def fetch(request):
        nonlocal sent
        sent += 1
        os.kill(next(iter(pool._busy)).pid, signal.SIGKILL)
        await asyncio.sleep(1)

    with pytest.raises(SandboxUnavailable):
        await pool.run_script("await fetch('http://a/')", None, fetch=fetch)
    assert sent == 1


async def test_workers_killed_at_random_never_lose_or_mix_up_a_result(pool):
    async def assassin():
        while True:
            await asyncio.sleep(0.03)
            for worker in [*pool._busy, *pool._idle][:1]:
                if worker.is_alive:
                    os.kill(worker.pid, signal.SIGKILL)

    killer = asyncio.create_task(assassin())
    right = unavailable = 0
    for number in range(60):
        try:
            assert await pool.evaluate("n", {"n": number}) == number
            right += 1
        except SandboxUnavailable:
            unavailable += 1
    killer.cancel()
    assert right + unavailable == 60
    assert right > 30
    assert await pool.evaluate("1", {}) == 1


async def test_a_cancelled_script_takes_its_worker_with_it(pool):
    running = asyncio.create_task(pool.run_script("while (true);", None, wall_seconds=20))
    while not pool._busy:
        await asyncio.sleep(0.01)
    [worker] = pool._busy
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not worker.is_alive
    assert await pool.evaluate("1", {}) == 1


async def test_a_worker_that_speaks_nonsense_is_dropped(pool, monkeypatch):
    await pool.walls()

    async def nonsense(self, job, fetch):
        raise ValueError("not JSON")

    monkeypatch.setattr(WorkerProcess, "_next_message", lambda self, requests: nonsense(self, None, None))
    with pytest.raises(SandboxUnavailable):
        await pool.evaluate("1", {})
    monkeypatch.undo()
    assert await pool.evaluate("1", {}) == 1


async def test_many_callers_share_two_workers(pool):
    results = await asyncio.gather(*(pool.evaluate("n * n", {"n": number}) for number in range(200)))
    assert results == [number * number for number in range(200)]
    assert len(pool._idle) <= 2


async def test_idle_workers_are_stopped_and_started_again():
    pool = SandboxPool(idle_seconds=0.05)
    assert await pool.evaluate("1", {}) == 1
    [worker] = pool._idle
    async with asyncio.timeout(5):
        while worker.is_alive:
            await asyncio.sleep(0.02)
    assert await pool.evaluate("2", {}) == 2
    await pool.close()


async def test_a_worker_is_replaced_after_its_share_of_jobs():
    pool = SandboxPool(size=1, jobs_per_worker=3)
    pids = set()
    for _ in range(7):
        await pool.evaluate("1", {})
        pids |= {worker.pid for worker in pool._idle}
    assert len(pids) == 3
    await pool.close()


async def test_closing_ends_running_scripts_and_refuses_later_ones():
    pool = SandboxPool()
    running = asyncio.create_task(pool.run_script("while (true);", None, wall_seconds=20))
    while not pool._busy:
        await asyncio.sleep(0.01)
    await pool.close()
    with pytest.raises(SandboxUnavailable):
        await running
    with pytest.raises(SandboxUnavailable):
        await pool.evaluate("1", {})
    await pool.close()


async def test_a_missing_interpreter_is_a_clear_error(pool, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SandboxUnavailable, match="could not be started"):
        await pool.evaluate("1", {})


def rss_kb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


async def test_the_memory_of_a_worker_is_unchanged_after_500_jobs():
    pool = SandboxPool(size=1)
    source = "const a = input.map(n => ({n, text: 'x'.repeat(100)})); console.log(a.length); return a"
    for _ in range(50):
        await pool.run_script(source, list(range(200)))
    [worker] = pool._idle
    before = rss_kb(worker.pid)
    for _ in range(500):
        await pool.run_script(source, list(range(200)))
    assert [one.pid for one in pool._idle] == [worker.pid]
    assert rss_kb(worker.pid) - before < 2048
    await pool.close()


# The walls


async def test_the_walls_that_need_no_permission_stand(pool):
    walls = await pool.walls()
    assert {"address space", "no file writes", "no new files or sockets", "no core file"} <= set(walls)
    assert {"no new privileges", "not dumpable"} <= set(walls)


async def test_a_worker_holds_nothing_of_its_parent(pool, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    await pool.walls()
    [worker] = pool._idle
    proc = Path(f"/proc/{worker.pid}")
    assert b"hunter2" not in proc.joinpath("environ").read_bytes()
    assert len(list(proc.joinpath("fd").iterdir())) == 3
    assert os.getpgid(worker.pid) == worker.pid
    limits = proc.joinpath("limits").read_text()
    for name, value in (("Max file size", "0"), ("Max open files", "3"), ("Max processes", "0")):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[0] == value


PROBE = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
import walls
if sys.argv[2] == "nobody":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
stands = walls.raise_walls(256)
def attempt(name, action):
    try:
        action()
    except (OSError, MemoryError, ValueError):
        os.write(1, f"{name}: refused\\n".encode())
    else:
        os.write(1, f"{name}: ALLOWED\\n".encode())
attempt("open", lambda: os.open("/etc/passwd", os.O_RDONLY))
attempt("create", lambda: os.open("/tmp/x", os.O_CREAT | os.O_WRONLY))
attempt("socket", lambda: socket.socket())
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
attempt("memory", lambda: bytearray(400_000_000))
attempt("raise limit", lambda: walls._limit(walls.resource.RLIMIT_NOFILE, 100))
os.write(1, ("walls: " + ", ".join(stands)).encode())
"""


@pytest.mark.parametrize("user", ["same", "nobody"])
def test_even_native_code_in_a_worker_meets_closed_doors(tmp_path, user):
    """Stands for an interpreter that was taken over: plain Python behind the same walls."""
    if user == "nobody" and os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    source = Path(dashboard.sandbox.process.__file__).with_name("walls.py")
    (rooms / "walls.py").write_text(source.read_text())
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", PROBE, str(rooms), user],
        env={}, cwd=empty, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert "ALLOWED" not in done.stdout, done.stdout
    assert done.stdout.count("refused") == 7, done.stdout + done.stderr


async def test_a_worker_ended_by_the_kernel_says_by_what():
    worker = await WorkerProcess.start()
    job = Job("script", "while (true);", "null", 30.0, 32)
    running = asyncio.create_task(worker.run(job, None))
    await asyncio.sleep(0.1)
    os.kill(worker.pid, signal.SIGXCPU)
    with pytest.raises(WorkerDied) as caught:
        await running
    assert caught.value.signal_number == signal.SIGXCPU
    assert not worker.is_alive
