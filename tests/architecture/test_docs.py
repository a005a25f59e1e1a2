"""The documents name only files that are there."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, project_files, shown

FOLDERS = "builds|buildhub|tests|templates|static|docs|scripts"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)[^)]*\)")  # pictures are looked at by people
CODE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*|[\w-]+\.(?:py|md|toml)|[\w/]+/[\w-]+\.(?:py|md|html|js))`")
# The contract and the design notes are kept beside the repository (docs/architecture.md, last section).
BESIDE = {"build-api.md", "surface.md", "platform.md", "engine.md", "reliability.md", "security.md", "experience.md"}
DOCUMENTS = ("README.md", "CHANGELOG.md", "tests/README.md", "docs")


def documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md" and shown(path).startswith(DOCUMENTS)]


def missing_files(document: Path, text: str) -> list[str]:
    """Return the links and paths in `text` that lead nowhere; a bare name is looked for in builds/, root and docs/."""
    links = [target for target in LINK.findall(text) if "://" not in target]
    lost = [target for target in links if not (document.parent / target).exists()]
    return lost + [path for path in CODE.findall(text) if path not in BESIDE and not _is_there(path)]


def _is_there(path: str) -> bool:
    if any((ROOT / folder / path).exists() for folder in (".", "builds", "docs", "tests")):
        return True
    return "/" not in path and any(ROOT.glob(f"builds/*/{path}"))


def test_every_file_that_a_document_names_is_there():
    found = {shown(path): missing_files(path, path.read_text(encoding="utf-8")) for path in documents()}
    assert len(found) > 15
    assert {place: names for place, names in found.items() if names} == {}


def test_decisions_are_numbered_without_a_gap_and_say_when_and_why():
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    parts = ("Date: ", "Status: ", "**Context.**", "**Decision.**", "**Consequences.**")
    texts = {path.name: path.read_text(encoding="utf-8") for path in decisions}
    assert [(name, part) for name, text in texts.items() for part in parts if part not in text] == []


@pytest.mark.parametrize(
    "fault",
    ["[how](howto/add-a-wing.md)", "see `builds/services/wings.py`", "see `wings.py`", "`templates/pages/wing.html`"],
)
def test_a_planted_dead_path_is_found(fault: str):
    assert len(missing_files(ROOT / "docs" / "page.md", fault)) == 1


def test_paths_that_are_there_and_documents_beside_the_repository_are_fine():
    text = (
        "`builds/services/runs.py`, `doorbell.py`, `executor.py`, `surface.md`, [states](states.md#runs), `tests/e2e/`"
    )
    assert missing_files(ROOT / "docs" / "page.md", text) == []
