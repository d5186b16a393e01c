"""The backend. Other processes are still kept apart by SQLite itself."""

import threading
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

_turns: dict[str, threading.Lock] = {}
_turns_lock = threading.Lock()


def _turn_of(database: str) -> threading.Lock:
    with _turns_lock:
        return _turns.setdefault(database, threading.Lock())


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions (`BEGIN IMMEDIATE`) wait for their turn among the threads of this process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: threading.Lock | None = None

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give_turn()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        turn = _turn_of(str(self.settings_dict["NAME"]))
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        if not turn.acquire(timeout=patience):
            raise OperationalError(
                f"database is locked: another thread has held its transaction for {patience:.0f} s"
            )
        self._turn = turn

    def _give_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.release()
