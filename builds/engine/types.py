"""What goes to the outside world and what comes back: plain frozen values, no behaviour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from builds.engine.context import Context

LeftoverKind = Literal["container", "volume"]
ImageStore = Literal["docker", "containerd"]


@dataclass(frozen=True)
class Endpoint:
    """Where a Docker Engine listens.

    `url` is `unix:///path` or `tcp://host:port`; with `tls` or any of the PEM texts set, `tcp` speaks TLS: `ca` (none:
    the system's authorities) checks the engine, `certificate` and `key` prove who we are. The key never shows in a
    repr.
    """

    url: str
    ca: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    tls: bool = False

    @property
    def secured(self) -> bool:
        """True when the engine is reached over TLS."""
        return self.tls or bool(self.ca or self.certificate or self.key)


@dataclass(frozen=True)
class RegistryLogin:
    """User and password of a registry; the password never shows in a repr."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class BuildSecrets:
    """What one build may ask for over its session and nobody else sees; none of it shows in a repr.

    `login_of` is asked, on a thread of the session, for the login of a registry as FROM names it (`host[:port]`;
    Docker's own is `docker.io`); `mounted` by the id of RUN --mount=type=secret; `ssh_agent` is the socket of an agent
    for RUN --mount=type=ssh, empty where there is none.
    """

    login_of: Callable[[str], RegistryLogin | None] = field(default=lambda host: None, repr=False)
    mounted: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssh_agent: str = ""


NO_SECRETS: Final = BuildSecrets()


@dataclass
class BuildRequest:
    """One image build as the engine is asked for it.

    `build_id` is ours and names the build when it is cancelled. `context` holds the directories that the engine asks
    for; `dockerfile` is a path in the one of Dockerfiles. An argument whose value is None takes the Dockerfile's
    default. Build arguments end in the image's history: they are no place for secrets.
    `cache_from` are images whose cache is taken where it fits; with any of them the image carries its own, too.
    With a `shared_key` the engine keeps the files for the next build of that key, and asks only for those whose path,
    mode, length or time differ: the same key promises that files alike in these have the same content.
    """

    build_id: str
    dockerfile: str
    context: Context = field(repr=False)
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    platform: str = ""
    no_cache: bool = False
    pull: bool = False
    cache_from: tuple[str, ...] = ()
    secrets: BuildSecrets = NO_SECRETS
    shared_key: str = ""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself; `warnings` are its own sentences.

    `image_store` decides what an image's id is: the digest of its configuration in docker's, of its manifest in
    containerd's.
    """

    version: str
    api_version: str
    operating_system: str
    warnings: tuple[str, ...] = ()
    storage_driver: str = ""
    image_store: ImageStore = "docker"
    root_dir: str = ""


@dataclass(frozen=True)
class ImageFacts:
    """An image as the engine holds it, with all of its names."""

    id: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class PushUpdate:
    """One beat of a push: `current` of `total` bytes of `layer` (`current` may exceed `total`)."""

    layer: str
    status: str
    current: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Leftover:
    """Something that still exists on an engine under our label."""

    kind: LeftoverKind
    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ManifestFacts:
    """A manifest as a registry stores it.

    `size_bytes` is configuration and layers, compressed; `config_digest` names the configuration (none in an index).
    """

    digest: str
    size_bytes: int
    config_digest: str = ""

    def is_of(self, image_id: str) -> bool:
        """Say whether this is the image that an engine calls `image_id`.

        That is the configuration's digest in the older image store, and the manifest's in containerd's.
        """
        return image_id in {self.digest, self.config_digest}


@dataclass(frozen=True)
class DeletedTag:
    """How the removal of a tag ended.

    `deleted` is True when this call took the tag away. Otherwise `now_points_to` is the other digest that the tag
    has moved on to, or None when there was no such tag any more.
    """

    deleted: bool
    now_points_to: str | None = None


@dataclass(frozen=True)
class Link:
    """A symbolic link in a base image's files."""

    target: str
