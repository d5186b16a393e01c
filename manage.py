#!/usr/bin/env python
"""Operators' door: `serve`, `work`, `add_member`, `create_api_key` and Django's own commands."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.stderr.write(f"Signalbox cannot start: {problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
