"""Writes the settings table of README.md from `dashboard.settings.ENVIRONMENT`, between its two marks."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dashboard.settings import ENVIRONMENT  # noqa: E402 - the path has to be set first

README = ROOT / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def table() -> str:
    """The settings as a Markdown table."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{v.name}` | {f'`{v.default}`' if v.default else ''} | {v.help} |" for v in ENVIRONMENT]
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """The README with its table brought up to date."""
    before, rest = text.split(BEGIN, 1)
    return before + BEGIN + table() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
