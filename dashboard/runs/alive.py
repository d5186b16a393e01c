"""A lock that a worker process holds while it lives, so that others on this machine know at once when it is gone."""

import fcntl
from pathlib import Path
from typing import IO

from django.conf import settings


def _folder() -> Path:
    folder = settings.DATA_DIR / "workers"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _path(worker_id: str) -> Path:
    return _folder() / worker_id.replace(":", "_")


class LifeSign:
    """Held from `take` to `give`; the operating system lets go of it when the process dies."""

    def __init__(self, worker_id: str) -> None:
        self._path = _path(worker_id)
        self._file: IO[str] | None = None

    def take(self) -> None:
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def give(self) -> None:
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def known_dead(worker_id: str) -> bool:
    """Whether the worker ran on this machine and data folder, and is certainly gone. False when that cannot be known."""
    path = _path(worker_id)
    try:
        file = path.open("r+")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink(missing_ok=True)
        return True
