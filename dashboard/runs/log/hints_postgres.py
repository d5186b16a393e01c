"""Hints travel by PostgreSQL's NOTIFY, one per commit, and are heard when that commit is."""

import json
import logging
import secrets
import threading
from collections.abc import Sequence

from django.db import connection

from dashboard.runs.log.hints import Hint, Listener

logger = logging.getLogger(__name__)

_NAME = "signalbox_runs"
# A payload may have 8,000 bytes, and two 20-digit numbers are the longest hint.
_MOST_HINTS = 150
# Not the process id: in containers every server may have the same one.
_HERE = secrets.token_hex(6)


class PostgresChannel:
    """Sends within the writer's transaction; listens on a connection of its own and opens another when it breaks."""

    def send(self, hints: Sequence[Hint]) -> None:
        with connection.cursor() as cursor:
            for first in range(0, len(hints), _MOST_HINTS):
                body = json.dumps([_HERE, list(hints[first : first + _MOST_HINTS])], separators=(",", ":"))
                cursor.execute("SELECT pg_notify(%s, %s)", [_NAME, body])

    def listen(self, listener: Listener, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._listen_once(listener, stopped)
            except Exception:
                logger.warning("Lost the connection that hears run hints; opening another.")
                stopped.wait(1.0)

    def _listen_once(self, listener: Listener, stopped: threading.Event) -> None:
        own = connection.copy()
        own.settings_dict["OPTIONS"] = {k: v for k, v in own.settings_dict["OPTIONS"].items() if k != "pool"}
        try:
            own.ensure_connection()
            raw = own.connection
            raw.execute(f"LISTEN {_NAME}")
            while not stopped.is_set():
                for note in raw.notifies(timeout=1.0, stop_after=1):
                    sender, hints = json.loads(note.payload)
                    if sender != _HERE:
                        listener([(run, seq) for run, seq in hints])
        finally:
            own.close()


CHANNEL = PostgresChannel()
