"""Rules for every template and script of the product, held by reading them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
SHEETS = sorted((ROOT / "static" / "css").rglob("*.css"))
FORBIDDEN = {
    "an htmx handler": re.compile(r"\shx-on[:-]"),
    "a handler attribute": re.compile(r"\son[a-z]+\s*=\s*[\"']"),
    "an inline style": re.compile(r"\sstyle\s*=|<style", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "a script in an attribute": re.compile(r"(?:js|javascript):", re.IGNORECASE),
    "unescaped output": re.compile(r"\|\s*safe\b|\bautoescape off\b|\|\s*safeseq\b"),
    "an address of another host": re.compile(
        r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//", re.IGNORECASE
    ),
}


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=_short)
def test_a_template_carries_nothing_that_runs_and_nothing_unescaped(path: Path) -> None:
    text = path.read_text()
    assert {what: found[0] for what, rule in FORBIDDEN.items() if (found := rule.search(text))} == {}


@pytest.mark.parametrize("path", SCRIPTS, ids=_short)
def test_a_script_of_ours_writes_no_html_and_evaluates_nothing(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"\.(?:inner|outer)HTML\s*=|insertAdjacentHTML|document\.write\(|\beval\(|new Function|setAttribute\(\"style\"",
        text,
    )


@pytest.mark.parametrize("path", SHEETS, ids=_short)
def test_a_sheet_loads_nothing_from_elsewhere(path: Path) -> None:
    assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", path.read_text())


def test_only_the_reviewed_file_marks_text_as_safe() -> None:
    users = [
        _short(path)
        for path in sorted((ROOT / "dashboard").rglob("*.py"))
        if re.search(r"\bmark_safe\(|SafeString\(|@html_safe|\.__html__", path.read_text())
    ]
    assert users == ["dashboard/templatetags/prose.py"]


@pytest.mark.parametrize("folder", ["static/vendor", "tests/browser/vendor"])
def test_vendored_files_are_those_that_were_recorded(folder: str) -> None:
    base = ROOT / folder
    records = json.loads((base / "vendor.json").read_text())
    assert {record["file"] for record in records} == {
        str(path.relative_to(base)) for path in base.rglob("*.js")
    }
    for record in records:
        content = (base / record["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == record["sha256"]
        assert b"sourceMappingURL" not in content
        assert (base / record["file"]).with_name("LICENSE").read_text().strip()
