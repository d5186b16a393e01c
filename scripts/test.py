"""Runs the whole suite: the tests side by side, then the browser tests, then the ones that start and kill real servers.

Browser tests drive Chromium synchronously, which does not go together with asynchronous tests in one process. On PostgreSQL
the tests of runs pass a second time with the other way that runs can reach workers.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

PARTS = (
    ("tests", ["-m", "not browser and not crash", "--ignore=tests/browser", "-p", "no:playwright"]),
    ("browser tests", ["-m", "browser", "tests/browser"]),
    ("tests with real processes", ["-m", "crash", "--ignore=tests/browser", "-p", "no:playwright"]),
)
OVER_PROCRASTINATE = ["-m", "not browser", "-p", "no:playwright", "tests/runs", "tests/rel"]
NO_TESTS_COLLECTED = 5


def parts() -> list[tuple[str, list[str], dict[str, str]]]:
    """Name, pytest's arguments and environment variables of each part; one more where there is a PostgreSQL."""
    found: list[tuple[str, list[str], dict[str, str]]] = [(name, part, {}) for name, part in PARTS]
    if os.environ.get("DATABASE_URL"):
        found.append(("runs over Procrastinate", OVER_PROCRASTINATE, {"DELIVERY": "procrastinate"}))
    return found


def run(part: list[str], workers: int, variables: dict[str, str]) -> int:
    """One pytest call; its exit code, with "there was nothing to run" as success."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile", *part]
    environment = {**os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE": "true", **variables}
    code = subprocess.run(command, env=environment, check=False).returncode
    return 0 if code == NO_TESTS_COLLECTED else code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    failed = []
    with tempfile.TemporaryDirectory(prefix="signalbox-test-") as data_dir:
        for name, part, variables in parts():
            began = time.monotonic()
            sys.stdout.write(f"\n== {name}\n")
            sys.stdout.flush()
            if run(part, workers, {"DATA_DIR": data_dir, **variables}):
                failed.append(name)
            sys.stdout.write(f"== {name}: {time.monotonic() - began:.0f} s\n")
    if failed:
        sys.stdout.write(f"Failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
