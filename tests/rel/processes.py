"""Real `manage.py` processes against a data folder of their own, to be killed without warning."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psycopg

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Site:
    """One data folder and what runs on it."""

    data_dir: Path
    port: int = 0
    key: str = ""
    url: str = ""
    database_url: str = ""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        own = {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "DATABASE_URL": self.database_url,
            "MODEL_FALLBACK": "demo",
        }
        return {**os.environ, **own, **more}

    def manage(self, *command: str, stdin: str = "") -> str:
        """Run a command to its end; its standard output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def start(self, *command: str, ready: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command and wait for a line of its output that contains `ready`."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        said = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if ready in line:
                return process
        raise AssertionError("the process ended before it was ready:\n" + "".join(said))

    def serve(self, **environment: str) -> subprocess.Popen[str]:
        """Start a server; from then on the site's address is known and kept."""
        process = self.start("serve", ready="Signalbox is ready", **environment)
        if not self.key:
            self.key = self.manage("create_api_key", "test", "--scopes", "all")
        return process

    def client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=15, trust_env=False
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """The address of a fresh database beside the one under test; empty text where that is SQLite."""
    server = os.environ.get("DATABASE_URL", "")
    if not server:
        yield ""
        return
    own = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield own
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def site(data_dir: Path) -> Iterator[Site]:
    """A fresh site on a free port; whatever still runs at the end is killed."""
    port = free_port()
    with own_database(f"signalbox_site_{port}") as database_url:
        yield from _running(Site(data_dir, port, url=f"http://127.0.0.1:{port}", database_url=database_url))


def _running(made: Site) -> Iterator[Site]:
    try:
        yield made
    finally:
        for process in made.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


def kill(process: subprocess.Popen[str]) -> None:
    """End a process as a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def wait_for(condition: Any, timeout_s: float, what: str) -> Any:
    """Ask until the answer is true; exceptions of a connection count as no."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            answer = condition()
        except httpx2.TransportError:
            answer = None
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {timeout_s} s")
