"""`manage.py serve`: everything in one process: migrate, load the examples, then serve the dashboard and drive runs.

A workspace made later gets its examples when its first account is created, or at the next start.
"""

import contextlib
import logging
import socket
import sys
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.views.setup import setup_link

GRACE_S = 5


class ReadyServer(uvicorn.Server):
    """uvicorn that says where it is once it can answer. `entrance` is the path that its link opens."""

    entrance = "/"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            sys.stdout.write(f"Signalbox is ready: {address(host, port)}{self.entrance}\n")
            sys.stdout.flush()


def address(host: str, port: int) -> str:
    """The address people open: PUBLIC_URL where it is set, else where the server listens."""
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


class Command(BaseCommand):
    help = "Migrate the database, then serve the dashboard and drive runs until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("load_examples", verbosity=0)
        logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
        config = uvicorn.Config(
            "dashboard.asgi:application",
            host=options["host"],
            port=options["port"],
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.PUBLIC_URL),
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=32 * 1024,
        )
        server = ReadyServer(config)
        server.entrance = setup_link() or "/"
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            server.run()
        if not server.started:
            raise CommandError(
                f"The server could not listen on {options['host']}:{options['port']}; the log says why."
            )
