"""CODE_DOWN: source code from a git repository."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from builds.domain.steps.checks import Check, Kind, StepFacts, Values, flag, line, said, text, word
from builds.domain.steps.places import (
    check_branch,
    check_inner_path,
    check_repository,
    repository_name,
    split_repository,
)

REPOSITORY_TYPES: Final = ("GIT",)
COMMON_TYPES: Final = ("COMMON", "PRIVATE")
PROTOCOLS: Final = ("http", "https", "ssh")

CHECKS: Final[Mapping[str, Check]] = {
    "repository_type": partial(word, words=REPOSITORY_TYPES),
    "repository_url": partial(line, most=4000),
    "common_type": partial(word, words=COMMON_TYPES),
    "protocol_type": partial(word, words=PROTOCOLS),
    "user_id": line,
    "password": text,
    "private_key": text,
    "known_hosts": text,
    "branch_name": partial(said, check=check_branch),
    "code_save_dir": partial(said, check=check_inner_path),
    "http_ssl_verify_skip": flag,
    "submodules": flag,
    "lfs": flag,
}


def tidy(values: Values) -> dict[str, Any]:
    """Return the config as it is stored: address without scheme, protocol and folder filled in."""
    url = values.get("repository_url")
    if not isinstance(url, str) or not url:
        return dict(values)
    scheme, rest = split_repository(url)
    stored = {**values, "repository_url": rest}
    if values.get("protocol_type") in (None, "", *PROTOCOLS):  # anything else stays, to be refused
        stored["protocol_type"] = scheme or values.get("protocol_type") or "https"
    # an address that is refused gives no folder: its error would be told once more, of a field that nobody has given
    is_sound = check_repository(rest, stored["protocol_type"]) is None
    if is_sound and values.get("code_save_dir") in (None, "") and (name := repository_name(rest)):
        stored["code_save_dir"] = name
    return stored


def problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with the fields together, each of which is sound."""
    url, protocol = str(values.get("repository_url") or ""), str(values.get("protocol_type") or "https")
    if not url:
        yield "repository_url", "The repository's address is missing; give it, such as host/team/name.git."
    elif sentence := check_repository(url, protocol):
        yield "repository_url", sentence
    if values.get("private_key") and protocol != "ssh":
        yield "private_key", "A private key is used with ssh only; set protocolType ssh, or give a password."
    if values.get("common_type") == "PRIVATE" and facts.kept is not None:
        yield from _login_problems(values, facts.kept, ssh=protocol == "ssh")


def _login_problems(values: Values, kept: frozenset[str], *, ssh: bool) -> Iterator[tuple[str, str]]:
    """Yield what is missing to sign in: userId and password, or with ssh a private key."""
    held = kept | {name for name in ("password", "private_key") if values.get(name)}
    if ssh and "private_key" in held:
        return
    if not values.get("user_id"):
        yield "user_id", "A PRIVATE repository needs a userId; give it, or use COMMON."
    if "password" not in held:
        more = " (or a privateKey)" if ssh else ""
        yield "password", f"A PRIVATE repository needs a password{more}; give it: it is kept for one address only."


def fact(config: Values) -> str:
    """Return address and branch."""
    return " ".join(str(config.get(name) or "") for name in ("repository_url", "branch_name"))


KIND: Final = Kind("Code download", CHECKS, problems, fact, tidy, secrets_of=("protocol_type", "repository_url"))
