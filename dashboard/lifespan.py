"""What lives as long as the server process: the relay's hub, the ear for other processes' hints, and the worker."""

import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from django.conf import settings

from dashboard.relay import follow, live
from dashboard.relay.handoff import App, Message, Receive, Scope, Send
from dashboard.runs.expressions import SandboxedExpressions
from dashboard.runs.log import hints
from dashboard.runs.models_port import ModelPorts
from dashboard.runs.worker import Worker

logger = logging.getLogger(__name__)


def make_worker() -> Worker:
    """A worker joined to the real world: vendors, sandbox, tables."""
    return Worker(SandboxedExpressions, ModelPorts())


class Lifespan:
    """Answers the ASGI lifespan and passes everything else on."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._worker: Worker | None = None
        self._stopped = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await self._during(receive, "lifespan.startup", self._start, send)
        await self._during(receive, "lifespan.shutdown", self._stop, send)

    async def _during(
        self, receive: Receive, phase: str, do: Callable[[], Awaitable[Any]], send: Send
    ) -> None:
        message: Message = await receive()
        assert message["type"] == phase
        try:
            await do()
        except Exception as problem:
            logger.exception("The server could not get through %s.", phase)
            await send({"type": f"{phase}.failed", "message": str(problem)})
            raise
        await send({"type": f"{phase}.complete"})

    async def _start(self) -> None:
        hub = follow.open_hub()
        live.start(hub)
        self._stopped.clear()
        ear = threading.Thread(
            target=hints.channel().listen, args=(hints.publish, self._stopped), daemon=True
        )
        ear.start()
        _close_streams_on_signal(hub.close_soon)
        if settings.WORKER == "embedded":
            self._worker = make_worker()
            self._worker.start()

    async def _stop(self) -> None:
        self._stopped.set()
        live.stop()
        await follow.end_hub()
        if self._worker is not None:
            self._worker.stop()


def _close_streams_on_signal(close: Callable[[], None]) -> None:
    """End streams at the first signal to stop: the server waits for its connections, and streams would never end."""
    if threading.current_thread() is not threading.main_thread():
        return

    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handle(signum: int, frame: FrameType | None, before: Any = before) -> None:
            close()
            if callable(before):
                before(signum, frame)

        signal.signal(number, handle)
