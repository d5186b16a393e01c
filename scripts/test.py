"""Runs the whole suite: the tests side by side, then those that drive a browser or start and kill real servers.

Browser tests drive Chromium synchronously, which does not go together with asynchronous tests in one process. On PostgreSQL
the tests of runs pass a second time with the other way that runs can reach workers. Browser tests and those with real
processes mostly wait, so more of them go at a time than there are cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

PARTS = (
    ("tests", 1, ["-m", "not browser and not crash", "--ignore=tests/browser", "-p", "no:playwright"]),
    ("browser tests and tests with real processes", 2, ["-m", "browser or crash"]),
)
OVER_PROCRASTINATE = ["-m", "not browser", "-p", "no:playwright", "tests/runs", "tests/rel"]
NO_TESTS_COLLECTED = 5


class Part(NamedTuple):
    """One pytest call: its name, how many processes per worker asked for, pytest's arguments, environment variables."""

    name: str
    share: float
    arguments: list[str]
    variables: dict[str, str]


def parts() -> list[Part]:
    """Every part; one more where there is a PostgreSQL."""
    found = [Part(name, share, arguments, {}) for name, share, arguments in PARTS]
    if os.environ.get("DATABASE_URL"):
        found.append(Part("runs over Procrastinate", 1, OVER_PROCRASTINATE, {"DELIVERY": "procrastinate"}))
    return found


def run(part: Part, workers: int, data_dir: str) -> int:
    """One pytest call; its exit code, with "there was nothing to run" as success."""
    processes = str(max(1, round(workers * part.share)))
    command = [sys.executable, "-m", "pytest", "-q", "-n", processes, "--dist", "worksteal", *part.arguments]
    environment = {**os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE": "true", "DATA_DIR": data_dir, **part.variables}
    code = subprocess.run(command, env=environment, check=False).returncode
    return 0 if code == NO_TESTS_COLLECTED else code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    failed = []
    with tempfile.TemporaryDirectory(prefix="signalbox-test-") as data_dir:
        for part in parts():
            began = time.monotonic()
            sys.stdout.write(f"\n== {part.name}\n")
            sys.stdout.flush()
            if run(part, workers, data_dir):
                failed.append(part.name)
            sys.stdout.write(f"== {part.name}: {time.monotonic() - began:.0f} s\n")
    if failed:
        sys.stdout.write(f"Failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
