"""Fetch the browser libraries again and write them below static/vendor/ (and axe-core below tests/).

Run by hand when a version changes: `python scripts/vendor.py`. Needs node and npm; nothing at run time or at install
time does. Every package and every package it pulls in is pinned here, so two runs write the same bytes;
static/vendor/vendor.json records name, version, licence and SHA-256 of what was written. Source map comments are
dropped, because the maps are not shipped and a static files manifest refuses links to missing files.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static" / "vendor"
TESTS = ROOT / "tests" / "browser" / "vendor"
ENTRY = Path(__file__).resolve().parent / "codemirror-entry.js"
SOURCE_MAP = re.compile(rb"\n?//[#@] ?sourceMappingURL=[^\n]*\n?|/\*[#@] ?sourceMappingURL=.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Package:
    """One file taken as it is out of a published package."""

    folder: str
    name: str
    version: str
    file: str
    licence: str
    into: Path = STATIC


PACKAGES = (
    Package("htmx", "htmx.org", "4.0.1", "dist/htmx.min.js", "0BSD"),
    Package("sortable", "sortablejs", "1.15.7", "Sortable.min.js", "MIT"),
    Package("axe", "axe-core", "4.14.1", "axe.min.js", "MPL-2.0", TESTS),
)

CODEMIRROR = {
    "@codemirror/autocomplete": "6.20.4",
    "@codemirror/commands": "6.11.1",
    "@codemirror/lang-css": "6.3.1",
    "@codemirror/lang-html": "6.4.12",
    "@codemirror/lang-javascript": "6.2.5",
    "@codemirror/lang-json": "6.0.2",
    "@codemirror/lang-markdown": "6.5.2",
    "@codemirror/language": "6.13.1",
    "@codemirror/lint": "6.9.8",
    "@codemirror/search": "6.7.2",
    "@codemirror/state": "6.7.6",
    "@codemirror/streamparser": "6.0.0",
    "@codemirror/view": "6.43.15",
    "@lezer/common": "1.5.5",
    "@lezer/css": "1.3.9",
    "@lezer/highlight": "1.2.5",
    "@lezer/html": "1.3.13",
    "@lezer/javascript": "1.5.6",
    "@lezer/json": "1.0.3",
    "@lezer/lr": "1.4.12",
    "@lezer/markdown": "1.8.1",
    "@marijn/find-cluster-break": "1.0.4",
    "codemirror": "6.0.2",
    "crelt": "1.0.7",
    "style-mod": "4.1.5",
    "w3c-keyname": "2.2.8",
}
ESBUILD = "0.28.2"

# style-mod writes a <style> element into a document and an adopted style sheet into a shadow root. Our content
# security policy forbids the former and knows nothing against the latter, so the document takes that road too.
STYLE_MOD_BEFORE = "if (!root.head && root.adoptedStyleSheets && win.CSSStyleSheet) {"
STYLE_MOD_AFTER = "if (root.adoptedStyleSheets && win.CSSStyleSheet) {"


def npm(*arguments: str, cwd: Path) -> None:
    subprocess.run(["npm", *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def written(path: Path, content: bytes) -> str:
    """Write one library without its source map comment; returns its SHA-256 in hex."""
    content = SOURCE_MAP.sub(b"\n", content).rstrip(b"\n") + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def record(package: Package, digest: str) -> dict[str, str]:
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "file": f"{package.folder}/{Path(package.file).name}",
        "sha256": digest,
    }


def fetch(package: Package, work: Path) -> dict[str, str]:
    """Copy one file and the licence out of the published archive."""
    npm("pack", "--silent", f"{package.name}@{package.version}", cwd=work)
    archive = next(work.glob(f"{package.name}-{package.version}.tgz"))
    with tarfile.open(archive) as tar:
        content, licence = (
            tar.extractfile(f"package/{name}").read()  # type: ignore[union-attr]
            for name in (package.file, "LICENSE")
        )
    target = package.into / package.folder
    digest = written(target / Path(package.file).name, content)
    (target / "LICENSE").write_bytes(licence)
    return record(package, digest)


def patch_style_mod(modules: Path) -> None:
    path = modules / "style-mod" / "src" / "style-mod.js"
    text = path.read_text()
    if text.count(STYLE_MOD_BEFORE) != 1:
        raise SystemExit("style-mod changed: look at how it mounts its sheet before vendoring it")
    path.write_text(text.replace(STYLE_MOD_BEFORE, STYLE_MOD_AFTER))


def licences(modules: Path) -> str:
    """The licence texts of all bundled packages, each text once, headed by the packages it covers."""
    covered: dict[str, list[str]] = {}
    for name, version in CODEMIRROR.items():
        text = (modules / name / "LICENSE").read_text().strip()
        covered.setdefault(text, []).append(f"{name} {version}")
    return "\n\n".join(f"{', '.join(names)}\n\n{text}" for text, names in covered.items()) + "\n"


def bundle_codemirror(work: Path) -> dict[str, str]:
    """One ES module with the languages of the editor; its exports are those of codemirror-entry.js."""
    manifest = {"private": True, "dependencies": {**CODEMIRROR, "esbuild": ESBUILD}}
    (work / "package.json").write_text(json.dumps(manifest))
    npm("install", "--no-audit", "--no-fund", "--no-package-lock", cwd=work)
    modules = work / "node_modules"
    patch_style_mod(modules)
    shutil.copy(ENTRY, work / "entry.js")
    subprocess.run(
        [str(modules / ".bin" / "esbuild"), "entry.js", "--bundle", "--minify", "--format=esm", "--target=es2022",
         "--main-fields=module,main", "--conditions=import", "--legal-comments=none", "--outfile=out.js",
         "--log-level=error"],
        cwd=work,
        check=True,
    )  # fmt: skip
    target = STATIC / "codemirror"
    digest = written(target / "codemirror.js", (work / "out.js").read_bytes())
    (target / "LICENSE").write_text(licences(modules))
    package = Package("codemirror", "codemirror", CODEMIRROR["codemirror"], "codemirror.js", "MIT")
    return record(package, digest)


def main() -> None:
    entries: dict[Path, list[dict[str, str]]] = {STATIC: [], TESTS: []}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for package in PACKAGES:
            entries[package.into].append(fetch(package, work))
        entries[STATIC].append(bundle_codemirror(work))
    for folder, records in entries.items():
        (folder / "vendor.json").write_text(json.dumps(records, indent=2) + "\n")
        for entry in records:
            print(entry["file"], entry["version"], entry["sha256"][:12], file=sys.stderr)


if __name__ == "__main__":
    main()
