"""The port that brings runs to workers. Its promise: a queued run is driven at least once, by some worker that lives.

Driving a run twice is harmless (claims are fenced), so an adapter may repeat itself; it must not lose a run.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

Drive = Callable[[int], Awaitable[None]]
Cancel = Callable[[int], None]


class Delivery(Protocol):
    """One process's end of the queue."""

    def enqueue(self, run_id: int, at: datetime | None = None) -> None:
        """Announce a queued run, after its transaction committed. Any thread without a loop; does not wait for a worker.

        Never raises: what cannot be announced now is announced again by a worker's watch.
        """
        ...

    def enqueue_again(self, run_ids: Sequence[int]) -> None:
        """Announce runs whose announcement may be lost, and cheaply leave those whose announcement stands. Never raises."""
        ...

    def cancel(self, run_id: int) -> None:
        """Tell this process's worker at once that a run of its own is to be cancelled. Any thread."""
        ...

    async def start(self, drive: Drive, cancel: Cancel, free: Callable[[], int]) -> None:
        """Begin to hand runs to `drive`, never more at a time than `free()` says. Called in the engine's loop."""
        ...

    async def stop(self) -> None:
        """Take no further runs. Runs already handed over are not this port's business."""
        ...
