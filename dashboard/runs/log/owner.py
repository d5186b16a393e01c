"""The engine's log port, joined to the group-commit writer: what a run tells while this process owns it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from django.db import models

from dashboard.engine.ports import Remembered
from dashboard.models import StepMemory
from dashboard.runs.log.pending import Pending
from dashboard.runs.log.writer import GroupWriter
from dashboard.wire.events import Event, StepComplete, StepSkip


class OwnedLog:
    """Implements `engine.ports.Log` for one run under one epoch. Raises `LostLease` when another worker took over."""

    def __init__(
        self, writer: GroupWriter, run_id: int, execution_id: str, epoch: int, last_seq: int
    ) -> None:
        self._writer = writer
        self._pending = Pending(run_id, execution_id, epoch, last_seq)
        self._sealed = False
        self.quiet_since = asyncio.get_running_loop().time()

    def emit(self, event: Event) -> None:
        if self._sealed:
            return
        self.quiet_since = asyncio.get_running_loop().time()
        self._writer.append(self._pending, [event])

    async def remember(self, event: StepComplete | StepSkip, remembered: Remembered) -> None:
        body = asdict(remembered)
        row = StepMemory(run_id=self._pending.run_id, key=remembered.key, body=body)
        await self.commit([event], rows=[row], changes={"recoveries": 0})

    async def flush(self) -> None:
        await self.commit([])

    async def commit(
        self,
        events: Sequence[Event],
        *,
        changes: dict[str, Any] | None = None,
        rows: Sequence[models.Model] = (),
    ) -> None:
        """Append events and what changes with them in one transaction; returns when it is durable."""
        if self._sealed:
            raise asyncio.CancelledError
        durable: Future[None] = Future()
        self._writer.append(self._pending, events, changes=changes, rows=rows, durable=durable)
        await asyncio.wrap_future(durable)

    def seal(self) -> None:
        """Take nothing more: the run is being handed back, and its next owner tells the rest."""
        self._sealed = True
