"""Database work from the engine's and the relay's loops: small thread pools of their own, with their own connections."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connection
from django.db.utils import InterfaceError, OperationalError

P = ParamSpec("P")
T = TypeVar("T")


class DatabasePool:
    """A few threads that keep their connections. Requests never wait for them, and they never wait for requests."""

    def __init__(self, name: str, threads: int) -> None:
        self._threads = threads
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking database work in the pool and await its answer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _with_connection(work, *args, **kwargs))

    def close(self) -> None:
        """Close every thread's connection and end the threads."""
        together = threading.Barrier(self._threads)
        for _ in range(self._threads):
            self._executor.submit(_close_connection, together)
        self._executor.shutdown(wait=True)


def _close_connection(together: threading.Barrier) -> None:
    """Nobody closes a second time before everybody has closed once: a connection left open is lost to its pool."""
    together.wait()
    connection.close()


def _with_connection(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    except (InterfaceError, OperationalError):
        connection.close()
        raise
