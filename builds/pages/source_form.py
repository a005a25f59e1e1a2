"""The steps of a build as its form shows them, and the steps that a filled form makes."""

from collections.abc import Mapping
from typing import Any, Final

from builds.domain.states import StepType
from builds.domain.steps.kinds import api_name
from builds.domain.steps.places import repository_name, split_repository
from builds.pages.screens.source import Source, SourceSteps, repository_address
from builds.services.builds.edit import StepDraft

DOCKERFILE: Final = "Dockerfile"
FALLBACK_FOLDER: Final = "source"  # of an address without a name, which is refused
SECRETS: Final = ("password", "private_key")
FLAGS: Final = ("submodules", "lfs", "http_ssl_verify_skip")


def source_values(steps: SourceSteps) -> dict[str, Any]:
    """Return what the fields show of stored or imported steps; secrets are never among it."""
    image = steps.image.config if steps.image else {}
    code = steps.code.config if steps.code else {}
    path = steps.inner_path("docker_file_path") or DOCKERFILE
    return {
        "source": steps.source.value,
        "repositoryUrl": repository_address(code) if steps.code else "",
        "branchName": str(code.get("branch_name") or ""),
        "commonType": str(code.get("common_type") or "COMMON"),
        "userId": str(code.get("user_id") or ""),
        "knownHosts": str(code.get("known_hosts") or ""),
        **{api_name(name): code.get(name) is True for name in FLAGS},
        "dockerFileType": str(image.get("docker_file_type") or "CONTENTS"),
        "dockerFile": str(image.get("docker_file") or ""),
        "dockerFilePath": path if steps.is_editable else str(image.get("docker_file_path") or ""),
        "contextPath": steps.inner_path("context_path"),
    }


def step_drafts(values: Mapping[str, Any], steps: SourceSteps) -> tuple[StepDraft, ...]:
    """Return the steps that the form edits, as they were typed; `steps` are those that are there already."""
    stored = steps.code
    if not steps.is_editable:
        return (_image_draft(steps, _dockerfile(values, steps, values["dockerFileType"], values["dockerFilePath"])),)
    if values["source"] not in (Source.REPOSITORY, Source.BOTH):
        image = _image_without_code(values, steps)
        if stored is None:
            return (_image_draft(steps, image),)
        unused = StepDraft(StepType.CODE_DOWN, order=1, use=False, config=stored.config, pk=stored.build_step_seq)
        return unused, _image_draft(steps, image, order=2)
    code = code_config(values, steps)
    code_seq = stored.build_step_seq if stored else None
    folder = str(code["code_save_dir"])
    kind = "FILE_PATH" if values["source"] == Source.REPOSITORY else "CONTENTS"
    context = values["contextPath"]
    image = _dockerfile(values, steps, kind, _below(folder, values["dockerFilePath"] or DOCKERFILE))
    image |= {"context_path": _below(folder, context) if context else None}
    return StepDraft(StepType.CODE_DOWN, order=1, config=code, pk=code_seq), _image_draft(steps, image, order=2)


def code_config(values: Mapping[str, Any], steps: SourceSteps) -> dict[str, Any]:
    """Return the code download as it was typed: with the secrets that were, and what the form has no field for."""
    stored = steps.code.config if steps.code else {}
    url = values["repositoryUrl"]
    folder = str(stored.get("code_save_dir") or "")  # one that was chosen stays, else it has the name of the repository
    if not folder or folder == repository_name(str(stored.get("repository_url") or "")):
        folder = repository_name(split_repository(url)[1]) or FALLBACK_FOLDER
    config = {
        **stored,
        "repository_type": "GIT",
        "repository_url": url,
        "protocol_type": None,  # the address says it, else it is https
        "common_type": values["commonType"],
        "branch_name": values["branchName"],
        "code_save_dir": folder,
        **{name: values[api_name(name)] for name in FLAGS},
    }
    if values["commonType"] == "COMMON":
        return config  # what signs in is neither shown nor taken; what is stored of it stays
    secrets = {name: typed for name in SECRETS if (typed := values[api_name(name)])}
    return {**config, "user_id": values["userId"], "known_hosts": values["knownHosts"], **secrets}


def _image_without_code(values: Mapping[str, Any], steps: SourceSteps) -> dict[str, Any]:
    """Return the image step of a build without a repository; the files of an upload are the workspace itself."""
    if values["source"] == Source.UPLOAD:
        path, context = values["dockerFilePath"] or DOCKERFILE, values["contextPath"] or None
        return _dockerfile(values, steps, "FILE_PATH", path) | {"context_path": context}
    return _dockerfile(values, steps, "CONTENTS") | {"context_path": None}


def _dockerfile(values: Mapping[str, Any], steps: SourceSteps, kind: str, path: str = "") -> dict[str, Any]:
    """Return the image step as stored, with the Dockerfile that was typed: its text or its path."""
    stored = steps.image.config if steps.image else {}
    typed = {"docker_file": values["dockerFile"], "docker_file_path": path}
    unused = "docker_file_path" if kind == "CONTENTS" else "docker_file"
    return {**stored, "docker_file_type": kind, **typed, unused: stored.get(unused)}


def _below(folder: str, path: str) -> str:
    """Return a path of the repository as one of the workspace; a / at its end stays, which no Dockerfile may have."""
    inner = path.removeprefix("./").lstrip("/")
    return folder if inner in ("", ".") else f"{folder}/{inner}"


def _image_draft(steps: SourceSteps, config: dict[str, Any], order: int | None = None) -> StepDraft:
    image = steps.image
    own = order or ((image.order or None) if image else None)
    return StepDraft(StepType.CREATE_IMAGE, order=own, config=config, pk=image.build_step_seq if image else None)
