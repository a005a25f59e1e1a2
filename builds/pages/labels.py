"""What the fields of the API are called for people: beside fields, in errors, in refusals.

Fields of forms have the API's names, so that an error finds its field; nobody has to read them.
"""

import re
from collections.abc import Mapping
from typing import Final

from builds.pages.forms import AccountForm, BuildForm, MemberForm, PressForm, TokenForm
from builds.pages.registry_form import RegistryForm
from builds.pages.server_form import ServerForm
from builds.pages.service_form import ServiceForm
from builds.pages.step_kinds_form import FIELDS

OTHERS: Final = {
    "accountSeq": "Account",
    "buildSeq": "Build",
    "buildRunSeq": "Run",
    "registryProjectId": "Registry project",
    "buildSteps": "Steps",
    "buildStepSeq": "Number of the step",
    "stepType": "Kind of step",
    "stepOrder": "Place of the step",
    "useYn": "In use",
    "imageStep": "Image step",
    "loginId": "User for the push",
}
# Whole turns of phrase that name a switch of the API; the forms have it as a choice.
PHRASES: Final = {
    " (autotagUseYn Y)": "",
    "set buildServerTlsVerify Y": "use TLS",
    "TLS needs a buildServerHost; leave it N for the default server": "TLS is not for the default build server",
    "choose another, or 0 for the default one": "choose another",
    " (dockerFileType FILE_PATH)": "",
    "set useYn to N instead": "switch it off instead",
    "use N with any other": "leave it out with any other",
    "A PRIVATE repository": "A private repository",
    "give it, or use COMMON": "give it, or choose that everybody may read it",
    "set protocolType ssh, or give a password": "use an ssh address, or give a password",
    ", which this body does not list, buildStepConfig.": ", which is edited on the page Steps, ",
    "write it relative to /workspace and without `..`": "write it without a / before it and without `..`",
}

FORMS: Final[tuple[type[ServiceForm], ...]] = (
    PressForm,
    TokenForm,
    MemberForm,
    AccountForm,
    RegistryForm,
    ServerForm,
    *FIELDS.values(),
    BuildForm,
)
# Only names that nothing but the API has: `name` or `builds` are words of every sentence.
NAMES: Final[Mapping[str, str]] = {
    name: str(field.label) for form in FORMS for name, field in form.base_fields.items() if not name.islower()
} | OTHERS
NAME: Final = re.compile(r"(?<![\w/.-])(?:" + "|".join(sorted(NAMES, key=len, reverse=True)) + r")(?![\w/-])")
PLACE: Final = re.compile(r"\[(\d+)\]")


def for_people(sentence: str) -> str:
    """Return a sentence of the services with the pages' words for the fields that it names."""
    for phrase, words in PHRASES.items():
        sentence = sentence.replace(phrase, words)
    return NAME.sub(lambda found: f"“{NAMES[found[0]]}”", sentence)


def place_words(path: str) -> str:
    """Return where an error stands that no field of a form has.

    `buildSteps[1].repositoryUrl` is `Steps 2, repository url`.
    """
    parts = []
    for name in path.replace("buildStepConfig.", "").split("."):
        word, _, rest = name.partition("[")
        number = PLACE.search(f"[{rest}")
        split = NAMES.get(word) or re.sub(r"(?<=[a-z0-9])[A-Z]", lambda big: f" {big[0].lower()}", word)
        parts.append(f"{split} {int(number[1]) + 1}" if number else split)
    return ", ".join(parts)
