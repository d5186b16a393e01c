"""A commit in one process wakes the followers in another, sooner than their slow look at the table would."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from dashboard.models import Run
from dashboard.relay import follow
from dashboard.runs.log import hints
from tests.rel.processes import ROOT
from tests.relay.conftest import in_thread
from tests.relay.test_follow import hub, run  # noqa: F401 - fixtures
from tests.runs.conftest import start, until  # noqa: F401 - a fixture

if settings.RUN_HINTS == "local":
    pytest.skip(
        "between processes hints travel only where the database carries them", allow_module_level=True
    )

APPENDS = """
import sys
import django
django.setup()
from django.db import transaction
from dashboard.models import Run, RunEvent
from dashboard.runs.log import hints
run_id, crowd = int(sys.argv[1]), [(10 ** 17 + n, 10 ** 9) for n in range(int(sys.argv[2]))]
Run.objects.exists()
print("ready", flush=True)
for seq, state in enumerate(["running", "running", "completed"]):
    sys.stdin.readline()
    with transaction.atomic():
        RunEvent.objects.create(run_id=run_id, seq=seq, type="custom", data="{}")
        Run.objects.filter(pk=run_id).update(last_seq=seq, state=state)
        hints.publish_within_commit([*crowd, (run_id, seq)])
    print("committed", flush=True)
"""


class Elsewhere:
    """Another process on the same database. `commit` appends an event there; the third one ends the run.

    With every commit it tells of `crowd` further runs, before its own.
    """

    def __init__(self, run_id: int, crowd: int = 0) -> None:
        address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
        self._process = subprocess.Popen(
            [sys.executable, "-c", APPENDS, str(run_id), str(crowd)],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": urlunsplit(address),
                "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def commit(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        assert self._answer() == "committed"

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture
def elsewhere(run: Run) -> Iterator[Callable[..., Elsewhere]]:  # noqa: F811
    others: list[Elsewhere] = []

    def make(crowd: int = 0) -> Elsewhere:
        others.append(Elsewhere(run.pk, crowd))
        return others[-1]

    yield make
    for other in others:
        other.close()


def listening() -> set[int]:
    """The processes of the database server that serve this test's ear."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN signalbox%'"
        )
        return {pid for (pid,) in cursor.fetchall()}


@pytest.fixture
def ear(transactional_db: None) -> Iterator[None]:
    """Listens as the server does."""
    stopped = threading.Event()
    thread = threading.Thread(target=hints.channel().listen, args=(hints.publish, stopped), daemon=True)
    thread.start()
    until(lambda: bool(listening()), what="an ear")
    yield
    stopped.set()
    thread.join(5)
    assert not thread.is_alive()
    until(lambda: not listening(), what="the ear's end")


@pytest.fixture(autouse=True)
def no_slow_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower learns of an event from a hint, or not before the test is over."""
    monkeypatch.setattr("dashboard.relay.hub.POLL_S", 60.0)


async def follow_three_commits(run: Run, other: Elsewhere) -> list[int]:  # noqa: F811
    """Follow the run while the other process commits, each commit after the one before has been seen."""
    stream, seqs = follow.rows(run.pk, -1), []
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.2)
    for _ in range(3):
        await in_thread(other.commit)()
        async with asyncio.timeout(4):
            while not (batch := await reading):
                reading = asyncio.ensure_future(anext(stream))
        seqs += [row.seq for row in batch]
        reading = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(4):
        with pytest.raises(StopAsyncIteration):
            await reading
    return seqs


@pytest.mark.parametrize("crowd", [0, 600])
async def test_a_commit_elsewhere_wakes_a_follower_here(
    hub: Any,  # noqa: F811
    run: Run,  # noqa: F811
    ear: None,
    elsewhere: Callable[..., Elsewhere],
    crowd: int,
):
    other = await in_thread(elsewhere)(crowd)
    assert await follow_three_commits(run, other) == [0, 1, 2]


async def test_an_ear_whose_connection_broke_hears_again(
    hub: Any,  # noqa: F811
    run: Run,  # noqa: F811
    ear: None,
    elsewhere: Callable[..., Elsewhere],
):
    other = await in_thread(elsewhere)()
    await in_thread(break_the_ear)()
    assert await follow_three_commits(run, other) == [0, 1, 2]


def break_the_ear() -> None:
    before = listening()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [list(before)])
    until(lambda: bool(listening() - before), what="another ear")


def test_a_process_does_not_hear_itself_twice(run: Run, ear: None):  # noqa: F811
    heard: list[Any] = []
    hints.subscribe(heard.append)
    try:
        hints.publish_within_commit([(run.pk, 1)])
        threading.Event().wait(0.5)
    finally:
        hints.unsubscribe(heard.append)
    assert heard == []
