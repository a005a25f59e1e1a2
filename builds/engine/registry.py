"""A registry as BuildHub needs it: is it there, what does a tag point to, how large, and take a tag away.

By the OCI distribution specification 1.1, and as registry 2.8 answers (docs/engine-notes.md, "Registries").
"""

from collections.abc import Callable
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from builds.engine.registry_session import (
    ACCEPT,
    RegistrySession,
    digest_of,
    expect,
    manifest_path,
    put_manifest,
)
from builds.engine.registry_untag import Untagging
from builds.engine.registry_upload import put_small_image
from builds.engine.types import DeletedTag, ManifestFacts, RegistryLogin

TAGS_A_PAGE: Final = 1000


class RegistryClient:
    """One registry at `host` (with port). 127.0.0.0/8 and localhost are plain HTTP whatever `plain_http` says.

    `ca` is a PEM text that alone is trusted; without it the system's authorities are. `may_lead_to` says whether a
    token service on another host may be asked. All methods raise
    `RegistryUnreachable`, and `RegistryRefused` for an answer that is neither the wanted one nor "not there".
    """

    def __init__(
        self,
        host: str,
        *,
        plain_http: bool,
        login: RegistryLogin | None = None,
        ca: str = "",
        timeout: float = 10,
        may_lead_to: Callable[[str], bool] = lambda host: True,
    ) -> None:
        self._session = RegistrySession(
            host, plain_http=plain_http, login=login, ca=ca, timeout=timeout, may_lead_to=may_lead_to
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close kept connections."""
        self._session.close()

    def ping(self) -> None:
        """Check that this is a registry and that it lets us in."""
        asked = "reach the registry"
        expect(self._session.ask("GET", "/v2/", asked=asked), asked, 200)

    def manifest(self, name: str, reference: str) -> ManifestFacts | None:
        """Return what `reference` (a tag or a digest) of repository `name` is, or None when it is not there."""
        asked = f"read the manifest of {name}:{reference}"
        answer = self._session.ask("GET", manifest_path(name, reference), asked=asked, headers=ACCEPT)
        if answer.status == 404:
            return None
        expect(answer, asked, 200)
        content = answer.json(asked)
        return ManifestFacts(
            digest=digest_of(answer.body),
            size_bytes=self._size_bytes(name, content),
            config_digest=(content.get("config") or {}).get("digest", ""),
        )

    def digest(self, name: str, reference: str) -> str | None:
        """Return the digest that `reference` of repository `name` stands for, or None when it is not there."""
        asked = f"read the digest of {name}:{reference}"
        answer = self._session.ask("HEAD", manifest_path(name, reference), asked=asked, headers=ACCEPT)
        if answer.status == 404:
            return None
        expect(answer, asked, 200)
        if digest := answer.headers.get("Docker-Content-Digest"):
            return digest
        found = self.manifest(name, reference)  # the header is optional by the specification
        return found.digest if found else None

    def point(self, name: str, tag: str, digest: str) -> None:
        """Let `tag` of repository `name` point to the manifest `digest`, which is there; other tags stay."""
        asked = f"move the tag {name}:{tag}"
        manifest = self._session.ask("GET", manifest_path(name, digest), asked=asked, headers=ACCEPT)
        expect(manifest, asked, 200)
        put_manifest(self._session, name, tag, manifest, asked=asked)

    def put_small_image(self, name: str, tag: str) -> str:
        """Store a small image that nobody else has under `tag` of repository `name` and return its digest."""
        return put_small_image(self._session, name, tag, asked=f"push a small image to {name}:{tag}")

    def tags(self, name: str) -> list[str]:
        """Return all tags of repository `name`, page by page; none for a repository that is not there."""
        asked = f"list the tags of {name}"
        path = f"/v2/{quote(name)}/tags/list?{urlencode({'n': TAGS_A_PAGE})}"
        found: list[str] = []
        while path:
            answer = self._session.ask("GET", path, asked=asked)
            if answer.status == 404:
                return found
            expect(answer, asked, 200)
            found += answer.json(asked).get("tags") or []
            # The next page stands in a header: Link: </v2/…>; rel="next"
            link = answer.headers.get("Link", "")
            path = link.partition("<")[2].partition(">")[0] if 'rel="next"' in link else ""
        return found

    def delete_manifest(self, name: str, digest: str) -> bool:
        """Delete a manifest and with it every tag of `name` that points to it; False when it was not there."""
        asked = f"delete {name}@{digest}"
        answer = self._session.ask("DELETE", manifest_path(name, digest), asked=asked)
        if answer.status == 404:
            return False
        expect(answer, asked, 200, 202)
        return True

    def delete_tag(self, name: str, tag: str, *, digest: str) -> DeletedTag:
        """Take `tag` away if it still points to `digest`; other tags of the same digest stay.

        The registry has no conditional delete: a push of the same tag within the few milliseconds between the look
        and the delete is not seen.
        """
        current = self.digest(name, tag)
        if current != digest:
            return DeletedTag(deleted=False, now_points_to=current)
        Untagging(self, self._session, name, tag).run(digest)
        return DeletedTag(deleted=True)

    def _size_bytes(self, name: str, content: dict[str, Any]) -> int:
        """Add up configuration and layers; for an index, those of the images in it (not its attestations)."""
        if "manifests" not in content:
            parts = [content.get("config") or {}, *(content.get("layers") or [])]
            return sum(int(part.get("size", 0)) for part in parts)
        images = [part for part in content["manifests"] if (part.get("platform") or {}).get("os") != "unknown"]
        found = [self.manifest(name, part["digest"]) for part in images]
        return sum(facts.size_bytes for facts in found if facts)
