"""Build servers and registries, and what a try of them or of a repository has found."""

from operator import attrgetter

from django.db.models import QuerySet

from builds.contract.fields import LONGEST_PEM, Answer, Flag, Items, Model, Number, PlainTime, Secret, Text, YesOrNo
from builds.models import BuildServer as ServerRow
from builds.models import Caller
from builds.models import Registry as RegistryRow
from builds.queries.connections import with_load, with_use


class BuildServer(Model):
    """A Docker Engine that builds; in a body what is absent keeps its value."""

    buildServerSeq = Number(source="pk", example=1, read_only=True)
    buildServerName = Text(source="name", max_length=100, example="default")
    buildServerHost = Text(
        "`tcp://host:port`, `topic:NAME`, or the default one's own address",
        source="url",
        max_length=255,
        example="topic:arm",
    )
    buildServerTlsVerify = YesOrNo("Whether TLS is used", source="tls_verify", example="N")
    buildServerCacrt = Text("PEM; for instance admins only", source="ca_cert", max_length=LONGEST_PEM, null=True)
    buildServerClientCert = Text(
        "PEM; for instance admins only", source="client_cert", max_length=LONGEST_PEM, null=True
    )
    buildServerClientKey = Secret(
        "PEM; write-only: blank keeps the stored one unless the host changed",
        source="client_key",
        max_length=LONGEST_PEM,
    )
    capacity = Number("Builds at the same time", min_value=1, max_value=256, example=2)
    useYn = YesOrNo("Whether it takes runs", source="enabled")
    isDefault = Flag("Whether builds without buildServerHost go here", read_only=True)
    allowedHostPaths = Items(Text(), "Host paths that user tasks may mount")
    accountSeqs = Items(
        Number(min_value=1),
        "Accounts that may use it; the default one is for all. Of yours alone, but for instance admins",
        source="account_ids",
    )
    runningCount = Number(source="running", example=0, read_only=True)
    waitingCount = Number(source="waiting", example=0, read_only=True)
    servedBy = Items(Text(), "Live worker hosts", read_only=True)
    created = PlainTime("When it was created", source="created_at")
    updated = PlainTime("When it changed last", source="updated_at")
    draining = Flag("True: it ends what it has, and new runs wait")
    version = Text("Of the engine, as it last told; of a topic those of its hosts", read_only=True, null=True)
    diskFree = Number(
        "Bytes free where the engine keeps its data; null where that cannot be asked",
        source="disk_left",
        max_value=None,
        read_only=True,
        null=True,
        example=52428800000,
    )
    warnings = Items(Text(), "What an administrator should know of it", source="told_warnings", read_only=True)
    lastSeen = PlainTime("When its engine answered last", source="last_seen", null=True)

    @staticmethod
    def tell_build_server_cacrt(server: ServerRow, caller: Caller) -> str | None:
        """Return the CA for instance admins."""
        return (server.ca_cert or None) if caller.is_instance_admin else None

    @staticmethod
    def tell_build_server_client_cert(server: ServerRow, caller: Caller) -> str | None:
        """Return the client certificate for instance admins."""
        return (server.client_cert or None) if caller.is_instance_admin else None

    @staticmethod
    def tell_account_seqs(server: ServerRow, caller: Caller) -> list[int]:
        """Return the accounts that may use the server; of others than the caller's own nobody else hears."""
        accounts = sorted(account.pk for account in server.accounts.all())
        return [pk for pk in accounts if caller.is_instance_admin or pk in caller.account_ids]


class ServerTest(Model):
    """What a build server answered."""

    ok = Flag("Whether it answered")
    message = Text("What happened, in a sentence")
    version = Text("Version of the engine", example="20.10.24", null=True)
    apiVersion = Text(example="1.41", null=True)
    storageDriver = Text(example="overlay2", null=True)
    warnings = Items(Text(), "What to know about it")


class Registry(Model):
    """A place for images; in a body what is absent keeps its value."""

    externalRegistrySeq = Number(source="pk", example=1, read_only=True)
    registryName = Text("Label of the registry", source="name", max_length=100, example="release")
    registryUrl = Text("host[:port], without scheme", source="host", max_length=255, example="registry.internal:5000")
    registryPrefix = Text("Path before the project", source="prefix", max_length=200, null=True)
    plainHttp = Flag("True: without TLS")
    loginId = Secret(
        "Write-only: blank keeps the stored one unless the address changed", source="username", max_length=200
    )
    password = Secret("Write-only: blank keeps the stored one unless the address changed")
    hasLogin = Flag("Whether a login is stored", reads=attrgetter("username"))
    caCertificate = Text("PEM; null: the system's authorities", max_length=LONGEST_PEM, null=True)
    accountSeq = Number("Who may use it; null: every account", source="account_id", min_value=1, null=True)
    useYn = YesOrNo("Whether it takes images", source="enabled")
    isDefault = Flag("Whether externalRegistrySeq 0 means this one", read_only=True)
    created = PlainTime("When it was created", source="created_at")
    updated = PlainTime("When it changed last", source="updated_at")
    lastUsed = PlainTime("When the newest image of a run got there", null=True)
    usedBy = Number("Builds that push there", example=3, read_only=True)


class RegistryTest(Model):
    """What a registry, and the default build server's engine that pushed to it, answered."""

    ok = Flag("Whether it answers, accepts the login and can be reached by the engine")
    message = Text("What happened, in sentences")
    mayPush = Flag("Whether an image could be pushed; null: not known", null=True)
    mayDelete = Flag("Whether it could be deleted again; null: not known", null=True)
    warnings = Items(Text(), "What to know about it")


class SourceTest(Model):
    """What a repository answered."""

    ok = Flag("Whether the repository, and the branchName if there is one, was found")
    message = Text("What was found or what is wrong, in a sentence")
    branches = Items(Text(example="main"), "At most 500, the default branch first; empty where ok is false")


def server_answers(servers: "QuerySet[ServerRow]", caller: Caller) -> list[Answer]:
    """Return build servers with what happens on them now, with a fixed number of queries."""
    return [BuildServer.tell(server, caller) for server in with_load(servers)]


def registry_answers(registries: "QuerySet[RegistryRow]") -> list[Answer]:
    """Return registries with what uses them, with a fixed number of queries."""
    return [Registry.tell(registry) for registry in with_use(registries)]
