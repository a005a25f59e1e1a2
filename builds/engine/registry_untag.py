"""Take one tag away from a repository and leave the others: the distribution API has no sure verb for it.

Registry 2.8 refuses to delete by tag, and deleting by digest takes every tag of that digest along; two builds with the
same cached content have the same digest. So a tag that shares its digest is first moved to a stand-in manifest of its
own, and that one is deleted (run on 2.8.2). Newer registries take this way as well.
"""

from typing import TYPE_CHECKING, Final

from builds.engine.errors import RegistryRefused
from builds.engine.registry_session import ACCEPT, RegistrySession, expect, manifest_path, put_manifest
from builds.engine.registry_upload import put_small_image

if TYPE_CHECKING:
    from builds.engine.registry import RegistryClient

NO_MANIFEST: Final = f"sha256:{'0' * 64}"


class Untagging:
    """The removal of one tag of repository `name`."""

    def __init__(self, registry: "RegistryClient", session: RegistrySession, name: str, tag: str) -> None:
        self._registry, self._session = registry, session
        self._name, self._tag = name, tag
        self._asked = f"remove the tag {name}:{tag}"

    def run(self, digest: str) -> None:
        """Remove the tag, which points to `digest`. Raises `RegistryRefused`; the tag then stands as it stood."""
        others = (tag for tag in self._registry.tags(self._name) if tag != self._tag)
        if any(self._registry.digest(self._name, tag) == digest for tag in others):
            self._remove_shared()
        else:
            self._remove(digest)

    def _remove(self, digest: str) -> None:
        """Delete by digest; by tag where the registry refuses to delete what still has a tag."""
        try:
            self._registry.delete_manifest(self._name, digest)
        except RegistryRefused:
            answer = self._session.ask("DELETE", manifest_path(self._name, self._tag), asked=self._asked)
            if answer.status not in {200, 202, 404}:
                raise
        if self._registry.digest(self._name, self._tag) == digest:
            raise RegistryRefused(self._asked, "The registry agreed, but the tag is still there.", status=409)

    def _remove_shared(self) -> None:
        """Move the tag to a stand-in and delete that; where deleting is not allowed, the tag is left alone."""
        try:  # what is not there: only a registry that lets nobody delete answers with a refusal
            self._registry.delete_manifest(self._name, NO_MANIFEST)
        except RegistryRefused as error:
            if error.status in {401, 403, 405}:
                raise
        original = self._session.ask("GET", manifest_path(self._name, self._tag), asked=self._asked, headers=ACCEPT)
        expect(original, self._asked, 200)
        stand_in = put_small_image(self._session, self._name, self._tag, asked=self._asked)
        try:
            self._remove(stand_in)
        except RegistryRefused:
            put_manifest(self._session, self._name, self._tag, original, asked=self._asked)  # nothing half-done
            raise
