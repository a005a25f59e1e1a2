"""What the steps of one attempt share."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from django.conf import settings

from builds.domain import failures, remote_kinds
from builds.domain.remote_failures import remote_failed
from builds.engine.docker import Engine
from builds.engine.types import ManifestFacts
from builds.execution.failing import RunFailed
from builds.execution.patience import Patience
from builds.execution.recorder import Recorder
from builds.execution.stop import Stop
from builds.execution.volume import WorkspaceVolume
from builds.execution.workspace import PathLeaves, Workspace
from builds.models import BuildRun, BuildServer, Registry
from builds.queries.installation import installation_id
from builds.services.connections.clients import BaseLogins, RunAccess, engine_of_run
from builds.services.runs.transitions import Lease


@dataclass(frozen=True)
class Code:
    """What a step has put into the workspace: its folder in there, and when its commit was made."""

    folder: str
    time: datetime


@dataclass
class RunContext:
    """One attempt: the run and its registries, the right to write it, and the doors to engine and registry.

    Whatever a step asks of the database goes through `patiently`.
    """

    access: RunAccess
    lease: Lease
    stop: Stop
    recorder: Recorder
    patiently: Patience
    image_id: str = ""
    pulled_name: str = ""  # the name under which the engine holds an image that was fetched for this run
    pushed_digest: str = ""
    verified: ManifestFacts | None = field(default=None)
    code: list[Code] = field(default_factory=list)
    uploaded_bytes: int | None = None  # of the uploaded context in the workspace
    works_on_server: bool = False  # the workspace is a volume there, and files are on this machine's disk in passing

    @cached_property
    def server(self) -> BuildServer:
        """Return the build server of the run."""
        if self.run.server is None:
            raise RuntimeError(f"BUILD run {self.run.pk} has no build server.")
        return self.run.server

    @cached_property
    def engine(self) -> Engine:
        """Return the engine that builds."""
        return engine_of_run(self.run)

    @cached_property
    def engine_version(self) -> "Future[str]":
        """Ask the engine what it is, from when this is first looked at; INIT waits for the answer."""
        told: Future[str] = Future()
        engine = self.engine

        def ask() -> None:
            try:
                told.set_result(engine.version)
            except Exception as error:  # noqa: BLE001  raised where the answer is waited for
                told.set_exception(error)

        threading.Thread(target=ask, name=f"engine-version-{self.lease.run_id}", daemon=True).start()
        return told

    @property
    def run(self) -> BuildRun:
        """Return the run as it was accepted."""
        return self.access.run

    @property
    def registry(self) -> Registry:
        """Return where the image goes."""
        return self.patiently(lambda: self.access.registry)

    @property
    def logins(self) -> BaseLogins:
        """Return with what the build pulls."""
        return self.patiently(lambda: self.access.logins)

    @cached_property
    def workspace(self) -> Workspace:
        """Return the folder that the steps of this attempt share."""
        return Workspace(self.run.pk, self.lease.attempt)

    @cached_property
    def volume(self) -> WorkspaceVolume:
        """Return the workspace on the build server of a run that works there."""
        return WorkspaceVolume(
            self.engine,
            self.build_id,
            self.patiently(labels, self.run.pk, self.lease.attempt),
            has_network=settings.TASK_NETWORK == "bridge",
            stop=self.stop,
        )

    def bring(self, source: Path, path: str) -> None:
        """Put what a step has fetched at `path` of the workspace. Raises `RunFailed` where that leads out of it."""
        try:
            self.volume.put(source, path)
        except PathLeaves as error:
            raise RunFailed(remote_failed(remote_kinds.REMOTE_PATH_LEAVES, error.path)) from error

    def share(self, path: str) -> None:
        """Hand what lies on this machine at `path` of the workspace to the build server, where the steps work there."""
        if self.works_on_server:
            self.stop.check()
            self.volume.put(self.workspace.root / path, path)
            self.workspace.clear()

    def inside(self, path: str) -> Path:
        """Return where a path of the definition leads in the workspace. Raises `RunFailed` where it leaves that."""
        try:
            return self.workspace.inside(path)
        except PathLeaves as error:
            raise RunFailed(failures.path_leaves(error.path)) from error

    @property
    def has_files(self) -> bool:
        """Say whether anything has brought files into the workspace, be it none at all."""
        return bool(self.code) or self.uploaded_bytes is not None or self.works_on_server

    @property
    def original(self) -> BuildRun | None:
        """Return the run whose image this one pushes again, None for a run that builds."""
        return self.run.target if self.run.definition.push_of is not None else None

    @property
    def build_id(self) -> str:
        """Return the name of this attempt's build on the engine; a lost attempt is cancelled by it."""
        return self.patiently(build_id, self.run.pk, self.lease.attempt)


def build_id(run_id: int, attempt: int) -> str:
    """Return the fixed engine name of one attempt's build."""
    return f"buildhub-{installation_id()}-{run_id}-{attempt}"


def labels(run_id: int, attempt: int | None = None) -> dict[str, str]:
    """Return the labels on all that an engine holds for a run, or for one attempt (docs/contract.md, "Labels")."""
    of_attempt = {} if attempt is None else {"buildhub.attempt": str(attempt)}
    return {"buildhub.installation": installation_id(), "buildhub.run": str(run_id)} | of_attempt
