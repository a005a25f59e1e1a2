"""The form of a build server. Its client key goes in and never comes out."""

import re
from collections.abc import Mapping
from typing import Any, Final, Self

from django import forms

from builds.models import Account, BuildServer
from builds.pages.forms import Choice
from builds.pages.service_form import Code, Entries, Lines, Number, SecretText, ServiceForm, Text, Tick
from builds.services.connections.server_rules import ServerDraft

MOST_ACCOUNTS: Final = 200  # to choose from
NUMBER: Final = re.compile("[0-9]{1,9}")
KEPT: Final = "One is stored; leave this empty to keep it. Another address forgets it."
TLS: Final = ("buildServerTlsVerify", "buildServerCacrt", "buildServerClientCert", "buildServerClientKey")
COLUMNS: Final[Mapping[str, str]] = {
    "buildServerName": "name",
    "buildServerHost": "url",
    "capacity": "capacity",
    "buildServerTlsVerify": "tls_verify",
    "buildServerCacrt": "ca_cert",
    "buildServerClientCert": "client_cert",
    "allowedHostPaths": "allowed_host_paths",
}


class ServerForm(ServiceForm):
    """A build server: where it is, how it is reached, how much it does at once and for whom."""

    buildServerName = Text(label="Name")
    buildServerHost = Code(
        label="Address",
        help_text="tcp://host:port of a Docker Engine, or topic:NAME for worker hosts that serve this topic.",
    )
    capacity = Number(label="Builds at the same time", initial=2)
    buildServerTlsVerify = Tick(
        label="TLS", help_text="for tcp:// only; without it, whoever reaches the port commands the machine"
    )
    buildServerCacrt = Lines(label="CA certificate", help_text="From BEGIN to END.", widget=forms.Textarea({"rows": 4}))
    buildServerClientCert = Lines(
        label="Client certificate", help_text="From BEGIN to END.", widget=forms.Textarea({"rows": 4})
    )
    buildServerClientKey = Lines(label="Client key", widget=SecretText({"rows": 4}))
    allowedHostPaths = Entries(
        label="Host paths that user tasks may mount",
        help_text="Absolute, one a line, such as /srv/cache; none: no host path.",
        widget=forms.Textarea({"rows": 2}),
    )
    accountSeqs = forms.Field(label="Accounts that may use it")

    def __init__(self, *args: Any, stored: BuildServer | None = None, **kwargs: Any) -> None:
        """`stored`: the server that is changed; where its address is not the page's to change, that is left out."""
        super().__init__(*args, **kwargs)
        server = stored or BuildServer()
        if server.is_default or server.given_by_builds:
            self._leave_out("buildServerHost", "accountSeqs")
        if server.given_by_builds or (server.is_default and not server.url.startswith("tcp://")):
            self._leave_out(*TLS)
        else:
            self.hint_secrets({"buildServerClientKey": KEPT if server.client_key_encrypted else ""})
        if "accountSeqs" in self.fields:
            granted = server.accounts.all() if server.pk else ()
            names = {one.pk: one.name for one in (*granted, *Account.objects.order_by("pk")[:MOST_ACCOUNTS])}
            choices = [(pk, Choice(name)) for pk, name in sorted(names.items())]
            self.fields["accountSeqs"].widget = forms.CheckboxSelectMultiple(choices=choices)

    def _leave_out(self, *names: str) -> None:
        for name in names:
            self.fields.pop(name, None)

    @classmethod
    def of_server(cls, server: BuildServer) -> Self:
        """Return the form of a stored server."""
        initial = {field: getattr(server, name) for field, name in COLUMNS.items()}
        accounts = list(server.accounts.values_list("pk", flat=True))
        return cls(initial={**initial, "accountSeqs": accounts}, stored=server)

    def draft(self) -> ServerDraft:
        """Return what the services take; a field that the form leaves out stays as it is stored."""
        typed = self.values
        accounts = typed.get("accountSeqs")
        columns: dict[str, Any] = {name: typed.get(field) for field, name in COLUMNS.items()}
        return ServerDraft(
            **columns,
            client_key=typed.get("buildServerClientKey") or None,
            account_ids=None if accounts is None else [int(one) for one in accounts if NUMBER.fullmatch(one)],
        )
