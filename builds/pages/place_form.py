"""Where a build runs and its image goes: the fields for build server and registry in a build's form."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from builds.domain.error_codes import ErrorCode
from builds.domain.errors import Refused
from builds.models import Build
from builds.pages.screens.places import OWN_ENGINE, Places
from builds.pages.service_form import Code, Lines, Number, SecretText, ServiceForm, Text, Tick

KEPT: Final = "One is kept; leave this empty to keep it. Another address forgets it."
UNKNOWN: Final = "this account may not use it"
SELECT: Final = {"class": "input"}
COLUMNS: Final = {  # of the build behind the fields that have one
    "externalRegistrySeq": "registry_id",
    "buildServerHost": "server_host",
    "buildServerTlsVerify": "server_tls_verify",
    "buildServerCacrt": "server_ca_cert",
    "buildServerClientCert": "server_client_cert",
}
TLS: Final = tuple(COLUMNS)[2:]
TOPIC: Final = "topic:"  # a worker host may reach the engine beside it with what the build brings
NOT_FOUND: Final = {ErrorCode.SERVER_NOT_FOUND: "buildServerHost", ErrorCode.REGISTRY_NOT_FOUND: "externalRegistrySeq"}


class PlaceForm(ServiceForm):
    """Build server and registry; `stored` is the build that is edited, None for a new one."""

    externalRegistrySeq = Number(label="Registry", initial=0)
    buildServerHost = Text(label="Build server", widget=forms.Select(SELECT))
    engineHost = Code(label="Address of the engine", help_text="tcp://host:port of a Docker Engine.")
    buildServerTlsVerify = Tick(
        label="Use TLS",
        help_text="with what stands below; for a topic, where its worker host reaches the engine by tcp://",
    )
    buildServerCacrt = Lines(label="CA certificate of the engine", widget=forms.Textarea({"rows": 3}))
    buildServerClientCert = Lines(label="Client certificate", widget=forms.Textarea({"rows": 3}))
    buildServerClientKey = Lines(label="Client key", widget=SecretText({"rows": 3}))

    def __init__(self, *args: Any, stored: Build | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["externalRegistrySeq"].widget = forms.Select(SELECT)
        found = {name: getattr(stored, column) for name, column in COLUMNS.items()} if stored else {}
        # with the ends of lines of fields: what comes back unchanged counts as unchanged
        self.placed = {name: one.replace("\r\n", "\n") if isinstance(one, str) else one for name, one in found.items()}
        self.initial = {**self.placed, **self.initial}
        self.initial["externalRegistrySeq"] = self.initial.get("externalRegistrySeq") or 0
        self.initial["buildServerTlsVerify"] = self.initial.get("buildServerTlsVerify") in (True, "Y")
        has_key = stored is not None and bool(stored.server_client_key_encrypted)
        self.hint_secrets({"buildServerClientKey": KEPT if has_key else ""})

    def offer(self, places: Places) -> None:
        """Fill the choices; what is chosen already and is none of them is offered as it is."""
        chosen = {**self.initial, **dict(self.data.items())}
        host, seq = str(chosen.get("buildServerHost") or ""), str(chosen.get("externalRegistrySeq") or 0)
        servers, registries = list(places.servers), list(places.registries)
        if host not in dict(servers):
            if host.startswith(OWN_ENGINE) and not self.is_bound:
                self.initial = {**self.initial, "buildServerHost": OWN_ENGINE, "engineHost": host}
            else:
                servers.append((host, f"{host} ({UNKNOWN})" if host else "Default build server"))
        if seq not in dict(registries):
            registries.append((seq, f"Registry {seq} ({UNKNOWN})" if seq != "0" else "Default registry"))
        self.fields["buildServerHost"].widget.choices = servers
        self.fields["externalRegistrySeq"].widget.choices = registries

    def place(self) -> dict[str, Any]:
        """Return what the services take, by column; of TLS, None keeps what is stored and empty forgets it."""
        typed, stored_host = self.values, self.placed.get("buildServerHost")
        host = typed["buildServerHost"]
        server_host = (typed["engineHost"] or OWN_ENGINE) if host == OWN_ENGINE else host
        found = {"registry_id": typed["externalRegistrySeq"], "server_host": server_host}
        changed = {name: typed[name] for name in TLS if typed[name] != self.placed.get(name)}
        if host == OWN_ENGINE or host.startswith(TOPIC):
            found["server_client_key"] = typed["buildServerClientKey"]
        elif host == stored_host:
            return found
        else:
            changed = {}
        # What was stored for another kind of server is not for this one.
        none = {} if host in (OWN_ENGINE, stored_host) else dict.fromkeys(TLS, "") | {"buildServerTlsVerify": False}
        return found | {COLUMNS[name]: value for name, value in (none | changed).items()}

    def field_of(self, path: str) -> str | None:
        """Return the field of an error; one about a typed address stands beside that."""
        is_typed = path == "buildServerHost" and self.values["buildServerHost"] == OWN_ENGINE
        return "engineHost" if is_typed else super().field_of(path)

    def refuse(self, refused: Refused) -> dict[str, Any]:
        """Put errors beside their fields, also that the server or the registry cannot be used."""
        name = NOT_FOUND.get(refused.code)
        if name is None:
            return super().refuse(refused)
        self.add_error(self.field_of(name), ValidationError(refused.sentence, code=name))
        return {"status": refused.status}
