"""The documents say what the code does."""

import runpy
from pathlib import Path

from dashboard.settings import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_lists_every_setting_as_it_is():
    tool = runpy.run_path(str(ROOT / "scripts/readme.py"))
    readme = (ROOT / "README.md").read_text()
    assert tool["with_table"](readme) == readme, "run scripts/readme.py"
    assert all(f"`{variable.name}`" in readme for variable in ENVIRONMENT)


def test_the_readme_opens_with_the_two_commands():
    readme = (ROOT / "README.md").read_text()
    assert "make run" in readme[:700] and "make test" in readme[:700]


def test_every_command_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("run", "work", "test", "test-pg", "check", "bench", "help"):
        assert f"\n{target}:" in makefile
    commands = {path.stem for path in (ROOT / "dashboard/management/commands").glob("*.py")}
    assert {"serve", "work", "add_member", "create_api_key"} <= commands


def test_every_room_states_its_law():
    for room in sorted((ROOT / "dashboard").iterdir()):
        if (room / "__init__.py").exists() and room.name not in {"migrations", "templatetags", "management"}:
            law = (room / "__init__.py").read_text().split('"""')[1]
            assert len(law.strip().splitlines()) >= 3, f"{room.name} does not say what lives in it"


def test_ci_calls_make_test_and_nothing_weaker():
    script = (ROOT / ".ci/run").read_text()
    assert "\nmake test\n" in script and "-k" not in script and "--deselect" not in script
