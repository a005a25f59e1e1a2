"""What the image step says beside its Dockerfile: the card "Image options" of a build's form."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import Any, Final

from django import forms
from django.forms.formsets import DELETION_FIELD_NAME, formset_factory

from builds.domain.steps.checks import MOST_PAIRS
from builds.domain.steps.create_image import LOGIN_HOST, MOUNTED
from builds.pages.screens.source import SourceSteps
from builds.pages.service_form import Code, Entries, Lines, SecretLine, SecretText, ServiceForm, Tick
from builds.services.builds.steps import secret_names

GROWS: Final = {"class": "input input--mono input--grows", "rows": 1}  # with the lines that are typed
LEFT_OUT: Final = "A row without a name is left out."
KEPT: Final = "One is kept; leave this empty to keep it."
OF_REGISTRY: Final = f"{KEPT} Another registry forgets it."
IMAGE_STEP: Final = "imageStep"  # leads the paths of errors of this step, wherever it stands in the build
CONFIG: Final = f"{IMAGE_STEP}.buildStepConfig."
ENTRY: Final = re.compile(rf"{re.escape(CONFIG)}(\w+)\[(\d+)\]\.(\w+)")


class RowForm(ServiceForm):
    """One row of a list: a name and its value; `named` is the field of the name."""

    named = "key"
    value = Lines(label="Value", widget=forms.Textarea(GROWS))

    @property
    def is_sent(self) -> bool:
        """Say whether the row goes to the services: it has a name and is not removed."""
        return bool(self.values.get(self.named)) and not self.values.get(DELETION_FIELD_NAME)


class PairForm(RowForm):
    """One build argument or label."""

    key = Code(label="Name")
    field_order = ("key",)


class SecretForm(RowForm):
    """One secret, of which a stored value is never shown."""

    named = "id"
    id = Code(label="Id")
    value = Lines(label="Value", widget=SecretText(GROWS))
    field_order = ("id",)


rows_of: Final = partial(formset_factory, extra=2, max_num=MOST_PAIRS, absolute_max=2 * MOST_PAIRS)
PAIRS: Final = rows_of(PairForm)
SECRETS: Final = rows_of(SecretForm, can_delete=True, can_delete_extra=False)
LISTS: Final[Mapping[str, Any]] = {"buildArgs": PAIRS, "labels": PAIRS, "secrets": SECRETS}
HIDDEN: Final = {  # what is stored as a secret, and what is said where one is kept
    "sshKey": KEPT,
    "imageLoginId": OF_REGISTRY,
    "imagePassword": OF_REGISTRY,
    "imagePrivateCertificate": OF_REGISTRY,
}
FORGETS: Final = {  # check boxes, and the names of the stored secrets that they remove
    "forgetSshKey": {"ssh_key"},
    "forgetLogin": {"login_id", "password", LOGIN_HOST},
    "forgetCertificate": {"private_certificate"},
}
KEYS: Final = {  # fields and the keys of the config behind them, in the order of the form
    "buildArgs": "build_args",
    "target": "target",
    "platform": "platform",
    "labels": "labels",
    "secrets": "secrets",
    "sshKey": "ssh_key",
    "cacheFrom": "cache_from",
    "latestApply": "latest_apply",
    "extraTags": "extra_tags",
    "noCache": "no_cache",
    "pull": "pull",
    "imageLoginId": "login_id",
    "imagePassword": "password",
    "imagePrivateCertificate": "private_certificate",
}


class ImageForm(ServiceForm):
    """The options of the image step; `steps` are those that are stored or imported."""

    buildArgs = forms.Field(
        label="Build arguments",
        help_text=f"For ARG in the Dockerfile. The image's history shows them, so secrets stand below. {LEFT_OUT}",
    )
    target = Code(label="Target stage", help_text="Name or number of a stage of the Dockerfile. Empty: the last one.")
    platform = Code(label="Platform", help_text="Such as linux/amd64. Empty: that of the build server.")
    labels = forms.Field(label="Labels", help_text=f"They are written into the image. {LEFT_OUT}")
    secrets = forms.Field(
        label="Secrets",
        help_text="For RUN --mount=type=secret,id=… They are stored encrypted, never shown, and masked in the log.",
    )
    sshKey = Lines(
        label="SSH key",
        help_text="For RUN --mount=type=ssh. A private key without a passphrase, from BEGIN to END.",
        widget=SecretText({"rows": 5}),
    )
    cacheFrom = Entries(
        label="Cache from",
        help_text="Images whose cache is used, one a line. With any of them the pushed image carries its own cache.",
        widget=forms.Textarea({"rows": 2}),
    )
    latestApply = Tick(
        label="Move the tag latest",
        help_text="to the image of each newer run",
    )
    extraTags = Entries(
        label="Extra tags",
        help_text="One a line, such as stable. They move to the image of each newer run.",
        widget=forms.Textarea({"rows": 2}),
    )
    noCache = Tick(
        label="Without cache",
        help_text="every instruction is executed again",
    )
    pull = Tick(
        label="Pull base images",
        help_text="even if the build server has them",
    )
    imageLoginId = Code(
        label="User for the push",
        help_text="In place of the login that is stored with the registry; for this registry only.",
        widget=SecretLine(),
    )
    imagePassword = Lines(
        label="Password for the push", widget=forms.PasswordInput({"class": "input", "autocomplete": "new-password"})
    )
    imagePrivateCertificate = Lines(
        label="CA certificate of the registry", help_text="From BEGIN to END.", widget=SecretText({"rows": 5})
    )

    forgetSshKey = Tick(label="Remove the SSH key that is kept")
    forgetLogin = Tick(label="Remove the login that is kept")
    forgetCertificate = Tick(label="Remove the certificate that is kept")

    def __init__(self, *args: Any, steps: SourceSteps | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.steps = steps or SourceSteps()
        image = self.steps.image
        self.stored: Mapping[str, Any] = image.config if image else {}
        self.kept = secret_names(image) if image else frozenset()
        shown = {name: self.stored[key] for name, key in KEYS.items() if self.stored.get(key) is not None}
        self.initial = shown | dict(self.initial)
        self.hint_secrets({name: hint if KEYS[name] in self.kept else "" for name, hint in HIDDEN.items()})
        for name, stored in FORGETS.items():
            if self.kept.isdisjoint(stored):
                del self.fields[name]
        self.rows = {name: self._rows(name) for name in LISTS}

    def _rows(self, name: str) -> Any:
        """Return the formset of a list: as it was sent, or as it is stored where it was not."""
        kind = LISTS[name]
        initial = entries_of(self.stored, KEYS[name], kind.form.named)
        # A row that was sent counts, also where it says the same as the stored one in its place.
        common = {"prefix": name, "auto_id": "%s", "initial": initial, "form_kwargs": {"empty_permitted": False}}
        sent = kind(self.data, **common)
        rows = sent if self.is_bound and sent.management_form.is_valid() else kind(**common)
        for number, row in enumerate(rows.forms, 1):
            row.title = f"{self.fields[name].label}, row {number}"
            if kind is SECRETS:
                row.hint_secrets({"value": KEPT if f"{MOUNTED}{row['id'].value()}" in self.kept else ""})
            if DELETION_FIELD_NAME in row.fields:
                row.fields[DELETION_FIELD_NAME].label = "Remove"
        return rows

    @cached_property
    def sent(self) -> Mapping[str, list[RowForm]]:
        """Return the rows that go to the services: those that errors count, so once for all."""
        return {name: [row for row in rows.forms if row.is_sent] for name, rows in self.rows.items() if rows.is_bound}

    @property
    def options(self) -> dict[str, Any]:
        """Return what was typed under the keys of the config; what is empty is stored as empty as it was."""
        typed = {key: self.values[name] for name, key in KEYS.items() if name not in LISTS}
        for name, rows in self.sent.items():
            typed[KEYS[name]] = [{at: row.values[at] for at in (row.named, "value")} for row in rows]
        return {key: value or (None if self.stored.get(key) else self.stored.get(key)) for key, value in typed.items()}

    @property
    def forgets(self) -> frozenset[str]:
        """Return which of the stored secrets are to go."""
        return frozenset().union(*(stored for name, stored in FORGETS.items() if self.values.get(name)))

    @property
    def shown_fields(self) -> Iterator[forms.BoundField]:
        """Return all fields in the page's order, those of rows after the name of their list."""
        for field in self:
            yield field
            for row in self.rows.get(field.name) or ():
                yield from row

    @property
    def has_options(self) -> bool:
        """Say whether the folded card holds something to see."""
        fields = [field for field in self.shown_fields if field.html_name.partition("-")[0] in ImageForm.base_fields]
        return bool(self.kept) or any(field.errors or field.value() for field in fields)

    def place_of(self, path: str) -> tuple[ServiceForm, str | None]:
        """Return the row and its field that an error is about, else this form and its field."""
        found = ENTRY.fullmatch(path)
        rows = self.sent.get(found[1], []) if found else []
        return (rows[int(found[2])], found[3]) if found and rows else super().place_of(path)


def entries_of(config: Mapping[str, Any], key: str, named: str = "key") -> list[dict[str, str]]:
    """Return the names and values of a list in a config; what is no such entry, as a file may hold, is left out."""
    listed = config.get(key)
    entries = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return [
        {named: one[named], "value": str(one.get("value") or "")} for one in entries if isinstance(one.get(named), str)
    ]
