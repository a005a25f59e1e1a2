"""The context that was uploaded for a run: out of its rows, looked through once more, into the workspace."""

import hashlib
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings

from builds.domain import failures
from builds.engine.archive import ArchiveRefused, unpack
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.models import UploadedContext
from builds.services.builds.contexts import chunks_of


def unpack_into_workspace(context: RunContext) -> None:
    """Unpack the run's uploaded context, if it has one, and say so. Raises `RunFailed` where that cannot be used.

    A run that pushes an image again uses none. The archive has no name on the disk, and is gone when it is unpacked.
    """
    uploaded = context.patiently(lambda: context.run.context)
    if uploaded is None or context.original is not None:
        return
    with TemporaryFile(dir=context.workspace.private) as file:
        _write(context, uploaded, file)
        context.recorder.say(
            f"Using the uploaded context {uploaded.pk}: {uploaded.file_count:,} files, {uploaded.byte_count:,} bytes,"
            f" sha256 {uploaded.sha256}"
        )
        limit, look = settings.CONTEXT_LIMIT_BYTES, context.stop.check
        try:
            facts = unpack(file, context.workspace.root, limit_bytes=limit, look=look)
        except ArchiveRefused as error:
            raise RunFailed(failures.context_refused(uploaded.pk, error.sentence)) from error
    context.uploaded_bytes = facts.unpacked_bytes
    context.share("")


def _write(context: RunContext, uploaded: UploadedContext, file: BinaryIO) -> None:
    """Write the archive to `file`: what is missing after a loss of the database is read again, and no more."""
    digest = hashlib.sha256()
    number = 0
    while piece := context.patiently(lambda first: next(chunks_of(uploaded.pk, first=first), b""), number):
        context.stop.check()
        file.write(piece)
        digest.update(piece)
        number += 1
    if digest.hexdigest() != uploaded.sha256:
        raise RunFailed(failures.context_lost(uploaded.pk, file.tell(), uploaded.byte_count))
