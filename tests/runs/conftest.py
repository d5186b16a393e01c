"""A worker without a server: the engine, the log and the tables, with models that do as they are told."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from dashboard.engine.ports import ModelChosen, ModelChunk, ModelDone, ModelRequest, TextChunk
from dashboard.models import MOVING, Member, Run, Source
from dashboard.runs import control, delivery
from dashboard.runs.control import Order
from dashboard.runs.worker import Worker
from tests.engine.world import Conditions


class HandModels:
    """Models that stream `words`. Request number `hold_request` (any, if None) waits before word `hold_at` for `go_on`."""

    def __init__(self) -> None:
        self.words = ["one", " two", " three"]
        self.hold_request: int | None = None
        self.hold_at: int | None = None
        self.holding = threading.Event()
        self.go_on = threading.Event()
        self.requests: list[ModelRequest] = []
        self.closed = 0
        self.warmed: list[Any] = []

    def for_workspace(self, workspace_id: int) -> "HandModels":
        return self

    def configured(self) -> list[Any]:
        return ["a connection"]

    async def warm_up(self, connections: list[Any]) -> None:
        self.warmed = connections

    async def aclose(self) -> None:
        return None

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        number = len(self.requests)
        self.requests.append(request)
        try:
            yield ModelChosen(request.model, "test")
            for index, word in enumerate(self.words):
                if self.hold_at == index and self.hold_request in (None, number):
                    self.holding.set()
                    while not self.go_on.is_set():
                        await asyncio.sleep(0.005)
                yield TextChunk(word)
                await asyncio.sleep(0)
            yield ModelDone("end_turn", input_tokens=1, output_tokens=len(self.words))
        finally:
            self.closed += 1


class NoConditions(Conditions):
    async def close(self) -> None:
        return None


@pytest.fixture
def models() -> HandModels:
    return HandModels()


@pytest.fixture
def make_worker(transactional_db: None, models: HandModels) -> Iterator[Callable[..., Worker]]:
    """`make_worker()` starts a worker; those still alive at the end are stopped.

    The first has the process's own delivery; the others hear of runs as workers of other processes do.
    """
    workers: list[Worker] = []

    def make(**options: Any) -> Worker:
        if workers:
            options.setdefault("queue", delivery.make())
        worker = Worker(lambda: NoConditions({"false": False}), models, **options)
        worker.start()
        workers.append(worker)
        return worker

    yield make
    models.go_on.set()
    for worker in workers:
        worker.stop()


def prompt_flow(*ids: str, **more: Any) -> dict[str, Any]:
    config = {"model": "gpt-4", "userPrompt": "Hello"}
    return {
        "name": "Flow",
        "steps": [{"id": i, "type": "prompt", "config": config, **more} for i in ids or ("a",)],
    }


@pytest.fixture
def start(member: Callable[..., Member], transactional_db: None) -> Callable[..., Run]:
    """`start(flow)` starts a run as an author."""
    author = None

    def begin(definition: dict[str, Any] | None = None, **order: Any) -> Run:
        nonlocal author
        author = author or member("author")
        body = definition or prompt_flow()
        return control.start(author, Order(definition=body, flow_name=body["name"], **order), Source.API)

    return begin


def until(condition: Callable[[], bool], timeout_s: float = 10.0, what: str = "it") -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout_s} s"
        time.sleep(0.01)


def ended(run: Run, timeout_s: float = 10.0) -> Run:
    """Wait until the run stands still, and return it afresh."""
    until(
        lambda: not Run.objects.filter(pk=run.pk, state__in=MOVING).exists(), timeout_s, f"the end of {run}"
    )
    return Run.objects.get(pk=run.pk)
