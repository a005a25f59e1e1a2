"""Store a small image in a registry: one that nobody else has, without layers."""

import json
import uuid
from typing import Final

from builds.engine.registry_session import MANIFEST_V2, Answer, RegistrySession, digest_of, expect, put_manifest

CONFIG_TYPE: Final = "application/vnd.docker.container.image.v1+json"


def put_small_image(session: RegistrySession, name: str, tag: str, *, asked: str) -> str:
    """Let `tag` of repository `name` point to a manifest that nobody else has and return its digest.

    Its blob of 60 bytes stays, for the registry's garbage collection, when the manifest is deleted. Raises
    `RegistryUnreachable` and `RegistryRefused`.
    """
    config = json.dumps({"buildhub.standin": uuid.uuid4().hex}).encode()
    _upload(session, name, config, asked)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_V2,
        "config": {"mediaType": CONFIG_TYPE, "size": len(config), "digest": digest_of(config)},
        "layers": [],
    }
    body = json.dumps(manifest).encode()
    put_manifest(session, name, tag, Answer(200, {"Content-Type": MANIFEST_V2}, body), asked=asked)
    return digest_of(body)


def _upload(session: RegistrySession, name: str, blob: bytes, asked: str) -> None:
    start = session.ask("POST", f"/v2/{name}/blobs/uploads/", asked=asked)
    expect(start, asked, 202)
    place = start.headers.get("Location", "")
    query = f"{'&' if '?' in place else '?'}digest={digest_of(blob)}"
    headers = {"Content-Type": "application/octet-stream"}
    expect(session.ask("PUT", place + query, asked=asked, data=blob, headers=headers), asked, 201)
