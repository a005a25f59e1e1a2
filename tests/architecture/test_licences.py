"""BuildHub has one licence, told alike to people and tools; what others wrote has its own beside it."""

import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, project_files, shown


def without_licence(paths: list[Path]) -> list[str]:
    """Return the folders of others' packages, the children of each `vendor`, that hold no licence."""
    inside = [path for path in paths if "vendor" in path.parts[:-2]]
    packages = {Path(*path.parts[: path.parts.index("vendor") + 2]) for path in inside}
    licensed = {path.parent for path in inside if path.name.startswith("LICENSE")}
    return sorted(str(folder) for folder in packages - licensed)


def test_what_others_wrote_stands_with_its_own_licence():
    paths = [Path(shown(path)) for path in project_files()]
    assert any("vendor" in path.parts for path in paths)
    assert without_licence(paths) == []


def test_licence_file_and_project_file_say_the_same():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Apache License\n                           Version 2.0" in text
    assert "Copyright 2026 The BuildHub authors" in text
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])


@pytest.mark.parametrize("name", ["font.woff2", "dist/font.js"])
def test_a_planted_package_without_a_licence_is_found(name: str):
    assert without_licence([Path("static/vendor/wings") / name]) == ["static/vendor/wings"]
