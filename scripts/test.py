"""Runs the whole suite: the tests side by side, then the browser tests, then the ones that start and kill real servers.

Browser tests drive Chromium synchronously, which does not go together with asynchronous tests in one process.
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
NO_TESTS_COLLECTED = 5


def run(part: list[str], workers: int, data_dir: str) -> int:
    """One pytest call; its exit code, with "there was nothing to run" as success."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile", *part]
    environment = {**os.environ, "DATA_DIR": data_dir, "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    code = subprocess.run(command, env=environment, check=False).returncode
    return 0 if code == NO_TESTS_COLLECTED else code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    failed = []
    with tempfile.TemporaryDirectory(prefix="signalbox-test-") as data_dir:
        for name, part in PARTS:
            began = time.monotonic()
            sys.stdout.write(f"\n== {name}\n")
            sys.stdout.flush()
            if run(part, workers, data_dir):
                failed.append(name)
            sys.stdout.write(f"== {name}: {time.monotonic() - began:.0f} s\n")
    if failed:
        sys.stdout.write(f"Failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
