"""What drf-spectacular has to know; buildhub/settings.py reads it, so it imports nothing of Django."""

from typing import Any, Final

DESCRIPTION: Final = """
Press Build, get a container image into your registry, and see truthfully what happened.

Sign in with `Authorization: Bearer <token>`. Success is always 200. Every field of a model is always there; what is
not known is `null`. Lists go on by key: follow `Link`, or send `after`. Send `Idempotency-Key` with a POST or PUT and
repeat it as often as you like: it is done once. The guide with commands to copy is `docs/api.md`.
""".strip()

DRF_SPECTACULAR: Final[dict[str, Any]] = {
    "TITLE": "BuildHub",
    "VERSION": "1",
    "DESCRIPTION": DESCRIPTION,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/",
    "SORT_OPERATIONS": False,  # in the order of the routes, which is that of the contract
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": [],
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # tests/contract asks for the document and for its warnings
}
