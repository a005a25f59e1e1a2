"""No file names the host of a package registry: where packages come from is the operator's choice."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import project_files, shown

# In parts, so that this file does not name them either.
HOSTS = re.compile(
    "|".join(
        (
            "pypi" + r"\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(?:org|com)",
            "deb" + r"\.debian",
            "debian" + r"\.org/debian",
        )
    ),
    re.IGNORECASE,
)


def named_hosts(content: bytes) -> list[str]:
    """Return the package hosts that a file names."""
    return sorted({match.group() for match in HOSTS.finditer(content.decode("utf-8", "replace"))})


def files_naming_hosts(paths: list[Path]) -> dict[str, list[str]]:
    found = {shown(path): named_hosts(path.read_bytes()) for path in paths if path.is_file()}
    return {place: names for place, names in found.items() if names}


def test_no_file_names_a_package_host():
    paths = project_files()
    assert any(path.name == "requirements.lock" for path in paths)
    assert files_naming_hosts(paths) == {}


@pytest.mark.parametrize(
    "host", ["https://" + "pypi" + ".org/simple", "files.python" + "hosted.org", "deb" + ".debian.org"]
)
def test_a_planted_host_is_found(host: str):
    assert len(named_hosts(f"# from {host}\n".encode())) == 1
