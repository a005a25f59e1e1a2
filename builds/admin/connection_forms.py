"""The forms of registries and build servers."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from django import forms

from builds.admin.fields import LinesField, SecretText
from builds.models import BuildServer, Registry
from builds.services.certificates import check_tls
from builds.services.credentials import decrypt, encrypt

# host or host:port; an address of version 6 stands in brackets
HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::(?P<port>\d{1,5}))?"
)
TLS_FIELDS: Final = {"ca": "ca_cert", "certificate": "client_cert", "key": "client_key"}
TOPIC: Final = re.compile(r"topic:[A-Za-z0-9][A-Za-z0-9._-]*")


class RegistryForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """A registry. Its stored password is bound to its host: who changes the host gives it anew (security.md)."""

    password = forms.CharField(
        required=False,
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Registry
        fields = ("name", "account", "host", "prefix", "plain_http", "username", "ca_certificate", "enabled")

    cleared_because = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = "A password is stored. Leave this empty to keep it" if self.instance.password_encrypted else "None yet"
        self.fields["password"].help_text = f"{stored}; it is never shown, and cleared when the host changes."

    @property
    def has_cleared_password(self) -> bool:
        """True where `save` took a stored password away."""
        return bool(self.cleared_because)

    def clean_host(self) -> str:
        """Return the host; raises `ValidationError` for an address with scheme or path."""
        host: str = self.cleaned_data["host"]
        found = HOST.fullmatch(host)
        if not found or int(found["port"] or 1) not in range(1, 65_536):
            raise forms.ValidationError(
                "Give host or host:port, without scheme and path, such as registry.example:5000."
            )
        return host

    def clean_ca_certificate(self) -> str:
        """Return the authorities; raises `ValidationError` for what is no certificate."""
        pem: str = self.cleaned_data["ca_certificate"]
        if problems := [said for _, said in check_tls(ca=pem, certificate="", key="")]:
            raise forms.ValidationError(problems)
        return pem

    def clean(self) -> dict[str, Any] | None:
        """Refuse a password without a user, which nothing would ever use."""
        cleaned: dict[str, Any] | None = super().clean()
        if cleaned and cleaned.get("password") and not cleaned.get("username"):
            self.add_error("username", "A password needs a user name; give both, or neither.")
        return cleaned

    def save(self, commit: bool = True) -> Registry:  # noqa: FBT001, FBT002  Django's
        """Keep, replace or clear the password; only its encrypted form is stored."""
        registry: Registry = self.instance
        if password := self.cleaned_data.get("password"):
            registry.password_encrypted = encrypt(password)
        elif registry.password_encrypted and (reason := self._reason_to_clear()):
            registry.password_encrypted = ""
            self.cleared_because = reason
        saved: Registry = super().save(commit)
        return saved

    def _reason_to_clear(self) -> str:
        if "host" in self.changed_data:
            return "the host has changed"
        return "" if self.cleaned_data.get("username") else "there is no user name any more"


class BuildServerForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """A build server. Its stored client key is bound to its address: who changes the address gives it anew."""

    client_key = SecretText(label="Client key")
    allowed_host_paths = LinesField(help_text="Host paths that user tasks may mount, one a line; none: no host path.")

    class Meta:
        model = BuildServer
        fields = (
            *("name", "url", "capacity", "enabled", "accounts", "allowed_host_paths"),
            *("tls_verify", "ca_cert", "client_cert"),
        )

    cleared_because = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if key := self.fields.get("client_key"):  # who may only look has no such field
            stored = "A key is stored. Leave this empty to keep it" if self._stored_key else "None yet"
            key.help_text = f"{stored}; it is never shown, and cleared when the address changes."

    @property
    def _stored_key(self) -> str:
        return str(self.instance.client_key_encrypted)

    def clean_url(self) -> str:
        """Return the address; raises `ValidationError` for one that no worker could use."""
        url: str = self.cleaned_data["url"]
        if not (TOPIC.fullmatch(url) or _is_engine(url)):
            raise forms.ValidationError("Use unix:///path/to/docker.sock, tcp://host:port or topic:NAME.")
        return url

    def clean_allowed_host_paths(self) -> list[str]:
        """Return the paths; raises `ValidationError` for one that is not absolute or leaves its folder."""
        paths: list[str] = self.cleaned_data["allowed_host_paths"]
        if wrong := [path for path in paths if not path.startswith("/") or ".." in path.split("/")]:
            raise forms.ValidationError(f"Give absolute paths without '..'; this is none: {wrong[0]}")
        return paths

    def clean(self) -> dict[str, Any] | None:
        """Refuse certificates that do not fit together."""
        cleaned: dict[str, Any] | None = super().clean()
        if cleaned and cleaned.get("tls_verify"):
            key = cleaned.get("client_key") or self._kept_key()
            given = {"ca": cleaned.get("ca_cert", ""), "certificate": cleaned.get("client_cert", ""), "key": key}
            for which, sentence in check_tls(**given):
                self.add_error(TLS_FIELDS[which], sentence)
        return cleaned

    def save(self, commit: bool = True) -> BuildServer:  # noqa: FBT001, FBT002  Django's
        """Keep, replace or clear the client key; only its encrypted form is stored."""
        server: BuildServer = self.instance
        if key := self.cleaned_data.get("client_key"):
            server.client_key_encrypted = encrypt(key)
        elif server.client_key_encrypted and "url" in self.changed_data:
            server.client_key_encrypted = ""
            self.cleared_because = "the address has changed"
        saved: BuildServer = super().save(commit)
        return saved

    def _kept_key(self) -> str:
        """Return the stored key where it stays: it has to fit the certificate too."""
        return decrypt(self._stored_key) if self._stored_key and "url" not in self.changed_data else ""


def _is_engine(url: str) -> bool:
    """Say whether `url` is unix:///path or tcp://host:port and nothing more."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or parts.username or re.search(r"[\x00-\x20\x7f]", url):
        return False
    if parts.scheme == "unix":
        return not parts.netloc and len(parts.path) > 1
    return parts.scheme == "tcp" and bool(parts.hostname) and bool(port) and parts.path in ("", "/")
