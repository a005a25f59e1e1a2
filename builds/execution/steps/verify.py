"""Verify: ask the registry itself what the tag points to now."""

from builds.domain import failures
from builds.engine.errors import RegistryRefused, RegistryUnreachable
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.services.connections.clients import registry_client


def run(context: RunContext) -> None:
    """Read the digest back and keep digest and size; raises `RunFailed` when the registry has something else."""
    image = context.run.image
    try:
        with registry_client(context.registry) as registry:
            found = registry.manifest(image.repository, image.tag)
    except (RegistryUnreachable, RegistryRefused) as error:
        failure = failures.push_failed(error.answered, registry=image.host, repository=image.repository)
        raise RunFailed(failure) from error
    if found is None or found.digest != context.pushed_digest:
        raise RunFailed(failures.manifest_lost(registry=image.host, reference=image.tagged))
    context.verified = found
    context.recorder.say(f"The registry has {image.tagged}: digest {found.digest}, {found.size_bytes:,} bytes")
