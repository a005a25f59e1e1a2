"""Where steps reach: paths in the workspace, addresses, repositories, branches. Pure checks of the text.

What a name resolves to is the outbound guard's matter (docs/security.md, "Addresses that users give").
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

PATH_LENGTH: Final = 1024  # characters
URL_LENGTH: Final = 4000
BRANCH_LENGTH: Final = 250  # below the 255 bytes that file systems give to a name

HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")
PORT: Final = re.compile(r"[0-9]{1,5}")
SSH_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
STRANGE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\\ud800-\udfff]")  # controls, blanks, backslash
REF_STRANGE: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]")  # git check-ref-format, rule 4 and 5

SCHEMES: Final = ("https", "http", "ssh")
SSH_PORT: Final = 22
LEAVES: Final = "This path leaves the workspace; write it relative to /workspace and without `..`."
STRANGE_PATH: Final = "This path holds a backslash or control character; write it with / and plain names."


@dataclass(frozen=True)
class Place:
    """Where a repository is reached."""

    scheme: str
    user: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> "Place":
        """Read an address such as https://host:port/path, ssh://user@host/path or user@host:path."""
        if short := _scp_form(url):
            user, _, host = short[0].rpartition("@")
            return cls("ssh", user, host, None)
        scheme, _, rest = url.partition("://")
        user, _, netloc = _split_at_path(rest)[0].rpartition("@")
        host, _, port = netloc.rpartition(":") if re.search(r":\d+$", netloc) else (netloc, "", "")
        return cls(scheme, user, host.strip("[]"), int(port) if port else None)

    @property
    def alias(self) -> str:
        """The name under which ssh keeps the keys of this host."""
        return self.host if self.port in (None, SSH_PORT) else f"[{self.host}]:{self.port}"

    @property
    def shown(self) -> str:
        """Host and port as an address has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


def check_inner_path(path: str) -> str | None:
    """Say what is wrong with a path that is relative to the workspace, or None."""
    if path.startswith(("/", "~")):
        return LEAVES
    return _check_path(path)


def check_any_path(path: str) -> str | None:
    """Say what is wrong with a path that is relative to the workspace or absolute in a container, or None."""
    return _check_path(path)


def check_absolute_path(path: str) -> str | None:
    """Say what is wrong with a path that has to be absolute, or None; `:` would end it in a mount."""
    if not path.startswith("/"):
        return "This path has to be absolute; begin it with /."
    if ":" in path:
        return "This path holds a colon, which a mount cannot have; use another path."
    return _check_path(path)


def is_within(path: str, parent: str) -> bool:
    """Say whether an absolute path is `parent` or below it; both without `..`."""
    parts, above = [[part for part in text.split("/") if part not in ("", ".")] for text in (path, parent)]
    return parts[: len(above)] == above


def split_repository(url: str) -> tuple[str, str]:
    """Return the protocol that a repository's address names (empty: none) and the address without scheme."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() in SCHEMES:
        return scheme.lower(), rest
    return ("ssh", url) if _scp_form(url) else ("", url)


def repository_url(address: str, protocol: str) -> str:
    """Return the whole address of a repository from the one that is stored, which has no scheme."""
    return address if protocol == "ssh" and _scp_form(address) else f"{protocol}://{address}"


def check_repository(url: str, protocol: str) -> str | None:
    """Say what is wrong with a repository's address without scheme, which `protocol` reaches, or None."""
    if STRANGE.search(url):
        return "The repository's address holds a blank, backslash or control character; write it plainly."
    if url.startswith("-") or "::" in url.partition("[")[0] or "://" in url:
        return "Only https, http and ssh reach a repository; write host/path/name.git."
    if not url.isascii():
        return "The repository's address has letters beyond ASCII; write its host as xn--… and its path encoded."
    authority, path = _scp_form(url) or _split_at_path(url)
    if sentence := _check_authority(authority, protocol):
        return sentence
    if not path.strip("/") or path.startswith("-") or ".." in path.split("/") or re.search(r"[?#]", path):
        return "The repository's address needs a plain path after its host, such as host/team/name.git."
    return None


def repository_name(url: str) -> str:
    """Return the last part of a repository's path without `.git`: the folder that its code goes to by default."""
    last = url.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return last.removesuffix(".git")


def check_branch(name: str) -> str | None:
    """Say what is wrong with the name of a branch, tag or commit, or None (git check-ref-format)."""
    if len(name.encode("utf-8", "surrogatepass")) > BRANCH_LENGTH:
        return f"The branch name has more than {BRANCH_LENGTH} bytes; shorten it."
    parts = name.split("/")
    wrong = (
        REF_STRANGE.search(name)
        or name.startswith("-")
        or name.endswith(".")
        or ".." in name
        or "@{" in name
        or name == "@"
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    )
    if wrong:
        return "This is no name of a branch, tag or commit that git takes; write it as git branch prints it."
    return None


def check_http_url(url: str) -> str | None:
    """Say what is wrong with an address of http or https, or None."""
    return check_url(url, ("http", "https"))


def check_url(url: str, schemes: tuple[str, ...]) -> str | None:
    """Say what is wrong with an address of one of `schemes`, with host and without user or password, or None."""
    example = " or ".join(f"{scheme}://host/path" for scheme in schemes)
    if len(url) > URL_LENGTH:
        return f"This address has {len(url):,} characters; at most {URL_LENGTH:,} are kept."
    if STRANGE.search(url):
        return "This address holds a blank, backslash or control character; encode it."
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"This address cannot be read; write it as {example}."
    if parts.scheme not in schemes or not parts.netloc:
        return f"This address has to be {example}."
    if "@" in parts.netloc:
        return "Leave user and password out of the address; there are fields of their own for them."
    return _check_host_port(parts.netloc)


def _check_path(path: str) -> str | None:
    if len(path) > PATH_LENGTH:
        return f"This path has {len(path):,} characters; at most {PATH_LENGTH:,} are allowed."
    if re.search(r"[\x00-\x1f\x7f\\\ud800-\udfff]", path):
        return STRANGE_PATH
    return LEAVES if ".." in path.split("/") else None


def _scp_form(url: str) -> tuple[str, str] | None:
    """Return user@host and path of git's short form `git@host:path`, None where it is another one."""
    authority, colon, path = url.partition(":")
    if not colon or "/" in authority or "@" not in authority or PORT.fullmatch(path.partition("/")[0]):
        return None  # digits before the path are the port of an address whose ssh:// was cut off
    return authority, path


def _split_at_path(url: str) -> tuple[str, str]:
    authority, _, path = url.partition("/")
    return authority, path


def _check_authority(authority: str, protocol: str) -> str | None:
    user, at, host = authority.rpartition("@")
    if not at:
        return _check_host_port(host)
    if protocol != "ssh" or not SSH_USER.fullmatch(user):
        return "Leave user and password out of the repository's address; give userId and password."
    return _check_host_port(host)


def _check_host_port(netloc: str) -> str | None:
    """Check host[:port]; an address of version 6 stands in brackets."""
    host, port = netloc, ""
    if netloc.startswith("["):
        inner, bracket, tail = netloc[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")) or not _is_ipv6(inner):
            return "The host is no address of version 6 in brackets, such as [2001:db8::1]."
        host, port = "v6", tail
    elif ":" in netloc:
        host, _, port = netloc.partition(":")
        port = f":{port}"
    if not HOST.fullmatch(host) or ".." in host:
        return "The host is missing or no host name: letters, digits, - and dots."
    if port and not (PORT.fullmatch(port[1:]) and 1 <= int(port[1:]) <= 65535):
        return "The port has to be a number from 1 to 65535."
    return None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
