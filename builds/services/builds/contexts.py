"""Contexts by upload: archives in rows of 1 MiB, kept as long as a run may need them, within the limits of settings."""

import hashlib
import os
from collections.abc import Iterator
from http import HTTPStatus
from io import BufferedIOBase
from itertools import count
from typing import BinaryIO, Final, cast

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from builds import doorbell
from builds.domain.access import Permission
from builds.domain.errors import FieldError, Invalid, NotPossible
from builds.engine.archive import ArchiveFacts, ArchiveRefused, inspect
from builds.models import Activity, Build, BuildRun, Caller, ContextChunk, Did, UploadedContext
from builds.services.accounts.access import require_on

FIELD: Final = "dataFile"
CHUNK_BYTES: Final = 1024 * 1024
LOCK: Final = 0x63747874  # "ctxt": the advisory lock under which what is stored is counted
LARGE: Final = (
    "The archive is larger than {} MiB (BUILDHUB_CONTEXT_LIMIT_MB); leave out what the build does not need, or ask the "
    "operator for a higher limit."
)
COPY: Final = f"COPY {ContextChunk._meta.db_table} (context_id, number, data) FROM STDIN (FORMAT BINARY)"
EMPTY: Final = "The upload is empty; send a tar, tar.gz or zip."
FULL: Final = (
    "The store of uploaded contexts has {free:,} of its {limit:,} bytes (BUILDHUB_CONTEXT_STORE_MB) for this one of "
    "{given:,}: the others are the newest of their builds, or runs that wait or run use them. Send a smaller one, "
    "remove a build, or ask the operator for a larger store."
)


class TooLarge(Invalid):
    """An archive that is larger than may be uploaded."""

    def __init__(self) -> None:
        super().__init__([FieldError(FIELD, too_large_sentence())])

    @property
    def status(self) -> int:
        """Return what HTTP has for it; the code is that of any field."""
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def too_large_sentence() -> str:
    """Return what is said of an archive that is larger than may be uploaded."""
    return LARGE.format(f"{settings.CONTEXT_LIMIT_BYTES // 1024**2:,}")


def check_may_upload(*, build_id: int, caller: Caller) -> None:
    """Raise `NotFound` or `NoRight` unless `caller` may give this build a context."""
    require_on(caller, Permission.EDIT_BUILD, Build.objects.visible_to(caller).wanted(build_id))


def store_context(*, build_id: int, caller: Caller, file: BinaryIO) -> UploadedContext:
    """Keep an archive (a seekable file) as what the next runs of a build are built from.

    Raises `Invalid` for what is no archive, is too large or may not be unpacked; `NotPossible` where the store is full.
    """
    facts, byte_count = _inspected(file), file.seek(0, os.SEEK_END)
    file.seek(0)
    sha256 = hashlib.file_digest(cast(BufferedIOBase, file), "sha256").hexdigest()
    with transaction.atomic():
        build = Build.objects.visible_to(caller).wanted(build_id)
        _check_room(build, byte_count)  # before anything is written; what counts is what is found under the lock
        context = build.contexts.create(
            account_id=build.account_id,
            uploaded_by=caller.user,
            kind=facts.kind,
            file_count=facts.file_count,
            byte_count=byte_count,
            sha256=sha256,
        )
        file.seek(0)
        # By COPY: an INSERT of Django writes bytes as text, which takes five times as long.
        with connection.cursor() as cursor, cursor.copy(COPY) as rows:
            rows.set_types(["int8", "int4", "bytea"])
            for number, piece in enumerate(iter(lambda: file.read(CHUNK_BYTES), b"")):  # memory holds one piece
                rows.write_row((context.pk, number, piece))
        _make_current(context, caller)
    return context


def current_context(build: Build) -> UploadedContext | None:
    """Return what the next run of a build is built from, None where nothing was uploaded."""
    return build.context


