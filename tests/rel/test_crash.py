"""Real servers and workers, killed at bad moments: nothing is lost, repeated, or left running for ever."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from dashboard.wire.events import Event, parse_event
from dashboard.wire.grammar import violations
from dashboard.wire.sse import Decoder
from tests.rel.processes import ROOT, Site, kill, site, wait_for

pytestmark = pytest.mark.crash

LONG = "Tell me slowly about " + " ".join(f"item{n}: value{n}," for n in range(60))


def flow(**more: Any) -> dict[str, Any]:
    """Two quick steps, then one whose demo answer takes a few seconds, then one more."""
    steps = [
        {"id": "first", "type": "set-variable", "config": {"variableName": "a", "value": "A"}},
        {
            "id": "quick",
            "type": "prompt",
            "config": {"model": "demo", "userPrompt": "Say hi", "outputVariable": "hi"},
        },
        {
            "id": "slow",
            "type": "prompt",
            "config": {"model": "demo", "userPrompt": LONG, "responseFormat": "markdown"},
        },
        {"id": "last", "type": "set-variable", "config": {"variableName": "z", "value": "{{a}} and {{hi}}"}},
    ]
    return {"flow": {"name": "Crash test", "steps": steps}, "options": {"streamResponse": True, **more}}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "data") as made:
        yield made


class Reader:
    """A client that reads a run's stream and comes back with its last event id until the run is over."""

    def __init__(self, here: Site) -> None:
        self.here = here
        self.frames: list[tuple[str, str]] = []
        self.run_id = ""
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> "Reader":
        self._thread.start()
        return self

    @property
    def events(self) -> list[Event]:
        return [parse_event(json.loads(data)) for _, data in self.frames]

    def saw(self, kind: str, count: int = 1) -> bool:
        return sum(1 for event in self.events if event.type == kind) >= count

    def _read(self) -> None:
        request: dict[str, Any] = {"method": "POST", "url": "/v1/dispatch", "json": flow()}
        while not self.done.is_set():
            try:
                self._once(request)
            except httpx2.TransportError:
                time.sleep(0.1)
            if self.run_id:
                cursor = {"Last-Event-ID": self.frames[-1][0]} if self.frames else {}
                request = {"method": "GET", "url": f"/v1/executions/{self.run_id}/events", "headers": cursor}

    def _once(self, request: dict[str, Any]) -> None:
        decoder = Decoder()
        with self.here.client() as client, client.stream(**request) as answer:
            assert answer.status_code == 200, answer.read()
            for chunk in answer.iter_raw():
                for frame in decoder.feed(chunk):
                    self.frames.append((frame.id or "", frame.data))
                    self.run_id = json.loads(frame.data)["executionId"]
                    if frame.event in ("execution_complete", "execution_error"):
                        self.done.set()


def whole_and_right(reader: Reader, steps_again: list[str]) -> None:
    """The client's frames are one gapless log that obeys the grammar; only the named steps began twice."""
    events = reader.events
    assert [frame_id for frame_id, _ in reader.frames] == [str(n) for n in range(len(events))]
    assert violations(events) == []
    assert events[-1].type == "execution_complete" and events[-1].final_output.startswith("A and ")
    starts = [event.id for event in events if event.type == "step_start"]
    assert [step for step in starts if starts.count(step) > 1] == [
        s for step in steps_again for s in [step, step]
    ]
    assert len([event for event in events if event.type == "step_complete"]) == 4


def test_a_server_killed_in_the_middle_of_a_run_goes_on_from_the_last_completed_step(here: Site):
    server = here.serve()
    reader = Reader(here).begin()
    wait_for(lambda: reader.saw("step_start", 3) and reader.saw("text_delta", 12), 20, "the slow step's text")
    kill(server)
    here.serve()
    assert reader.done.wait(40)
    whole_and_right(reader, ["slow"])
    with here.client() as client:
        body = client.get(f"/v1/executions/{reader.run_id}").json()
    assert body["status"] == "completed"


def test_a_server_told_to_stop_does_so_within_ten_seconds_with_streams_open_and_loses_nothing(here: Site):
    server = here.serve()
    readers = [Reader(here).begin() for _ in range(3)]
    wait_for(lambda: all(r.saw("step_start", 3) for r in readers), 20, "three runs under way")
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert server.wait(15) in (0, -signal.SIGTERM)
    assert time.monotonic() - began <= 10
    here.serve()
    for reader in readers:
        assert reader.done.wait(40)
        events = reader.events
        assert violations(events) == [] and events[-1].type == "execution_complete"
        assert [frame_id for frame_id, _ in reader.frames] == [str(n) for n in range(len(events))]


