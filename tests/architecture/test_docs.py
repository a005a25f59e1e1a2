"""The documents name only files that are there, and nothing refers to what a reader of the repository has not."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, project_files, shown

FOLDERS = "builds|buildhub|tests|templates|static|docs|scripts"
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)[^)]*\)")  # pictures are looked at by people
CODE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*|[\w-]+\.(?:py|md|toml)|[\w/]+/[\w-]+\.(?:py|md|html|js))`")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "tests/README.md", "docs")
TEXTS = (".py", ".js", ".css", ".html", ".sh", ".md", ".toml", ".proto", ".in", ".yml", ".yaml")
# Notes that BuildHub was planned with. They are kept elsewhere: what code needs of them stands in docs/.
OUTSIDE = ("build-api", "surface", "platform", "reliability", "style", "experience", "libraries", "house", "engine")
NOT_HERE = (
    re.compile(rf"(?<![\w/-])(?:{'|'.join(OUTSIDE)})\.md\b"),
    re.compile(r"\bseed-run-build\b|\bmockups/|\bshared/(?:spec|design)\b"),
    re.compile(r"(?<!RFC \d{4}, )(?<!ECMA-\d{2}, )\bsections? \d"),
    re.compile(r"\([A-H]\d{1,2}\)"),  # the number of a threat in one of them
)
ANY_DOCUMENT = re.compile(r'(?<![\w./:"-])(?:[\w-]+/)*[\w-]+\.md\b')
CITED = re.compile(r'\b(docs/[\w./-]+\.md)((?:(?:,| and) "[^"]+")*)')
CITED_BY_LINK = re.compile(r'\]\(([^)#\s]+\.md)\)((?:(?:,| and) "[^"]+")+)')
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DECISION = re.compile(r"\bADR (\d+)|docs/adr/(\d{4})")
LINE_END = re.compile(r"\s*\n\s*(?:#|//|\*)?\s*")


def documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md" and shown(path).startswith(DOCUMENTS)]


def missing_files(document: Path, text: str) -> list[str]:
    """Return the links and paths in `text` that lead nowhere; a bare name is looked for in builds/, root and docs/."""
    links = [target for target in LINK.findall(text) if "://" not in target]
    lost = [target for target in links if not (document.parent / target).exists()]
    return lost + [path for path in CODE.findall(text) if not _is_there(path)]


def _is_there(path: str) -> bool:
    if any((ROOT / folder / path).exists() for folder in (".", "builds", "docs", "tests")):
        return True
    return "/" not in path and any(ROOT.glob(f"builds/**/{path}"))


def texts() -> dict[str, str]:
    """Return the project's own texts by name: not what others wrote, nor this module with its planted faults."""
    files = [path for path in project_files() if path.suffix in TEXTS or path.name == "Makefile"]
    own = [path for path in files if not path.is_symlink() and "vendor" not in path.parts and path != Path(__file__)]
    return {shown(path): path.read_text(encoding="utf-8") for path in own}


def not_here(name: str, text: str) -> list[str]:
    """Return what `text`, that of the file `name`, refers to although no reader of the repository has it."""
    found = [match[0] for pattern in NOT_HERE for match in pattern.finditer(text)]
    if name.endswith(".md"):
        return found  # its links and paths are looked at by `missing_files`
    return found + [path for path in ANY_DOCUMENT.findall(text) if not (ROOT / path).exists()]


def lost_citations(name: str, text: str) -> list[str]:
    """Return the documents, headings and decisions that the `text` of the file `name` cites and that are not there."""
    line = LINE_END.sub(" ", text)
    cited = [(ROOT / path, path, quoted) for path, quoted in CITED.findall(line)]
    if name.endswith(".md"):
        cited += [((ROOT / name).parent / path, path, quoted) for path, quoted in CITED_BY_LINK.findall(line)]
    lost = [path for place, path, _ in cited if not place.exists()]
    lost += [
        f'{path}, "{heading}"'
        for place, path, quoted in cited
        if place.exists()
        for heading in re.findall('"([^"]+)"', quoted)
        if heading not in HEADING.findall(place.read_text(encoding="utf-8"))
    ]
    numbers = {int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("*.md")}
    return lost + [f"ADR {one or other}" for one, other in DECISION.findall(line) if int(one or other) not in numbers]


def test_nothing_refers_to_documents_that_are_not_in_the_repository():
    found = {name: not_here(name, text) for name, text in texts().items()}
    assert len(found) > 500
    assert {name: words for name, words in found.items() if words} == {}


def test_documents_and_headings_that_are_cited_are_there():
    found = {name: lost_citations(name, text) for name, text in texts().items()}
    assert {name: words for name, words in found.items() if words} == {}
    assert sum(len(CITED.findall(text)) for text in texts().values()) > 30


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


@pytest.mark.parametrize("name", [f"{word}.md" for word in OUTSIDE])
def test_a_planted_document_that_is_not_here_is_found(name: str):
    assert not_here("builds/x.py", f"as {name} says")[:1] == [name]
    assert not_here("docs/x.md", f"see {name}") == [name]


@pytest.mark.parametrize("fault", ["(contract, section 5)", "never shown (F6).", "see docs/wings.md"])
def test_a_planted_reference_without_a_document_is_found(fault: str):
    assert len(not_here("builds/x.py", fault)) == 1


@pytest.mark.parametrize(
    "fault", ['docs/wings.md, "Labels"', 'docs/contract.md,\n# "Wings"', "ADR 999", "docs/adr/0999"]
)
def test_a_planted_lost_citation_is_found(fault: str):
    assert len(lost_citations("builds/x.py", fault)) == 1


def test_citations_that_lead_somewhere_are_fine():
    text = 'docs/contract.md, "Environment" and "Limits"; docs/states.md; ADR 20; RFC 9110, section 14; (F)'
    assert not_here("builds/x.py", text) + lost_citations("builds/x.py", text) == []


def test_paths_that_are_there_are_fine():
    text = "`builds/services/dispatch.py`, `doorbell.py`, `executor.py`, [states](states.md#runs), `tests/e2e/`"
    assert missing_files(ROOT / "docs" / "page.md", text) == []
