"""The form of a registry. Its login goes in and never comes out."""

from collections.abc import Sequence
from typing import Any, Final, Self

from django import forms

from builds.models import Registry
from builds.pages.service_form import Code, Lines, ServiceForm, Text, Tick
from builds.services.connections.registry_rules import RegistryDraft

KEPT: Final = "One is stored; leave this empty to keep it. Another host, or plain HTTP, forgets it."


class RegistryForm(ServiceForm):
    """A registry: where it is, how it is reached, and its login."""

    registryName = Text(label="Name")
    registryUrl = Code(label="Host", help_text="host or host:port, without https://, such as registry.example:5000.")
    registryPrefix = Code(label="Path prefix", help_text="Leads every image there, such as team/images; may be empty.")
    accountSeq = Text(label="Who may use it", widget=forms.Select())
    plainHttp = Tick(label="Plain HTTP", help_text="without TLS: login and images cross the network in the open")
    caCertificate = Lines(
        label="CA certificate",
        help_text="From BEGIN to END; empty: the system's authorities. The build servers' engines need it as well.",
        widget=forms.Textarea({"rows": 4}),
    )
    loginId = Code(label="User for the push", help_text="Base images are pulled with it as well; may be empty.")
    password = Lines(
        label="Password or token", widget=forms.PasswordInput({"class": "input", "autocomplete": "new-password"})
    )
    forgetLogin = Tick(label="Forget the stored login")

    def __init__(
        self, *args: Any, stored: Registry | None = None, owners: Sequence[tuple[object, str]] = (), **kwargs: Any
    ) -> None:
        """`owners`: whose registry a new one may become; a stored one stays where it is."""
        super().__init__(*args, **kwargs)
        if stored:
            del self.fields["accountSeq"]
        else:
            self.fields["accountSeq"].widget.choices = owners
        if stored and stored.username:
            self.hint_secrets({"loginId": KEPT, "password": KEPT})
        else:
            del self.fields["forgetLogin"]

    @classmethod
    def of_registry(cls, registry: Registry) -> Self:
        """Return the form of a stored registry."""
        columns = {"registryName": "name", "registryUrl": "host", "registryPrefix": "prefix"}
        columns |= {"plainHttp": "plain_http", "caCertificate": "ca_certificate"}
        return cls(initial={field: getattr(registry, name) for field, name in columns.items()}, stored=registry)

    def draft(self) -> RegistryDraft:
        """Return what the services take."""
        typed = self.values
        account = typed.get("accountSeq") or ""
        return RegistryDraft(
            name=typed["registryName"],
            host=typed["registryUrl"],
            prefix=typed["registryPrefix"],
            plain_http=typed["plainHttp"],
            username=typed["loginId"] or None,
            password=typed["password"] or None,
            has_login=False if typed.get("forgetLogin") else None,
            ca_certificate=typed["caCertificate"],
            account_id=int(account) if account.isascii() and account.isdigit() and len(account) < 10 else None,
        )
