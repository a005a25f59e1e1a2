"""The forms of registries and build servers: fields only. What they have to be is the services' rule, as at the API."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from django import forms

from builds.admin.fields import LinesField, SecretText
from builds.admin.service_admin import ServiceForm
from builds.contract import connections
from builds.domain.errors import FieldError
from builds.models import BuildServer, Registry
from builds.services.connections.registry_rules import RegistryDraft, registry_errors
from builds.services.connections.server_rules import NO_CAPACITY, ServerDraft, server_errors

Draft = TypeVar("Draft", RegistryDraft, ServerDraft)


class ConnectionForm(ServiceForm, Generic[Draft]):
    """A form that is read into a draft, which a service stores."""

    draft: Draft
    cleared_because = ""  # why the stored secret goes, where it does

    def rule_errors(self, cleaned: Mapping[str, Any]) -> list[FieldError]:
        """Return all that is wrong with the draft that the fields make."""
        self.draft = self.drafted(cleaned)
        self.cleared_because = self.reason_to_clear(cleaned)
        return self.draft_errors()

    def drafted(self, cleaned: Mapping[str, Any]) -> Draft:
        """Return what the fields say."""
        raise NotImplementedError

    def draft_errors(self) -> list[FieldError]:
        """Return all that is wrong with the draft."""
        raise NotImplementedError

    def reason_to_clear(self, cleaned: Mapping[str, Any]) -> str:
        """Say why the stored secret goes, "" where it stays or there is none."""
        raise NotImplementedError


class RegistryForm(ConnectionForm[RegistryDraft]):
    """A registry. Its stored login is bound to its address: who changes that gives it anew."""

    password = forms.CharField(
        required=False,
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )
    contract = connections.Registry()
    places = {"account_id": "account"}

    class Meta:
        model = Registry
        fields = ("name", "account", "host", "prefix", "plain_http", "username", "ca_certificate", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if password := self.fields.get("password"):  # who may only look has no such field
            stored = self.instance.password_encrypted
            kept = "A password is stored. Leave this empty to keep it" if stored else "None yet"
            password.help_text = (
                f"{kept}; it is never shown, and cleared when the host changes or plain HTTP is chosen."
            )

    def drafted(self, cleaned: Mapping[str, Any]) -> RegistryDraft:
        """Return what the fields say; a user name that nobody has touched goes with the stored password."""
        username, password = cleaned.get("username") or "", cleaned.get("password") or ""
        account = cleaned.get("account")
        return RegistryDraft(
            name=cleaned.get("name"),
            host=cleaned.get("host"),
            prefix=cleaned.get("prefix"),
            plain_http=cleaned.get("plain_http"),
            username=username if password or "username" in self.changed_data else None,
            password=password or None,
            has_login=bool(username),
            ca_certificate=cleaned.get("ca_certificate"),
            account_id=account.pk if account else None,
            enabled=cleaned.get("enabled"),
        )

    def draft_errors(self) -> list[FieldError]:
        """Return all that is wrong with the draft."""
        stored = self.instance if self.instance.pk else Registry(account_id=self.draft.account_id)
        # Who asks is the service's matter: it checks again, for those who may not name a private address.
        return registry_errors(stored, self.draft, may_be_private=True)

    def reason_to_clear(self, cleaned: Mapping[str, Any]) -> str:
        """Say why the stored password goes, "" where it stays or there is none."""
        if not self.instance.password_encrypted or self.draft.password:
            return ""
        if not self.draft.has_login:
            return "there is no user name any more"
        if not self.draft.moves(self.instance):
            return ""
        return "the host has changed" if "host" in self.changed_data else "plain HTTP would send it in the open"


class BuildServerForm(ConnectionForm[ServerDraft]):
    """A build server. Its stored client key is bound to its address: who changes the address gives it anew."""

    client_key = SecretText(label="Client key")
    allowed_host_paths = LinesField(help_text="Host paths that user tasks may mount, one a line; none: no host path.")
    contract = connections.BuildServer()
    places = {"account_ids": "accounts"}

    class Meta:
        model = BuildServer
        fields = (
            *("name", "url", "capacity", "enabled", "accounts", "allowed_host_paths"),
            *("tls_verify", "ca_cert", "client_cert"),
        )
        error_messages = {"capacity": {"invalid": NO_CAPACITY}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if key := self.fields.get("client_key"):  # who may only look has no such field
            stored = self.instance.client_key_encrypted
            kept = "A key is stored. Leave this empty to keep it" if stored else "None yet"
            key.help_text = f"{kept}; it is never shown, and cleared when the address changes."

    def drafted(self, cleaned: Mapping[str, Any]) -> ServerDraft:
        """Return what the fields say."""
        return ServerDraft(
            name=cleaned.get("name"),
            url=cleaned.get("url"),
            tls_verify=cleaned.get("tls_verify"),
            ca_cert=cleaned.get("ca_cert"),
            client_cert=cleaned.get("client_cert"),
            client_key=cleaned.get("client_key"),
            capacity=cleaned.get("capacity"),
            enabled=cleaned.get("enabled"),
            allowed_host_paths=cleaned.get("allowed_host_paths"),
            account_ids=[account.pk for account in cleaned.get("accounts") or ()],
        )

    def draft_errors(self) -> list[FieldError]:
        """Return all that is wrong with the draft."""
        return server_errors(self.instance, self.draft)

    def reason_to_clear(self, cleaned: Mapping[str, Any]) -> str:
        """Say why the stored key goes, "" where it stays or there is none."""
        moves = "url" in self.changed_data and not self.draft.client_key
        return "the address has changed" if moves and self.instance.client_key_encrypted else ""
