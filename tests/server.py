"""The real server on a real socket, in a thread of the test process: uvicorn, lifespan, worker, relay."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from dashboard.wire.events import Event, parse_event
from dashboard.wire.sse import Decoder


@dataclass(frozen=True)
class RunningServer:
    """Where the server listens, and short ways to talk to it."""

    url: str

    def client(self, key: str = "", **options: Any) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, **options)

    def events(self, key: str, path: str, **request: Any) -> list[Event]:
        """Read one stream to its end and return its events."""
        decoder, found = Decoder(), []
        with (
            self.client(key) as client,
            client.stream(request.pop("method", "GET"), path, **request) as answer,
        ):
            assert answer.status_code == 200, answer.read()
            for chunk in answer.iter_raw():
                found += decoder.feed(chunk)
        return [parse_event(json.loads(frame.data)) for frame in [*found, *decoder.close()]]


@contextmanager
def running_server() -> Iterator[RunningServer]:
    """Serve `dashboard.asgi` until the block ends. The database must be one that other threads can see."""
    from dashboard.asgi import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, lifespan="on", log_config=None, timeout_graceful_shutdown=2, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield RunningServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        from dashboard.relay import follow

        follow.close_hub()
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the server did not stop"
