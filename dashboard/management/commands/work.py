"""`manage.py work`: a worker of its own, for servers started with WORKER=off or as one more beside them."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.lifespan import make_worker


class Command(BaseCommand):
    help = "Drive runs in this process until Ctrl-C, against the same database as the server."

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        worker = make_worker()
        worker.start()
        self.stdout.write(f"Worker {worker.id} is ready.")
        stopped.wait()
        worker.stop()
