"""Sees to it that Chromium is there for the browser tests; says loudly when it cannot be."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def found() -> str | None:
    """The browser's path, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's Chromium, where apt and the right to use it are there."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    sys.stdout.write("Installing Chromium for the browser tests…\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        [apt, "update", "-q"],
        [apt, "install", "-y", "-q", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    if found() is None:
        install()
    if found() is None:
        sys.stdout.write(
            "NO BROWSER: Chromium is missing and cannot be installed here; the browser tests WILL BE SKIPPED.\n"
        )


if __name__ == "__main__":
    main()
