"""USER_TASK: a program of the user's own in a container."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from builds.domain.references import check_reference
from builds.domain.steps.checks import ARG_NAME, Check, Kind, StepFacts, Values, entries, line, pairs, said, text
from builds.domain.steps.places import check_absolute_path, check_any_path, is_within

WORKSPACE: Final = "/workspace"
NOT_ALLOWED: Final = "The build server does not open this path to builds; ask its administrator, or leave it out."


def check_env_name(name: str) -> str | None:
    """Say what is wrong with the name of an environment variable, or None."""
    if ARG_NAME.fullmatch(name):
        return None
    return "A variable's name has letters, digits and _ and does not begin with a digit; rename it."


def _mount(value: object) -> Iterator[tuple[str, str]]:
    """Check one {container_path, host_path} by its texts; whether the host opens the path is looked at later."""
    if not isinstance(value, Mapping):
        yield "", "This has to be {containerPath, hostPath}."
        return
    for key in ("container_path", "host_path"):
        path = value.get(key)
        if not isinstance(path, str) or not path:
            yield f".{key}", "This path is missing; give an absolute one."
        elif found := list(said(path, check=check_absolute_path)):
            yield f".{key}", found[0][1]
        elif key == "container_path" and is_within(WORKSPACE, path):
            yield f".{key}", f"This would hide {WORKSPACE}; mount somewhere else."


CHECKS: Final[Mapping[str, Check]] = {
    "cmd": partial(entries, shape="texts", check=text),
    "working_dir": partial(said, check=check_any_path),
    "image_name": partial(line, most=1024),
    "image_tag": partial(line, most=256),
    "docker_volume_mount_vo_list": partial(entries, shape="{containerPath, hostPath}", check=_mount),
    "envs": partial(pairs, check_key=check_env_name),
}


def problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with the fields together, each of which is sound."""
    name, tag = str(values.get("image_name") or ""), str(values.get("image_tag") or "")
    if not name:
        yield "image_name", "The image is missing; give one such as registry.example/team/tool."
    elif sentence := check_reference(name):
        yield "image_name", sentence
    elif tag and (sentence := check_reference(f"{name}:{tag}")):
        yield "image_tag", sentence
    yield from _mount_problems(values.get("docker_volume_mount_vo_list") or [], facts.host_paths)


def _mount_problems(mounts: Sequence[Values], allowed: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        at = f"docker_volume_mount_vo_list[{index}]"
        if mount["container_path"].rstrip("/") in seen:
            yield f"{at}.container_path", "This path is mounted twice; leave one out."
        seen.add(mount["container_path"].rstrip("/"))
        if allowed is not None and not any(is_within(mount["host_path"], path) for path in allowed):
            yield f"{at}.host_path", NOT_ALLOWED


def fact(config: Values) -> str:
    """Return the image."""
    return f"{config.get('image_name') or ''}:{config.get('image_tag') or 'latest'}"


KIND: Final = Kind("User task", CHECKS, problems, fact)
