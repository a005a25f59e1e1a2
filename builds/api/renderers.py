"""How answers and errors are written down, chosen by the address (docs/contract.md, "Dialects").

`/v1` is plain: the model itself, errors as problems. `/api` is enveloped, and so is `/v1` where BUILDHUB_V1_ENVELOPE
says so. Views, services and the table of errors know nothing of it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from rest_framework.renderers import JSONRenderer

from builds.contract.errors import PROBLEM_JSON, ErrorEnvelope, Problem, Wrong
from builds.contract.fields import Answer

# the tag that belongs to an imageUrl stands beside it: of a run, of an image, of a step
TAGS: Final = ("tagName", "tag", "imageTag")
NO_RESULT: Final = object()  # answered where the envelope alone says that it is done


class PlainRenderer(JSONRenderer):
    """The model itself; errors as application/problem+json (RFC 9457) with their own status."""

    is_enveloped = False
    problem_type = PROBLEM_JSON

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return a model, or the document of what is `Wrong`, as JSON in UTF-8; raises `ValueError` for a NaN.

        DRF's own leaves the body empty for null and fails on a surrogate, which here becomes JSON's own escape of it.
        """
        response = (renderer_context or {}).get("response")
        document = self.problem(data) if response is not None and response.exception else self.model(data)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "backslashreplace")

    def model(self, model: Any) -> Any:
        """Return the document of a success."""
        return model

    def problem(self, wrong: Wrong) -> Answer:
        """Return the document of an error."""
        return Problem.tell(wrong)


class EnvelopedRenderer(PlainRenderer):
    """`{"code", "status", "result"}` with 200, errors too but for those kept; an imageUrl with its tag."""

    is_enveloped = True
    problem_type = JSONRenderer.media_type

    def model(self, model: Any) -> Any:
        """Return the model in its envelope."""
        envelope = {"code": "200", "status": "ok"}
        return envelope if model is NO_RESULT else {**envelope, "result": with_tags(model)}

    def problem(self, wrong: Wrong) -> Answer:
        """Return the code and one message that holds everything; `errors` lists the fields once more."""
        return ErrorEnvelope.tell(wrong)


PLAIN: Final = PlainRenderer()
ENVELOPED: Final = EnvelopedRenderer()


def renderer_of(path: str) -> PlainRenderer:
    """Return the renderer of the dialect that the address speaks, by the setting of now."""
    word = path.lstrip("/").partition("/")[0].lower()
    return ENVELOPED if word == "api" or settings.V1_ENVELOPE else PLAIN


def with_tags(model: Any) -> Any:
    """Return `model` with the tag in every imageUrl that has one beside it."""
    if isinstance(model, Mapping):
        shape = {name: with_tags(value) for name, value in model.items()}
        tag = next((shape[name] for name in TAGS if shape.get(name)), None)
        if tag and shape.get("imageUrl"):
            shape["imageUrl"] = f"{shape['imageUrl']}:{tag}"
        return shape
    return [with_tags(part) for part in model] if isinstance(model, list | tuple) else model
