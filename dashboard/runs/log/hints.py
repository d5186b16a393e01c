"""Hints that a run's log has grown: `(run, last_seq)` pairs, after the commit. A lost hint costs latency, never an event.

Hints reach the followers of this process by a call. Where the settings say so, they reach other processes by the database's
own notification channel; everywhere else those find out by their slow poll.
"""

import importlib
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from django.conf import settings

logger = logging.getLogger(__name__)

Hint = tuple[int, int]
Listener = Callable[[Sequence[Hint]], None]


class Channel(Protocol):
    """How hints cross from process to process."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Called inside the transaction that appends; other processes hear it when that commits."""
        ...

    def listen(self, listener: Listener, stopped: threading.Event) -> None:
        """Blocks in a thread of its own and passes on what other processes send, until `stopped`."""
        ...


_listeners: list[Listener] = []
_lock = threading.Lock()


def channel() -> Channel:
    """The channel the settings name (`RUN_HINTS`)."""
    module = importlib.import_module(f"dashboard.runs.log.hints_{settings.RUN_HINTS}")
    made: Channel = module.CHANNEL
    return made


def subscribe(listener: Listener) -> None:
    """Have a listener called with every hint of this process; it must be quick and may come from any thread."""
    with _lock:
        _listeners.append(listener)


def unsubscribe(listener: Listener) -> None:
    with _lock:
        if listener in _listeners:
            _listeners.remove(listener)


def publish(hints: Sequence[Hint]) -> None:
    """Tell this process's listeners; call it after the commit."""
    if not hints:
        return
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        try:
            listener(hints)
        except Exception:
            logger.exception("A listener for run hints failed.")


def publish_within_commit(hints: Sequence[Hint]) -> None:
    """Tell other processes; call it inside the transaction."""
    if hints:
        channel().send(hints)