def chunks_of(context_id: int, *, first: int = 0) -> Iterator[bytes]:
    """Yield the archive in pieces of up to 1 MiB, from the piece `first` on, by one statement for each."""
    pieces = ContextChunk.objects.filter(context=context_id).values_list("data", flat=True)
    for number in count(first):
        piece = pieces.filter(number=number).first()
        if piece is None:
            return
        yield bytes(piece)


def delete_contexts(contexts: "QuerySet[UploadedContext]") -> None:
    """Delete contexts; runs that have ended forget them. Call it inside a transaction."""
    BuildRun.objects.filter(context__in=contexts).update(context=None)
    contexts.delete()


def _inspected(file: BinaryIO) -> ArchiveFacts:
    """Return what is in the archive; raises `Invalid`."""
    byte_count = file.seek(0, os.SEEK_END)
    if not byte_count:
        raise Invalid([FieldError(FIELD, EMPTY)])
    if byte_count > settings.CONTEXT_LIMIT_BYTES:
        raise TooLarge
    file.seek(0)
    try:
        return inspect(file, limit_bytes=settings.CONTEXT_LIMIT_BYTES)
    except ArchiveRefused as refused:
        raise Invalid([FieldError(FIELD, refused.sentence)]) from refused


def _make_current(context: UploadedContext, caller: Caller) -> None:
    """Make a stored context the one that its build uses, once there is room; others wait for this transaction.

    The build's row is locked before contexts are, as by a press. Raises `NotFound` and `NoRight` as well.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    builds = Build.objects.visible_to(caller).select_for_update(of=("self",), no_key=True)
    build = builds.wanted(context.build_id)
    require_on(caller, Permission.EDIT_BUILD, build)
    Build.objects.filter(pk=build.pk).update(context=context)
    _make_room(build, context)
    detail = f"context {context.pk}: {context.file_count} files, {context.byte_count} bytes"
    Activity.record(by=caller.user, did=Did.UPLOAD_CONTEXT, build=build, detail=detail)
    doorbell.build_changed(build.pk, account_id=build.account_id)


def _make_room(build: Build, context: UploadedContext) -> None:
    """Delete contexts that nothing needs, the oldest first, until all fit; raises `NotPossible` where they do not."""
    over = _bytes(UploadedContext.objects.all()) - settings.CONTEXT_STORE_BYTES
    if over <= 0:
        return
    spare = UploadedContext.objects.exclude(pk=context.pk).exclude(_is_needed(build))
    # Those that a press holds are left alone; the others are looked at once more now that no press can take them.
    held = list(spare.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True))
    gone = []
    for pk, byte_count in spare.filter(pk__in=held).order_by("pk").values_list("pk", "byte_count"):
        if over <= 0:
            break
        gone.append(pk)
        over -= byte_count
    if over > 0:
        raise _full(context.byte_count - over, context.byte_count)
    delete_contexts(UploadedContext.objects.filter(pk__in=gone))


def _check_room(build: Build, byte_count: int) -> None:
    """Raise `NotPossible` where a context of the build would not fit beside those that are needed."""
    free = settings.CONTEXT_STORE_BYTES - _bytes(UploadedContext.objects.filter(_is_needed(build)))
    if byte_count > free:
        raise _full(free, byte_count)


def _is_needed(build: Build) -> Q:
    """Return what is true of contexts that stay when `build` is given another one."""
    other_builds = Build.objects.exclude(pk=build.pk).filter(context=OuterRef("pk"))
    return Q(Exists(other_builds)) | Q(Exists(BuildRun.objects.active().filter(context=OuterRef("pk"))))


def _bytes(contexts: "QuerySet[UploadedContext]") -> int:
    return int(contexts.aggregate(sum=Sum("byte_count", default=0))["sum"])


def _full(free: int, given: int) -> NotPossible:
    sentence = FULL.format(free=max(free, 0), limit=settings.CONTEXT_STORE_BYTES, given=given)
    return NotPossible("CONTEXT", sentence)
