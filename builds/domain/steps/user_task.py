"""USER_TASK: a program of the user's own in a container."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from builds.domain.references import check_reference, tagged
from builds.domain.steps.checks import ARG_NAME, Check, Kind, StepFacts, Values, entries, line, pairs, said, text
from builds.domain.steps.places import check_absolute_path, check_any_path, is_within

WORKSPACE: Final = "/workspace"
NOT_ALLOWED: Final = "The build server does not open this path to builds; ask its administrator, or leave it out."

NEVER: Final = "Whoever has this path has the whole build server; it is never mounted. Leave it out."
KERNELS: Final = ("/proc", "/sys", "/dev")  # files of the kernel; /proc/1/root is the whole disk
SOCKETS: Final = ("/var/run/docker.sock", "/run/docker.sock")


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
        if opens_server(mount["host_path"]):
            yield f"{at}.host_path", NEVER
        elif allowed is not None and mounted_by(mount["host_path"], allowed) is None:
            yield f"{at}.host_path", NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder of a server's disk that its administrator has opened, and the part of it that is asked for."""

    source: str
    within: str


def mounted_by(host_path: str, allowed: Sequence[str], engine_url: str = "") -> Opened | None:
    """Return by which of the `allowed` paths `host_path` is open, None where it is not, or opens the server.

    That is the highest one: a task could put a link in the place of whatever lies below it.
    """
    above = sorted((path for path in allowed if is_within(host_path, path)), key=len)
    if not above or any(opens_server(path, engine_url) for path in (host_path, above[0])):
        return None
    rest = PurePosixPath(host_path).relative_to(PurePosixPath(above[0]))
    return Opened(str(PurePosixPath(above[0])), "" if rest == PurePosixPath() else str(rest))


def opens_server(path: str, engine_url: str = "") -> bool:
    """Say whether who has a path of a server's disk has the server: all of it, its devices, its engine's socket."""
    sockets = (*SOCKETS, engine_url.removeprefix("unix://")) if engine_url.startswith("unix://") else SOCKETS
    return any(is_within(socket, path) for socket in sockets) or any(is_within(path, root) for root in KERNELS)


def image_of(config: Values) -> str:
    """Return the whole reference of the task's image."""
    name, tag = str(config.get("image_name") or ""), str(config.get("image_tag") or "")
    return f"{name}:{tag}" if tag else tagged(name)


def fact(config: Values) -> str:
    """Return the image."""
    return image_of(config)


KIND: Final = Kind("User task", CHECKS, problems, fact)
