"""What a registry, or the engine that speaks to it, says about a push or pull: which kind of failure, and whether the
same request may pass a little later.

Texts as captured from Docker Engine 20.10.24, 26.1.5 and 28.5.2 (tests/engine/vectors); error codes of the OCI
distribution specification, which the engine writes as `code in small letters: message`.
"""

import re
from collections.abc import Sequence
from typing import Final

from builds.domain import failure_kinds as kinds
from builds.domain import registry_kinds as registry
from builds.domain.refusals import Refusal, Sign, first_of, sign

# Names that people have given stand in addresses, which are left out: a repository may be called "denied".
ADDRESS: Final = re.compile(r"\"?https?://[^\s\"]+\"?")
OF_CONTAINERD: Final = "error from registry: "

# The first that fits decides.
SIGNS: Final[Sequence[Sign]] = (
    sign(r"does not exist locally|tag does not exist|no such image|reference does not exist", kinds.IMAGE_TAKEN),
    sign(r"(?:write|open|mkdir|link|rename) /\S+: no space left on device$", kinds.BUILD_DISK_FULL),
    sign(r"\bimmutable\b|cannot be overwritten|^tag invalid", registry.REGISTRY_TAG_FIXED),
    sign(r"\bquota\b|exceed\w* the .*limit|insufficient storage|\b507\b", registry.REGISTRY_QUOTA),
    sign(r"no basic auth credentials|^unauthorized|authentication required|\b401\b", registry.REGISTRY_UNAUTHORIZED),
    sign(r"\bdenied\b|insufficient_scope|\bforbidden\b|\b403\b", registry.REGISTRY_DENIED),
    sign(r"toomanyrequests|too many requests|\b429\b", registry.REGISTRY_BUSY, again=True),
    sign(r"\b413\b|request entity too large|payload too large", registry.REGISTRY_TOO_LARGE),
    sign(r"name (?:unknown|invalid|not known)|invalid repository name|project .*not found", registry.REGISTRY_NAME),
    sign(r"^unsupported|operation is unsupported|\b405\b|read[- ]only", registry.REGISTRY_READ_ONLY),
    sign(r"no such host|name or service not known", registry.REGISTRY_UNKNOWN_HOST),
    sign(r"server misbehaving|temporary failure in name resolution", registry.REGISTRY_UNKNOWN_HOST, again=True),
    sign(r"x509: |tls: |certificate|gave HTTP response to HTTPS client", registry.REGISTRY_CERTIFICATE),
    sign(r"connection refused|no route to host|network is unreachable", registry.REGISTRY_UNREACHABLE, again=True),
    sign(r"timeout|timed out|deadline exceeded|request canceled", registry.REGISTRY_UNREACHABLE, again=True),
    sign(r"\bEOF\b|connection reset|broken pipe|closed network", registry.REGISTRY_UNREACHABLE, again=True),
    sign(r"\b408\b|\b425\b|\b5\d\d (?=[A-Z])|HTTP status:? 5\d\d", registry.REGISTRY_FAILED, again=True),
    sign(r"blob upload|blob unknown", registry.REGISTRY_FAILED, again=True),
    sign(r"(?:manifest|size|digest) invalid|\b4\d\d (?=[A-Z])|HTTP (?:status:? )?4\d\d", registry.REGISTRY_REFUSED),
)
UNKNOWN: Final = Refusal(registry.REGISTRY_FAILED, again=True)


def refusal_of(message: str) -> Refusal:
    """Return what `message` means; what is not known may pass a little later."""
    text = ADDRESS.sub("", message).strip().removeprefix(OF_CONTAINERD)
    return first_of(SIGNS, text, UNKNOWN)
