"""Where docker runs, where images go, and which worker hosts are alive."""

from datetime import timedelta
from typing import ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from builds.domain.log.limits import CLIPS_LOGS

HOST_SILENCE: Final = timedelta(seconds=15)  # of a worker host that counts as away


class RegistryQuerySet(models.QuerySet["Registry"]):
    """Look-ups of registries."""

    def default(self) -> "Registry | None":
        """Return the default registry, None before the first start."""
        return self.filter(is_default=True).first()

    def of_account(self, account_id: int) -> Self:
        """Return the registries that an account's builds may use, were they in use: its own and those of all."""
        return self.filter(Q(account=None) | Q(account=account_id))


class BuildServerQuerySet(models.QuerySet["BuildServer"]):
    """Look-ups of build servers."""

    def default(self) -> "BuildServer | None":
        """Return the default build server, None before the first start."""
        return self.filter(is_default=True).first()


class Registry(models.Model):
    """A place for images. The default one (`externalRegistrySeq` 0) follows BUILDHUB_REGISTRY."""

    name = models.CharField(max_length=100)
    account = models.ForeignKey(
        "builds.Account",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="registries",
        help_text="Who may use it; empty: every account.",
    )
    host = models.CharField(max_length=255, help_text="host or host:port, without scheme")
    prefix = models.CharField(max_length=200, blank=True, default="", help_text="Path before the project, if any.")
    plain_http = models.BooleanField(default=False)
    username = models.CharField(max_length=200, blank=True, default="")
    password_encrypted = models.TextField(blank=True, default="", editable=False)
    ca_certificate = models.TextField(blank=True, default="", help_text="PEM; empty: the system's authorities.")
    enabled = models.BooleanField(default=True)
    # False where somebody gave the address who does not run the installation; what the environment names is the
    # operator's own, and so is what was registered before there was this column.
    may_be_private = models.BooleanField(default=True, editable=False)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RegistryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "registries"
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="registry_one_default")
        ]

    def __str__(self) -> str:
        return self.name


class EngineFacts(models.Model):
    """What an engine has told of itself when it was last asked."""

    engine_version = models.CharField(max_length=100, blank=True, default="", editable=False)
    engine_warnings = models.JSONField(default=list, blank=True, editable=False)
    disk_free = models.BigIntegerField(null=True, editable=False, help_text="Bytes; empty: not known.")
    seen_at = models.DateTimeField(null=True, editable=False, help_text="When it answered last.")
    trouble = models.TextField(blank=True, default="", editable=False, help_text="Why it has not answered since.")
    log_clipped_at = models.DateTimeField(
        null=True, editable=False, help_text="When it last left out output of an instruction."
    )

    class Meta:
        abstract = True

    @property
    def warnings(self) -> list[str]:
        """Return what an administrator should know of the engine."""
        trouble = [self.trouble] if self.trouble else []
        return [*trouble, *self.engine_warnings, *([CLIPS_LOGS] if self.log_clipped_at else [])]


class BuildServer(EngineFacts):
    """A Docker Engine that builds. The default one follows DOCKER_HOST; a topic is served by worker hosts."""

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(max_length=255, help_text="unix:///path, tcp://host:port or topic:NAME")
    capacity = models.PositiveIntegerField(default=2, help_text="Builds that may run at the same time.")
    enabled = models.BooleanField(default=True)
    draining = models.BooleanField(default=False, help_text="Ends what it has; what comes waits.")
    given_by_builds = models.BooleanField(
        default=False, editable=False, help_text="An address that builds bring with them, and the TLS fields as well."
    )
    tls_verify = models.BooleanField(default=False)
    ca_cert = models.TextField(blank=True, default="")
    client_cert = models.TextField(blank=True, default="")
    client_key_encrypted = models.TextField(blank=True, default="", editable=False)
    allowed_host_paths = models.JSONField(
        default=list, blank=True, help_text="Host paths that user tasks may mount; none: no host path."
    )
    accounts = models.ManyToManyField(
        "builds.Account",
        blank=True,
        related_name="build_servers",
        help_text="Who may use it besides instance admins; the default one is for all.",
    )
    is_default = models.BooleanField(default=False)
    served_at = models.DateTimeField(null=True, editable=False, help_text="When a run that waited was last claimed.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BuildServerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="server_one_default"),
            models.UniqueConstraint(
                fields=["url"], condition=Q(given_by_builds=True), name="server_given_by_builds_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def topic(self) -> str | None:
        """Return the topic that worker hosts serve this server by, None for one with an address."""
        return self.url.removeprefix("topic:") if self.url.startswith("topic:") else None


class WorkerHostQuerySet(models.QuerySet["WorkerHost"]):
    """Look-ups of worker hosts."""

    def alive(self) -> Self:
        """Return those that have beaten lately, by name; others get nothing."""
        return self.filter(beat_at__gt=Now() - HOST_SILENCE).order_by("name")


class WorkerHost(EngineFacts):
    """A machine whose workers take runs: announced by its sweeper, alive while `beat_at` is young."""

    name = models.CharField(max_length=255, unique=True)
    topics = models.JSONField(default=list, blank=True)
    workers = models.PositiveIntegerField(default=0)
    # True beside an engine of its own, on another machine: other servers' runs would come to the wrong engine there.
    topics_only = models.BooleanField(default=False)
    beat_at = models.DateTimeField(db_default=Now())

    objects = WorkerHostQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def serves(self, server: BuildServer) -> bool:
        """Say whether its workers take runs of `server`."""
        return server.topic in self.topics if server.topic is not None else not self.topics_only


class WorkerCluster(models.Model):
    """One cluster of workers of a host: it serves its queue while it answers what it is asked through it."""

    host = models.ForeignKey(WorkerHost, on_delete=models.CASCADE, related_name="clusters")
    name = models.CharField(max_length=20)
    asked_at = models.DateTimeField(null=True)  # the oldest question without an answer
    heard_at = models.DateTimeField(null=True)
    process_group = models.PositiveIntegerField(null=True)  # that the last answer came from

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "name"], name="one_row_a_cluster")]

    def __str__(self) -> str:
        return f"{self.name} of {self.host.name}"


class KnownHost(models.Model):
    """The keys of an ssh server, kept from the first connection: a later one that has others is refused."""

    host = models.CharField(max_length=300, unique=True, help_text="As ssh keeps it: name, or [name]:port.")
    lines = models.TextField(help_text="Lines of known_hosts.")
    learnt_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["KnownHost"]]  # Django's own; django-stubs' plugin misses it here

    class Meta:
        ordering = ["host"]

    def __str__(self) -> str:
        return self.host
