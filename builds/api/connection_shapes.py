"""Build servers and registries as models of the API: every field always there, secrets always null."""

from django.db.models import QuerySet

from builds.models import BuildServer, Caller, Registry
from builds.queries.connections import ServerLoad, with_load
from builds.queries.shapes import Shape, plain_time


def server_shapes(servers: "QuerySet[BuildServer]", caller: Caller) -> list[Shape]:
    """Return build servers with what happens on them now, with a fixed number of queries."""
    listed, load = with_load(servers)
    return [server_shape(server, caller, load) for server in listed]


def server_shape(server: BuildServer, caller: Caller, load: ServerLoad) -> Shape:
    """Return a BuildServer. Certificates are for instance admins; of accounts only the caller's own are named."""
    is_admin = caller.is_instance_admin
    accounts = sorted(account.pk for account in server.accounts.all())
    return {
        "buildServerSeq": server.pk,
        "buildServerName": server.name,
        "buildServerHost": server.url,
        "buildServerTlsVerify": _yes_no(server.tls_verify),
        "buildServerCacrt": (server.ca_cert or None) if is_admin else None,
        "buildServerClientCert": (server.client_cert or None) if is_admin else None,
        "buildServerClientKey": None,
        "capacity": server.capacity,
        "useYn": _yes_no(server.enabled),
        "isDefault": server.is_default,
        "allowedHostPaths": list(server.allowed_host_paths),
        "accountSeqs": accounts if is_admin else [pk for pk in accounts if pk in caller.account_ids],
        "runningCount": load.running.get(server.pk, 0),
        "waitingCount": load.waiting.get(server.pk, 0),
        "servedBy": load.served_by(server),
        "created": plain_time(server.created_at),
        "updated": plain_time(server.updated_at),
    }


def registry_shape(registry: Registry) -> Shape:
    """Return a Registry; user and password are write-only, `hasLogin` says whether they are stored."""
    return {
        "externalRegistrySeq": registry.pk,
        "registryName": registry.name,
        "registryUrl": registry.host,
        "registryPrefix": registry.prefix or None,
        "plainHttp": registry.plain_http,
        "loginId": None,
        "password": None,
        "hasLogin": bool(registry.username),
        "caCertificate": registry.ca_certificate or None,
        "accountSeq": registry.account_id,
        "useYn": _yes_no(registry.enabled),
        "isDefault": registry.is_default,
        "created": plain_time(registry.created_at),
        "updated": plain_time(registry.updated_at),
    }


def _yes_no(value: bool) -> str:  # noqa: FBT001  one value in, one word out
    return "Y" if value else "N"
