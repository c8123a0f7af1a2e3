"""The docs are held against the code: generated pages are current, commands in prose exist, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from loop_support import ROOT, run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _generator() -> object:
    specification = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    for name, text in _generator().pages().items():  # type: ignore[attr-defined]
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, f"run make docs: {name}"


def test_commands_named_in_prose_exist() -> None:
    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    known = {
        line.removeprefix("## findprofile ") for line in reference.splitlines() if line.startswith("## findprofile")
    }
    words = {name.split()[0] for name in known}
    for page in PAGES:
        for found in re.findall(r"findprofile ([a-z]+)(?: ([a-z]+))?", page.read_text(encoding="utf-8")):
            assert found[0] in words, f"{page.name}: findprofile {' '.join(found)}"


def test_the_table_of_roles_has_every_command_and_those_of_each_role_and_no_other() -> None:
    from governance.access.permissions import PERMISSIONS, ROLES

    generator = _generator()
    named = {
        action: generator.COMMANDS.get(action, (action.replace(".", " "),))  # type: ignore[attr-defined]
        for action in PERMISSIONS
    }
    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^## findprofile (.*)$", reference, re.MULTILINE))
    listed = {command for commands in named.values() for command in commands}
    assert listed <= known
    table = re.findall(r"^\| (\w[\w ]*) \|[^|]*\| (`.*`) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    may = {role: set(re.findall("`([^`]+)`", commands)) for role, commands in table}
    free = may["without a role"]
    assert free == known - listed
    groups = generator.FOR_ANYBODY  # type: ignore[attr-defined]
    assert {one for one in free if one not in groups and one.split()[0] not in groups} == set()
    for role in ROLES:
        shared = may["anybody"] | (may["all but analysts"] if role != "analyst" else set())
        allowed = {command for action, roles in PERMISSIONS.items() if role in roles for command in named[action]}
        assert may[role] | shared == allowed, role


def test_links_lead_to_files() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("command", [(), ("promote",), ("ingest",), ("audit",), ("vault", "reveal")])
def test_every_help_is_printed(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = run(tmp_path, *command, "--help")
    assert said.code == 0
    assert "Usage" in said.out


def test_help_needs_no_heavy_library(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; sys.argv = ['findprofile', '--help']\n"
        "import flows.cli\n"
        "try:\n    flows.cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'mlflow', 'prefect', 'great_expectations', 'evidently', 'pandas', 'duckdb', 'lightgbm', 'ibis'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False).returncode == 0
