"""Followers see exactly the stored log: everything, once, in order, and an end when the run stands still."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dashboard.models import Run, RunEvent
from dashboard.relay import follow
from dashboard.relay.hub import MOST_WAITING
from dashboard.runs.log import hints
from tests.relay.conftest import in_thread
from tests.runs.conftest import start  # noqa: F401 - a fixture

Start = Callable[..., Run]


@pytest.fixture
async def hub(transactional_db: None) -> AsyncIterator[Any]:
    opened = follow.open_hub()
    yield opened
    opened.close()
    opened.database.close()


def append(run: Run, count: int, state: str = "running", quietly: bool = False) -> None:
    first = Run.objects.get(pk=run.pk).last_seq + 1
    RunEvent.objects.bulk_create(
        RunEvent(run_id=run.pk, seq=seq, type="custom", data=f'{{"seq":{seq}}}')
        for seq in range(first, first + count)
    )
    Run.objects.filter(pk=run.pk).update(last_seq=first + count - 1, state=state)
    if not quietly:
        hints.publish([(run.pk, first + count - 1)])


do = in_thread(append)


async def read(run: Run, after: int = -1) -> list[int]:
    seqs = []
    async for batch in follow.rows(run.pk, after):
        seqs += [row.seq for row in batch]
    return seqs


async def begin(run: Run, after: int = -1) -> "asyncio.Task[list[int]]":
    task = asyncio.create_task(read(run, after))
    await asyncio.sleep(0.05)
    return task


@pytest.fixture
def run(start: Start) -> Run:  # noqa: F811
    return start()


async def test_a_finished_run_is_replayed_and_the_stream_ends(hub: Any, run: Run):
    await do(run, 1200, state="completed")
    assert await read(run) == list(range(1200))
    assert await read(run, after=1100) == list(range(1101, 1200))
    assert await read(run, after=1199) == []


async def test_a_follower_hears_what_comes_and_the_end(hub: Any, run: Run):
    task = await begin(run)
    for _ in range(5):
        await do(run, 3)
    await do(run, 1, state="completed")
    async with asyncio.timeout(3):
        assert await task == list(range(16))


async def test_a_lost_hint_costs_a_second_and_never_an_event(hub: Any, run: Run):
    task = await begin(run)
    await do(run, 4, quietly=True)
    await do(run, 1, state="failed", quietly=True)
    async with asyncio.timeout(4):
        assert await task == list(range(5))


async def test_a_paused_run_ends_its_streams(hub: Any, run: Run):
    task = await begin(run)
    await do(run, 2, state="paused")
    async with asyncio.timeout(3):
        assert await task == [0, 1]


async def test_followers_with_different_cursors_share_a_run(hub: Any, run: Run):
    await do(run, 10)
    tasks = [await begin(run, after) for after in (-1, 3, 9, 20)]
    await do(run, 15)
    await do(run, 1, state="completed")
    async with asyncio.timeout(3):
        found = [await task for task in tasks]
    assert found == [list(range(after + 1, 26)) for after in (-1, 3, 9, 20)]


async def test_a_slow_reader_loses_nothing_and_is_not_read_ahead_for(hub: Any, run: Run):
    stream = follow.rows(run.pk, -1)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.05)
    await do(run, 10)
    seqs = [row.seq for row in await first]
    for _ in range(5):
        await do(run, 1500)
        await asyncio.sleep(0.05)
    follower = next(iter(hub._followers[run.pk]))
    assert len(follower.rows) < MOST_WAITING + 5000
    await do(run, 1, state="completed")
    async with asyncio.timeout(10):
        async for batch in stream:
            seqs += [row.seq for row in batch]
    assert seqs == list(range(7511))


async def test_a_follower_that_leaves_leaves_nothing_behind(hub: Any, run: Run):
    tasks = [await begin(run) for _ in range(5)]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert hub._followers == {}


async def test_closing_the_hub_ends_every_stream(hub: Any, run: Run):
    tasks = [await begin(run) for _ in range(5)]
    hub.close()
    async with asyncio.timeout(2):
        assert await asyncio.gather(*tasks) == [[]] * 5
    with pytest.raises(follow.Closing):
        await read(run)


async def test_all_followed_runs_are_read_together(hub: Any, start: Start, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    calls: list[int] = []
    real = hub.database.call

    async def counted(work: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return await real(work, *args, **kwargs)

    runs = [await in_thread(start)() for _ in range(20)]
    tasks = [asyncio.create_task(read(each)) for each in runs]
    await asyncio.sleep(0.3)
    monkeypatch.setattr(hub.database, "call", counted)
    for each in runs:
        await do(each, 1, quietly=True)
    hints.publish([(each.pk, 0) for each in runs])
    await asyncio.sleep(0.3)
    assert len(calls) <= 4
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_stream_whose_reader_may_no_longer_read_ends(
    hub: Any, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(follow, "RECHECK_S", 0.05)
    allowed = [True]
    stream = follow.frames(run.pk, -1, still_allowed=lambda: allowed[0])
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.15)
    assert not reading.done()
    allowed[0] = False
    async with asyncio.timeout(2):
        with pytest.raises(StopAsyncIteration):
            await reading


async def test_frames_are_the_stored_bytes_with_their_numbers(hub: Any, run: Run):
    await do(run, 2, state="completed")
    body = b"".join([chunk async for chunk in follow.frames(run.pk, 0)])
    assert body == b'id: 1\nevent: custom\ndata: {"seq":1}\n\n'


async def test_a_run_that_nobody_drives_yet_keeps_its_connection_alive(
    hub: Any, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(follow, "RECHECK_S", 0.05)
    monkeypatch.setattr(follow, "COMMENT_S", 0.1)
    stream = follow.frames(run.pk, -1)
    async with asyncio.timeout(2):
        assert (await anext(stream)).startswith(b":")
    await stream.aclose()
