"""Where a commit is shown to people: its page at the forges whose addresses are known."""

import re
from typing import Final
from urllib.parse import quote

ADDRESS: Final = re.compile(
    r"(?:(?P<scheme>https?|ssh)://)?(?P<user>[^@/]*@)?(?P<host>[^:/@]+)(?::(?P<port>[0-9]+)(?=/))?[:/](?P<path>.+)"
)
COMMIT_ID: Final = re.compile(r"[0-9a-f]{7,64}")
# what stands between the address of a repository and the commit: by host, else by the first label of the host
HOSTS: Final = {
    "github.com": "commit",
    "gitlab.com": "-/commit",
    "bitbucket.org": "commits",
    "codeberg.org": "commit",
}
LABELS: Final = {"gitlab": "-/commit", "gitea": "commit", "forgejo": "commit"}


def commit_url(repository_url: str, commit_id: str) -> str | None:
    """Return the address of a commit's page, or None where the forge is not known.

    `repository_url` is one of https, http, ssh or git's short form `git@host:path`; without scheme it is https. What
    is reached by ssh has its pages on https.
    """
    address = ADDRESS.fullmatch(repository_url)
    if address is None or not COMMIT_ID.fullmatch(commit_id):
        return None
    host, path = address["host"].lower(), address["path"].strip("/").removesuffix(".git")
    between = HOSTS.get(host) or LABELS.get(host.partition(".")[0])
    if between is None or "/" not in path:
        return None
    is_web = address["scheme"] in ("http", "https") or not (address["scheme"] or address["user"])
    scheme = address["scheme"] if is_web and address["scheme"] else "https"
    port = f":{address['port']}" if is_web and address["port"] else ""
    return f"{scheme}://{host}{port}/{quote(path, safe='/%~+')}/{between}/{commit_id}"
