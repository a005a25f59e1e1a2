"""Image references: check names before anything is asked of a registry, and compose them in one place.

Grammar: distribution's, by docker-image-py; what it lets through is refused before.
"""

import re
from dataclasses import dataclass
from typing import Final

from docker_image.digest import InvalidDigest
from docker_image.reference import InvalidReference, Reference

from builds.domain.tags import check_name_part

REFERENCE_LENGTH: Final = 1024  # host 255, path 255, tag 128, digest: longer is never a reference
PATH_LENGTH: Final = 255  # distribution: a repository's path has at most 255 characters

# The parser accepts a trailing newline and sees no blank: refused here, with all controls and line separators.
UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Where a run's image goes: registry host, fixed prefix there, project, image name and tag."""

    host: str
    prefix: str
    project: str
    name: str
    tag: str = ""

    @property
    def repository(self) -> str:
        """Path within the registry: prefix, project and name, empty ones left out."""
        return "/".join(part for part in (self.prefix.strip("/"), self.project, self.name) if part)

    @property
    def image(self) -> str:
        """Host and repository, without tag (imageUrl of the plain dialect)."""
        return f"{self.host}/{self.repository}"

    @property
    def tagged(self) -> str:
        """Host, repository and tag."""
        return f"{self.image}:{self.tag}" if self.tag else self.image

    def pinned(self, digest: str) -> str:
        """Return what to pull for exactly `digest`: host/name:tag@digest (imageRef of a run)."""
        return f"{self.tagged}@{digest}"


def tagged(reference: str) -> str:
    """Return an image reference with the tag that Docker takes where it has neither tag nor digest."""
    return reference if "@" in reference or ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def pulled_from(reference: str) -> str:
    """Return the host (with port) of the registry that an engine pulls `reference` from."""
    first, slash, _ = reference.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host else "docker.io"


def check_project(name: str) -> str | None:
    """Say what is wrong with the project (registryName), or None; it may be empty."""
    if not name:
        return None
    return check_name_part(name, "The project") or _check_path(name, "The project")


def check_image_name(name: str) -> str | None:
    """Say what is wrong with an image name, or None; its parts stand between slashes."""
    if not name:
        return "The image name is empty; give one such as hello or team/hello."
    if name.startswith("/") or name.endswith("/"):
        return "The image name has a / at its end or beginning; leave it out."
    for part in name.split("/"):
        if not part:
            return "The image name has two / in a row; write one."
        if sentence := check_name_part(part, "Each part of the image name"):
            return sentence
    return _check_path(name, "The image name")


def check_reference(text: str) -> str | None:
    """Say what is wrong with a whole image reference (host/path:tag@digest, each optional but the path), or None."""
    if not text:
        return "The image reference is empty; give one such as registry.example/team/hello:1.2."
    if len(text) > REFERENCE_LENGTH:
        return f"The image reference has {len(text)} characters; shorten its names."
    if UNPRINTABLE.search(text):
        return "The image reference contains a blank or control character; remove it."
    try:
        Reference.parse(text)
    except (InvalidReference, InvalidDigest) as error:
        return f"This is no valid image reference ({error}); write it as host/path:tag with lower-case path parts."
    return None


def _check_path(path: str, what: str) -> str | None:
    """Hold `path` against the grammar of repository paths, behind a host so that no part is read as one."""
    if len(path) > PATH_LENGTH:
        return f"{what} has {len(path)} characters; at most {PATH_LENGTH} are allowed."
    if check_reference(f"host.invalid/{path}"):
        return f"{what} has separators in a row that registries refuse; use one of . _ __ or any number of -."
    return None
