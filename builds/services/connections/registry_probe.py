"""A test of a registry: does it answer, may its login push and delete there, does the engine that pushes reach it.

A tiny image goes into a repository of its own below the registry's prefix, from BuildHub's own client and from the
engine of the default build server, and is deleted again in every place.
"""

import threading
import uuid
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from builds.domain import failures
from builds.domain.references import ImageReference
from builds.domain.registry_kinds import REGISTRY_CERTIFICATE, REGISTRY_DENIED, REGISTRY_UNAUTHORIZED
from builds.engine.errors import (
    EngineError,
    PushFailed,
    PushStopped,
    RegistryRefused,
    RegistryUnreachable,
)
from builds.engine.registry import RegistryClient
from builds.models import BuildServer, Registry
from builds.queries.connections import builds_pushing_to
from builds.services.connections.clients import (
    ANSWER_SECONDS,
    PROBE_SECONDS,
    client_of,
    engine_of,
    in_time,
    is_local,
    private_problem,
    registry_login,
)

NAME: Final = "buildhub-test"
TAG: Final = "test"  # the same each time: where nothing can be deleted, one image stays and not one a test
CLEANING_SECONDS: Final = 1.5  # of the time for a whole test
REFUSED: Final = frozenset({401, 403, 405})  # who asks may not, or nobody may
NO_NAME: Final = "invalid reference format"  # Docker's words for a name that it does not take
NO_RIGHT: Final = (REGISTRY_DENIED, REGISTRY_UNAUTHORIZED)
KEPT: Final = (
    "the registry did not delete it: {image.repository}:{image.tag} stays there, and so do the images of removed runs."
)
TRUST: Final = (
    "Pushes are made by the engine of a build server, which has to trust the registry's CA itself: its administrator"
    " writes it to /etc/docker/certs.d/{host}/ca.crt there."
)
PLAIN: Final = (
    "Pushes are made by the engine of a build server, which speaks plain HTTP only to the registries that it was told"
    " of: its administrator adds {host} to insecure-registries in /etc/docker/daemon.json there."
)


@dataclass(frozen=True, slots=True)
class RegistryProbe:
    """What a test of a registry found; `ok` False: `message` says why. None: not known.

    A login that may not push leaves `ok` True: it may be there to pull base images with.
    """

    ok: bool
    message: str
    may_push: bool | None = None
    may_delete: bool | None = None
    warnings: tuple[str, ...] = ()


def probe_registry(registry: Registry) -> RegistryProbe:
    """Test a registry as builds use it, within `PROBE_SECONDS`.

    What it answers beside its status is not repeated: it may be somebody else's page.
    """
    test = _Test(registry)  # reads what it needs: the database is not asked on another thread
    late = f"{registry.host} did not answer within {PROBE_SECONDS:.0f} seconds."
    found = in_time(test.run, RegistryProbe(ok=False, message=late))
    if is_local(registry.host) or not (registry.plain_http or registry.ca_certificate) or test.engine_answered:
        return found
    return replace(found, warnings=(*found.warnings, test.engine_needs))


