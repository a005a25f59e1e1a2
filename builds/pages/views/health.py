"""`/healthz`: this process answers. `/readyz`: what it needs answers too."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from builds.domain.worker_queues import BUILDS, SERVICE
from builds.models import BuildServer, Registry, WorkerHost
from builds.queries.clusters import unserved
from builds.services.accounts.access import client_address

VERSION: Final = "0.1.0"
CHECKS: Final = ("database", "queue", "sweeper", "callbacks")
LOCAL: Final = ("127.0.0.1", "::1", "")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers, and which version it is."""
    return JsonResponse({"status": "ok", "version": VERSION, "commit": commit()})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether runs can be accepted and carried out; 503 names what is missing."""
    checks = dict.fromkeys(CHECKS, "ok")
    facts: dict[str, Any] = {}
    try:
        _look(checks)
        # somebody on this machine, and not through a local proxy that nobody trusts
        if client_address(request) in LOCAL and "HTTP_X_FORWARDED_FOR" not in request.META:
            server = BuildServer.objects.filter(is_default=True).first()
            registry = Registry.objects.filter(is_default=True).first()
            facts["engine"] = server.url if server else None
            facts["registry"] = f"{registry.host}/{registry.prefix}".rstrip("/") if registry else None
    except (DatabaseError, InterfaceError) as error:
        checks = dict.fromkeys(CHECKS, "unknown") | {"database": f"does not answer ({type(error).__name__})"}
    ready = all(word == "ok" for word in checks.values())
    answer = {"status": "ready" if ready else "not ready", "checks": checks, **facts}
    return JsonResponse(answer, status=200 if ready else 503)


@lru_cache(maxsize=1)
def commit() -> str | None:
    """Return the commit that this checkout stands on, None where it is not known."""
    if given := os.environ.get("BUILDHUB_COMMIT"):
        return given
    git = Path(settings.BASE_DIR) / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="ascii").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
    except OSError:
        return None


def _look(checks: dict[str, str]) -> None:
    """Look at the worker hosts: their sweepers announce them, their build workers take from the queue."""
    alive = WorkerHost.objects.alive()
    workers = list(alive.values_list("workers", flat=True))
    if not workers:
        youngest = WorkerHost.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
        checks["sweeper"] = f"silent since {youngest.isoformat(timespec='seconds')}" if youngest else "has never beaten"
        checks["queue"] = "no worker host is alive"
        checks["callbacks"] = checks["queue"]
        return
    serving = unserved(SERVICE, alive)
    silent = unserved(BUILDS, alive) or serving
    checks["queue"] = silent or ("ok" if sum(workers) else "no worker takes runs")
    checks["callbacks"] = serving or "ok"
