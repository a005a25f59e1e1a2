"""Definitions as files: a zip with `build.json`, which names its format and version and holds a BuildAdd.

Nothing in the file is a secret, and nothing of a file that is read is trusted: only `build.json` is ever unpacked, in
memory and within a limit, so neither a path nor a zip bomb in it does harm.
"""

import io
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from builds.contract.fields import Answer
from builds.contract.files import definition_of_run, filled_definition
from builds.domain.access import Permission
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import Refused
from builds.domain.states import RunType
from builds.domain.strict_json import NotStrict, has_utf8, read_object
from builds.models import BuildRun, Caller
from builds.services.accounts.access import require_on

FORMAT: Final = "buildhub-build"
VERSION: Final = 1
ENTRY: Final = "build.json"
STEPS: Final = "buildSteps"
LARGEST_FILE: Final = 20 * 1024 * 1024  # bytes
LARGEST_DEFINITION: Final = 4 * 1024 * 1024  # bytes of build.json: 64 steps with their Dockerfiles and more
MOST_ENTRIES: Final = 100
DIRECTORY_BYTES: Final = 64 * 1024  # of the zip's own directory, before Python reads it into objects
MOST_STEPS: Final = 1000  # far more than a build may have: the rules say the rest, with the field
FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the same definition gives the same bytes


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file for the browser or client to keep: its name, one in ASCII, and its bytes."""

    name: str
    plain_name: str
    content: bytes

    @property
    def disposition(self) -> str:
        """The header Content-Disposition; before a name that is not ASCII stands one that is (RFC 6266)."""
        named = "" if self.plain_name == self.name else f"; filename*=UTF-8''{quote(self.name, safe='')}"
        return f'attachment; filename="{self.plain_name}"{named}'


def export_run(*, run_id: int, caller: Caller) -> ExportedFile:
    """Return the definition of a BUILD run as a zip without secrets.

    Raises `NotFound`, and `Refused` (EXPORT_FAILED) for a CANCEL or REMOVE run.
    """
    run = BuildRun.objects.visible_to(caller).select_related("build").wanted(run_id)
    require_on(caller, Permission.SEE, run)
    if run.run_type != RunType.BUILD:
        sentence = f"A {run.run_type} run has no definition of its own; export the BUILD run that it is about."
        raise Refused(sentence, code=ErrorCode.EXPORT_FAILED)
    steps = list(run.steps.filter(attempt=1).order_by("order"))
    name, plain = (
        re.sub(dropped, "-", run.definition.name).strip("-.")[:80] or "build"
        for dropped in (r"[\s/\\:\x00-\x1f\x7f]+", r"[^A-Za-z0-9._-]+")
    )
    document = {"format": FORMAT, "version": VERSION, "build": definition_of_run(run, steps, caller)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(ENTRY, FIXED_TIME)
        entry.external_attr = 0o644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))
    return ExportedFile(f"{name}-{run.build_no}.zip", f"{plain}-{run.build_no}.zip", packed.getvalue())


def read_definition(content: bytes) -> Answer:
    """Return the BuildAdd in an exported file, every field filled, secrets None; nothing is created.

    Raises `Refused`: NO_ZIP, OTHER_VERSION (another format or version), IMPORT_FAILED (broken content).
    """
    document = _document(_entry(content))
    if document.get("format") != FORMAT or type(document.get("version")) is not int:
        raise Refused(
            f"This file is no exported build ({FORMAT}); export one with BuildHub.", code=ErrorCode.OTHER_VERSION
        )
    if document["version"] != VERSION:
        sentence = f"This file has version {document['version']} of its format and {VERSION} is read here."
        raise Refused(f"{sentence} Export it again with this version of BuildHub.", code=ErrorCode.OTHER_VERSION)
    build = document.get("build")
    steps = build.get(STEPS) if isinstance(build, Mapping) else None
    if not isinstance(build, Mapping) or not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
        raise _broken(f"{ENTRY} holds no build with steps")
    if not all(isinstance(step, Mapping) and isinstance(step.get("stepType"), str) for step in steps):
        raise _broken(f"a step in {ENTRY} is no object with a stepType")
    return filled_definition(build)


def _entry(content: bytes) -> bytes:
    """Return the bytes of build.json, having looked at the names of everything beside it."""
    if len(content) > LARGEST_FILE:
        raise Refused("The file is larger than 20 MiB; export it again.", code=ErrorCode.NO_ZIP)
    # The length that the zip names for its directory (APPNOTE 4.3.16), as much as there is without one.
    at = content.rfind(b"PK\x05\x06")
    named = struct.unpack_from("<I", content, at + 12)[0] if 0 <= at <= len(content) - 16 else len(content) + 2**32
    if not zipfile.is_zipfile(io.BytesIO(content)) or named > DIRECTORY_BYTES:
        raise Refused("The file is no zip that BuildHub has exported; choose another one.", code=ErrorCode.NO_ZIP)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _only_definition(archive)
    except Refused:
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise _broken("the zip is damaged") from error
    except (RuntimeError, NotImplementedError, ValueError, EOFError, OSError, struct.error) as error:
        raise _broken("the zip is encrypted, damaged or packed in an unknown way") from error
    except Exception as error:  # zlib.error, lzma.LZMAError … of the packer of an entry, which share no base
        raise _broken("an entry cannot be unpacked") from error


def _only_definition(archive: zipfile.ZipFile) -> bytes:
    names = archive.namelist()
    if len(names) > MOST_ENTRIES:
        raise _broken(f"it has {len(names)} entries")
    for name in names:  # one that would lead out of the folder that somebody unpacks it to
        if name.startswith("/") or re.search(r"[\\:\0]", name) or ".." in name.split("/"):
            raise _broken(f"it has an entry {name[:100]!r}")
    if names.count(ENTRY) != 1:
        raise _broken(f"it has no single {ENTRY}")
    with archive.open(ENTRY) as entry:
        data = entry.read(LARGEST_DEFINITION + 1)
    if len(data) > LARGEST_DEFINITION:
        raise _broken(f"{ENTRY} is larger than {LARGEST_DEFINITION // 1024**2} MiB")
    return data


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        document = read_object(data)
    except NotStrict as error:
        raise _broken(f"{ENTRY} {str(error).partition(';')[0].rstrip('.')}") from error
    if not has_utf8(document):
        raise _broken(f"{ENTRY} holds half of a surrogate pair")
    return document


def _broken(why: str) -> Refused:
    return Refused(f"The file cannot be imported: {why}; export it again.", code=ErrorCode.IMPORT_FAILED)
