"""CREATE_IMAGE: the image itself."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from builds.domain import dockerfile_rules, references, tags
from builds.domain.certificates import check_ssh_key, check_tls
from builds.domain.steps.checks import (
    CONTROLS,
    INT32,
    VALUE_BYTES,
    Check,
    Kind,
    Problems,
    StepFacts,
    Values,
    check_arg_name,
    entries,
    flag,
    line,
    number,
    pairs,
    said,
    shaped,
    text,
    word,
)
from builds.domain.steps.places import check_inner_path

LATEST: Final = "latest"
DOCKERFILE_TYPES: Final = ("CONTENTS", "FILE_PATH")
DOCKERFILE_BYTES: Final = 512 * 1024

STAGE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
PLATFORM: Final = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?")
LOGIN_HOST: Final = "login_host"  # stored beside a login: the registry that it was given for
MOUNTED: Final = "secret:"  # before the id of a mounted secret, among the names of the stored ones
SECRET_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def _label_name(name: str) -> str | None:
    if not name or CONTROLS.search(name) or " " in name or len(name) > 255:
        return "A label's name has 1 to 255 characters, no blank and no control character; rename it."
    return None


def _secret_id(name: str) -> str | None:
    if SECRET_ID.fullmatch(name):
        return None
    return "The id of a secret has letters, digits and _.- as in --mount=type=secret,id=…; rename it."


def _certificate(pem: str) -> str | None:
    return next((sentence for _, sentence in check_tls(ca=pem, certificate="", key="")), None)


def _registry_id(value: object) -> Problems:
    """Check a number or short text of another system, which is kept and answered."""
    yield from line(value, most=200) if isinstance(value, str) else number(value)


# Fields that are filled from the build and ignored in a body (registry_name, image_url …) need no check.
CHECKS: Final[Mapping[str, Check]] = {
    "docker_file_type": partial(word, words=DOCKERFILE_TYPES),
    "docker_file": partial(text, most=DOCKERFILE_BYTES),
    "docker_file_path": partial(said, check=check_inner_path),
    "context_path": partial(said, check=check_inner_path),
    "secrets": partial(pairs, check_key=_secret_id, keys=("id", "value"), check_value=text),
    "ssh_key": partial(said, check=check_ssh_key, of=text, most=VALUE_BYTES),
    "cache_from": partial(
        entries,
        shape="image references such as registry.example/team/app:1",
        check=partial(said, check=references.check_reference, is_needed=True),
    ),
    "extra_tags": partial(entries, shape="tags", check=partial(said, check=tags.check_tag, is_needed=True)),
    "build_args": partial(pairs, check_key=check_arg_name),
    "labels": partial(pairs, check_key=_label_name),
    "target": partial(
        shaped,
        shape=STAGE_NAME,
        sentence="The target is the name or number of a stage: letters, digits and -_. inside.",
    ),
    "platform": partial(shaped, shape=PLATFORM, sentence="The platform is one os/architecture such as linux/amd64."),
    "latest_apply": flag,
    "no_cache": flag,
    "pull": flag,
    "registry_id": _registry_id,
    "login_id": line,
    "password": text,
    "private_certificate": partial(said, check=_certificate, of=text, most=VALUE_BYTES),
    "severity": line,
    "exit_code": partial(number, least=-INT32 - 1),
}


def dockerfile_type(values: Values) -> str:
    """Return where the Dockerfile comes from: what is said, else where there is one."""
    if said_type := values.get("docker_file_type"):
        return str(said_type)
    return "FILE_PATH" if values.get("docker_file_path") and not values.get("docker_file") else "CONTENTS"


def tidy(values: Values) -> dict[str, Any]:
    """Return the config as it is stored: with the kind of its Dockerfile."""
    return {**values, "docker_file_type": values.get("docker_file_type") or dockerfile_type(values)}


def problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with where the Dockerfile comes from."""
    if dockerfile_type(values) == "FILE_PATH":
        path = str(values.get("docker_file_path") or "")
        if not path.strip() or path.endswith("/"):
            yield "docker_file_path", "Name the Dockerfile below the workspace, such as app/Dockerfile."
    elif not str(values.get("docker_file") or "").strip():
        yield "docker_file", "The Dockerfile is empty; write at least a FROM line."
    elif sentence := dockerfile_rules.problem(str(values["docker_file"])):
        yield "docker_file", sentence
    if facts.kept is not None:
        yield from _secret_problems(values, facts.kept)


def _secret_problems(values: Values, kept: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield which secrets have no value, neither given nor stored, and which half of a login is missing."""
    for index, secret in enumerate(values.get("secrets") or ()):
        if not secret.get("value") and f"{MOUNTED}{secret['id']}" not in kept:
            yield f"secrets[{index}].value", f"The secret {secret['id']} has no value yet; give it."
    held = kept | {name for name in ("login_id", "password") if values.get(name)}
    if "login_id" in held and "password" not in held:
        yield "password", "Give the password of loginId too; it is kept for this registry only."
    if "password" in held and "login_id" not in held:
        yield "login_id", "Give the loginId that the password belongs to."


def is_secret(entry: object) -> bool:
    """Say whether an entry of a list of secrets has an id by which it can be kept; the rules refuse any other."""
    return isinstance(entry, Mapping) and isinstance(entry.get("id"), str)


def following_tags(config: Values) -> list[str]:
    """Return the tags that follow the build, each once: they move to the image of a run beside its own tag."""
    asked = [str(tag) for tag in config.get("extra_tags") or ()]
    return list(dict.fromkeys([*asked, *([LATEST] if config.get("latest_apply") else [])]))


def fact(config: Values) -> str:
    """Return the path of the Dockerfile, where it is a file."""
    return str(config.get("docker_file_path") or "")


KIND: Final = Kind("Build & Push", CHECKS, problems, fact, tidy)
