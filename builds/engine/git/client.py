"""Fetch the code of a repository: the one commit that is asked for, into a folder, by the system's git."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from builds.domain.steps.places import SSH_PORT, Place
from builds.engine.git.errors import CertificateUntrusted, GitFailed, PartFailed, RefMissing, RepositoryEmpty
from builds.engine.git.login import Login, handed_over
from builds.engine.git.process import Surroundings, Work, check_size, run
from builds.engine.outbound import OutboundFailed, OutboundRefused, certificate_problem, checked_host
from builds.engine.outbound_socks import SocksDoor

HEX: Final = re.compile(r"[0-9a-f]{7,64}")
FULL_HEX: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
NO_REF: Final = "couldn't find remote ref"
NO_COMMIT: Final = re.compile(r"not our ref|unadvertised object|no such remote ref|did not contain")
HTTPS_PORT: Final = 443
HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
HEAD_LINE: Final = re.compile(r"^(\S+)\trefs/heads/(\S+)$", re.MULTILINE)  # of what ls-remote prints
HEAD_NAME: Final = re.compile(r"^ref: refs/heads/(\S+)\tHEAD$", re.MULTILINE)
HEAD_COMMIT: Final = re.compile(r"^(\S+)\tHEAD$", re.MULTILINE)
LATEST: Final = 2**63 // 10**9  # seconds: files of a build have 64 bits of nanoseconds
LFS_PROGRAM: Final = Path(__file__).with_name("lfs.py")
IN_LFS: Final = ":(attr:filter=lfs)"

# A server's answer never chooses what runs here: no hooks, no helpers, no configuration but this.
CONFIGURATION: Final = {
    "advice.detachedHead": "false",
    "checkout.workers": "0",  # as many as the machine has cores
    "core.fsync": "none",  # the folder does not outlive the run
    "core.hooksPath": "/dev/null",
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1000",  # bytes a second, for
    "http.lowSpeedTime": "60",  # seconds
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
}
# Its own shell keeps ssh waiting until the sentence is out. No %h: the name of a host may hold words for a shell.
REFUSING: Final = """  ProxyCommand sh -c 'echo "BuildHub goes by ssh to the host of the repository only." >&2; exit 1'
"""
NO_SSH: Final = f"""Host *
{REFUSING}"""
# Old faults in the objects of well-known repositories, which harm nobody.
TOLERATED: Final = ("badDateOverflow", "badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode", "zeroPaddedDate")


@dataclass(frozen=True)
class Repository:
    """Where code is: `url` is whole and holds no login; `known_hosts` are lines as ssh keeps them.

    `accepts_new_host` lets ssh believe a host of which no key is known, and learn it.
    """

    url: str
    login: Login = field(default=Login())
    verify_tls: bool = True
    known_hosts: str = ""
    accepts_new_host: bool = False
    submodules: bool = False
    lfs: bool = False


@dataclass(frozen=True)
class Commit:
    """What was fetched; `branch` is the branch or tag it was named by, empty for a commit named by its number."""

    id: str
    author: str
    subject: str
    branch: str
    time: datetime


class Git:
    """One repository, for as long as `opened` lasts."""

    def __init__(self, repository: Repository, around: Surroundings, door: SocksDoor) -> None:
        self._repository, self._around, self._door = repository, around, door
        self._work = around.work
        self._found: tuple[str, frozenset[str]] | None = None

    @property
    def known_hosts(self) -> str:
        """Return the lines of known hosts as they are now: ssh may have learnt one."""
        path = self._work.private / "known_hosts"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def branches(self) -> list[str]:
        """Return the names of the branches, the default one first if there is one."""
        default, names = self._heads()
        return sorted(names, key=lambda name: (name != default, name))

    def default_branch(self) -> str:
        """Return the branch that HEAD names or whose commit it is; empty where there is none."""
        return self._heads()[0]

    def _heads(self) -> tuple[str, frozenset[str]]:
        """Return the default branch and all of them; asked for once."""
        if self._found is None:  # a cached_property of Python 3.11 would let one thread ask at a time
            asked = ("ls-remote", "--symref", "--", self._repository.url, "HEAD", f"{HEADS}*")
            listed = self._git(self._work.private, *asked).decode(errors="replace")
            commits = {name: commit for commit, name in HEAD_LINE.findall(listed)}
            named, detached = HEAD_NAME.search(listed), HEAD_COMMIT.search(listed)
            if named:
                default = named[1] if named[1] in commits else ""
            else:
                default = min((n for n, commit in commits.items() if detached and commit == detached[1]), default="")
            self._found = default, frozenset(commits)
        return self._found

    def has(self, ref: str) -> bool:
        """Say whether a branch or tag is called `ref`; a commit's number cannot be asked for, and counts as there."""
        if HEX.fullmatch(ref):
            return True
        return bool(self._git(self._work.private, "ls-remote", "--", self._repository.url, *_full_names(ref)))

    def fetch(self, ref: str, folder: Path) -> Commit:
        """Put the code of `ref` (a branch, tag or commit; empty: the default branch) into `folder`, which is empty.

        Raises `RefMissing`, `RepositoryEmpty` and what `run` raises.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._git(folder, "init", "--quiet", "--template=")
        self._git(folder, "remote", "add", "origin", self._repository.url)
        name = self._fetch(ref, folder)
        self._git(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        if self._repository.submodules:
            self._fetch_submodules(folder)
        if self._repository.lfs:
            self._fetch_lfs(folder)
        else:
            self._say_pointers(folder)
        check_size(self._work.folder, self._work.limit_bytes)
        printed = self._git(folder, "log", "-1", "--format=%H%x00%an%x00%s%x00%ct", "HEAD")
        number, author, subject, seconds = printed.decode(errors="replace").strip("\n").split("\0")
        return Commit(number, author, subject, name, datetime.fromtimestamp(min(int(seconds), LATEST), UTC))

    def _fetch(self, ref: str, folder: Path) -> str:
        """Fetch one commit without its history; return the name of its branch or tag."""
        name = ref
        if not name:
            branches = self.branches()
            if not branches:
                raise RepositoryEmpty
            if len(branches) > 1 and not self.default_branch():  # which one it is would be a guess
                raise RefMissing("HEAD", branches)
            name = branches[0]
        for full in _full_names(name):
            if self._fetched(folder, full):
                return full.removeprefix(HEADS).removeprefix(TAGS)
        if FULL_HEX.fullmatch(name) and self._fetched(folder, name):
            return ""
        if HEX.fullmatch(name) and self._fetched_all(folder, name):
            return ""
        raise RefMissing(name, self.branches())

    def _fetched(self, folder: Path, name: str) -> bool:
        """Fetch what the repository calls `name`; False where it has no such thing."""
        asked = ("fetch", "--progress", "--depth=1", "--no-tags", "--no-recurse-submodules")
        try:
            self._git(folder, *asked, "--", "origin", name)
        except GitFailed as failure:
            if NO_REF in failure.answered or NO_COMMIT.search(failure.answered):
                return False
            raise
        return True

    def _fetched_all(self, folder: Path, commit: str) -> bool:
        """Fetch all history and look for `commit` in it: for a short number, or a server that gives none by number."""
        asked = (
            "fetch",
            "--progress",
            "--no-recurse-submodules",
            "--tags",
            "--",
            "origin",
            f"+{HEADS}*:refs/remotes/origin/*",
        )
        self._git(folder, *asked)
        try:
            found = self._git(folder, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
        except GitFailed:
            return False
        (folder / ".git" / "FETCH_HEAD").write_bytes(found)
        return True

    def _fetch_submodules(self, folder: Path) -> None:
        update = ("submodule", "update", "--init", "--recursive", "--progress", "--jobs=2")
        with _part("submodule"):
            try:
                self._git(folder, *update, "--depth=1")
            except GitFailed as failure:
                if not NO_COMMIT.search(failure.answered):
                    raise
                # A server that gives no commit by its number: all history, from new, has it.
                self._git(folder, "submodule", "--quiet", "deinit", "--force", "--all")
                shutil.rmtree(folder / ".git" / "modules")
                self._git(folder, *update)

    def _fetch_lfs(self, folder: Path) -> None:
        verify = "verify" if self._repository.verify_tls else "any"
        program = (sys.executable, "-I", str(LFS_PROGRAM), self._door.url, verify)
        with _part("lfs"):
            self._run(folder, *program)
            if self._repository.submodules:
                self._git(folder, "submodule", "foreach", "--quiet", "--recursive", shlex.join(program))

    def _say_pointers(self, folder: Path) -> None:
        """Say how many files stay pointers: what breaks without them tells nobody why."""
        count = self._git(folder, "ls-files", "-z", "--", IN_LFS).count(b"\0")
        if count:
            files = "1 file is" if count == 1 else f"{count:,} files are"
            self._work.said(
                f"{files} kept in LFS, and only pointers are fetched; set lfs to fetch them whole",
                False,  # noqa: FBT003 - no step of a progress
            )

    def _git(self, folder: Path, *arguments: str) -> bytes:
        return self._run(folder, "git", *arguments)

    def _run(self, folder: Path, *arguments: str) -> bytes:
        """Run a program. Raises what the door refused, which git itself knows in other words, and what `run` raises."""
        try:
            return run(self._around, folder, *arguments)
        except GitFailed as failure:
            if self._door.problem is not None:
                raise self._door.problem from failure
            if "certificate" in failure.answered:  # the TLS library of git does not tell why
                place = Place.of(self._repository.url)
                if why := certificate_problem(place.host, place.port or HTTPS_PORT, allowed=self._work.allowed):
                    raise CertificateUntrusted(why) from failure
            raise


@contextmanager
def opened(repository: Repository, work: Work) -> Iterator[Git]:
    """Reach a repository. Raises `OutboundRefused`, `OutboundFailed`, `OutboundStopped`, `KeyUnusable`."""
    place = Place.of(repository.url)
    user = place.user or repository.login.user
    host = f"{user}@{place.alias}" if place.scheme == "ssh" else f"{place.scheme}://{place.shown}"
    with ExitStack() as held:
        door = held.enter_context(SocksDoor(work.allowed))
        login = held.enter_context(handed_over(repository.login, host, work.private))
        if place.scheme == "ssh":
            port = place.port or SSH_PORT
            addresses = checked_host(
                place.host, port, allowed=work.allowed, asked="reach the repository", is_over=work.stopping.is_set
            )
            _write_ssh(repository, place, str(addresses[0]), work.private)
        else:
            (work.private / "ssh_config").write_text(NO_SSH, encoding="utf-8")  # of a submodule, or of LFS
        environment = _environment(repository, login, work.private, door)
        yield Git(repository, Surroundings(work, environment), door)


@contextmanager
def _part(part: Literal["submodule", "lfs"]) -> Iterator[None]:
    """Name the part that could not be fetched."""
    try:
        yield
    except (GitFailed, OutboundFailed, OutboundRefused, CertificateUntrusted) as error:
        raise PartFailed(part, error.answered) from error


def _full_names(name: str) -> list[str]:
    """Return what a branch or tag called `name` is called in full."""
    return [name] if name.startswith("refs/") else [f"{HEADS}{name}", f"{TAGS}{name}"]


def _environment(repository: Repository, login: Mapping[str, str], private: Path, door: SocksDoor) -> dict[str, str]:
    settings = {
        **CONFIGURATION,
        **{f"fetch.fsck.{fault}": "ignore" for fault in TOLERATED},
        "http.proxy": door.url,
        "http.sslVerify": "true" if repository.verify_tls else "false",
    }
    entries = {f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(settings)}
    entries |= {f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())}
    authorities = os.environ.get("SSL_CERT_FILE")  # as Python's own TLS takes it
    return {
        **({"GIT_SSL_CAINFO": authorities, "SSL_CERT_FILE": authorities} if authorities else {}),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(private),
        "LC_ALL": "C.UTF-8",  # its words are read
        "GIT_ALLOW_PROTOCOL": "https:http:ssh",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_SSH_COMMAND": shlex.join(("ssh", "-F", str(private / "ssh_config"))),
        "GIT_SSH_VARIANT": "ssh",
        "GIT_TERMINAL_PROMPT": "0",
        **entries,
        **login,
    }


def _write_ssh(repository: Repository, place: Place, address: str, private: Path) -> None:
    """Write what ssh is to know: the one host, its checked address, and the keys by which it is believed."""
    (private / "known_hosts").write_text(f"{repository.known_hosts.strip()}\n".lstrip(), encoding="utf-8")
    user = f"\n  User {repository.login.user}" if repository.login.user and not place.user else ""
    (private / "ssh_config").write_text(
        f"""Host {place.host}{user}
  HostName {address}
  HostKeyAlias {place.alias}
Host !{place.host} *
{REFUSING}Host *
  BatchMode no
  CheckHostIP no
  ConnectTimeout 15
  ForwardAgent no
  NumberOfPasswordPrompts 1
  PreferredAuthentications publickey,password,keyboard-interactive
  ServerAliveInterval 15
  ServerAliveCountMax 4
  StrictHostKeyChecking {"accept-new" if repository.accepts_new_host else "yes"}
  UpdateHostKeys no
  UserKnownHostsFile "{private}/known_hosts"
  GlobalKnownHostsFile /dev/null
""",
        encoding="utf-8",
    )