class _Test:
    """One test of a registry; nothing of it stays there, nor on the engine."""

    def __init__(self, registry: Registry) -> None:
        newest = builds_pushing_to(registry).order_by("-pk").first()  # a login may be good for one project only
        self._registry = registry
        self._image = ImageReference(registry.host, registry.prefix, newest.project if newest else "", NAME, TAG)
        self._server = BuildServer.objects.default()
        self._ends_at = monotonic() + PROBE_SECONDS - CLEANING_SECONDS
        self.engine_needs = (PLAIN if registry.plain_http else TRUST).format(host=registry.host)
        self.engine_answered = False

    def run(self) -> RegistryProbe:
        """Sign in, push and delete by BuildHub's own client, then by the engine."""
        if sentence := private_problem(self._registry):
            return RegistryProbe(ok=False, message=sentence)
        with client_of(self._registry, timeout=ANSWER_SECONDS) as client:
            if sentence := self._sign_in(client):
                return RegistryProbe(ok=False, message=sentence)
            own = self._push_by_client(client)
            return self._push_by_engine(client, self._server, own) if self._server else own

    def _sign_in(self, client: RegistryClient) -> str | None:
        """Say why the registry does not let us in, or None."""
        host, stored = self._registry.host, self._registry.username
        try:
            client.ping()
        except RegistryRefused as error:
            if error.status not in (401, 403):
                return f"{host} answers with HTTP status {error.status}, as no registry does; check host and port."
            if not stored:
                return f"{host} asks for a login and none is stored; give loginId and password."
            return f"{host} does not accept the stored login; give loginId and password anew."
        except EngineError as error:
            return f"{host} cannot be reached from BuildHub: {error.answered}"
        return None

    def _push_by_client(self, client: RegistryClient) -> RegistryProbe:
        image = self._image
        who = "accepts the stored login" if self._registry.username else "lets in without a login"
        lets_in = f"{image.host} answers and {who}."
        try:
            digest = client.put_small_image(image.repository, image.tag)
        except RegistryRefused as error:
            if error.status in REFUSED:
                said = f"{lets_in} It may not push to {image.repository}: builds can only pull their bases from there."
                return RegistryProbe(ok=True, message=said, may_push=False)
            said = f"{lets_in} A push to {image.repository} was answered with HTTP status {error.status}."
            return RegistryProbe(ok=True, message=said)
        except RegistryUnreachable as error:
            return RegistryProbe(ok=True, message=f"{lets_in} A test push did not get through: {error.answered}")
        may_delete = self._delete(client, image, digest)
        said = f"{lets_in} A test image was pushed to {image.repository}"
        said += " and deleted again." if may_delete else f"; {KEPT.format(image=image)}"
        return RegistryProbe(ok=True, message=said, may_push=True, may_delete=may_delete)

    def _push_by_engine(self, client: RegistryClient, server: BuildServer, own: RegistryProbe) -> RegistryProbe:
        """Let the engine of a build server push as well; return what both have found."""
        engine = f"The engine of {server.name}"
        # Two tests at once would take each other's name on the engine.
        image = replace(self._image, tag=TAG if own.may_delete is False else uuid.uuid4().hex[:12])
        try:
            digest = self._pushed(server, image)
        except PushFailed as error:
            self.engine_answered = True
            failure = failures.push_failed(error.message, registry=image.host, repository=image.repository)
            if error.kind in NO_RIGHT and not own.may_push:
                return replace(own, may_push=False)
            needs = self.engine_needs if error.kind is REGISTRY_CERTIFICATE else failure.remedy
            return replace(own, ok=False, message=f"{own.message} {engine} did not push: {failure.message} {needs}")
        except PushStopped:
            self._delete(client, image, None)
            return replace(own, warnings=(f"{engine} did not finish its push in time; it was broken off.",))
        except EngineError as error:
            if NO_NAME in error.answered:
                said = f"{own.message} {engine} takes no image name with the host {image.host}: give it another name."
                return replace(own, ok=False, message=said)
            return replace(own, warnings=(f"{engine} could not be asked to push: {error.answered}",))
        self.engine_answered = True
        deleted = self._delete(client, image, digest)
        may_delete = deleted if own.may_delete is None else own.may_delete
        said = f"{own.message} {engine} pushed one as well."
        return replace(own, may_push=True, may_delete=may_delete, message=said)

    def _pushed(self, server: BuildServer, image: ImageReference) -> str:
        """Push a tiny image by an engine, which keeps nothing of it; return the digest. Raises `EngineError`."""
        stopping = threading.Event()
        timer = threading.Timer(max(self._ends_at - monotonic(), 0), stopping.set)
        login = registry_login(self._registry)
        engine = engine_of(server, timeout=ANSWER_SECONDS)
        timer.daemon = True
        timer.start()
        try:
            engine.load_base_image(image.tagged, {"test": uuid.uuid4().bytes})
            try:
                return engine.push(
                    image.image, image.tag, login=login, on_update=lambda update: None, stopping=stopping
                )
            finally:
                engine.remove_image(image.tagged)
        finally:
            timer.cancel()
            engine.close()

    @staticmethod
    def _delete(client: RegistryClient, image: ImageReference, digest: str | None) -> bool | None:
        """Delete a test image, of `digest` if that is known, and say whether it is allowed; None: cannot be told."""
        try:
            digest = digest or client.digest(image.repository, image.tag)
            if digest is None:
                return None
            if not client.delete_tag(image.repository, image.tag, digest=digest).deleted:  # another test took the tag
                client.delete_manifest(image.repository, digest)
        except RegistryRefused as error:
            return False if error.status in REFUSED else None
        except RegistryUnreachable:
            return None
        return True