def test_a_worker_of_its_own_drives_the_runs_of_a_server_without_one_and_may_die(here: Site):
    here.serve(WORKER="off")
    first = here.start("work", ready="is ready")
    reader = Reader(here).begin()
    wait_for(lambda: reader.saw("step_start", 3) and reader.saw("text_delta", 12), 20, "the slow step's text")
    kill(first)
    here.start("work", ready="is ready")
    assert reader.done.wait(40)
    whole_and_right(reader, ["slow"])


def test_a_run_goes_on_when_its_client_hangs_up(here: Site):
    here.serve()
    with here.client() as client, client.stream("POST", "/v1/dispatch", json=flow()) as answer:
        first = next(answer.iter_raw())
    run_id = json.loads(first.split(b"data: ", 1)[1].split(b"\n", 1)[0])["executionId"]
    with here.client() as client:
        wait_for(
            lambda: client.get(f"/v1/executions/{run_id}").json()["status"] == "completed", 30, "the end"
        )


def test_a_cancelled_run_stays_cancelled_over_a_restart(here: Site):
    server = here.serve()
    reader = Reader(here).begin()
    wait_for(lambda: reader.saw("step_start", 3), 20, "the slow step")
    with here.client() as client:
        assert client.post(f"/v1/executions/{reader.run_id}/cancel").status_code == 200
    assert reader.done.wait(5)
    assert violations(reader.events) == []
    kill(server)
    here.serve()
    with here.client() as client:
        assert client.get(f"/v1/executions/{reader.run_id}").json()["status"] == "cancelled"


def threads_and_database_connections(here: Site, pid: int) -> tuple[int, int]:
    """How many threads a server has, and how many connections to its database are open."""
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    if here.database_url:
        with psycopg.connect(here.database_url) as asking:
            row = asking.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchone()
        return threads, row[0] if row else 0
    links = Path(f"/proc/{pid}/fd").iterdir()
    names = [os.readlink(link) for link in links if os.path.lexists(link)]  # noqa: PTH115 - links of /proc
    return threads, sum(name.endswith("signalbox.sqlite3") for name in names)


def test_two_hundred_open_streams_hold_no_threads_and_no_database_connections(here: Site):
    server = here.serve(WORKER="off")
    keys = [here.key, *(here.manage("create_api_key", f"reader {n}", "--scopes", "all") for n in range(3))]
    with here.client() as client:
        waiting = client.send(client.build_request("POST", "/v1/dispatch", json=flow()), stream=True)
        run_id = client.get("/v1/executions").json()["data"][0]["executionId"]
        waiting.close()
    limits = httpx2.Limits(max_connections=300)
    with httpx2.Client(base_url=here.url, timeout=30, trust_env=False, limits=limits) as client:

        def follow(key: str) -> httpx2.Response:
            headers = {"Authorization": f"Bearer {key}"}
            request = client.build_request("GET", f"/v1/executions/{run_id}/events", headers=headers)
            answer = client.send(request, stream=True)
            assert answer.status_code == 200
            return answer

        opened = [follow(keys[0])]
        before = threads_and_database_connections(here, server.pid)
        opened += [follow(keys[n % 4]) for n in range(1, 200)]
        time.sleep(1.5)
        after = threads_and_database_connections(here, server.pid)
        for answer in opened:
            answer.close()
    assert after[0] <= before[0] + 6, f"threads went from {before[0]} to {after[0]}"
    assert after[1] <= before[1] + 6, f"database connections went from {before[1]} to {after[1]}"


def test_a_workspace_that_an_operator_made_has_the_examples_after_the_next_start(here: Site):
    here.manage("migrate", "-v", "0")
    here.key = here.manage("create_api_key", "first", "--scopes", "all")
    here.serve(WORKER="off")
    with here.client() as client:
        names = [flow["name"] for flow in client.get("/v1/flows").json()["data"]]
    assert "Sales Analysis" in names


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "eighty", "PORT"),
        ("DATABASE_URL", "mysql://x", "postgresql://"),
        ("RUN_CONCURRENCY", "0", "from 1 to 1000"),
        ("MODEL_FALLBACK", "gpt", "demo"),
        ("DEBUG", "maybe", "use 1 or 0"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(here: Site, name: str, value: str, words: str):
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=here.environment(**{name: value}),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 2 and name in done.stderr and words in done.stderr
    assert "Traceback" not in done.stderr
